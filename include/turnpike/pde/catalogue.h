// The named simulators: each an equation with its parameters, the grid and the initial state of published data, exact
// solutions where there are any, and the quantities that the equation conserves or drains.
//
//   const Simulator& kdv = simulator_named("kdv");
//   Options options(kdv.options);
//   options.set_word("T=5", "here");
//   SimulationProblem problem = kdv.make(options);
//   Outcome<Solution> run = simulate(problem);
//
// Sources of grids and initial states: Rudy et al., Sci. Adv. 2017, doi:10.1126/sciadv.1602614, where no other is
// named.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/base/options.h>
#include <turnpike/pde/simulate.h>

namespace turnpike {

struct SimulationProblem {
  Equation equation;
  std::vector<SpaceAxis> axes;
  std::vector<FieldState> initial;
  std::vector<double> times;
  SimulateOptions options{};
  // Of a field (index in Equation::fields) on the grid at a time; none: unknown. Solutions on the whole line are exact
  // as far as the fields are zero at the ends.
  std::function<std::vector<std::complex<double>>(int field, double time)> exact{};
};

Outcome<Solution> simulate(const SimulationProblem& problem, Progress& progress = no_progress());

// One frame of a solution: values [x] of each of its fields.
using Frame = std::vector<std::vector<std::complex<double>>>;
Frame frame_of(const Solution& solution, std::int64_t t);

enum class Behaviour { constant, falling };

// An integral over the domain that the equation keeps, or that can only fall.
struct Invariant {
  const char* name;
  const char* formula;  // plain text
  Behaviour behaviour = Behaviour::constant;
  std::function<double(const SimulationProblem&, const Frame&)> value{};
};

struct Simulator {
  const char* name;
  const char* title;
  const char* formula;  // TeX
  const char* source;   // of the grid and the initial state
  OptionSchema options;
  SimulationProblem (*make)(const Options& options);
  std::vector<Invariant> invariants{};
};

const std::vector<Simulator>& simulator_catalogue();
const Simulator& simulator_named(std::string_view name);  // InputError with did-you-mean

}  // namespace turnpike
