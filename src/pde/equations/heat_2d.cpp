#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x", "y"}, .fields = {{.name = "u"}}},
                            .axes = {axis_of(options, "x"), axis_of(options, "y")}};
  const double kappa = options.real("kappa");
  add_terms(problem.equation, 0, {{"u_xx", kappa}, {"u_yy", kappa}});
  const SpaceAxis axis = problem.axes[0];
  // Mode (m, l) decays like e^(-kappa (k_m^2 + k_l^2) t), k_m = 2 pi m / length.
  const auto at = [axis, kappa](double t) {
    return on_grid(axis, axis, [&](double x, double y) {
      double u = 0;
      for (const auto& [m, l] : {std::pair{1, 0}, {0, 1}, {2, 1}, {1, 3}, {4, 2}}) {
        const double w = 2 * std::numbers::pi / (axis.high - axis.low), square = w * w * (m * m + l * l);
        u += std::exp(-kappa * square * t) * std::cos(w * (m * (x - axis.low) + l * (y - axis.low)) + m - l) / (m + l);
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

// u_t = kappa (u_xx + u_yy) from five waves.
Simulator heat_2d_simulator() {
  Simulator simulator{.name = "heat_2d",
                      .title = "Heat in the plane",
                      .formula = "u_t = \\kappa\\,(u_{xx} + u_{yy})",
                      .source = "textbook",
                      .options = {},
                      .make = &make,
                      .invariants = {mass(), square(Behaviour::falling)}};
  add_axis_options(simulator.options, 64, 0, 10);
  add_time_options(simulator.options, 5, 51);
  simulator.options.real("kappa", 0.2, "diffusivity").at_least(0);
  return simulator;
}

}  // namespace turnpike
