#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

// c/2 sech^2(sqrt(c)/2 (x - a - c t)): a soliton of speed c.
double soliton(double speed, double x) {
  const double cosh = std::cosh(std::sqrt(speed) / 2 * x);
  return speed / 2 / (cosh * cosh);
}

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u"}}}, .axes = {axis_of(options, "x")}};
  add_terms(problem.equation, 0, {{"u*u_x", -6}, {"u_xxx", -1}});
  const double c1 = options.real("c1"), a1 = options.real("a1"), c2 = options.real("c2"), a2 = options.real("a2");
  const SpaceAxis axis = problem.axes[0];
  problem.initial = {{on_grid(axis, [&](double x) { return soliton(c1, x - a1) + soliton(c2, x - a2); })}};
  if (c2 == 0)
    problem.exact = [axis, c1, a1](int, double t) {
      return on_grid(
          axis, [&](double x) { return wrapped(axis, x - a1 - c1 * t, [c1](double y) { return soliton(c1, y); }); });
    };
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_t = -6 u u_x - u_xxx from two solitons; c2 = 0 leaves one. The published state jumps by 9e-5 where the domain
// closes.
Simulator kdv_simulator() {
  Simulator simulator{.name = "kdv",
                      .title = "Korteweg-de Vries",
                      .formula = "u_t = -6\\,u\\,u_x - u_{xxx}",
                      .source = "Rudy et al. 2017",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(),
                                     square(Behaviour::constant),
                                     {"energy", "integral of u_x^2 / 2 - u^3", Behaviour::constant,
                                      [](const SimulationProblem& problem, const Frame& frame) {
                                        Values density = derivative(problem, frame[0]);
                                        for (std::size_t i = 0; i < density.size(); ++i)
                                          density[i] = std::norm(density[i]) / 2 - std::pow(frame[0][i].real(), 3);
                                        return integral(problem, density);
                                      }}}};
  add_axis_options(simulator.options, 512, -30, 30);
  add_time_options(simulator.options, 20, 201);
  simulator.options.real("c1", 1, "speed of the first soliton").at_least(0, Bound::open);
  simulator.options.real("a1", -20, "where it starts");
  simulator.options.real("c2", 0.5, "speed of the second; 0: there is none").at_least(0);
  simulator.options.real("a2", 5, "where it starts");
  return simulator;
}

}  // namespace turnpike
