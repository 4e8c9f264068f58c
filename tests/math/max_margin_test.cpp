#include <turnpike/math/max_margin.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

Matrix rows_of(const std::vector<std::vector<double>>& rows) {
  Matrix z(rows.size(), rows[0].size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[0].size(); ++j) z(i, j) = rows[i][j];
  return z;
}

// Rows with z'(1, ..., 1) > 0.
Matrix separable(std::size_t n, std::size_t d, std::uint64_t seed) {
  Random random(seed);
  Matrix z(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < d; ++j) sum += z(i, j) = random.normal();
    for (std::size_t j = 0; j < d; ++j) z(i, j) *= sum > 0 ? 1 : -1;
  }
  return z;
}

TEST(MaxMargin, OfOnePointIsItsDirection) {
  const Matrix z = rows_of({{3, -4}});
  const MaxMargin l2 = max_margin(z, groups_of(2, 2));
  EXPECT_NEAR(l2.margin, 5, 1e-9);
  EXPECT_NEAR(l2.weights[0], 0.6, 1e-6);
  EXPECT_NEAR(l2.weights[1], -0.8, 1e-6);
  const MaxMargin l1 = max_margin(z, groups_of(2, 1));  // all on the largest coordinate
  EXPECT_NEAR(l1.margin, 4, 1e-9);
  EXPECT_NEAR(l1.weights[1], -1, 1e-9);
}

// Points (1, a) and (1, -b): the l_2 margin is the distance of their segment from 0, here |(1, 0)|, as they lie on both
// sides.
TEST(MaxMargin, OfASegmentIsItsDistance) {
  const MaxMargin two = max_margin(rows_of({{1, 2}, {1, -1}}), groups_of(2, 2));
  EXPECT_NEAR(two.margin, 1, 1e-9);
  EXPECT_NEAR(two.weights[0], 1, 1e-6);
  EXPECT_NEAR(two.multipliers[0], 1.0 / 3, 1e-5);
  EXPECT_NEAR(two.multipliers[1], 2.0 / 3, 1e-5);
}

// The certificate: primal and dual feasible, hardly apart; and the optimality conditions where the problem is not
// degenerate.
TEST(MaxMargin, CarriesItsProof) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{6}})
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const Matrix z = separable(15, 6, seed);
      const Groups groups = groups_of(6, size);
      const MaxMargin best = max_margin(z, groups);
      EXPECT_NEAR(group_norm(best.weights, groups), 1, 1e-12);
      EXPECT_GT(best.margin, 0);
      const std::vector<double> margins = multiply(z, best.weights);
      double sum = 0, slack = 0;
      for (std::size_t i = 0; i < 15; ++i) {
        EXPECT_GE(margins[i], best.margin - 1e-12);
        EXPECT_GE(best.multipliers[i], 0);
        sum += best.multipliers[i];
        slack += best.multipliers[i] * (margins[i] - best.margin);
      }
      EXPECT_NEAR(sum, 1, 1e-12);
      std::vector<double> pull(6);
      for (std::size_t j = 0; j < 6; ++j) pull[j] = dot(z.column(j), best.multipliers);
      EXPECT_NEAR(best.gap, dual_group_norm(pull, groups) - best.margin, 1e-11);
      EXPECT_LT(best.gap, 1e-7) << size << " " << seed;
      EXPECT_GE(best.gap, -1e-12);
      EXPECT_LT(slack, best.gap + 1e-12);  // a part of it
      // No other direction of the unit ball does better.
      Random random(seed + 50);
      for (int k = 0; k < 200; ++k) {
        std::vector<double> w(6);
        for (double& value : w) value = random.normal();
        const double norm = group_norm(w, groups);
        double least = std::numeric_limits<double>::infinity();
        for (const double m : multiply(z, w)) least = std::min(least, m / norm);
        EXPECT_LE(least, best.margin + best.gap + 1e-12);
      }
    }
}

TEST(MaxMargin, SaysThatNothingSeparates) {
  const MaxMargin best = max_margin(rows_of({{1, 0}, {-1, 0}, {0, 1}}), groups_of(2, 2));
  EXPECT_LE(best.margin, 1e-12);
  EXPECT_LT(best.gap, 1e-7);
}

TEST(MaxMargin, DoesNotDependOnUnits) {
  const Matrix z = separable(12, 4, 9);
  Matrix large = z;
  for (std::size_t j = 0; j < 4; ++j)
    for (double& value : large.column(j)) value *= 1e6;
  EXPECT_NEAR(max_margin(large, groups_of(4, 4)).margin / max_margin(z, groups_of(4, 4)).margin, 1e6, 1e-3);
}

TEST(MaxMargin, Refuses) {
  const Matrix z = separable(4, 4, 1);
  EXPECT_THROW(max_margin(Matrix(0, 4), groups_of(4, 1)), ContractError);
  EXPECT_THROW(max_margin(z, {{0, 1}, {2}}), ContractError);
  EXPECT_THROW(max_margin(z, {{0, 1}, {1, 2, 3}}), ContractError);
  EXPECT_THROW(max_margin(z, {{0, 1, 2, 4}}), ContractError);
  EXPECT_THROW(groups_of(5, 2), ContractError);
  Matrix bad = z;
  bad(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(max_margin(bad, groups_of(4, 1)), ContractError);
  for (std::size_t j = 0; j < 4; ++j) bad(1, j) = 0;
  EXPECT_THROW(max_margin(bad, groups_of(4, 1)), ContractError);
}

}  // namespace
}  // namespace turnpike
