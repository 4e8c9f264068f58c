// The page of `turnpike discover`: the equation, the field, where the equation holds, how many terms and why, and what
// it predicts beside what was measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <turnpike/discover/read_measurement.h>
#include <turnpike/report/run_folder.h>

#include "residual_map.h"
#include "simulation.h"

namespace turnpike {

struct DiscoverReport {
  const std::vector<Measurement>& measurements;
  const Discovery& discovery;
  const DiscoveryOptions& options;
  std::vector<std::string> notes;                     // of reading and of noise added
  std::string source;                                 // file names
  std::string command;                                // that runs this again
  std::vector<std::optional<ResidualMap>> residuals;  // of each equation, in the first experiment
  SimulationAnswer simulated;                         // the first experiment
};

Page discover_page(const DiscoverReport& report, RunFolder& folder);

std::string share_text(double share);                 // "2.3e-05", "0.4 %"
std::string coefficient_text(const FoundTerm& term);  // "-0.99999912", "0.5000i"
std::string half_width_text(const FoundTerm& term);   // "± 1.3e-09"

}  // namespace turnpike
