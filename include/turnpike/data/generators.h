// Synthetic sets by name, seeded: the same name, n, noise and seed give the same bits.
//
//   Dataset data = generate("spirals", 600, 0.02, 1);    // x [600, 2] float64, y [600] int64
//   generate("spheres", 300, 0, 1, 5);                   // in R^5
//
// Formulas and sources stand in src/data/generators.cpp (digits: digits.cpp), one function a set. Noise is the standard
// deviation of a normal deviate added to each coordinate after labelling, but for gaussians (the deviation of each
// class), digits (clamped to [0, 1]) and the playground's sets (their own formulas).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <turnpike/data/dataset.h>

namespace turnpike {

struct Generator {
  const char* name;
  const char* summary;  // one line
  Task task;
  std::int64_t n;          // default number of samples
  double noise;            // default noise
  std::int64_t dimension;  // default dimension
  bool any_dimension;
  Dataset (*function)(std::int64_t n, double noise, std::uint64_t seed, std::int64_t dimension);
};

const std::vector<Generator>& generators();
std::vector<std::string> generator_names();
const Generator& generator_named(const std::string& name);  // InputError with did-you-mean

// n <= 0, noise < 0 and dimension <= 0 stand for the set's defaults. InputError for an unknown name, fewer than 10
// samples, or a dimension that the set does not have.
Dataset generate(const std::string& name, std::int64_t n = 0, double noise = -1, std::uint64_t seed = 0,
                 std::int64_t dimension = 0);

double peaks(double x, double y);  // the function whose level sets are the classes of "peaks"

}  // namespace turnpike
