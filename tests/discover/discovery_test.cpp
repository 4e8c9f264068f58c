#include <turnpike/discover/discovery.h>

#include <gtest/gtest.h>

#include <map>

#include <turnpike/base/error.h>
#include <turnpike/discover/linear_system.h>
#include <turnpike/math/random.h>

#include "exact_fields.h"

namespace turnpike {
namespace {

using Terms = std::map<std::string, std::complex<double>>;

DiscoveryOptions quick(int degree = 2, int order = 3) {
  return {.polynomial_degree = degree, .derivative_order = order, .resamples = 0};
}

void expect_equation(const FoundEquation& equation, const Terms& expected, double tolerance) {
  ASSERT_TRUE(equation.found) << equation.reason;
  EXPECT_EQ(equation.terms.size(), expected.size()) << equation.text();
  for (const FoundTerm& term : equation.terms) {
    ASSERT_TRUE(expected.count(term.term)) << equation.text();
    EXPECT_LT(std::abs(term.coefficient - expected.at(term.term)), tolerance * std::abs(expected.at(term.term)))
        << equation.text();
  }
}

TEST(Discover, HeatFromItsModes) {
  expect_equation(discover({exact::heat()}, quick()).equations.at(0), {{"u_xx", 0.5}}, 1e-7);
}

TEST(Discover, KdvFromTwoSolitons) {
  Measurement kdv = exact::kdv();
  expect_equation(discover({kdv}, quick()).equations.at(0), {{"u*u_x", -6}, {"u_xxx", -1}}, 1e-6);
  add_noise(kdv, 0.2, 1);
  expect_equation(discover({kdv}, quick()).equations.at(0), {{"u*u_x", -6}, {"u_xxx", -1}}, 0.02);
}

TEST(Discover, TheComplexEquationHasImaginaryCoefficients) {
  using namespace std::complex_literals;
  Measurement nls = exact::nls();
  const Terms expected = {{"u_xx", 0.5i}, {"u*|u|^2", 1i}};
  expect_equation(discover({nls}, quick(3, 3)).equations.at(0), expected, 1e-6);
  add_noise(nls, 0.1, 4);
  const FoundEquation noisy = discover({nls}, quick(3, 3)).equations.at(0);
  expect_equation(noisy, expected, 0.02);
  EXPECT_NE(noisy.text().find("i u_xx"), std::string::npos) << noisy.text();
}

TEST(Discover, LorenzFromANoisyTrajectory) {
  Measurement lorenz = exact::lorenz();
  for (const double noise : {0.0, 0.02}) {
    add_noise(lorenz, noise, 2);
    const Discovery found = discover({lorenz}, quick(2));
    ASSERT_EQ(found.equations.size(), 3u);
    const double tolerance = noise == 0 ? 1e-6 : 0.05;
    expect_equation(found.equations[0], {{"x", -10}, {"y", 10}}, tolerance);
    expect_equation(found.equations[1], {{"x", 28}, {"y", -1}, {"x*z", -1}}, 4 * tolerance);
    expect_equation(found.equations[2], {{"z", -8.0 / 3}, {"x*y", 1}}, tolerance);
  }
}

TEST(Discover, ACoarseGridIsNotNoise) {
  // Neighbours differ by as much as if there were noise of a few percent, which would hide -y.
  const Measurement fine = exact::lorenz({-8, 7, 27}, 4001, 0.005);
  Measurement coarse = {.source = "coarse", .axes = {{"t", {}}}, .fields = fine.fields};
  for (Field& field : coarse.fields) field.values.clear();
  for (std::size_t i = 0; i < 4001; i += 16) {
    coarse.axes[0].points.push_back(fine.axes[0].points[i]);
    for (std::size_t f = 0; f < 3; ++f) coarse.fields[f].values.push_back(fine.fields[f].values[i]);
  }
  EXPECT_GT(noise_deviation(coarse, coarse.fields[1]), 0.02);
  const Discovery found = discover({coarse}, quick(3));
  expect_equation(found.equations.at(1), {{"x", 28}, {"y", -1}, {"x*z", -1}}, 0.02);
  EXPECT_NE(found.notes.back().find("differ by more than noise"), std::string::npos) << found.notes.back();
  add_noise(coarse, 0.1, 1);
  for (const std::string& note : discover({coarse}, quick(3)).notes)
    EXPECT_EQ(note.find("differ by more than noise"), std::string::npos) << note;
}

TEST(Discover, AWaveNeedsTheSecondTimeDerivative) {
  const Measurement wave = exact::field("wave", exact::grid(0, 6, 120), exact::grid(0, 4, 100), [](double x, double t) {
    return std::sin(x - 2 * t) + 0.7 * std::cos(2 * (x + 2 * t)) + 0.3 * std::sin(3 * (x - 2 * t) + 1);
  });
  const Discovery found = discover({wave}, quick());
  EXPECT_EQ(found.equations.at(0).lhs, "u_tt");
  expect_equation(found.equations.at(0), {{"u_xx", 4}}, 1e-6);
  DiscoveryOptions first = quick();
  first.time_order = 1;
  EXPECT_FALSE(discover({wave}, first).found);
}

TEST(Discover, SeveralExperimentsOfOneSystem) {
  // Each trajectory alone is too short.
  std::vector<Measurement> experiments;
  for (int i = 0; i < 6; ++i) {
    experiments.push_back(exact::lorenz({-8.0 + 3 * i, 7.0 - i, 20.0 + 2 * i}, 400));
    add_noise(experiments.back(), 0.002, static_cast<std::uint64_t>(i));
  }
  const Discovery found = discover(experiments, quick(2));
  expect_equation(found.equations.at(0), {{"x", -10}, {"y", 10}}, 0.02);
  experiments[3].fields[0].name = "w";
  EXPECT_THROW(discover(experiments, quick(2)), InputError);
}

TEST(Discover, TwoDimensions) {
  // u_t = 0.3 (u_xx + u_yy) + u_x
  Measurement m = {.source = "plane",
                   .axes = {{"x", exact::grid(0, 6, 60)}, {"y", exact::grid(0, 5, 50)}, {"t", exact::grid(0, 1, 40)}},
                   .fields = {{.name = "u"}}};
  for (const double x : m.axes[0].points)
    for (const double y : m.axes[1].points)
      for (const double t : m.axes[2].points)
        m.fields[0].values.push_back(std::exp(-0.3 * 2 * t) * std::sin(x + t) * std::cos(y) +
                                     std::exp(-0.3 * 5 * t) * std::cos(x + t) * std::sin(2 * y + 1) +
                                     std::exp(-0.3 * 4 * t) * std::sin(2 * (x + t)));
  expect_equation(discover({m}, quick(2, 2)).equations.at(0), {{"u_x", 1}, {"u_xx", 0.3}, {"u_yy", 0.3}}, 1e-5);
}

TEST(Discover, DoesNotDependOnUnits) {
  // x in 1e3, t in 1e-2, u in 1e4 of the units before.
  Measurement kdv = exact::kdv();
  add_noise(kdv, 0.01, 5);
  Measurement scaled = kdv;
  for (double& x : scaled.axes[0].points) x *= 1e-3;
  for (double& t : scaled.axes[1].points) t *= 1e2;
  for (double& u : scaled.fields[0].values) u *= 1e-4;
  const FoundEquation a = discover({kdv}, quick()).equations.at(0), b = discover({scaled}, quick()).equations.at(0);
  ASSERT_EQ(a.terms.size(), 2u);
  ASSERT_EQ(b.terms.size(), 2u);
  EXPECT_NEAR(b.terms[0].coefficient.real() / (a.terms[0].coefficient.real() * 1e-3 * 1e-2 * 1e4), 1, 1e-6);
  EXPECT_NEAR(b.terms[1].coefficient.real() / (a.terms[1].coefficient.real() * 1e-9 * 1e-2), 1, 1e-6);
}

TEST(Discover, LeavesHolesOut) {
  Measurement kdv = exact::kdv();
  const Measurement whole = kdv;
  for (std::size_t x = 100; x < 110; ++x)
    for (std::size_t t = 60; t < 70; ++t) kdv.fields[0].values[x * 121 + t] = NAN;
  EXPECT_EQ(mask_holes(kdv), 100);
  const Discovery found = discover({kdv}, quick());
  expect_equation(found.equations.at(0), {{"u*u_x", -6}, {"u_xxx", -1}}, 1e-6);
  EXPECT_LT(found.rows, discover({whole}, quick()).rows);
}

TEST(Discover, FewDataGetNarrowerTestFunctions) {
  // The hole leaves no room for the widths that the smooth field asks for; nor do sixteen times.
  Measurement heat = exact::heat();
  for (std::size_t x = 60; x < 70; ++x)
    for (std::size_t t = 30; t < 40; ++t) heat.fields[0].values[x * 81 + t] = NAN;
  mask_holes(heat);
  expect_equation(discover({heat}, quick()).equations.at(0), {{"u_xx", 0.5}}, 1e-5);
  const Measurement brief =
      exact::field("brief", exact::grid(0, 6, 60), exact::grid(0, 0.7, 16),
                   [](double x, double t) { return std::exp(-t) * std::sin(x) + std::exp(-4 * t) * std::cos(2 * x); });
  expect_equation(discover({brief}, quick(2, 2)).equations.at(0), {{"u_xx", 1}}, 1e-6);
}

TEST(Discover, UserTermsAndGivenFields) {
  // u_t = u_xx / 2 - V(x) u with V = x^2 / 2 + 1/2: V as a field that is given, or as a formula; u = exp(-x^2/2 - t) +
  // ...
  const auto exact_value = [](double x, double t) {
    return std::exp(-x * x / 2) * (std::exp(-t) + 0.8 * x * std::exp(-2 * t) + 0.5 * (x * x - 0.5) * std::exp(-3 * t));
  };
  Measurement m = exact::field("well", exact::grid(-5, 5, 128), exact::grid(0, 1.5, 80), exact_value);
  DiscoveryOptions options = quick(1, 3);
  options.formulas = {"x^2*u"};
  expect_equation(discover({m}, options).equations.at(0), {{"u", -0.5}, {"u_xx", 0.5}, {"x^2*u", -0.5}}, 1e-5);
  m.fields.push_back({.name = "V", .given = true});
  for (const double x : m.axes[0].points)
    for (std::size_t t = 0; t < 80; ++t) m.fields[1].values.push_back(x * x / 2 + 0.5);
  expect_equation(discover({m}, quick(2, 3)).equations.at(0), {{"u_xx", 0.5}, {"u*V", -1}}, 1e-5);
  options.formulas = {"x^^2"};
  EXPECT_THROW(discover({m}, options), InputError);
}

TEST(Discover, UserTermsHaveDerivatives) {
  // u_t = -(x u)_x, u = f(x exp(-t)) exp(-t); and u_t = -x u_x, u = f(x exp(-t))
  const auto f = [](double s) { return std::sin(3 * s) + 0.3 * std::cos(7 * s); };
  const std::vector<double> x = exact::grid(0.2, 3, 160), t = exact::grid(0, 1, 90);
  const Measurement whole =
      exact::field("whole", x, t, [&](double x, double t) { return f(x * std::exp(-t)) * std::exp(-t); });
  const Measurement carried = exact::field("carried", x, t, [&](double x, double t) { return f(x * std::exp(-t)); });
  DiscoveryOptions options = quick(2, 2);
  options.formulas = {"(x*u)_x"};
  expect_equation(discover({whole}, options).equations.at(0), {{"(x*u)_x", -1}}, 1e-6);
  expect_equation(discover({carried}, options).equations.at(0), {{"u", 1}, {"(x*u)_x", -1}}, 1e-6);
  options.formulas = {"x*u_x"};
  EXPECT_THROW(discover({carried}, options), InputError);
  options.form = "strong";
  expect_equation(discover({carried}, options).equations.at(0), {{"x*u_x", -1}}, 1e-4);
  options.formulas = {"(x-1)*u_x"};
  expect_equation(discover({carried}, options).equations.at(0), {{"u_x", -1}, {"(x-1)*u_x", -1}}, 1e-4);
  for (const char* bad : {"x*w_x", "(x*u)_z", "(x*u_x", "(x)*(u)_x"}) {
    options.formulas = {bad};
    EXPECT_THROW(discover({carried}, options), InputError) << bad;
  }
}

TEST(Discover, FindsNothingInNothing) {
  const std::vector<double> x = exact::grid(0, 1, 64), t = exact::grid(0, 1, 80);
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Random random(seed);
    const Measurement noise = exact::field("noise", x, t, [&](double, double) { return random.normal(); });
    const Discovery found = discover({noise}, quick(3, 4));
    EXPECT_FALSE(found.found) << found.equations[0].text();
    EXPECT_NE(found.reason.find("is noise and no more"), std::string::npos) << found.reason;

    double state = 0;
    Measurement walk = {.source = "walk", .axes = {{"t", exact::grid(0, 1, 2000)}}, .fields = {{.name = "u"}}};
    for (int i = 0; i < 2000; ++i) walk.fields[0].values.push_back(state += random.normal());
    const Discovery walked = discover({walk}, quick(3));
    EXPECT_FALSE(walked.found) << walked.equations[0].text();
    EXPECT_FALSE(walked.reason.empty());
  }
  const Measurement constant = exact::field("constant", x, t, [](double x, double) { return std::sin(x); });
  EXPECT_NE(discover({constant}, quick()).reason.find("does not change in time"), std::string::npos);
  const auto expect_too_few = [&](int times, const std::string& words) {
    const Measurement few = exact::field("short", exact::grid(0, 1, 12), exact::grid(0, 1, times),
                                         [](double x, double t) { return std::sin(x - t); });
    try {
      const Discovery shortly = discover({few}, quick());
      EXPECT_FALSE(shortly.found);
      EXPECT_NE(shortly.reason.find(words), std::string::npos) << shortly.reason;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  expect_too_few(7, "measure longer");
  expect_too_few(3, "measure more");
}

TEST(Discover, SaysItInTextInTexAndAsAnEquation) {
  const Measurement m = exact::kdv();
  Discovery found;
  found.equations.push_back({.lhs = "u_t"});
  found.equations[0].terms = {{.term = "u*u_x", .coefficient = -6},
                              {.term = "(u^2)_xx", .coefficient = 0.5},
                              {.term = "1", .coefficient = 1e-6}};
  EXPECT_EQ(found.equations[0].text(), "u_t = -6.0000 u*u_x + 0.5000 (u^2)_xx + 1.000e-06");
  EXPECT_EQ(found.equations[0].latex(), "u_{t} = -6.0000\\,u\\,u_{x} + 0.5000\\,(u^{2})_{xx} + 1.000e-06");
  FoundEquation powers{.lhs = "y_x"};
  powers.terms = {{.term = "x^(-3)*y^2", .coefficient = 1}};
  EXPECT_EQ(powers.latex(), "y_{x} = 1.0000\\,x^{-3}\\,y^{2}");
  // (u^2)_xx = 2 u_x u_x + 2 u u_xx
  const auto equation = equation_of(found, m);
  ASSERT_TRUE(equation);
  ASSERT_EQ(equation->fields[0].terms.size(), 4u);
  EXPECT_EQ(equation->fields[0].terms[1].coefficient, 1.0);
  EXPECT_EQ(equation->fields[0].terms[2].coefficient, 1.0);
  found.equations[0].terms[0].term = "exp(-x)*u";
  EXPECT_FALSE(equation_of(found, m));
}

TEST(Discover, AnIncompleteLibraryFindsNothing) {
  // Heat with the names of space and time exchanged: no law of first order in what is called t, but one of second
  // order.
  const Measurement heat = exact::heat();
  Measurement turned = {
      .source = "turned", .axes = {{"x", heat.axes[1].points}, {"t", heat.axes[0].points}}, .fields = {{.name = "u"}}};
  for (std::size_t t = 0; t < 81; ++t)
    for (std::size_t x = 0; x < 128; ++x) turned.fields[0].values.push_back(heat.fields[0].values[x * 81 + t]);
  DiscoveryOptions options = quick();
  options.time_order = 1;
  EXPECT_FALSE(discover({turned}, options).found);
  options.time_order = 0;
  const FoundEquation found = discover({turned}, options).equations.at(0);
  EXPECT_EQ(found.lhs, "u_tt");
  expect_equation(found, {{"u_x", 2}}, 1e-5);
}

TEST(Discover, WhatNoiseDoesNotExplainIsSaid) {
  // Many terms come near the exchanged axes of fast heat, and leave more than a tenth of clean data.
  const Measurement turned =
      exact::field("turned", exact::grid(0, 2, 81), exact::grid(0, 4, 81), [](double t, double x) {
        return std::exp(-0.5 * t) * std::cos(x + 0.3) + std::exp(-2 * t) * std::cos(2 * x + 1.1) +
               std::exp(-4.5 * t) * std::cos(3 * x + 0.4);
      });
  DiscoveryOptions options = quick(3, 4);
  options.time_order = 1;
  const Discovery found = discover({turned}, options);
  EXPECT_FALSE(found.found) << found.equations[0].text();
  EXPECT_NE(found.reason.find("unexplained"), std::string::npos) << found.reason;
}

TEST(Discover, RefusesUnequalSteps) {
  Measurement heat = exact::heat();
  heat.axes[0].points[5] += 0.01;
  try {
    discover({heat}, quick());
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("steps of axis x differ"), std::string::npos) << error.what();
  }
}

TEST(Discover, IntervalsCover) {
  // 60 noise seeds, two coefficients: 95 % within 4.5 deviations of the binomial were they independent (2 % each).
  const Measurement clean = exact::kdv();
  for (const double noise : {0.01, 0.2}) {
    int covered = 0, of = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      Measurement noisy = clean;
      add_noise(noisy, noise, seed);
      const FoundEquation equation = discover({noisy}, quick()).equations.at(0);
      ASSERT_EQ(equation.terms.size(), 2u) << equation.text();
      const double truth[] = {-6, -1};
      for (std::size_t i = 0; i < 2; ++i, ++of)
        covered += equation.terms[i].low.real() <= truth[i] && truth[i] <= equation.terms[i].high.real();
    }
    EXPECT_GE(covered, 0.86 * of) << noise;
    EXPECT_LT(covered, of) << noise;
  }
}

TEST(Discover, InclusionProbabilitiesAndSolversAgree) {
  Measurement kdv = exact::kdv();
  add_noise(kdv, 0.05, 9);
  for (const char* solver : {"best_subset", "threshold", "omp", "frols", "sr3"}) {
    DiscoveryOptions options = quick();
    options.solver = solver;
    options.resamples = 50;
    const FoundEquation equation = discover({kdv}, options).equations.at(0);
    expect_equation(equation, {{"u*u_x", -6}, {"u_xxx", -1}}, 0.01);
    for (const FoundTerm& term : equation.terms) EXPECT_GT(term.inclusion, 0.9) << solver;
    EXPECT_EQ(std::count_if(equation.path.begin(), equation.path.end(), [](const PathStep& s) { return s.chosen; }), 1);
  }
  DiscoveryOptions wrong;
  wrong.solver = "guess";
  EXPECT_THROW(discover({kdv}, wrong), InputError);
}

}  // namespace
}  // namespace turnpike
