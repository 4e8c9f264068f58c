#include <algorithm>
#include <array>

#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

// Cole and Hopf: with U the integral of u_0 from -inf,
//   u(x, t) = int (x - y) / t e^(-G / 2 nu) dy / int e^(-G / 2 nu) dy,    G(y) = U(y) + (x - y)^2 / (2 t).
double cole_hopf(double x, double t, double nu) {
  const auto potential = [&](double y) {
    return std::sqrt(std::numbers::pi) / 2 * (std::erf(y + 2) + 1) + (x - y) * (x - y) / (2 * t);
  };
  // The weight is smooth and dies out at both ends: the trapezoidal rule is exact to rounding. Its largest value is
  // taken out, lest all of it underflow.
  const double reach = 9 * std::sqrt(2 * nu * t) + 2 * t;
  constexpr int n = 600;
  std::array<double, n + 1> exponent;
  for (int j = 0; j <= n; ++j) exponent[j] = potential(x - reach + 2 * reach * j / n) / (2 * nu);
  const double lowest = *std::min_element(exponent.begin(), exponent.end());
  double above = 0, below = 0;
  for (int j = 0; j <= n; ++j) {
    const double y = x - reach + 2 * reach * j / n, weight = std::exp(lowest - exponent[j]);
    above += (x - y) / t * weight;
    below += weight;
  }
  return above / below;
}

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u"}}}, .axes = {axis_of(options, "x")}};
  const double nu = options.real("nu");
  add_terms(problem.equation, 0, {{"u*u_x", -1}, {"u_xx", nu}});
  const SpaceAxis axis = problem.axes[0];
  const Values start = on_grid(axis, [](double x) { return std::exp(-(x + 2) * (x + 2)); });
  problem.exact = [axis, start, nu](int, double t) {
    return t == 0 ? start : on_grid(axis, [&](double x) { return cole_hopf(x, t, nu); });
  };
  problem.initial = {{start}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_t = -u u_x + nu u_xx from e^(-(x+2)^2): the pulse steepens into a front as wide as nu allows.
Simulator burgers_simulator() {
  Simulator simulator{.name = "burgers",
                      .title = "Burgers",
                      .formula = "u_t = -u\\,u_x + \\nu\\,u_{xx}",
                      .source = "Rudy et al. 2017",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(), square(Behaviour::falling)}};
  add_axis_options(simulator.options, 256, -8, 8);
  add_time_options(simulator.options, 10, 101);
  simulator.options.real("nu", 0.1, "viscosity").at_least(0, Bound::open);
  return simulator;
}

}  // namespace turnpike
