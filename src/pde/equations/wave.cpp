#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u", .time_order = 2}}},
                            .axes = {axis_of(options, "x")}};
  const double speed = options.real("speed");
  add_terms(problem.equation, 0, {{"u_xx", speed * speed}});
  const SpaceAxis axis = problem.axes[0];
  // d'Alembert, from rest: half of the pulse to either side.
  const auto at = [axis, speed](double t) {
    return on_grid(axis, [&](double x) {
      const auto pulse = [](double y) { return std::exp(-y * y); };
      return (wrapped(axis, x - speed * t, pulse) + wrapped(axis, x + speed * t, pulse)) / 2;
    });
  };
  problem.exact = [at](int, double t) { return at(t); };
  problem.initial = {{at(0)}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_tt = c^2 u_xx from e^(-x^2) at rest.
Simulator wave_simulator() {
  Simulator simulator{.name = "wave",
                      .title = "Wave",
                      .formula = "u_{tt} = c^2\\,u_{xx}",
                      .source = "textbook",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(),
                                     {"energy", "integral of (u_t^2 + c^2 u_x^2) / 2", Behaviour::constant,
                                      [](const SimulationProblem& problem, const Frame& frame) {
                                        const double square = problem.equation.fields[0].terms[0].coefficient.real();
                                        Values density = derivative(problem, frame[0]);
                                        for (std::size_t i = 0; i < density.size(); ++i)
                                          density[i] = (std::norm(frame[1][i]) + square * std::norm(density[i])) / 2;
                                        return integral(problem, density);
                                      }}}};
  add_axis_options(simulator.options, 256, -8, 8);
  add_time_options(simulator.options, 10, 101);
  simulator.options.real("speed", 1, "c");
  return simulator;
}

}  // namespace turnpike
