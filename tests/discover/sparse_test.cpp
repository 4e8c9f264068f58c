#include <turnpike/discover/sparse.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

// Unit columns with correlated neighbours; b = sum of some of them and noise, unit.
NormalEquations random_system(std::size_t rows, std::size_t p, const std::vector<std::pair<int, double>>& truth,
                              double noise, std::uint64_t seed) {
  Random random(seed);
  Matrix g(rows, p);
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t r = 0; r < rows; ++r) g(r, j) = random.normal() + (j ? 0.7 * g(r, j - 1) : 0);
    const double length = norm(g.column(j));
    for (double& value : g.column(j)) value /= length;
  }
  std::vector<double> b(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    for (const auto& [j, xi] : truth) b[r] += xi * g(r, static_cast<std::size_t>(j));
    b[r] += noise * random.normal() / std::sqrt(static_cast<double>(rows));
  }
  const double length = norm(b);
  NormalEquations system = {gram(g), {}};
  for (std::size_t j = 0; j < p; ++j) system.right.push_back(dot(g.column(j), b) / length);
  return system;
}

double least_by_brute_force(const NormalEquations& system, int from, Support& support, std::size_t size) {
  if (support.size() == size) return fit_support(system, support).residual_square;
  double least = INFINITY;
  for (int j = from; j < static_cast<int>(system.size()); ++j) {
    support.push_back(j);
    least = std::min(least, least_by_brute_force(system, j + 1, support, size));
    support.pop_back();
  }
  return least;
}

TEST(Sparse, BestSubsetIsTheBest) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const NormalEquations system = random_system(60, 12, {{1, 1}, {2, -0.9}, {7, 0.6}, {8, -0.4}}, 0.8, seed);
    const std::vector<Support> path = best_subset_path(system, 5);
    ASSERT_EQ(path.size(), 5u);
    for (std::size_t k = 1; k <= 5; ++k) {
      Support support;
      EXPECT_NEAR(fit_support(system, path[k - 1]).residual_square, least_by_brute_force(system, 0, support, k), 1e-12);
    }
  }
}

TEST(Sparse, EverySolverFindsAPlainSupport) {
  const Support truth = {3, 11, 25};
  for (const std::string& solver : solver_names()) {
    const std::vector<Support> path =
        sparse_path(solver, random_system(400, 40, {{3, 1}, {11, -0.7}, {25, 0.5}}, 0.05, 3), 8);
    EXPECT_NE(std::find(path.begin(), path.end(), truth), path.end()) << solver;
    for (std::size_t i = 1; i < path.size(); ++i) EXPECT_LT(path[i - 1].size(), path[i].size()) << solver;
  }
  EXPECT_THROW(sparse_path("guess", random_system(20, 3, {{0, 1}}, 0, 1), 2), InputError);
}

TEST(Sparse, SurvivesDependentAndEmptyColumns) {
  NormalEquations system = random_system(100, 10, {{2, 1}, {6, 0.5}}, 0.01, 5);
  for (std::size_t i = 0; i < 10; ++i) {
    system.gram(i, 9) = system.gram(i, 2);  // column 9 is column 2
    system.gram(9, i) = system.gram(2, i);
    system.gram(i, 4) = system.gram(4, i) = 0;  // column 4 is empty
  }
  system.gram(9, 9) = 1;
  system.right[9] = system.right[2];
  system.right[4] = 0;
  for (const std::string& solver : solver_names()) {
    const std::vector<Support> path = sparse_path(solver, system, 6);
    ASSERT_GE(path.size(), 2u) << solver;
    for (const Support& support : path) EXPECT_EQ(std::count(support.begin(), support.end(), 4), 0) << solver;
    EXPECT_LT(fit_support(system, path.back()).residual_square, 1e-3) << solver;
  }
}

TEST(Sparse, TakesWhatMayBeTaken) {
  // Column 2 alone, and columns 1 and 6 together, tell nothing.
  NormalEquations system = random_system(100, 8, {{2, 1}, {6, 0.5}, {1, 0.4}}, 0.05, 5);
  system.telling = Matrix(8, 8);
  for (std::size_t i = 0; i < 8; ++i) system.telling(i, i) = i == 2 ? -1 : 1;
  system.telling(1, 6) = system.telling(6, 1) = 2;
  for (const std::string solver : {"best_subset", "omp", "frols"}) {
    const std::vector<Support> path = sparse_path(solver, system, 3);
    ASSERT_EQ(path.size(), 3u) << solver;
    for (const Support& support : path) {
      EXPECT_EQ(std::count(support.begin(), support.end(), 2), 0) << solver;
      EXPECT_LT(std::count(support.begin(), support.end(), 1) + std::count(support.begin(), support.end(), 6), 2);
    }
  }
}

TEST(Sparse, OthersThatComeNear) {
  const NormalEquations system = random_system(60, 6, {{1, 1}, {4, 0.9}}, 0.5, 2);
  const std::vector<Support> near = best_supports(system, 2, 3);
  ASSERT_EQ(near.size(), 4u);  // the best column, then three pairs
  EXPECT_EQ(near[1], (Support{1, 4}));
  for (std::size_t i : {1, 2})
    EXPECT_LT(fit_support(system, near[i]).residual_square, fit_support(system, near[i + 1]).residual_square);
  for (const Support& other : neighbours(system, {1, 4}, 2)) {
    Support common;
    std::set_intersection(other.begin(), other.end(), near[1].begin(), near[1].end(), std::back_inserter(common));
    EXPECT_EQ(common.size(), 1u);
    EXPECT_EQ(other.size(), 2u);
  }
  EXPECT_EQ(neighbours(system, {1, 4}, 2).size(), 4u);
}

TEST(Sparse, AFitOfASupportIsLeastSquares) {
  const NormalEquations system = random_system(50, 5, {{0, 1}, {3, 2}}, 0, 7);
  const SupportFit fit = fit_support(system, {0, 3});
  EXPECT_NEAR(fit.coefficients[1] / fit.coefficients[0], 2, 1e-12);
  EXPECT_NEAR(fit.residual_square, 0, 1e-13);
}

}  // namespace
}  // namespace turnpike
