#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u"}}}, .axes = {axis_of(options, "x")}};
  const double speed = options.real("speed");
  add_terms(problem.equation, 0, {{"u_x", -speed}});
  const SpaceAxis axis = problem.axes[0];
  const auto at = [axis, speed](double t) {
    return on_grid(axis,
                   [&](double x) { return wrapped(axis, x - speed * t, [](double y) { return std::exp(-y * y); }); });
  };
  problem.exact = [at](int, double t) { return at(t); };
  problem.initial = {{at(0)}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_t = -c u_x: a pulse e^(-x^2) that travels unchanged.
Simulator advection_simulator() {
  Simulator simulator{.name = "advection",
                      .title = "Advection",
                      .formula = "u_t = -c\\,u_x",
                      .source = "textbook",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(), square(Behaviour::constant)}};
  add_axis_options(simulator.options, 256, -8, 8);
  add_time_options(simulator.options, 10, 101);
  simulator.options.real("speed", 1, "c");
  return simulator;
}

}  // namespace turnpike
