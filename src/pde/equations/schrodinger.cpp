#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

// A Gaussian e^(-a x^2 / 2 + b x + c) stays one in V = x^2 / 2. With D = cos t + i a_0 sin t
//   a = (a_0 cos t + i sin t) / D,   b = b_0 / D,   c = c_0 - log(D) / 2 + i b_0^2 sin t / (2 D).
Complex gaussian(double x, double t) {
  constexpr double a0 = 0.4, b0 = 0.4, c0 = -0.2;  // e^(-0.2 (x - 1)^2)
  const Complex d(std::cos(t), a0 * std::sin(t));
  const Complex a = Complex(a0 * std::cos(t), std::sin(t)) / d, b = b0 / d;
  // The argument of D grows with t: the logarithm's branch that is continuous.
  const double turns = std::round((t - std::arg(d)) / (2 * std::numbers::pi));
  const Complex log_d = std::log(d) + Complex(0, 2 * std::numbers::pi * turns);
  return std::exp(-a * x * x / 2.0 + b * x + c0 - log_d / 2.0 + Complex(0, b0 * b0 * std::sin(t)) / (2.0 * d));
}

SimulationProblem make(const Options& options) {
  SimulationProblem problem{
      .equation = {.axes = {"x"}, .fields = {{.name = "u", .complex = true}, {.name = "V", .role = FieldRole::given}}},
      .axes = {axis_of(options, "x")}};
  add_terms(problem.equation, 0, {{"u_xx", Complex(0, 0.5)}, {"V*u", Complex(0, -1)}});
  const SpaceAxis axis = problem.axes[0];
  problem.initial = {{on_grid(axis, [](double x) { return gaussian(x, 0); })},
                     {on_grid(axis, [](double x) { return x * x / 2; })}};
  problem.exact = [axis](int field, double t) {
    return on_grid(axis, [&](double x) { return field == 0 ? gaussian(x, t) : Complex(x * x / 2); });
  };
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// i u_t = -u_xx / 2 + V u with V = x^2 / 2, from e^(-0.2 (x - 1)^2).
Simulator schrodinger_simulator() {
  Simulator simulator{.name = "schrodinger",
                      .title = "Schrödinger in a harmonic potential",
                      .formula = "u_t = \\tfrac{i}{2}\\,u_{xx} - i\\,V u, \\quad V = \\tfrac{1}{2} x^2",
                      .source = "Rudy et al. 2017",
                      .options = {},
                      .make = &make,
                      .invariants = {square(Behaviour::constant),
                                     {"energy", "integral of |u_x|^2 / 2 + V |u|^2", Behaviour::constant,
                                      [](const SimulationProblem& problem, const Frame& frame) {
                                        Values density = derivative(problem, frame[0]);
                                        for (std::size_t i = 0; i < density.size(); ++i)
                                          density[i] = std::norm(density[i]) / 2 +
                                                       problem.initial[1].values[i].real() * std::norm(frame[0][i]);
                                        return integral(problem, density);
                                      }}}};
  add_axis_options(simulator.options, 512, -7.5, 7.5);
  add_time_options(simulator.options, 10, 401);
  return simulator;
}

}  // namespace turnpike
