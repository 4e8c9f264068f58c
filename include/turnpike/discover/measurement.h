// What was measured: fields on a grid, as plain data between the readers of files and the methods that look for an
// equation.
//
//   u : (x_1, .., x_s, t) -> R or C      s = 0 (a trajectory) to 3
//
// Axes are named; space comes first, time is the last. Values are row-major, so time runs fastest. Units are those of
// the axes and the field; coefficients come out in them. Several experiments of one system are several Measurements
// with the same names.
//
//   Measurement burgers = {.source = "burgers.mat",
//                          .axes = {{"x", x}, {"t", t}},
//                          .fields = {{.name = "u", .values = u}}};     // u [256, 101]
//   check_measurement(burgers);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace turnpike {

struct GridAxis {
  std::string name;
  std::vector<double> points;  // strictly increasing

  std::int64_t size() const { return static_cast<std::int64_t>(points.size()); }
  // All steps within 1e-4 of their mean (files are often stored in single precision or printed digits).
  bool uniform() const;
  double step() const;  // the mean one
};

struct Field {
  std::string name;
  std::vector<double> values;     // [x_1, .., x_s, t]
  std::vector<double> imaginary;  // as many, or none: the field is real
  bool given = false;             // known and without an equation of its own, as a potential V(x); it only enters terms

  bool is_complex() const { return !imaginary.empty(); }
};

struct Measurement {
  std::string source;  // named in errors: a file, a simulator
  std::vector<GridAxis> axes;
  std::vector<Field> fields;
  std::vector<std::uint8_t> mask;  // [x_1, .., x_s, t], 0: not measured (its value is ignored); none: all measured

  int space_dimensions() const { return static_cast<int>(axes.size()) - 1; }
  const GridAxis& time() const { return axes.back(); }
  std::int64_t count() const;  // points of the grid
  std::vector<std::int64_t> shape() const;
  bool is_complex() const;                       // any field is
  int index_of(const std::string& field) const;  // -1: no such field
};

// InputError unless there is a time axis, at most three space axes, one to eight fields, as many values as the grid has
// points, names that are distinct and can stand in a formula, strictly increasing points, and finite values wherever
// the mask does not exclude them (NaN holes: mask_holes first).
void check_measurement(const Measurement& measurement);

// Marks every point with a value that is not finite as not measured. Returns how many.
std::int64_t mask_holes(Measurement& measurement);

// Adds white noise to the fields that are not given: deviation = level * scale(u), scale = root mean square, as in the
// weak-form literature, or the standard deviation, as in the recipe of Rudy et al. A complex field gets it in equal
// parts on both components. Deterministic in the seed.
enum class NoiseScale { root_mean_square, deviation };
void add_noise(Measurement& measurement, double level, std::uint64_t seed,
               NoiseScale scale = NoiseScale::root_mean_square);

}  // namespace turnpike
