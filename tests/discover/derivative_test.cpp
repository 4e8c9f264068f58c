#include <turnpike/discover/derivative.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>

#include "exact_fields.h"

namespace turnpike {
namespace {

double largest_error(const LineDerivative& derivative, const std::vector<double>& x, int order, std::int64_t margin) {
  std::vector<double> u, out(x.size());
  for (const double xi : x) u.push_back(std::sin(xi));
  derivative.apply(u, out);
  double error = 0;
  for (std::size_t i = static_cast<std::size_t>(margin); i + static_cast<std::size_t>(margin) < x.size(); ++i)
    error = std::max(error, std::abs(out[i] - std::sin(x[i] + order * std::numbers::pi / 2)));
  return error;
}

TEST(LineDerivative, FiniteDifferencesHaveTheirOrder) {
  for (const bool ends : {false, true})
    for (const int accuracy : {2, 4, 6})
      for (int order = 1; order <= 4; ++order) {
        std::vector<double> h, error;
        for (const int n : {15, 17, 19, 22, 25}) {
          std::vector<double> x;
          for (int i = 0; i < n; ++i) x.push_back(0.4 + 2.0 * i / (n - 1));  // no zero of sin or cos at the ends
          auto d = line_derivative({.accuracy = accuracy, .one_sided_ends = ends}, "x", x, order);
          h.push_back(x[1] - x[0]);
          error.push_back(largest_error(*d, x, order, ends ? 0 : d->margin));
        }
        // Orders are even: 0.6 tells them apart, and the farthest point moves with n.
        EXPECT_NEAR(fit_order(h, error, 1e-11).slope, accuracy, 0.6) << accuracy << " " << order << " " << ends;
      }
}

TEST(LineDerivative, UnequalStepsAreAllowed) {
  std::vector<double> x;
  for (int i = 0; i < 60; ++i) x.push_back(std::exp(0.02 * i));
  auto d = line_derivative({.accuracy = 6}, "x", x, 2);
  EXPECT_LT(largest_error(*d, x, 2, d->margin), 1e-7);
  auto p = line_derivative({.method = "polynomial", .half_width = 4, .degree = 6}, "x", x, 2);
  EXPECT_LT(largest_error(*p, x, 2, p->margin), 1e-4);
  auto s = line_derivative({.method = "spline"}, "x", x, 1);
  EXPECT_LT(largest_error(*s, x, 1, 8), 1e-4);
  EXPECT_THROW(line_derivative({.method = "spectral"}, "x", x, 1), InputError);
}

TEST(LineDerivative, AFinerOneAtLeastHalvesTheError) {
  const std::vector<DerivativeOptions> methods = {{.accuracy = 2},          {.accuracy = 6},
                                                  {.method = "polynomial"}, {.method = "polynomial", .half_width = 2},
                                                  {.method = "spectral"},  // sin is not periodic over these points
                                                  {.method = "spline"}};
  const std::vector<double> x = exact::grid(0.4, 6, 50);
  for (const DerivativeOptions& method : methods)
    for (int order = 1; order <= 3; ++order) {
      const auto first = line_derivative(method, "x", x, order), finer = finer_derivative(method, "x", x, order);
      const std::int64_t margin = 12;
      EXPECT_LT(largest_error(*finer, x, order, margin), largest_error(*first, x, order, margin) / 2)
          << method.method << order;
    }
  // Of the best finite differences two orders less: no narrower than what there is.
  const auto best = line_derivative({.accuracy = 12}, "x", x, 1), other = finer_derivative({.accuracy = 12}, "x", x, 1);
  EXPECT_LT(largest_error(*best, x, 1, 12), largest_error(*other, x, 1, 12) / 2);
  // Half of a line's smoothing error is seen where it is smoothed a quarter as much.
  const auto smooth = line_derivative({.method = "spline"}, "x", x, 1, 0.05),
             less = finer_derivative({.method = "spline"}, "x", x, 1, 0.05);
  EXPECT_LT(largest_error(*less, x, 1, 12), largest_error(*smooth, x, 1, 12) / 2);
}

TEST(LineDerivative, PolynomialsAreExactToTheirDegree) {
  const std::vector<double> x = exact::grid(-1, 2, 40);
  std::vector<double> u, out(40);
  for (const double xi : x) u.push_back(1 - xi + 2 * std::pow(xi, 4));
  for (const bool published : {false, true}) {
    auto d = line_derivative({.method = "polynomial", .half_width = 6, .degree = 4, .published = published}, "x", x, 3);
    d->apply(u, out);
    for (std::size_t i = 6; i < 34; ++i) EXPECT_NEAR(out[i], 48 * x[i], 1e-8);
  }
}

TEST(LineDerivative, SpectralIsExactForModes) {
  for (const int n : {32, 33}) {
    std::vector<double> x;
    for (int i = 0; i < n; ++i) x.push_back(2 * std::numbers::pi * i / n);
    for (int order = 1; order <= 5; ++order)
      EXPECT_LT(largest_error(*line_derivative({.method = "spectral"}, "x", x, order), x, order, 0),
                1e-9 * std::pow(10, order));
  }
}

TEST(LineDerivative, TheSplineSmoothsNoiseAway) {
  const std::vector<double> x = exact::grid(0, 6, 400);
  std::vector<double> u, smooth(400), rough(400);
  Random random(4);
  for (const double xi : x) u.push_back(std::sin(xi) + 0.02 * random.normal());
  line_derivative({.method = "spline"}, "x", x, 1, 0.02)->apply(u, smooth);
  line_derivative({.method = "spline"}, "x", x, 1, 0)->apply(u, rough);
  double error = 0, error_rough = 0;
  for (std::size_t i = 20; i < 380; ++i) {
    error += std::pow(smooth[i] - std::cos(x[i]), 2) / 360;
    error_rough += std::pow(rough[i] - std::cos(x[i]), 2) / 360;
  }
  EXPECT_LT(std::sqrt(error), 0.05);
  EXPECT_GT(std::sqrt(error_rough), 1);
}

TEST(LineDerivative, RefusesWhatCannotBe) {
  const std::vector<double> x = exact::grid(0, 1, 6);
  EXPECT_THROW(line_derivative({.accuracy = 6}, "x", x, 2), InputError);
  EXPECT_THROW(line_derivative({.accuracy = 3}, "x", x, 1), InputError);
  EXPECT_THROW(line_derivative({.method = "spline"}, "x", x, 4), InputError);
  EXPECT_THROW(line_derivative({.method = "polynomial"}, "x", x, 1), InputError);
  EXPECT_THROW(line_derivative({.method = "guess"}, "x", x, 1), InputError);
}

}  // namespace
}  // namespace turnpike
