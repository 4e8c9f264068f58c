#include <turnpike/discover/selection.h>

#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/discover/discovery.h>
#include <turnpike/discover/weak_form.h>

#include "../../src/discover/widths_internal.h"
#include "exact_fields.h"

namespace turnpike {
namespace {

// The columns of these terms.
Support support_of(const LinearSystem& system, const Measurement& names, const std::vector<std::string>& terms) {
  Support support;
  for (std::size_t j = 0; j < system.candidates.size(); ++j)
    for (const std::string& term : terms)
      if (term_text(system.candidates[j], names).text == term) support.push_back(static_cast<int>(j));
  return support;
}

TEST(RowFit, PredictedDeviationsAreTheSpreadOverNoise) {
  const Measurement clean = exact::kdv();
  const std::vector<Candidate> candidates = candidate_library(clean, {.polynomial_degree = 2, .derivative_order = 3});
  const int seeds = 40;
  for (const double noise : {0.01, 0.3}) {
    std::vector<double> sum(2, 0), squares(2, 0), predicted(2, 0), measured(2, 0);
    for (int seed = 0; seed < seeds; ++seed) {
      Measurement noisy = clean;
      add_noise(noisy, noise, static_cast<std::uint64_t>(seed));
      // Widths that do not vary with the noise.
      const LinearSystem system = weak_system({noisy}, candidates, {{0, 1}}, {.test_functions = {{30, 8}, {24, 9}}});
      const Support support = support_of(system, noisy, {"u*u_x", "u_xxx"});
      ASSERT_EQ(support.size(), 2u);
      const RowFit fit = fit_rows(system, 0, support, Uncertainty::predicted), other = fit_rows(system, 0, support);
      for (std::size_t a = 0; a < 2; ++a) {
        sum[a] += fit.coefficients[a] / seeds;
        squares[a] += fit.coefficients[a] * fit.coefficients[a] / seeds;
        predicted[a] += fit.deviations[a] / seeds;
        measured[a] += other.deviations[a] / seeds;
        EXPECT_EQ(fit.coefficients[a], other.coefficients[a]);
      }
    }
    // A deviation of 40 samples is known to 11 %.
    for (std::size_t a = 0; a < 2; ++a) {
      const double spread = std::sqrt(squares[a] - sum[a] * sum[a]);
      EXPECT_NEAR(predicted[a] / spread, 1, 0.3) << noise << " " << a;
      EXPECT_NEAR(measured[a] / spread, 1, 0.5) << noise << " " << a;
    }
  }
}

TEST(RowFit, PredictedDeviationsKnowComplexFieldsAndHoles) {
  Measurement nls = exact::nls();
  const std::vector<Candidate> candidates = candidate_library(nls, {.polynomial_degree = 3, .derivative_order = 2});
  add_noise(nls, 0.02, 3);
  for (std::size_t i = 0; i < nls.fields[0].values.size(); i += 1999) nls.fields[0].values[i] = NAN;
  mask_holes(nls);
  const LinearSystem system = weak_system({nls}, candidates, {{0, 1}});
  Support support;
  for (std::size_t j = 0; j < candidates.size(); ++j) {
    const std::string text = term_text(candidates[j], nls).text;
    if (text == "i*u_xx" || text == "i*u*|u|^2") support.push_back(static_cast<int>(j));
  }
  ASSERT_EQ(support.size(), 2u);
  const RowFit predicted = fit_rows(system, 0, support, Uncertainty::predicted),
               measured = fit_rows(system, 0, support);
  for (std::size_t a = 0; a < 2; ++a) EXPECT_NEAR(std::log(predicted.deviations[a] / measured.deviations[a]), 0, 0.7);
}

TEST(Misfit, IsOfNoCombinationThatIsNoise) {
  // Two columns, one signal s: g_i = s + e_i of length one, |e_i|^2 = 0.05, products off by what chance makes of them.
  NoisyEquations equations = {{Matrix(2, 2), {0.9, 0.9}}, Matrix(3, 3), 1000};
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      equations.products.gram(i, j) = i == j ? 1 : 0.945;
      equations.noise(i, j) = i == j ? 0.05 : 0;
    }
  EXPECT_TRUE(equations.misfit({0}));
  EXPECT_TRUE(equations.misfit({1}));
  EXPECT_FALSE(equations.misfit({0, 1}));  // e_1 - e_2 says nothing
  EXPECT_EQ(equations.criterion({0, 1}), INFINITY);
  equations.products.gram(0, 1) = equations.products.gram(1, 0) = 0.6;  // now they have signals of their own
  EXPECT_TRUE(equations.misfit({0, 1}));
}

TEST(Widths, NarrowOnesRefuteWhatWideOnesCannotTell) {
  // u_t = u_x + 0.02 u_xx: against wide test functions the large mode hides the small ones, and u_xx = -u.
  Measurement noisy = exact::field("modes", exact::grid(0, 6.2, 256), exact::grid(0, 2, 128), [](double x, double t) {
    double u = std::exp(-0.02 * t) * std::sin(x + t);
    for (int k = 7; k < 9; ++k) u += 0.1 * std::exp(-0.02 * k * k * t) * std::sin(k * (x + t) + k);
    return u;
  });
  add_noise(noisy, 0.01, 1);
  const std::vector<Candidate> candidates = candidate_library(noisy, {.polynomial_degree = 1, .derivative_order = 2});
  const WeakOptions wide = {.test_functions = {{60, 8}, {20, 9}}};
  const LinearSystem system = weak_system({noisy}, candidates, {{0, 1}}, wide);
  const auto refuting = [&](const std::vector<std::string>& terms) {
    const std::vector<Measurement> measurements = {noisy};
    const std::vector<DataSpectrum> spectra = data_spectra(measurements);
    WidthSearch widths(measurements, spectra, system, {support_of(system, noisy, terms)}, no_progress());
    return widths.refuting({1, 1});
  };
  EXPECT_TRUE(refuting({"u_x", "u_xx"}).empty());
  const std::vector<double> narrower = refuting({"u", "u_x"});
  ASSERT_EQ(narrower.size(), 2u);
  EXPECT_LT(narrower[0], 1);
  EXPECT_EQ(narrower[1], 1);
}

TEST(Widths, AreThoseAtWhichTheCoefficientsAreMostCertain) {
  // u_t = u_x + 0.05 u_xx, rough at first and smooth later
  const Measurement clean =
      exact::field("modes", exact::grid(0, 6, 200), exact::grid(0, 1, 200), [](double x, double t) {
        double u = 0;
        for (int k = 1; k < 9; ++k) u += std::exp(-0.05 * k * k * t) * std::sin(k * (x + t) + k * k) / k;
        return u;
      });
  const DiscoveryOptions options = {.polynomial_degree = 2, .derivative_order = 3, .resamples = 0};
  const auto searched = [](const Discovery& found) {
    return found.notes.back().find("most certain") != std::string::npos;
  };
  EXPECT_FALSE(searched(discover({clean}, options)));  // the spectrum's widths will do
  const std::vector<Candidate> candidates = candidate_library(clean, {.polynomial_degree = 2, .derivative_order = 3});
  double gain = 0;
  const int seeds = 6;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Measurement noisy = clean;
    add_noise(noisy, 0.02, seed);
    const Discovery found = discover({noisy}, options);
    EXPECT_TRUE(searched(found));
    ASSERT_EQ(found.equations[0].terms.size(), 2u) << found.equations[0].text();
    const LinearSystem spectrum = weak_system({noisy}, candidates, {{0, 1}});
    const RowFit fit = fit_rows(spectrum, 0, support_of(spectrum, noisy, {"u_x", "u_xx"}));
    ASSERT_EQ(fit.deviations.size(), 2u);
    for (std::size_t a = 0; a < 2; ++a) {
      const FoundTerm& term = found.equations[0].terms[a];
      gain += std::log((term.high - term.coefficient).real() / (fit.quantile * fit.deviations[a])) / (2 * seeds);
    }
  }
  EXPECT_LT(gain, -0.1);
}

}  // namespace
}  // namespace turnpike
