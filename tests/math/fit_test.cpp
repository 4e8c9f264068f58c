#include <turnpike/math/fit.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

TEST(Fit, NorrisOfNist) {
  // NIST Statistical Reference Datasets, Norris (linear, low difficulty, certified to 15 digits).
  const std::vector<double> y = {0.1, 338.8, 118.1, 888.0, 9.2,   228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3,
                                 0.1, 778.1, 668.8, 339.3, 448.9, 10.8,  557.7, 228.3, 998.0, 888.8, 119.6, 0.3,
                                 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2,  117.6, 228.9, 668.4, 449.2, 0.2};
  const std::vector<double> x = {0.2, 337.4, 118.2, 884.6, 10.1,  226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4,
                                 0.6, 775.5, 666.9, 338.0, 447.5, 11.6,  556.0, 228.1, 995.8, 887.6, 120.2, 0.3,
                                 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1,  118.3, 229.2, 669.1, 448.9, 0.5};
  LineFit fit = fit_line(x, y);
  EXPECT_NEAR(fit.intercept, -0.262323073774029, 1e-12);
  EXPECT_NEAR(fit.slope, 1.00211681802045, 1e-13);
  EXPECT_NEAR(fit.r_squared, 0.999993745883712, 1e-13);
  EXPECT_EQ(fit.n_points, 36);
  const double t = 2.0322445093177186;  // Student's 0.975 quantile, 34 degrees of freedom
  EXPECT_NEAR(fit.slope_high - fit.slope, t * 0.429796848199937e-3, 1e-13);
  EXPECT_NEAR(fit.intercept_high - fit.intercept, t * 0.232818234301152, 1e-10);
  EXPECT_NEAR(fit.slope - fit.slope_low, fit.slope_high - fit.slope, 1e-15);
  EXPECT_NEAR(fit.intercept - fit.intercept_low, fit.intercept_high - fit.intercept, 1e-13);
}

TEST(Fit, StudentQuantiles) {
  // df = 1 is Cauchy: tan(pi (p - 1/2)); df = 2: (2p - 1) / sqrt(2 p (1 - p)).
  EXPECT_NEAR(student_quantile(0.975, 1), 12.706204736174705, 1e-11);
  EXPECT_NEAR(student_quantile(0.975, 2), 0.95 / std::sqrt(2 * 0.975 * 0.025), 1e-12);
  EXPECT_NEAR(student_quantile(0.025, 7), -student_quantile(0.975, 7), 1e-12);
  EXPECT_THROW(student_quantile(1, 3), ContractError);
  EXPECT_THROW(student_quantile(0.5, 0), ContractError);
}

TEST(Fit, ProportionsByClopperAndPearson) {
  // Nothing of n: 1 - 0.025^(1/n) above; one of one: 0.025 below; the ends of x of n are beta quantiles: k successes
  // are as unlikely as 2.5 % under both ends.
  const Interval none = proportion_interval(0, 20), all = proportion_interval(1, 1), some = proportion_interval(2, 9);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 1 - std::pow(0.025, 1.0 / 20), 1e-12);
  EXPECT_NEAR(all.low, 0.025, 1e-12);
  EXPECT_EQ(all.high, 1);
  const auto at_most_two = [](double p) {
    return std::pow(1 - p, 9) + 9 * p * std::pow(1 - p, 8) + 36 * p * p * std::pow(1 - p, 7);
  };
  const auto at_most_one = [](double p) { return std::pow(1 - p, 9) + 9 * p * std::pow(1 - p, 8); };
  EXPECT_NEAR(at_most_two(some.high), 0.025, 1e-10);
  EXPECT_NEAR(1 - at_most_one(some.low), 0.025, 1e-10);
  EXPECT_NEAR(some.mean, 2.0 / 9, 1e-15);
  EXPECT_NEAR(some.deviation, std::sqrt(14.0) / 9, 1e-15);
  EXPECT_THROW(proportion_interval(3, 2), ContractError);
  EXPECT_THROW(proportion_interval(-1, 2), ContractError);
  EXPECT_THROW(proportion_interval(0, 0), ContractError);
}

TEST(Fit, TheIntervalCoversAsPromised) {
  // 2000 noisy lines of eight points: coverage 95 % within 4.5 deviations of the binomial (0.49 %).
  Random random(5);
  int slope_covered = 0, intercept_covered = 0, mean_covered = 0;
  const int n = 2000;
  for (int trial = 0; trial < n; ++trial) {
    std::vector<double> x, y, z;
    for (int i = 0; i < 8; ++i) {
      x.push_back(i);
      z.push_back(random.normal());
      y.push_back(3 - 2 * i + z.back());
    }
    LineFit fit = fit_line(x, y);
    slope_covered += fit.slope_low <= -2 && -2 <= fit.slope_high;
    intercept_covered += fit.intercept_low <= 3 && 3 <= fit.intercept_high;
    Interval interval = mean_interval(z);
    mean_covered += interval.low <= 0 && 0 <= interval.high;
  }
  EXPECT_NEAR(slope_covered / double(n), 0.95, 4.5 * 0.0049);
  EXPECT_NEAR(intercept_covered / double(n), 0.95, 4.5 * 0.0049);
  EXPECT_NEAR(mean_covered / double(n), 0.95, 4.5 * 0.0049);
}

TEST(Fit, DecayIsFoundAboveTheFloor) {
  std::vector<double> t, y;
  for (int i = 0; i < 50; ++i) {
    t.push_back(0.4 * i);
    y.push_back(std::max(2.5 * std::exp(-1.7 * t.back()), 1e-12));  // rounding holds it up at the end
  }
  t.push_back(30);
  y.push_back(0);
  DecayFit fit = fit_decay(t, y, 1.1e-12);
  EXPECT_NEAR(fit.rate, 1.7, 1e-12);
  EXPECT_NEAR(fit.constant, 2.5, 1e-11);
  EXPECT_LE(fit.rate_low, fit.rate);
  EXPECT_GE(fit.rate_high, fit.rate);
  EXPECT_NEAR(fit.r_squared, 1, 1e-12);
  EXPECT_EQ(fit.n_points, 42);  // 2.5 e^-1.7t > 1.1e-12 up to t = 16.7
}

TEST(Fit, OrderIsTheSlopeOfTheLogarithms) {
  std::vector<double> h, error;
  for (int i = 0; i < 8; ++i) {
    h.push_back(std::pow(0.5, i));
    error.push_back(std::max(0.3 * std::pow(h.back(), 4), 1e-9));
  }
  LineFit fit = fit_order(h, error, 1e-8);
  EXPECT_NEAR(fit.slope, 4, 1e-12);
  EXPECT_EQ(fit.n_points, 7);
}

TEST(Fit, BrokenContractsAreRefused) {
  std::vector<double> two = {1, 2}, three = {1, 2, 3}, same = {1, 1, 1}, bad = {1, NAN, 3};
  EXPECT_THROW(fit_line(two, two), ContractError);
  EXPECT_THROW(fit_line(two, three), ContractError);
  EXPECT_THROW(fit_line(same, three), ContractError);
  EXPECT_THROW(fit_line(three, bad), ContractError);
  EXPECT_THROW(fit_decay(three, two), ContractError);
  EXPECT_THROW(fit_decay(three, same, 2), ContractError);
  EXPECT_THROW(mean_interval(std::vector<double>{1}), ContractError);
  EXPECT_EQ(fit_line(three, same).r_squared, 1);
}

TEST(Fit, MeanInterval) {
  // Samples 1..5: mean 3, deviation sqrt(2.5), t(0.975, 4) = 2.776445105197793.
  std::vector<double> samples = {1, 2, 3, 4, 5};
  Interval interval = mean_interval(samples);
  EXPECT_EQ(interval.mean, 3);
  EXPECT_NEAR(interval.deviation, std::sqrt(2.5), 1e-15);
  EXPECT_NEAR(interval.high, 3 + 2.776445105197793 * std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(interval.low, 3 - 2.776445105197793 * std::sqrt(0.5), 1e-12);
}

TEST(RankCorrelation, KnownValues) {
  // 1 - 6 sum d^2 / (n (n^2 - 1)), d = -1, 1, -1, 1, 0: 1 - 24 / 120.
  const std::vector<double> x = {1, 2, 3, 4, 5}, y = {20, 10, 40, 30, 50};
  EXPECT_NEAR(rank_correlation(x, y).value, 0.8, 1e-15);
  const std::vector<double> down = {5, 4, 3, 2, -100};
  EXPECT_NEAR(rank_correlation(x, down).value, -1, 1e-15);
  // Ties: ranks 1.5, 1.5, 3, 4 against 1, 2, 3.5, 3.5: 4 / sqrt(4.5 * 4.5).
  const std::vector<double> a = {1, 1, 2, 3}, b = {1, 2, 7, 7};
  EXPECT_NEAR(rank_correlation(a, b).value, 4 / 4.5, 1e-15);
  const std::vector<double> same = {1, 1, 1, 1, 1}, short_one = {1, 2, 3};
  EXPECT_TRUE(std::isnan(rank_correlation(x, same).value));
  EXPECT_THROW(rank_correlation(x, a), ContractError);
  EXPECT_THROW(rank_correlation(short_one, short_one), ContractError);
}

TEST(RankCorrelation, TheIntervalCovers) {
  // Normal pairs of correlation r have the rank correlation (6 / pi) asin(r / 2).
  const double r = 0.7, truth = 6 / std::numbers::pi * std::asin(r / 2);
  Random random(5);
  int inside = 0;
  const int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> x, y;
    for (int i = 0; i < 25; ++i) {
      x.push_back(random.normal());
      y.push_back(r * x.back() + std::sqrt(1 - r * r) * random.normal());
    }
    const Correlation correlation = rank_correlation(x, y);
    inside += correlation.low <= truth && truth <= correlation.high;
  }
  EXPECT_NEAR(inside / static_cast<double>(trials), 0.95, 0.02);
}

}  // namespace
}  // namespace turnpike
