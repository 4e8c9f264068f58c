#include <turnpike/math/quadrature.h>

#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

double integral(const GaussRule& rule, double (*f)(double)) {
  double sum = 0;
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) sum += rule.weights[i] * f(rule.nodes[i]);
  return sum;
}

TEST(GaussLegendre, IsExactForPolynomialsOfDegree2nMinus1) {
  for (const int n : {1, 2, 3, 8, 31, 64}) {
    const GaussRule rule = gauss_legendre(n);
    for (int degree = 0; degree < 2 * n; ++degree) {
      double sum = 0;
      for (int i = 0; i < n; ++i) sum += rule.weights[i] * std::pow(rule.nodes[i], degree);
      EXPECT_NEAR(sum, degree % 2 ? 0 : 2.0 / (degree + 1), 4e-15) << n << " nodes, degree " << degree;
    }
  }
}

TEST(GaussLegendre, KnownNodes) {
  const GaussRule rule = gauss_legendre(3);
  EXPECT_NEAR(rule.nodes[0], -std::sqrt(0.6), 1e-16);
  EXPECT_EQ(rule.nodes[1], 0);
  EXPECT_NEAR(rule.weights[1], 8.0 / 9, 1e-15);
}

TEST(GaussLegendre, ConvergesForEntireFunctions) {
  EXPECT_NEAR(integral(gauss_legendre(16), std::exp), std::exp(1) - std::exp(-1), 1e-15);
}

TEST(GaussLegendre, RefusesNoNodes) {
  EXPECT_THROW(gauss_legendre(0), ContractError);
}

}  // namespace
}  // namespace turnpike
