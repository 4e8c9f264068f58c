#include <gtest/gtest.h>

#include <algorithm>

#include <turnpike/base/error.h>
#include <turnpike/discover/discovery.h>

#include "exact_fields.h"

namespace turnpike {
namespace {

DiscoveryOptions strong(int degree, int order) {
  return {.form = "strong", .polynomial_degree = degree, .derivative_order = order, .resamples = 0};
}

TEST(StrongForm, FindsHeatAndKdvInCleanData) {
  const FoundEquation heat = discover({exact::heat()}, strong(2, 3)).equations.at(0);
  ASSERT_EQ(heat.terms.size(), 1u) << heat.text();
  EXPECT_EQ(heat.terms[0].term, "u_xx");
  EXPECT_NEAR(heat.terms[0].coefficient.real(), 0.5, 1e-5);
  const FoundEquation kdv = discover({exact::kdv()}, strong(2, 3)).equations.at(0);
  ASSERT_EQ(kdv.terms.size(), 2u) << kdv.text();
  EXPECT_EQ(kdv.terms[0].term, "u*u_x");
  EXPECT_NEAR(kdv.terms[0].coefficient.real(), -6, 2e-2);
  EXPECT_NEAR(kdv.terms[1].coefficient.real(), -1, 5e-3);
}

TEST(StrongForm, NoiseInTheColumnsMakesNoTerms) {
  // By it u_xxx is pulled to zero where u is small, and terms with u^n u_xxx undo that. No more than rounding in the
  // published files.
  Measurement kdv = exact::kdv();
  add_noise(kdv, 3e-5, 1);
  const FoundEquation found = discover({kdv}, strong(3, 4)).equations.at(0);
  ASSERT_TRUE(found.found) << found.reason;
  ASSERT_EQ(found.terms.size(), 2u) << found.text();
  EXPECT_EQ(found.terms[1].term, "u_xxx");
  EXPECT_NEAR(found.terms[0].coefficient.real(), -6, 0.02);
  EXPECT_NEAR(found.terms[1].coefficient.real(), -1, 0.005);
  for (const double noise : {1e-3, 1e-2, 1e-1}) {
    Measurement noisier = exact::kdv();
    add_noise(noisier, noise, 2);
    const Discovery none = discover({noisier}, strong(3, 4));
    EXPECT_FALSE(none.found) << none.equations[0].text();
  }
}

TEST(StrongForm, ErrorsOfTheDerivativesMakeNoTerms) {
  // By them u_xxx is too small where the soliton is narrow, and terms with u^n u_xxx undo that.
  const std::vector<DerivativeOptions> methods = {
      {.accuracy = 2}, {.accuracy = 4}, {.method = "polynomial", .half_width = 3}, {.method = "spline"}};
  for (const DerivativeOptions& method : methods) {
    DiscoveryOptions options = strong(3, 3);
    options.space = options.time = method;
    const FoundEquation found = discover({exact::kdv()}, options).equations.at(0);
    ASSERT_TRUE(found.found) << found.reason;
    ASSERT_EQ(found.terms.size(), 2u) << found.text();
    for (const auto& [term, truth] : {std::pair(found.terms[0], -6.0), std::pair(found.terms[1], -1.0)}) {
      EXPECT_LT(term.low.real(), truth) << method.method << found.text();
      EXPECT_GT(term.high.real(), truth) << method.method << found.text();
      EXPECT_LT(term.high.real() - term.low.real(), 0.2 * -truth);
    }
  }
}

TEST(StrongForm, WhatTheErrorsOfTheDerivativesMayHideIsNotFound) {
  const auto reason = [](const Measurement& data, DiscoveryOptions options, int half_width) {
    options.space = options.time = {.method = "polynomial", .half_width = half_width};
    const Discovery discovery = discover({data}, options);
    EXPECT_FALSE(discovery.found) << discovery.equations[0].text();
    EXPECT_EQ(discovery.equations[0].lhs.find("_tt"), std::string::npos);
    return discovery.reason;
  };
  EXPECT_NE(reason(exact::kdv(), strong(3, 3), 5).find("own errors may be"), std::string::npos);
  EXPECT_NE(reason(exact::kdv(), strong(3, 3), 10).find("u_xxx would explain it"), std::string::npos);
  // Without -y it leaves no more than the errors may be.
  DiscoveryOptions of_y = strong(2, 0);
  of_y.equations_of = {"y"};
  EXPECT_NE(reason(exact::lorenz({-8, 7, 27}, 2000, 0.01), of_y, 10).find("better derivatives take other terms"),
            std::string::npos);
}

TEST(StrongForm, WhatNoiseHidesIsNotReplaced) {
  // u_xx is noise here; 0.06 - 0.47 u^2 leaves a quarter of u_t beyond noise, which is no more than noise in u_t hides.
  Measurement heat = exact::field("heat", exact::grid(-5, 5, 128), exact::grid(0, 5, 101), [](double x, double t) {
    return std::exp(-x * x / (4 * (t + 1))) / std::sqrt(t + 1);
  });
  add_noise(heat, 0.01, 1);
  const Discovery none = discover({heat}, strong(3, 4));
  EXPECT_FALSE(none.found) << none.equations[0].text();
}

TEST(StrongForm, ASmallTermThatIsMissingIsSeen) {
  Measurement heat = exact::heat();
  for (std::size_t i = 0; i < 128; ++i)
    for (std::size_t k = 0; k < 81; ++k)
      heat.fields[0].values[i * 81 + k] +=
          2e-3 * std::sin(7 * heat.axes[0].points[i]) * std::cos(5 * heat.axes[1].points[k]);
  const Discovery none = discover({heat}, strong(1, 2));
  EXPECT_NE(none.reason.find("leaves more of u_t than noise and the derivatives' errors do"), std::string::npos)
      << none.reason << none.equations[0].text() << none.equations[0].residual;
}

TEST(StrongForm, TakesUnequalSteps) {
  // y' = y / x + y^2 / x^3 on points that crowd towards x = 1, from y = x^2 / (1 + C x)
  std::vector<Measurement> solutions;
  for (const double c : {-0.2, 0.0, 0.5, 2.0}) {
    Measurement m = {.source = "y", .axes = {{"x", {}}}, .fields = {{.name = "y"}}};
    for (int i = 0; i < 200; ++i) {
      const double x = std::exp(0.006 * i);
      m.axes[0].points.push_back(x);
      m.fields[0].values.push_back(x * x / (1 + c * x));
    }
    solutions.push_back(m);
  }
  DiscoveryOptions options = strong(0, 0);
  for (int p = 0; p <= 3; ++p)
    for (int q = 1; q <= 3; ++q) options.formulas.push_back("x^(-" + std::to_string(p) + ")*y^" + std::to_string(q));
  const FoundEquation found = discover(solutions, options).equations.at(0);
  ASSERT_EQ(found.terms.size(), 2u) << found.text();
  EXPECT_EQ(found.terms[0].term, "x^(-1)*y^1");
  EXPECT_NEAR(found.terms[0].coefficient.real(), 1, 1e-6);
  EXPECT_EQ(found.terms[1].term, "x^(-3)*y^2");
  EXPECT_NEAR(found.terms[1].coefficient.real(), 1, 1e-6);
}

TEST(StrongForm, ComplexFieldsAndHoles) {
  Measurement nls = exact::nls();
  DiscoveryOptions options = strong(3, 2);
  const FoundEquation found = discover({nls}, options).equations.at(0);
  ASSERT_EQ(found.terms.size(), 2u) << found.text();
  EXPECT_NEAR(found.terms[0].coefficient.imag() + found.terms[1].coefficient.imag(), 1.5, 1e-2) << found.text();

  Measurement heat = exact::heat();
  heat.fields[0].values[60 * 81 + 40] = NAN;
  mask_holes(heat);
  const FoundEquation with_hole = discover({heat}, strong(2, 3)).equations.at(0);
  ASSERT_EQ(with_hole.terms.size(), 1u);
  EXPECT_NEAR(with_hole.terms[0].coefficient.real(), 0.5, 1e-5);
  options.space.method = "spectral";
  EXPECT_THROW(discover({heat}, options), InputError);
}

TEST(StrongForm, ThePublishedRecipeFindsCleanKdv) {
  DiscoveryOptions options = strong(2, 3);
  options.form = "published";
  options.published_step = 5;
  options.space.accuracy = options.time.accuracy = 2;
  const FoundEquation kdv = discover({exact::kdv()}, options).equations.at(0);
  ASSERT_EQ(kdv.terms.size(), 2u) << kdv.text();
  EXPECT_EQ(kdv.terms[0].term, "u*u_x");
  EXPECT_NEAR(kdv.terms[0].coefficient.real(), -6, 0.3);
  EXPECT_EQ(kdv.terms[1].term, "u_xxx");
}

}  // namespace
}  // namespace turnpike
