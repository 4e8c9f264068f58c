#include <turnpike/pde/catalogue.h>

#include <fmt/format.h>

#include <turnpike/math/fourier.h>

#include "equations_internal.h"

namespace turnpike {

const std::vector<Simulator>& simulator_catalogue() {
  static const std::vector<Simulator> catalogue = {kdv_simulator(),
                                                   burgers_simulator(),
                                                   schrodinger_simulator(),
                                                   nls_simulator(),
                                                   kuramoto_sivashinsky_simulator(),
                                                   reaction_diffusion_simulator(),
                                                   shear_layer_simulator(),
                                                   cylinder_simulator(),
                                                   heat_simulator(),
                                                   heat_2d_simulator(),
                                                   wave_simulator(),
                                                   advection_simulator(),
                                                   lorenz_simulator(),
                                                   oscillator_simulator()};
  return catalogue;
}

const Simulator& simulator_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Simulator& simulator : simulator_catalogue()) {
    if (name == simulator.name) return simulator;
    names.emplace_back(simulator.name);
  }
  const std::string near = did_you_mean(name, names);
  throw InputError(fmt::format(
      "there is no simulator '{}'; {}", name,
      near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : fmt::format("did you mean '{}'?", near)));
}

Outcome<Solution> simulate(const SimulationProblem& problem, Progress& progress) {
  return simulate(problem.equation, problem.axes, problem.initial, problem.times, problem.options, progress);
}

Frame frame_of(const Solution& solution, std::int64_t t) {
  const std::int64_t points = solution.points(), n = static_cast<std::int64_t>(solution.times.size());
  require(t >= 0 && t < n, fmt::format("there is no frame {} of {}", t, n));
  Frame frame;
  for (const SimulatedField& field : solution.fields) {
    frame.emplace_back();
    for (std::int64_t i = 0; i < points; ++i)
      frame.back().emplace_back(field.values[i * n + t], field.imaginary.empty() ? 0.0 : field.imaginary[i * n + t]);
  }
  return frame;
}

namespace equations {

void add_axis_options(OptionSchema& schema, std::int64_t n, double low, double high) {
  schema.integer("n", n, "points along each axis").at_least(8).at_most(1 << 20);
  schema.real("low", low, "where the domain begins");
  schema.real("high", high, "where it ends, and begins anew");
}

void add_time_options(OptionSchema& schema, double end, std::int64_t frames) {
  schema.real("T", end, "last time").at_least(0, Bound::open);
  schema.integer("frames", frames, "times from 0 to T").at_least(2).at_most(1'000'000);
}

SpaceAxis axis_of(const Options& options, const char* name) {
  const double low = options.real("low"), high = options.real("high");
  if (!(low < high)) throw InputError(fmt::format("low must be below high, got {} and {}", low, high));
  return {name, low, high, options.integer("n")};
}

std::vector<double> times_of(const Options& options) {
  const std::int64_t n = options.integer("frames");
  std::vector<double> times;
  for (std::int64_t i = 0; i < n; ++i)
    times.push_back(options.real("T") * static_cast<double>(i) / static_cast<double>(n - 1));
  return times;
}

void add_terms(Equation& equation, int field, std::initializer_list<std::pair<const char*, Complex>> terms) {
  for (const auto& [text, coefficient] : terms)
    equation.fields[field].terms.push_back(parse_term(text, coefficient, equation));
}

double integral(const SimulationProblem& problem, const Values& values) {
  double sum = 0, cell = 1;
  for (const SpaceAxis& axis : problem.axes) cell *= axis.step();
  for (const Complex& z : values) sum += z.real();
  return sum * cell;
}

Values derivative(const SimulationProblem& problem, const Values& values) {
  const SpaceAxis& axis = problem.axes.at(0);
  const Fourier transform({axis.n});
  const std::vector<double> k = wavenumbers(axis.n, axis.high - axis.low);
  Values modes = values;
  transform.forward(modes);
  for (std::int64_t i = 0; i < axis.n; ++i) modes[i] *= 2 * i == axis.n ? Complex(0) : Complex(0, k[i]);
  transform.inverse(modes);
  return modes;
}

Values squared(const Values& values) {
  Values squares;
  for (const Complex& z : values) squares.emplace_back(std::norm(z));
  return squares;
}

Invariant mass() {
  return {"mass", "integral of u", Behaviour::constant,
          [](const SimulationProblem& problem, const Frame& frame) { return integral(problem, frame[0]); }};
}

Invariant square(Behaviour behaviour) {
  return {"square", "integral of |u|^2", behaviour,
          [](const SimulationProblem& problem, const Frame& frame) { return integral(problem, squared(frame[0])); }};
}

}  // namespace equations
}  // namespace turnpike
