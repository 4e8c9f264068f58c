// Distances and angles between points from differences, not from products: exact for equal and opposite points. More
// dimensions may stand in front: [B, N, d] and [B, M, d] are B problems.
#pragma once

#include <string>
#include <utility>

#include <turnpike/core/tensor.h>

namespace turnpike {

// ContractError unless x is [N, d], N and d at least 1, float32 or float64, and finite.
void require_points(const Tensor& x, const std::string& name);

Tensor distances(const Tensor& x, const Tensor& z);  // |x_i - z_j|, [N, M]

struct Directions {
  Tensor unit;    // [N, d] x / |x|, zero for the zero vector
  Tensor length;  // [N] |x|
};
Directions directions(const Tensor& x);

// 1 - cos and 1 + cos of the angles, |u - v|^2 / 2 and |u + v|^2 / 2; both 1 where one of the two is zero.
std::pair<Tensor, Tensor> half_square_distances(const Directions& a, const Directions& b);

}  // namespace turnpike
