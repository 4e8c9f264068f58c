// The check by simulation: the equations that were found, integrated from the first frame of a measurement.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <turnpike/discover/discovery.h>

namespace turnpike {

struct Simulation {
  Measurement fields;         // as measured, with the values of the simulation; shorter in time where it broke off
  std::size_t every = 1;      // frames: of a large field not all are simulated, but each `every`-th
  std::vector<double> error;  // at each time: |u~ - u| / |u|, over all fields; 2-norms, |u| over all times
  double overall = 0;         // the same over all times
  double noise = 0;           // of the measurement, as estimated, likewise: what no simulation can undercut
  std::string broke_off;      // why it ended early, or ""
};

// Nothing, and why, where no integrator takes these equations.
struct SimulationAnswer {
  std::optional<Simulation> simulation;
  std::string refusal;
};
// Memory: two copies of the frames that are simulated, at most 2^24 points of them.
SimulationAnswer simulate_found(const Measurement& measurement, const Discovery& discovery,
                                Progress& progress = no_progress());

// The last time up to which the error stays below `level`, the measurement's noise apart; nothing if it is above at
// once.
std::optional<double> holds_until(const Simulation& simulation, double level);

}  // namespace turnpike
