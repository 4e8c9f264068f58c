#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x", "y"}, .fields = {{.name = "u"}, {.name = "v"}}},
                            .axes = {axis_of(options, "x"), axis_of(options, "y")}};
  const double d = options.real("d"), beta = options.real("beta");
  add_terms(problem.equation, 0,
            {{"u_xx", d}, {"u_yy", d}, {"u", 1}, {"u^3", -1}, {"u*v^2", -1}, {"u^2*v", beta}, {"v^3", beta}});
  add_terms(problem.equation, 1,
            {{"v_xx", d}, {"v_yy", d}, {"v", 1}, {"v^3", -1}, {"u^2*v", -1}, {"u^3", -beta}, {"u*v^2", -beta}});
  const SpaceAxis &x = problem.axes[0], &y = problem.axes[1];
  const auto spiral = [](double (*turn)(double)) {
    return [turn](double a, double b) {
      const double r = std::hypot(a, b);
      return std::tanh(r) * turn(std::atan2(b, a) - r);
    };
  };
  problem.initial = {{on_grid(x, y, spiral(&std::cos))}, {on_grid(x, y, spiral(&std::sin))}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// A lambda-omega system, with A^2 = u^2 + v^2: a spiral of one arm.
//   u_t = d Laplace u + (1 - A^2) u + beta A^2 v,   v_t = d Laplace v + (1 - A^2) v - beta A^2 u
Simulator reaction_diffusion_simulator() {
  Simulator simulator{.name = "reaction_diffusion",
                      .title = "Reaction-diffusion, lambda-omega",
                      .formula =
                          "u_t = d\\,\\Delta u + (1-A^2)\\,u + \\beta A^2 v, \\quad "
                          "v_t = d\\,\\Delta v + (1-A^2)\\,v - \\beta A^2 u",
                      .source = "Rudy et al. 2017",
                      .options = {},
                      .make = &make};
  add_axis_options(simulator.options, 256, -10, 10);
  add_time_options(simulator.options, 10, 201);
  simulator.options.real("d", 0.1, "diffusivity").at_least(0);
  simulator.options.real("beta", 1, "rotation");
  return simulator;
}

}  // namespace turnpike
