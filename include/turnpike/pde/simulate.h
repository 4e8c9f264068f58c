// Integrates an equation given as data (pde/equation.h) from an initial state: the named simulators (pde/catalogue.h)
// and the check of a discovered equation are this one function.
//
//   Outcome<Solution> run = simulate(burgers, {{"x", -8, 8, 256}}, {{u0}}, times);
//   if (!run) say(run.failure().text());               // run.partial() holds the frames before it
//   run.value().fields[0].values                       // [256, n_times]
//
// Method, by what the axes are:
//   all periodic   Fourier modes; linear terms with constant coefficients exactly, the rest by ETDRK4 (pde/etdrk4.h)
//                  with products free of aliasing (a grid padded to (degree + 1) / 2 times the modes);
//   one axis, not periodic    finite differences of order 6, boundary values given; the linear terms implicit, by
//                  extrapolated semi-implicit Euler steps of order 4 (Deuflhard 1985, doi:10.1137/1027140);
//   more axes, not all periodic    the same differences, explicit Dormand-Prince 5(4) steps;
//   no axis        Dormand-Prince 5(4).
// Steps are adapted to the tolerance unless `step` fixes them. Guarantees: deterministic; the frames lie exactly at the
// times asked for. Failure (Outcome): divergence, step_limit; step_underflow where no step is small enough.
// InputError for a grid, a state or times that do not fit; Interrupted when the user asked to stop.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <turnpike/base/outcome.h>
#include <turnpike/base/progress.h>
#include <turnpike/pde/equation.h>

namespace turnpike {

// n points: periodic ones leave the end out, low + i (high - low) / n; the others do not, low + i (high - low) / (n -
// 1).
struct SpaceAxis {
  std::string name;
  double low = 0, high = 1;
  std::int64_t n = 0;
  bool periodic = true;

  double step() const { return (high - low) / static_cast<double>(periodic ? n : n - 1); }
  std::vector<double> points() const;
};

struct SimulatedField {
  std::string name;
  std::vector<double> values;     // [x_1, .., x_s, t], time fastest
  std::vector<double> imaginary;  // as many, or none
};

struct Solution {
  std::vector<SpaceAxis> axes;
  std::vector<double> times;
  std::vector<SimulatedField> fields;  // the evolved ones, their rates (u_t) where of time order 2, velocities
  std::int64_t steps = 0, evaluations = 0;

  std::int64_t points() const;  // of space
  const SimulatedField& field(const std::string& name) const;
};

// The state on the grid: field by field of Equation::fields. An evolved one of time order 2 also has its velocity
// (none: at rest); a given one has its values; velocities of a vorticity have none.
struct FieldState {
  std::vector<std::complex<double>> values{};
  std::vector<std::complex<double>> rate{};
};

struct SimulateOptions {
  double tolerance = 1e-7;  // of a step, relative to the largest root mean square of each field so far
  double step = 0;          // > 0: this step (cut to meet the frames), no adaption
  std::int64_t max_steps = 2'000'000;
  double growth = 1e6;  // a field this many times larger than the largest initial one has diverged
  // Not periodic axes: the values of a field (index in Equation::fields) on the grid at a time, of which the ends are
  // read: as many points on either side as a stencil reaches (3 for two derivatives, 4 for four). None: the outermost
  // point keeps its initial value.
  std::function<void(int field, double time, std::vector<std::complex<double>>& values)> boundary{};
};

Outcome<Solution> simulate(const Equation& equation, const std::vector<SpaceAxis>& axes,
                           const std::vector<FieldState>& initial, const std::vector<double>& times,
                           const SimulateOptions& options = {}, Progress& progress = no_progress());

}  // namespace turnpike
