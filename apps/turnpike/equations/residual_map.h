// Where an equation holds: what it leaves of the left side, in the weak form averaged by test functions around the
// points of a lattice, in the strong form at its points.
//
//   r_k = (b_k - sum_j xi_j G_kj) / rms(b)        discover/weak_form.h, discover/strong_form.h
#pragma once

#include <optional>
#include <vector>

#include <turnpike/discover/discovery.h>

namespace turnpike {

struct ResidualMap {
  std::vector<std::vector<double>> points;  // of the lattice along each axis, time last
  std::vector<double> values;               // [lattice]; NaN near a hole. Modulus if complex
};

// Nothing for uneven steps, terms that the form does not know, and the published recipe.
std::optional<ResidualMap> residual_map(const Measurement& measurement, const FoundEquation& equation,
                                        const DiscoveryOptions& options);

}  // namespace turnpike
