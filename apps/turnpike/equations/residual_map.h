// Where an equation holds: what it leaves of the left side, averaged by test functions around the points of a lattice.
//
//   r_k = (b_k - sum_j xi_j G_kj) / rms(b)        weak form, discover/weak_form.h
#pragma once

#include <optional>
#include <vector>

#include <turnpike/discover/discovery.h>

namespace turnpike {

struct ResidualMap {
  std::vector<std::vector<double>> points;  // of the lattice along each axis, time last
  std::vector<double> values;               // [lattice]; NaN where a test function touches a hole. Modulus if complex
};

// Nothing where the weak form does not apply: uneven steps, terms it cannot integrate by parts.
std::optional<ResidualMap> residual_map(const Measurement& measurement, const FoundEquation& equation,
                                        const DiscoveryOptions& options);

}  // namespace turnpike
