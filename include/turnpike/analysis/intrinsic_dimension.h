// The dimension of the surface on which points lie, from the two nearest neighbours of each.
//
//   mu_i = r_2 / r_1, the distances of point i to its second and its first neighbour:  P(mu > x) = x^-d
//   d = (N - 1) / sum_i ln mu_i
//
// exactly so, and without bias, where the mu are independent and the density constant as far as r_2; the variance is
// then d^2 / (N - 2). Curved surfaces and edges make it smaller or larger by a few percent at some thousand points.
//
//   IntrinsicDimension d = intrinsic_dimension(states);   // states [N, D]
//
// Points that coincide count once. Cost N^2 D, memory N in blocks. Errors: ContractError for a tensor that is no [N,
// D], numbers that are not finite, fewer than three points that differ. Source: Facco, d'Errico, Rodriguez & Laio
// (2017), doi:10.1038/s41598-017-11873-y.
#pragma once

#include <cstdint>
#include <span>

#include <turnpike/core/tensor.h>

namespace turnpike {

struct IntrinsicDimension {
  double value = 0, low = 0, high = 0;  // 95 %, by the normal law
  std::int64_t n_points = 0;            // that counted
};

IntrinsicDimension intrinsic_dimension(const Tensor& points);
IntrinsicDimension dimension_of_ratios(std::span<const double> mu);  // of at least three, all >= 1

}  // namespace turnpike
