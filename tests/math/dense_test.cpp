#include <turnpike/math/dense.h>

#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Random random(seed);
  Matrix a(rows, columns);
  for (std::size_t j = 0; j < columns; ++j)
    for (double& value : a.column(j)) value = random.normal();
  return a;
}

TEST(Dense, LeastSquaresOfLongley) {
  // NIST Statistical Reference Datasets, Longley (higher difficulty: condition number 5e9 before scaling).
  const double rows[16][6] = {{83.0, 234289, 2356, 1590, 107608, 1947},  {88.5, 259426, 2325, 1456, 108632, 1948},
                              {88.2, 258054, 3682, 1616, 109773, 1949},  {89.5, 284599, 3351, 1650, 110929, 1950},
                              {96.2, 328975, 2099, 3099, 112075, 1951},  {98.1, 346999, 1932, 3594, 113270, 1952},
                              {99.0, 365385, 1870, 3547, 115094, 1953},  {100.0, 363112, 3578, 3350, 116219, 1954},
                              {101.2, 397469, 2904, 3048, 117388, 1955}, {104.6, 419180, 2822, 2857, 118734, 1956},
                              {108.4, 442769, 2936, 2798, 120445, 1957}, {110.8, 444546, 4681, 2637, 121950, 1958},
                              {112.6, 482704, 3813, 2552, 123366, 1959}, {114.2, 502601, 3931, 2514, 125368, 1960},
                              {115.7, 518173, 4806, 2572, 127852, 1961}, {116.9, 554894, 4007, 2827, 130081, 1962}};
  const std::vector<double> y = {60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761,
                                 66019, 67857, 68169, 66513, 68655, 69564, 69331, 70551};
  Matrix a(16, 7);
  for (std::size_t i = 0; i < 16; ++i) {
    a(i, 0) = 1;
    for (std::size_t j = 0; j < 6; ++j) a(i, j + 1) = rows[i][j];
  }
  const std::vector<double> certified = {-3482258.63459582, 15.0618722713733,  -0.358191792925910E-01,
                                         -2.02022980381683, -1.03322686717359, -0.0511041056535807,
                                         1829.15146461355};
  LeastSquares fit = least_squares(a, y);
  ASSERT_EQ(fit.rank, 7);
  for (std::size_t j = 0; j < 7; ++j) EXPECT_NEAR(fit.solution[j] / certified[j], 1, 1e-7);
  EXPECT_NEAR(fit.residual, std::sqrt(836424.055505915), 1e-5);
}

TEST(Dense, ADependentColumnGetsNothing) {
  Matrix a = random_matrix(20, 3, 1);
  for (std::size_t i = 0; i < 20; ++i) a(i, 2) = 2 * a(i, 0);
  std::vector<double> b(20);
  for (std::size_t i = 0; i < 20; ++i) b[i] = a(i, 0) - a(i, 1);
  LeastSquares fit = least_squares(a, b);
  EXPECT_EQ(fit.rank, 2);
  EXPECT_NEAR(fit.residual, 0, 1e-13);
  EXPECT_NEAR(fit.solution[0] + 2 * fit.solution[2], 1, 1e-13);
  EXPECT_TRUE(fit.solution[0] == 0 || fit.solution[2] == 0);
}

TEST(Dense, CholeskySolvesAndRefuses) {
  Matrix a = random_matrix(30, 6, 2), s = gram(a);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) EXPECT_NEAR(s(i, j), dot(a.column(i), a.column(j)), 1e-12);
  const std::vector<double> x = {1, -2, 3, 0, 0.5, 4};
  auto solved = solve_cholesky(s, multiply(s, x));
  ASSERT_TRUE(solved);
  for (std::size_t j = 0; j < 6; ++j) EXPECT_NEAR((*solved)[j], x[j], 1e-11);
  auto inverse = inverse_cholesky(s);
  ASSERT_TRUE(inverse);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) EXPECT_NEAR(dot(s.column(i), inverse->column(j)), i == j, 1e-12);
  s(0, 0) = -1;
  EXPECT_FALSE(solve_cholesky(s, x));
  EXPECT_FALSE(inverse_cholesky(s));
}

TEST(Dense, EigenvaluesAndSingularValuesOfAKnownMatrix) {
  // The second difference on n points: lambda_k = 2 - 2 cos(k pi / (n + 1)).
  const std::size_t n = 50;
  Matrix s(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    s(i, i) = 2;
    if (i) s(i, i - 1) = s(i - 1, i) = -1;
  }
  SymmetricEigen eigen = symmetric_eigen(s);
  std::vector<double> singular = singular_values(s);
  for (std::size_t k = 0; k < n; ++k) {
    const double expected = 2 - 2 * std::cos(static_cast<double>(k + 1) * std::acos(-1.0) / static_cast<double>(n + 1));
    EXPECT_NEAR(eigen.values[k], expected, 1e-13);
    EXPECT_NEAR(singular[n - 1 - k], expected, 1e-13);
  }
  std::vector<double> image = multiply(s, eigen.vectors.column(3));
  for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(image[i], eigen.values[3] * eigen.vectors(i, 3), 1e-13);
}

TEST(Dense, RefusesShapesThatDoNotFit) {
  Matrix a(3, 2);
  EXPECT_THROW(least_squares(a, std::vector<double>(2)), ContractError);
  EXPECT_THROW(solve_cholesky(a, std::vector<double>(3)), ContractError);
  EXPECT_THROW(multiply(a, std::vector<double>(3)), ContractError);
}

}  // namespace
}  // namespace turnpike
