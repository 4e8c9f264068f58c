#include <turnpike/analysis/intrinsic_dimension.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

Tensor uniform(std::int64_t n, std::int64_t d, std::uint64_t seed) {
  Random random(seed);
  Tensor x = at::empty({n, d}, at::kDouble);
  for (std::int64_t i = 0; i < n * d; ++i) x.data_ptr<double>()[i] = random.uniform();
  return x;
}

// P(mu > x) = x^-d exactly: mu = U^(-1/d).
TEST(IntrinsicDimension, IsUnbiasedAndItsIntervalCovers) {
  Random random(1);
  constexpr int draws = 4000, n = 6;
  for (const double d : {1.0, 3.5, 20.0}) {
    std::vector<double> values;
    for (int k = 0; k < draws; ++k) {
      std::vector<double> mu;
      for (int i = 0; i < n; ++i) mu.push_back(std::pow(1 - random.uniform(), -1 / d));
      values.push_back(dimension_of_ratios(mu).value);
    }
    const Interval mean = mean_interval(values);
    EXPECT_NEAR(mean.mean, d, 4 * mean.deviation / std::sqrt(draws)) << d;  // maximum likelihood: d n / (n - 1)
  }
  int covered = 0;
  for (int k = 0; k < 500; ++k) {
    std::vector<double> mu;
    for (int i = 0; i < 400; ++i) mu.push_back(std::pow(1 - random.uniform(), -1 / 7.0));
    const IntrinsicDimension found = dimension_of_ratios(mu);
    covered += found.low < 7 && 7 < found.high;
  }
  EXPECT_NEAR(covered / 500.0, 0.95, 0.04);
}

TEST(IntrinsicDimension, OfKnownSurfaces) {
  const Tensor u = uniform(3000, 2, 2);
  EXPECT_NEAR(intrinsic_dimension(u).value, 2, 0.1);
  // The plane, rolled up in three dimensions and turned into ten; a circle; a cube.
  const Tensor angle = 1.5 * std::numbers::pi * (1 + 2 * u.select(1, 0));
  const Tensor roll = at::stack({angle * at::cos(angle), 20 * u.select(1, 1), angle * at::sin(angle)}, 1);
  EXPECT_NEAR(intrinsic_dimension(roll.mm(uniform(3, 10, 3) - 0.5)).value, 2, 0.1);
  const Tensor t = 2 * std::numbers::pi * u.select(1, 0);
  EXPECT_NEAR(intrinsic_dimension(at::stack({at::cos(t), at::sin(t)}, 1)).value, 1, 0.05);
  EXPECT_NEAR(intrinsic_dimension(uniform(3000, 3, 4)).value, 3, 0.15);
}

TEST(IntrinsicDimension, DoesNotSeeScaleCopiesOrMoves) {
  const Tensor x = uniform(300, 3, 5);
  const IntrinsicDimension d = intrinsic_dimension(x);
  EXPECT_NEAR(intrinsic_dimension(1e-3 * x + 5).value, d.value, 1e-9 * d.value);
  EXPECT_NEAR(intrinsic_dimension(x.to(at::kFloat)).value, d.value, 1e-3);
  const IntrinsicDimension twice = intrinsic_dimension(at::cat({x, x.narrow(0, 0, 10)}));
  EXPECT_EQ(twice.n_points, 300);
  EXPECT_NEAR(twice.value, d.value, 1e-12 * d.value);
}

TEST(IntrinsicDimension, RefusesWhatDoesNotFit) {
  EXPECT_THROW(intrinsic_dimension(at::zeros({4}, at::kDouble)), ContractError);
  EXPECT_THROW(intrinsic_dimension(at::zeros({2, 3}, at::kDouble)), ContractError);
  EXPECT_THROW(intrinsic_dimension(at::zeros({5, 3}, at::kDouble)), ContractError);
  EXPECT_THROW(intrinsic_dimension(at::full({5, 3}, NAN, at::kDouble)), ContractError);
  EXPECT_THROW(dimension_of_ratios(std::vector<double>{1.2, 0.9, 2}), ContractError);
}

}  // namespace
}  // namespace turnpike
