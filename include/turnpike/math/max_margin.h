// The maximum margin of a linear classifier, by groups:
//
//   gamma = max_w  min_i z_i'w   subject to   sum_g |w_g| <= 1         z_i = y_i x_i, |.| Euclidean in each group
//
// One group of all entries is the l_2 margin (support vector machine without bias), groups of one entry the l_1 margin,
// pairs (real, imaginary) the l_1 margin of a complex vector.
//
//   MaxMargin best = max_margin(z, groups_of(z.columns(), 1));      // l_1
//   best.margin > 0                                                 // separable
//
// Method: log barriers for margins, cones and the budget, damped Newton steps, the barrier's weight raised tenfold
// until the gap no longer falls. Guarantee: a certificate that needs no trust in the method. By weak duality
//
//   gamma <= max_g |sum_i alpha_i z_i,g|   for every alpha >= 0, sum alpha = 1,
//
// and `gap` is that bound at the returned alpha minus the returned margin; below 1e-7 of the largest |z_i|, where the
// barrier's curvatures outrun double precision. w and alpha are the only ones if the problem is not degenerate. Cost:
// some hundred Cholesky factors of size columns + groups + 1. Errors: ContractError for no rows, entries that are not
// finite, rows that are all zero, groups that do not partition the columns. Source: Boyd & Vandenberghe, Convex
// Optimization (2004), ch. 11.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <turnpike/math/dense.h>

namespace turnpike {

using Groups = std::vector<std::vector<std::size_t>>;
Groups groups_of(std::size_t columns, std::size_t size);  // neighbours, `size` at a time

struct MaxMargin {
  std::vector<double> weights;      // [columns], sum_g |w_g| = 1
  std::vector<double> multipliers;  // [rows] alpha
  double margin = 0;                // min_i z_i'w
  double gap = 0;                   // bound - margin >= 0
};

MaxMargin max_margin(const Matrix& z, const Groups& groups);

// sum_g |w_g|, the norm, and max_g |w_g|, its dual.
double group_norm(std::span<const double> w, const Groups& groups);
double dual_group_norm(std::span<const double> w, const Groups& groups);

}  // namespace turnpike
