#include <turnpike/discover/test_function.h>

#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

// sum_i w_i f(x_i), x_i = (i - m) dx around `middle`
template <class F>
double sum_of(const std::vector<double>& w, double middle, double dx, F f) {
  const int m = static_cast<int>(w.size() / 2);
  double sum = 0;
  for (int i = -m; i <= m; ++i) sum += w[static_cast<std::size_t>(i + m)] * f(middle + i * dx);
  return sum;
}

TEST(TestFunction, SumsGoByPartsExactlyForPolynomials) {
  for (const TestFunction test : {TestFunction{3, 5}, {5, 13}, {16, 11}, {40, 9}})
    for (int order = 1; order <= 4; ++order) {
      const double dx = 0.1;
      const std::vector<double> phi = test.values(0, dx), w = test.values(order, dx);
      for (int k = 0; k <= std::min(10, 2 * test.half_width); ++k) {
        const double reach = test.half_width * dx;
        // Off the middle, so that both parities are in it.
        const auto f = [&](double x) { return std::pow(x / reach, k); };
        const auto derivative = [&](double x) {
          double value = order > k ? 0 : std::pow(x / reach, k - order);
          for (int j = 0; j < order && value != 0; ++j) value *= (k - j) / reach;
          return value;
        };
        const double sign = order % 2 ? -1 : 1, size = std::pow(reach, -order) * std::pow(1.3, k) * 1e4;
        EXPECT_NEAR(sum_of(w, 0.3 * reach, dx, f), sign * sum_of(phi, 0.3 * reach, dx, derivative), 1e-11 * size)
            << test.half_width << " " << order << " " << k;
      }
    }
}

TEST(TestFunction, SumsGoByPartsForWavesThatFewPointsResolve) {
  // Twelve points a wave; with seven points a test function, 1 and 3 per cent are lost without the correction.
  const double dx = 1, k = 2 * M_PI / 12;
  for (const TestFunction test : {TestFunction{3, 4}, {4, 5}})
    for (const int order : {1, 2}) {
      const double by_parts = sum_of(test.values(order, dx), 0.7, dx, [&](double x) { return std::cos(k * x); });
      const double phase = order == 1 ? M_PI / 2 : M_PI;
      const double exact = (order % 2 ? -1 : 1) * std::pow(k, order) *
                           sum_of(test.values(0, dx), 0.7, dx, [&](double x) { return std::cos(k * x + phase); });
      EXPECT_NEAR(by_parts / exact, 1, 2e-5) << test.half_width << " " << order;
    }
}

TEST(TestFunction, IsThePowerOfAParabolaWithItsParity) {
  const TestFunction test = {12, 8};
  const std::vector<double> phi = test.values(0, 0.5);
  EXPECT_EQ(phi.front(), 0);
  EXPECT_NEAR(phi[12 + 3], std::pow(1 - 1.0 / 16, 8), 1e-15);
  for (int order = 0; order <= 4; ++order) {
    const std::vector<double> w = test.values(order, 0.5);
    for (std::size_t i = 0; i <= 12; ++i) EXPECT_NEAR(w[24 - i], (order % 2 ? -1 : 1) * w[i], 1e-9) << order;
  }
  EXPECT_THROW(test.values(8, 0.5), ContractError);
}

TEST(TestFunction, TheCornerOfASpectrumIsWhereNoiseBegins) {
  std::vector<double> amplitude;
  for (int k = 0; k <= 200; ++k) amplitude.push_back(std::exp(-0.3 * k) + 1e-4);
  // What signal is left from there on up is as much as the noise: exp(-0.3 k) / (1 - exp(-0.3)) = 200 x 1e-4.
  EXPECT_NEAR(spectrum_corner(amplitude), -std::log(200 * 1e-4 * (1 - std::exp(-0.3))) / 0.3, 2);
  // Wide test functions for smooth data, narrow ones for detail.
  const TestFunction smooth = choose_test_function(amplitude, 400, 3, 100);
  for (double& a : amplitude) a = 1e-4;
  for (int k = 0; k < 120; ++k) amplitude[static_cast<std::size_t>(k)] = 1;
  const TestFunction rough = choose_test_function(amplitude, 400, 3, 100);
  EXPECT_GT(smooth.half_width, 2 * rough.half_width);
  EXPECT_GE(rough.half_width, 5);
}

}  // namespace
}  // namespace turnpike
