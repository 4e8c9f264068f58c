#include "simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/discover/linear_system.h>
#include <turnpike/math/fourier.h>
#include <turnpike/pde/simulate.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;

constexpr double tolerance = 1e-6;
constexpr std::int64_t most_points = 1 << 24;
constexpr double velocity_off = 0.1;  // share of a velocity, until it is another
// Steps that the check may take: an equation that was found with wrong terms can be stiff beyond measure.
constexpr std::int64_t first_steps = 2000, steps_a_frame = 10;

struct Refused {
  std::string why;
};

Complex value_of(const Field& field, std::size_t index) {
  return {field.values[index], field.is_complex() ? field.imaginary[index] : 0};
}

// A frame of a field: [x_1, .., x_s] at time j.
std::vector<Complex> frame(const Measurement& measurement, const Field& field, std::size_t j) {
  const auto n_times = static_cast<std::size_t>(measurement.time().size());
  std::vector<Complex> values(field.values.size() / n_times);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = value_of(field, i * n_times + j);
  return values;
}

// The derivative in time at the first frame: one-sided differences of order 4, or as high as the frames allow.
std::vector<Complex> first_rate(const Measurement& measurement, const Field& field) {
  static const std::vector<double> weights[] = {
      {-1, 1}, {-3.0 / 2, 2, -1.0 / 2}, {-11.0 / 6, 3, -3.0 / 2, 1.0 / 3}, {-25.0 / 12, 4, -3, 4.0 / 3, -1.0 / 4}};
  const auto order = static_cast<std::size_t>(std::min<std::int64_t>(measurement.time().size() - 1, 4));
  std::vector<Complex> rate;
  for (std::size_t j = 0; j <= order; ++j) {
    const std::vector<Complex> values = frame(measurement, field, j);
    rate.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      rate[i] += weights[order - 1][j] / measurement.time().step() * values[i];
  }
  return rate;
}

// Whether the field goes on across the seam of an axis as smoothly as elsewhere: second differences of the data laid
// end to end, root mean square over everything but the axis, at the seam and at their largest inside.
bool looks_periodic(const Measurement& measurement, std::size_t axis) {
  const auto n = static_cast<std::size_t>(measurement.axes[axis].size());
  std::size_t after = 1;
  for (std::size_t k = axis + 1; k < measurement.axes.size(); ++k)
    after *= static_cast<std::size_t>(measurement.axes[k].size());
  for (const Field& field : measurement.fields) {
    if (field.given) continue;
    std::vector<double> square(n, 0.0);
    for (std::size_t index = 0; index < field.values.size(); ++index) {
      const std::size_t i = index / after % n, base = index - i * after;
      const Complex second = value_of(field, base + (i + n - 1) % n * after) - 2.0 * value_of(field, index) +
                             value_of(field, base + (i + 1) % n * after);
      square[i] += std::norm(second);
    }
    const double inside = *std::max_element(square.begin() + 1, square.end() - 1);
    if (std::max(square.front(), square.back()) > 9 * inside) return false;
  }
  return true;
}

std::vector<SpaceAxis> space_axes(const Measurement& measurement) {
  std::vector<SpaceAxis> axes;
  for (std::size_t k = 0; k + 1 < measurement.axes.size(); ++k) {
    const GridAxis& axis = measurement.axes[k];
    if (!axis.uniform()) throw Refused{fmt::format("the steps of {} differ", axis.name)};
    const bool periodic = looks_periodic(measurement, k);
    axes.push_back({.name = axis.name,
                    .low = axis.points.front(),
                    .high = axis.points.back() + (periodic ? axis.step() : 0),
                    .n = axis.size(),
                    .periodic = periodic});
  }
  return axes;
}

// The frame without the Fourier modes that its noise drowns, sigma sqrt(2 n log n) and below (Donoho, Johnstone,
// Biometrika 1994, doi:10.1093/biomet/81.3.425): an integrator would follow each of them in its smallest steps.
void drop_noise(const Measurement& measurement, const Field& field, std::vector<Complex>& values) {
  std::vector<std::int64_t> shape = measurement.shape();
  shape.pop_back();
  const auto n = static_cast<double>(values.size());
  const double least = noise_deviation(measurement, field) * std::sqrt(2 * n * std::log(n));
  const Fourier transform(shape);
  transform.forward(values);
  for (Complex& mode : values)
    if (std::abs(mode) < least) mode = 0;
  transform.inverse(values);
  if (!field.is_complex())
    for (Complex& value : values) value = value.real();
}

std::vector<FieldState> first_frame(const Measurement& measurement, const Equation& equation,
                                    const std::vector<SpaceAxis>& axes) {
  const auto n_times = static_cast<std::size_t>(measurement.time().size());
  for (std::size_t i = 0; i < measurement.mask.size(); i += n_times)
    if (!measurement.mask[i]) throw Refused{"the first frame has holes"};
  std::vector<FieldState> state;
  for (std::size_t f = 0; f < measurement.fields.size(); ++f) {
    const Field& field = measurement.fields[f];
    if (equation.fields[f].vorticity >= 0) {
      state.emplace_back();
      continue;
    }
    state.push_back({.values = frame(measurement, field, 0)});
    if (equation.fields[f].time_order == 2) state.back().rate = first_rate(measurement, field);
    const bool periodic = std::all_of(axes.begin(), axes.end(), [](const SpaceAxis& axis) { return axis.periodic; });
    if (axes.empty() || !periodic || field.given) continue;
    drop_noise(measurement, field, state.back().values);
  }
  return state;
}

bool changes_in_time(const Measurement& measurement, const Field& field) {
  const std::vector<Complex> first = frame(measurement, field, 0);
  const auto n_times = static_cast<std::size_t>(measurement.time().size());
  double change = 0, size = 0;
  for (std::size_t index = 0; index < field.values.size(); ++index) {
    change = std::max(change, std::abs(value_of(field, index) - first[index / n_times]));
    size = std::max(size, std::abs(value_of(field, index)));
  }
  return change > 1e-6 * size;
}

// A given field is constant for an integrator. Two that change may be the velocity of a vorticity in the plane, which
// it makes itself; whether they are is seen in the first frame of what it makes.
void settle_given(const Measurement& measurement, const std::vector<SpaceAxis>& axes, Equation& equation) {
  std::vector<std::size_t> moving, evolved;
  for (std::size_t f = 0; f < measurement.fields.size(); ++f) {
    if (equation.fields[f].role == FieldRole::evolved)
      evolved.push_back(f);
    else if (changes_in_time(measurement, measurement.fields[f]))
      moving.push_back(f);
  }
  if (moving.empty()) return;
  const bool plane = axes.size() == 2 && axes[0].periodic && axes[1].periodic;
  if (!plane || evolved.size() != 1 || moving.size() != 2)
    throw Refused{fmt::format("{} is given and changes in time", measurement.fields[moving[0]].name)};
  for (std::size_t k = 0; k < 2; ++k) {
    EquationField& velocity = equation.fields[moving[k]];
    velocity.role = k == 0 ? FieldRole::velocity_x : FieldRole::velocity_y;
    velocity.vorticity = static_cast<int>(evolved[0]);
    for (const Complex& value : frame(measurement, measurement.fields[moving[k]], 0)) velocity.mean += value.real();
    velocity.mean /= static_cast<double>(measurement.count() / measurement.time().size());
  }
}

void check_velocities(const Measurement& measurement, const Equation& equation, const Solution& solution) {
  for (std::size_t f = 0; f < measurement.fields.size(); ++f) {
    if (equation.fields[f].vorticity < 0) continue;
    const Field& field = measurement.fields[f];
    const std::vector<Complex> measured = frame(measurement, field, 0);
    const std::vector<double>& made = solution.field(field.name).values;
    double off = 0, size = 0;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      off += std::norm(measured[i] - made[i * solution.times.size()]);
      size += std::norm(measured[i]);
    }
    if (off > velocity_off * velocity_off * size)
      throw Refused{
          fmt::format("{} is given and changes in time, and is not the velocity that belongs to the vorticity {}",
                      field.name, measurement.fields[static_cast<std::size_t>(equation.fields[f].vorticity)].name)};
  }
}

// The measured values at any time, linear between frames: what holds at the boundary.
auto measured_boundary(const Measurement& measurement) {
  return [&measurement](int f, double time, std::vector<Complex>& values) {
    const std::vector<double>& times = measurement.time().points;
    const auto next = std::clamp<std::ptrdiff_t>(std::upper_bound(times.begin(), times.end(), time) - times.begin(), 1,
                                                 static_cast<std::ptrdiff_t>(times.size()) - 1);
    const auto j = static_cast<std::size_t>(next - 1);
    const double share = std::clamp((time - times[j]) / (times[j + 1] - times[j]), 0.0, 1.0);
    const Field& field = measurement.fields[static_cast<std::size_t>(f)];
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] =
          (1 - share) * value_of(field, i * times.size() + j) + share * value_of(field, i * times.size() + j + 1);
  };
}

// The frames of the solution as a measurement, and how far they are off.
Simulation compared(const Measurement& measurement, const Solution& solution, std::size_t every) {
  Simulation out;
  out.every = every;
  const std::size_t n_times = solution.times.size(), n_measured = static_cast<std::size_t>(measurement.time().size());
  out.fields.source = "simulation";
  out.fields.axes = measurement.axes;
  out.fields.axes.back().points = solution.times;
  std::vector<double> error(n_times, 0.0);
  double size = 0, noise = 0;
  for (const Field& field : measurement.fields) {
    if (field.given) continue;
    const SimulatedField& simulated = solution.field(field.name);
    out.fields.fields.push_back({.name = field.name, .values = simulated.values, .imaginary = simulated.imaginary});
    const Field& mine = out.fields.fields.back();
    const double deviation = noise_deviation(measurement, field);
    for (std::size_t i = 0; i < field.values.size() / n_measured; ++i)
      for (std::size_t j = 0; j < n_times; ++j) {
        const std::size_t at = i * n_measured + j * every;
        if (!measurement.mask.empty() && !measurement.mask[at]) continue;
        const Complex measured = value_of(field, at);
        error[j] += std::norm(value_of(mine, i * n_times + j) - measured);
        size += std::norm(measured);
        noise += deviation * deviation;
      }
  }
  double all = 0;
  for (double e : error) {
    all += e;
    out.error.push_back(std::sqrt(e * static_cast<double>(n_times) / size));
  }
  out.overall = std::sqrt(all / size);
  out.noise = std::sqrt(noise / size);
  return out;
}

}  // namespace

SimulationAnswer simulate_found(const Measurement& measurement, const Discovery& discovery, Progress& progress) {
  try {
    std::optional<Equation> equation = equation_of(discovery, measurement);
    if (!equation) return {std::nullopt, "it has a term that no integrator here can take"};
    for (std::size_t f = 0; f < measurement.fields.size(); ++f)
      if (!measurement.fields[f].given && equation->fields[f].role == FieldRole::given)
        return {std::nullopt, fmt::format("{} has no equation of its own", measurement.fields[f].name)};
    SimulateOptions options = {.tolerance = tolerance, .boundary = measured_boundary(measurement)};
    const std::vector<SpaceAxis> axes = space_axes(measurement);
    settle_given(measurement, axes, *equation);
    const auto every = static_cast<std::size_t>(measurement.count() / most_points + 1);
    std::vector<double> times;
    for (std::size_t j = 0; j < measurement.time().points.size(); j += every)
      times.push_back(measurement.time().points[j]);
    options.max_steps = first_steps + steps_a_frame * static_cast<std::int64_t>(times.size());
    const Outcome<Solution> run =
        simulate(*equation, axes, first_frame(measurement, *equation, axes), times, options, progress);
    if (run.partial().times.size() < 2) return {std::nullopt, run ? "there is one frame" : run.failure().text()};
    check_velocities(measurement, *equation, run.partial());
    SimulationAnswer answer{compared(measurement, run.partial(), every), ""};
    if (!run) answer.simulation->broke_off = run.failure().text();
    return answer;
  } catch (const Refused& refused) {
    return {std::nullopt, refused.why};
  } catch (const InputError& error) {
    return {std::nullopt, error.what()};
  }
}

std::optional<double> holds_until(const Simulation& simulation, double level) {
  std::optional<double> until;
  for (std::size_t j = 0; j < simulation.error.size() && simulation.error[j] <= std::hypot(level, simulation.noise);
       ++j)
    until = simulation.fields.time().points[j];
  return until;
}

}  // namespace turnpike
