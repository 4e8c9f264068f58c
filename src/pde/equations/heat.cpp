#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u"}}}, .axes = {axis_of(options, "x")}};
  const double kappa = options.real("kappa");
  add_terms(problem.equation, 0, {{"u_xx", kappa}});
  const SpaceAxis axis = problem.axes[0];
  // Mode m decays like e^(-kappa k^2 t), k = 2 pi m / length.
  const auto at = [axis, kappa](double t) {
    return on_grid(axis, [&](double x) {
      double u = 0;
      for (const int m : {1, 2, 5}) {
        const double k = 2 * std::numbers::pi * m / (axis.high - axis.low);
        u += std::exp(-kappa * k * k * t) * std::sin(k * (x - axis.low) + m) / m;
      }
      return u;
    });
  };
  problem.exact = [at](int, double t) { return at(t); };
  problem.initial = {{at(0)}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_t = kappa u_xx from three waves.
Simulator heat_simulator() {
  Simulator simulator{.name = "heat",
                      .title = "Heat",
                      .formula = "u_t = \\kappa\\,u_{xx}",
                      .source = "textbook",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(), square(Behaviour::falling)}};
  add_axis_options(simulator.options, 128, 0, 10);
  add_time_options(simulator.options, 5, 101);
  simulator.options.real("kappa", 0.2, "diffusivity").at_least(0);
  return simulator;
}

}  // namespace turnpike
