// The page of a simulation: its picture, its laws, its exact solution.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <turnpike/pde/catalogue.h>
#include <turnpike/report/run_folder.h>

namespace turnpike {

struct InvariantCurve {
  std::string name, formula;
  bool falling = false;
  std::vector<double> times, values;
};

struct SimulationReport {
  const Simulator* simulator = nullptr;
  SimulationProblem problem;
  Solution solution;
  double seconds = 0;
  std::string failure;  // what broke it off
  std::vector<InvariantCurve> invariants{};
  std::vector<double> error_times{}, errors{};  // largest distance to the exact solution, frame by frame
  std::optional<double> exact_error{};
};

void measure(SimulationReport& report);  // the invariants and the exact error, on at most 101 frames
Page simulate_page(const SimulationReport& report, RunFolder& folder);  // and writes its figures

}  // namespace turnpike
