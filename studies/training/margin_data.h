// Data that a line separates, and their largest margin, for the studies of implicit and explicit bias.
#pragma once

#include <turnpike/core/tensor.h>
#include <turnpike/math/max_margin.h>
#include <turnpike/math/random.h>

namespace turnpike::studies {

struct Margin {
  Tensor w;      // [d], norm 1
  Tensor alpha;  // [n], sum 1
  double margin = 0, gap = 0;
};
Margin largest_margin(const Tensor& z, const Groups& groups);

// How far a solved program is from a degenerate one: the least of the multipliers of the points that hold the margin,
// of the relative excess of the other margins, of the sizes of the groups in use, and of the relative slack of the dual
// in the others.
double clearance(const Tensor& z, const Groups& groups, const Margin& solved);

// n normal points of dimension d times their labels +-1, z_i = y_i x_i [n, d], the labels by the sign of a random w'x
// and no point with |w'x| < side |w|: the first such draw whose programs all have a clearance of `least` ("in general
// position", with a number).
Tensor separable_points(std::int64_t n, std::int64_t d, double side, const std::vector<Groups>& programs, double least,
                        Random& random);
// H(alpha) + log max alpha. Where the losses exp(-z_i'w) of the points that hold the margin are a common number times
// alpha_i, their margins are another minus log alpha_i, so
//   |w| gamma - min_i z_i'w -> log max alpha - sum alpha_i log alpha_i    as |w| grows.
double missing_margin(const Tensor& alpha);

}  // namespace turnpike::studies
