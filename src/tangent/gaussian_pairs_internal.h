// The joint law of two centred Gaussian numbers, for every pair of points: what a wide layer makes of it.
//
// Kept as variances and the two complements 1 - cos and 1 + cos of the angle (cos: the correlation), so that neither
// nearly equal nor nearly opposite pairs lose digits. All float64. A dimension B may stand in front of all: so many
// problems at once, as the positions of a convolution are.
#pragma once

#include <utility>
#include <vector>

#include <turnpike/core/tensor.h>
#include <turnpike/tangent/infinite_width.h>

namespace turnpike {

struct GaussianPairs {
  Tensor x_variance, z_variance;  // [N], [M]
  Tensor apart, along;            // [N, M] 1 - cos, 1 + cos; both 1 where a variance is zero
  bool symmetric = false;         // z is x, and B is absent

  Tensor covariance() const;  // [N, M]
};

GaussianPairs pairs_of(const Tensor& x, const Tensor& z, bool symmetric);  // of covariance x_i . z_j
GaussianPairs constant_pairs(const GaussianPairs& like, double variance);  // one and the same number for all points
GaussianPairs scaled(GaussianPairs pairs, double factor);                  // variances times factor >= 0
GaussianPairs direct_sum(const std::vector<GaussianPairs>& independent_parts);  // of independent numbers

// (phi(u), phi(v)) for (u, v) of `pairs`: second moments in the form above, and E[phi'(u) phi'(v)] [N, M].
std::pair<GaussianPairs, Tensor> through(const WideActivation& phi, const GaussianPairs& pairs);

void require_net(const WideNet& net);  // ContractError where a number is out of range

}  // namespace turnpike
