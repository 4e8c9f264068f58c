#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {}, .fields = {{.name = "x"}, {.name = "y"}, {.name = "z"}}}};
  const double sigma = options.real("sigma"), rho = options.real("rho"), beta = options.real("beta");
  add_terms(problem.equation, 0, {{"x", -sigma}, {"y", sigma}});
  add_terms(problem.equation, 1, {{"x", rho}, {"x*z", -1}, {"y", -1}});
  add_terms(problem.equation, 2, {{"x*y", 1}, {"z", -beta}});
  problem.initial = {{{options.real("x0")}}, {{options.real("y0")}}, {{options.real("z0")}}};
  problem.times = times_of(options);
  problem.options.tolerance = 1e-10;
  return problem;
}

}  // namespace

// x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z.
Simulator lorenz_simulator() {
  Simulator simulator{.name = "lorenz",
                      .title = "Lorenz",
                      .formula =
                          "\\dot x = \\sigma (y - x), \\quad \\dot y = x (\\rho - z) - y, \\quad "
                          "\\dot z = x y - \\beta z",
                      .source = "Brunton, Proctor and Kutz 2016, doi:10.1073/pnas.1517384113",
                      .options = {},
                      .make = &make};
  add_time_options(simulator.options, 20, 2001);
  simulator.options.real("sigma", 10, "Prandtl number");
  simulator.options.real("rho", 28, "Rayleigh number over its critical value");
  simulator.options.real("beta", 8.0 / 3, "shape of the cell");
  simulator.options.real("x0", -8, "initial x");
  simulator.options.real("y0", 7, "initial y");
  simulator.options.real("z0", 27, "initial z");
  return simulator;
}

}  // namespace turnpike
