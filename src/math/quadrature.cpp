#include <turnpike/math/quadrature.h>

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>

namespace turnpike {

GaussRule gauss_legendre(int n) {
  require(n >= 1, fmt::format("gauss_legendre: a rule has at least 1 node, got {}", n));
  GaussRule rule{.nodes = std::vector<double>(n), .weights = std::vector<double>(n)};
  for (int i = 0; i < (n + 1) / 2; ++i) {
    double x = 2 * i + 1 == n ? 0 : std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 1;
    for (int iteration = 0; iteration < 8; ++iteration) {
      // (k + 1) P_{k+1} = (2k + 1) x P_k - k P_{k-1},   (1 - x^2) P_n' = n (P_{n-1} - x P_n)
      double before = 1, p = x;
      for (int k = 1; k < n; ++k) {
        const double next = ((2 * k + 1) * x * p - k * before) / (k + 1);
        before = p;
        p = next;
      }
      slope = n * (before - x * p) / (1 - x * x);
      const double step = p / slope;
      x -= step;
      if (std::abs(step) < 1e-16) break;
    }
    const double weight = 2 / ((1 - x * x) * slope * slope);
    rule.nodes[i] = -x;
    rule.nodes[n - 1 - i] = x;
    rule.weights[i] = rule.weights[n - 1 - i] = weight;
  }
  return rule;
}

}  // namespace turnpike
