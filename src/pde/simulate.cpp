#include <turnpike/pde/simulate.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evolution_internal.h"

namespace turnpike {
namespace {

using Complex = std::complex<double>;

void check_axes(const Equation& equation, const std::vector<SpaceAxis>& axes) {
  require(axes.size() == equation.axes.size(),
          fmt::format("the equation has {} axes of space, the grid {}", equation.axes.size(), axes.size()));
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const SpaceAxis& axis = axes[a];
    require(axis.name == equation.axes[a],
            fmt::format("axis {} is '{}' in the equation and '{}' in the grid", a, equation.axes[a], axis.name));
    if (!(axis.high > axis.low) || !std::isfinite(axis.high - axis.low))
      throw InputError(fmt::format("the axis {} must go upwards, got {} to {}", axis.name, axis.low, axis.high));
    const std::int64_t least = axis.periodic ? 4 : 6 + 2 * ((equation.highest_derivative() + 1) / 2);
    if (axis.n < least)
      throw InputError(
          fmt::format("the axis {} has {} points; a simulation needs at least {} there", axis.name, axis.n, least));
  }
}

void check_values(const std::vector<Complex>& values, std::int64_t points, const std::string& what) {
  if (values.size() != static_cast<std::size_t>(points))
    throw InputError(fmt::format("{} has {} values for a grid of {} points", what, values.size(), points));
  for (const Complex& z : values)
    if (!std::isfinite(z.real()) || !std::isfinite(z.imag()))
      throw InputError(fmt::format("{} holds a value that is not finite; start where all values are known", what));
}

void check_state(const Equation& equation, const std::vector<FieldState>& initial, std::int64_t points) {
  require(initial.size() == equation.fields.size(),
          fmt::format("{} fields need as many states, got {}", equation.fields.size(), initial.size()));
  for (std::size_t f = 0; f < initial.size(); ++f) {
    const EquationField& field = equation.fields[f];
    if (field.role == FieldRole::velocity_x || field.role == FieldRole::velocity_y) continue;
    check_values(initial[f].values, points, "the initial " + field.name);
    if (!initial[f].rate.empty()) check_values(initial[f].rate, points, "the initial rate of " + field.name);
  }
}

void check_times(const std::vector<double>& times) {
  if (times.empty()) throw InputError("a simulation needs at least one time");
  for (std::size_t i = 0; i < times.size(); ++i)
    if (!std::isfinite(times[i]) || (i > 0 && times[i] <= times[i - 1]))
      throw InputError(fmt::format("the times of a simulation must increase; number {} is {}", i + 1, times[i]));
}

// Frames as they come, turned to [x, t] at the end.
class Recorder {
 public:
  Recorder(const Equation& equation, const std::vector<SpaceAxis>& axes, std::int64_t points)
      : points_(static_cast<std::size_t>(points)) {
    solution_.axes = axes;
    for (std::size_t f = 0; f < equation.fields.size(); ++f) {
      if (equation.fields[f].role == FieldRole::given) continue;
      add_output(equation.fields[f].name, static_cast<int>(f), false);
      if (equation.fields[f].role == FieldRole::evolved && equation.fields[f].time_order == 2)
        add_output(equation.fields[f].name + "_" + equation.time, static_cast<int>(f), true);
    }
    complex_ = equation.is_complex();
  }

  void add(double time, const Evolution& evolution) {
    solution_.times.push_back(time);
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      evolution.sample(outputs_[k].field, outputs_[k].rate, values_);
      Frame& frame = frames_[k].emplace_back();
      for (const Complex& z : values_) frame.real.push_back(z.real());
      if (complex_)
        for (const Complex& z : values_) frame.imaginary.push_back(z.imag());
    }
  }

  Solution finish(const Evolution& evolution) {
    const std::size_t n = solution_.times.size();
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      SimulatedField& field = solution_.fields[k];
      field.values.resize(points_ * n);
      if (complex_) field.imaginary.resize(points_ * n);
      for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t i = 0; i < points_; ++i) {
          field.values[i * n + t] = frames_[k][t].real[i];
          if (complex_) field.imaginary[i * n + t] = frames_[k][t].imaginary[i];
        }
        frames_[k][t] = {};
      }
    }
    solution_.steps = evolution.steps();
    solution_.evaluations = evolution.evaluations();
    return std::move(solution_);
  }

 private:
  struct Frame {
    std::vector<double> real, imaginary;
  };
  std::size_t points_;
  bool complex_ = false;
  Solution solution_;
  struct Output {
    int field;
    bool rate;
  };
  std::vector<Output> outputs_;
  std::vector<std::vector<Frame>> frames_;  // [field][t]
  std::vector<Complex> values_;

  void add_output(const std::string& name, int field, bool rate) {
    outputs_.push_back({field, rate});
    solution_.fields.push_back({name, {}, {}});
    frames_.emplace_back();
  }
};

std::unique_ptr<Evolution> choose(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                  const std::vector<FieldState>& initial, const SimulateOptions& options, double time) {
  const bool periodic = std::all_of(axes.begin(), axes.end(), [](const SpaceAxis& axis) { return axis.periodic; });
  if (!axes.empty() && periodic) return spectral_evolution(equation, axes, initial, options);
  for (const EquationField& field : equation.fields)
    if (field.role == FieldRole::velocity_x || field.role == FieldRole::velocity_y)
      throw InputError(fmt::format("the velocity {} of a vorticity is defined on periodic axes only", field.name));
  if (axes.size() == 1) return implicit_evolution(equation, axes, initial, options, time);
  return explicit_evolution(equation, axes, initial, options, time);
}

}  // namespace

std::vector<double> SpaceAxis::points() const {
  std::vector<double> x(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    x[i] = low + (high - low) * static_cast<double>(i) / static_cast<double>(periodic ? n : n - 1);
  return x;
}

std::int64_t Solution::points() const {
  std::int64_t count = 1;
  for (const SpaceAxis& axis : axes) count *= axis.n;
  return count;
}

const SimulatedField& Solution::field(const std::string& name) const {
  for (const SimulatedField& field : fields)
    if (field.name == name) return field;
  throw ContractError(fmt::format("the solution has no field '{}'", name));
}

Outcome<Solution> simulate(const Equation& equation, const std::vector<SpaceAxis>& axes,
                           const std::vector<FieldState>& initial, const std::vector<double>& times,
                           const SimulateOptions& options, Progress& progress) {
  check_equation(equation);
  check_axes(equation, axes);
  std::int64_t points = 1;
  for (const SpaceAxis& axis : axes) points *= axis.n;
  check_state(equation, initial, points);
  check_times(times);
  require(options.tolerance > 0 && options.step >= 0 && options.growth > 1,
          "a simulation needs a tolerance > 0, a step >= 0 and a growth > 1");

  const std::unique_ptr<Evolution> evolution = choose(equation, axes, initial, options, times[0]);
  Recorder recorder(equation, axes, points);
  recorder.add(times[0], *evolution);
  const std::int64_t n = static_cast<std::int64_t>(times.size());
  for (std::int64_t i = 1; i < n; ++i) {
    if (auto failure = evolution->advance(times[i - 1], times[i])) return {recorder.finish(*evolution), *failure};
    recorder.add(times[i], *evolution);
    progress.update("frame", i, n - 1, fmt::format("t = {:.4g}", times[i]));
  }
  return recorder.finish(*evolution);
}

Failure SizeWatch::diverged(double time) {
  return {FailureKind::divergence, fmt::format("the solution grew without bound at t = {:.6g}", time),
          "the equation may have no solution beyond it; check the signs of its highest derivatives", time};
}

Failure SizeWatch::underflow(double time, double step) {
  return {FailureKind::step_underflow,
          fmt::format("no step above {:.3g} meets the tolerance at t = {:.6g}", step, time),
          "take a larger tolerance, or more points: the solution may have become rough", time};
}

Failure SizeWatch::too_many(double time, std::int64_t steps) {
  return {FailureKind::step_limit, fmt::format("{} steps were taken by t = {:.6g}", steps, time),
          "take a larger tolerance, fewer points or a shorter time", time};
}

void throw_if_stopped(double time) {
  if (stop_requested()) throw Interrupted(fmt::format("the simulation was stopped at t = {:.6g}", time));
}

}  // namespace turnpike
