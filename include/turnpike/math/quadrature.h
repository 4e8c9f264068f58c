// Quadrature rules as nodes and weights.
//
//   GaussRule rule = gauss_legendre(32);
//   for (int i = 0; i < 32; ++i) integral += rule.weights[i] * f(rule.nodes[i]);     // over [-1, 1]
#pragma once

#include <vector>

namespace turnpike {

struct GaussRule {
  std::vector<double> nodes, weights;  // nodes ascending, in (-1, 1)
};

// Exact for polynomials of degree 2n - 1 on [-1, 1], to a few ulp. n >= 1: ContractError otherwise.
// Source: Abramowitz & Stegun (1964), 25.4.29; nodes by Newton's method on the three-term recurrence.
GaussRule gauss_legendre(int n);

}  // namespace turnpike
