#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  const std::int64_t n = options.integer("n");
  const double length = options.real("length"), step = length / static_cast<double>(n);
  // The published grid begins one step after 0 and ends at the length.
  SimulationProblem problem{.equation = {.axes = {"x"}, .fields = {{.name = "u"}}},
                            .axes = {{"x", step, length + step, n}}};
  add_terms(problem.equation, 0, {{"u*u_x", -1}, {"u_xx", -1}, {"u_xxxx", -1}});
  const double k = 2 * std::numbers::pi / length;
  problem.initial = {{on_grid(problem.axes[0], [&](double x) { return std::cos(k * x) * (1 + std::sin(k * x)); })}};
  problem.times = times_of(options);
  return problem;
}

}  // namespace

// u_t = -u u_x - u_xx - u_xxxx from cos(k x) (1 + sin(k x)), k = 2 pi / length: chaos.
Simulator kuramoto_sivashinsky_simulator() {
  Simulator simulator{.name = "kuramoto_sivashinsky",
                      .title = "Kuramoto-Sivashinsky",
                      .formula = "u_t = -u\\,u_x - u_{xx} - u_{xxxx}",
                      .source = "Kassam and Trefethen 2005; Rudy et al. 2017",
                      .options = {},
                      .make = &make,
                      .invariants = {mass()}};
  simulator.options.integer("n", 1024, "points").at_least(8).at_most(1 << 20);
  simulator.options.real("length", 32 * std::numbers::pi, "of the domain").at_least(0, Bound::open);
  add_time_options(simulator.options, 100, 251);
  return simulator;
}

}  // namespace turnpike
