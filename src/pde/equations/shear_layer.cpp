#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {"x", "y"},
                                         .fields = {{.name = "w"},
                                                    {.name = "u", .role = FieldRole::velocity_x, .vorticity = 0},
                                                    {.name = "v", .role = FieldRole::velocity_y, .vorticity = 0}}},
                            .axes = {axis_of(options, "x"), axis_of(options, "y")}};
  const double nu = 1 / options.real("Re"), width = options.real("width"), kick = options.real("kick");
  add_terms(problem.equation, 0, {{"u*w_x", -1}, {"v*w_y", -1}, {"w_xx", nu}, {"w_yy", nu}});
  const SpaceAxis axis = problem.axes[0];
  const double k = 2 * std::numbers::pi / (axis.high - axis.low), length = axis.high - axis.low;
  // u = tanh((y - L/4) / width) below, tanh((3L/4 - y) / width) above; v = kick sin(k x); w = v_x - u_y.
  const auto bump = [width](double y) { return 1 / (width * std::cosh(y / width) * std::cosh(y / width)); };
  problem.initial = {{on_grid(axis, axis,
                              [&](double x, double y) {
                                return wrapped(axis, y,
                                               [&](double z) {
                                                 return bump(z - axis.low - 0.75 * length) -
                                                        bump(z - axis.low - 0.25 * length);
                                               }) +
                                       kick * k * std::cos(k * (x - axis.low));
                              })},
                     {},
                     {}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// The vorticity equation in a periodic square, w_t = -u w_x - v w_y + Laplace(w) / Re: two shear layers that roll up.
Simulator shear_layer_simulator() {
  Simulator simulator{
      .name = "shear_layer",
      .title = "Navier-Stokes: periodic shear layers",
      .formula = "\\omega_t = -u\\,\\omega_x - v\\,\\omega_y + \\tfrac{1}{Re}\\,\\Delta\\omega",
      .source = "Bell, Colella and Glaz 1989, doi:10.1016/0021-9991(89)90151-4 (two layers, smooth)",
      .options = {},
      .make = &make,
      .invariants = {{"circulation", "integral of w", Behaviour::constant,
                      [](const SimulationProblem& problem, const Frame& frame) { return integral(problem, frame[0]); }},
                     {"energy", "integral of (u^2 + v^2) / 2", Behaviour::falling,
                      [](const SimulationProblem& problem, const Frame& frame) {
                        Values density = squared(frame[1]);
                        for (std::size_t i = 0; i < density.size(); ++i)
                          density[i] = (density[i] + std::norm(frame[2][i])) / 2.0;
                        return integral(problem, density);
                      }},
                     {"enstrophy", "integral of w^2 / 2", Behaviour::falling,
                      [](const SimulationProblem& problem, const Frame& frame) {
                        return integral(problem, squared(frame[0])) / 2;
                      }}}};
  add_axis_options(simulator.options, 128, 0, 2 * std::numbers::pi);
  add_time_options(simulator.options, 10, 101);
  simulator.options.real("Re", 1000, "Reynolds number: 1 / viscosity").at_least(0, Bound::open);
  simulator.options.real("width", 0.3, "of a layer").at_least(0, Bound::open);
  simulator.options.real("kick", 0.05, "velocity across the layers that starts the rolling");
  return simulator;
}

}  // namespace turnpike
