#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

SimulationProblem make(const Options& options) {
  SimulationProblem problem{.equation = {.axes = {}, .fields = {{.name = "x", .time_order = 2}}}};
  const double w = options.real("omega"), x0 = options.real("x0"), v0 = options.real("v0");
  add_terms(problem.equation, 0, {{"x", -w * w}});
  problem.initial = {{{x0}, {v0}}};
  problem.exact = [=](int, double t) { return Values{x0 * std::cos(w * t) + v0 * std::sin(w * t) / w}; };
  problem.times = times_of(options);
  problem.options.tolerance = 1e-10;
  return problem;
}

}  // namespace

// x_tt = -omega^2 x.
Simulator oscillator_simulator() {
  Simulator simulator{.name = "oscillator",
                      .title = "Harmonic oscillator",
                      .formula = "\\ddot x = -\\omega^2 x",
                      .source = "textbook",
                      .options = {},
                      .make = &make,
                      .invariants = {{"energy", "(x_t^2 + omega^2 x^2) / 2", Behaviour::constant,
                                      [](const SimulationProblem& problem, const Frame& frame) {
                                        const double square = -problem.equation.fields[0].terms[0].coefficient.real();
                                        return (std::norm(frame[1][0]) + square * std::norm(frame[0][0])) / 2;
                                      }}}};
  add_time_options(simulator.options, 20, 401);
  simulator.options.real("omega", 1.5, "angular frequency").at_least(0, Bound::open);
  simulator.options.real("x0", 1, "initial place");
  simulator.options.real("v0", 0, "initial velocity");
  return simulator;
}

}  // namespace turnpike
