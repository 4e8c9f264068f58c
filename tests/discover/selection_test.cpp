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
  NoisyEquations equations = {{Matrix(2, 2), {0.9, 0.9}}, Matrix(3, 3), Matrix(3, 3), 1000};
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

// Of the heat equation in the plane, coarse and noisy: u_xx + u_yy, or u and u_xy?
struct PlaneHeat {
  explicit PlaneHeat(double noise, std::uint64_t seed = 0, int order = 3) : data(exact::plane_heat()) {
    add_noise(data, noise, seed);
    system =
        weak_system({data}, candidate_library(data, {.polynomial_degree = 2, .derivative_order = order}), {{0, 1}});
    equations = BoxedEquations(system, 0).all();
    truth = support_of(system, data, {"u_xx", "u_yy"});
    other = support_of(system, data, {"u", "u_xy"});
  }
  Measurement data;
  LinearSystem system;
  NoisyEquations equations;
  Support truth, other;
};

TEST(Path, IsNotOfTheTermsThroughWhichLeastNoiseComesIn) {
  const PlaneHeat heat(0.05);
  const auto of_two_terms = [](const std::vector<Support>& path) { return path.at(1); };
  EXPECT_EQ(of_two_terms(sparse_path("best_subset", heat.equations.products, 3)), heat.other);
  EXPECT_EQ(of_two_terms(heat.equations.path("best_subset", 3)), heat.truth);
}

TEST(Path, TheShortestWithinChanceIsChosen) {
  const PlaneHeat heat(0.02, 0, 4);
  const std::vector<Support> path = heat.equations.path("best_subset", 4);
  ASSERT_EQ(path.at(1), heat.truth);
  EXPECT_LT(heat.equations.criterion(path.at(2)), heat.equations.criterion(path.at(1)));
  EXPECT_GT(heat.equations.preference(path.at(2), path.at(1)), 0);
  EXPECT_EQ(choose_support(heat.equations, path), 1);
  EXPECT_NEAR(most_by_chance(800), 1.2, 1e-12);
  EXPECT_NEAR(most_by_chance(1e8), 1.1, 1e-12);
}

TEST(Rival, IsWhatTheDataDoNotTellApart) {
  const PlaneHeat certain(0.01), uncertain(0.05);
  EXPECT_TRUE(certain.equations.rivals_of(certain.truth).empty());
  EXPECT_TRUE(certain.equations.refutes(certain.other));
  EXPECT_FALSE(certain.equations.refutes(certain.truth));
  EXPECT_EQ(uncertain.equations.rivals_of(uncertain.truth).at(0), uncertain.other);
  EXPECT_EQ(rival_of(uncertain.system, 0, uncertain.equations, uncertain.truth), uncertain.other);
  EXPECT_EQ(uncertain.equations.rivals_of(uncertain.other).at(0), uncertain.truth);
  // Most of the noise is that of u_t, in both.
  const double difference =
      uncertain.equations.criterion(uncertain.other) - uncertain.equations.criterion(uncertain.truth);
  EXPECT_GT(std::abs(uncertain.equations.preference(uncertain.truth, uncertain.other)),
            1.4 * std::abs(difference) / (2 * std::sqrt(uncertain.equations.independent_rows)));
  // An equation is its own equal, and what exceeds it in deviations exceeds it the other way round.
  EXPECT_EQ(certain.equations.preference(certain.truth, certain.truth), 0);
  EXPECT_GT(certain.equations.preference(certain.truth, certain.other), 3);
  EXPECT_NEAR(certain.equations.preference(certain.truth, certain.other),
              -certain.equations.preference(certain.other, certain.truth), 1e-9);
}

TEST(Rival, IsOutWhereItLacksATerm) {
  // y_t = 28 x - y - x z or x, x z and y z: near along the attractor, but with y added y z vanishes, not the other way.
  int rivals = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Measurement lorenz = exact::lorenz({-8, 7, 27}, 2001, 0.01);
    add_noise(lorenz, 0.02, 7919 * seed + 13);
    const LinearSystem system =
        weak_system({lorenz}, candidate_library(lorenz, {.polynomial_degree = 2, .derivative_order = 0}), {{1, 1}});
    const NoisyEquations equations = BoxedEquations(system, 0).all();
    const Support truth = support_of(system, lorenz, {"x", "y", "x*z"});
    rivals += !equations.rivals_of(truth).empty();
    EXPECT_FALSE(rival_of(system, 0, equations, truth)) << seed;
  }
  EXPECT_GT(rivals, 0);
}

TEST(Rival, TwoEquationsForOneFieldAreNoneFound) {
  const DiscoveryOptions options = {.polynomial_degree = 2, .derivative_order = 3, .resamples = 0};
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Discovery certain = discover({PlaneHeat(0.02, seed).data}, options);
    EXPECT_TRUE(certain.found) << certain.reason;
    const Discovery uncertain = discover({PlaneHeat(0.1, seed).data}, options);
    EXPECT_FALSE(uncertain.found) << uncertain.equations[0].text();
    EXPECT_TRUE(uncertain.equations[0].undecided);
    EXPECT_EQ(uncertain.equations[0].lhs, "u_t");
    for (const char* words : {"the data do not tell", "u_xx", "u_yy", "u_xy"})
      EXPECT_NE(uncertain.reason.find(words), std::string::npos) << uncertain.reason;
  }
}

// u_t = u_x + nu u_xx: against wide test functions u_xx is -u but for small modes.
Measurement modes_of(double small, double noise, std::uint64_t seed, double nu = 0.05) {
  Measurement modes = exact::field("modes", exact::grid(0, 6.2, 256), exact::grid(0, 2, 128), [=](double x, double t) {
    double u = std::exp(-nu * t) * std::sin(x + t);
    for (int k = 7; k < 9; ++k) u += small * std::exp(-nu * k * k * t) * std::sin(k * (x + t) + k);
    return u;
  });
  add_noise(modes, noise, seed);
  return modes;
}

TEST(Rival, NarrowTestFunctionsDecide) {
  const DiscoveryOptions options = {.polynomial_degree = 2, .derivative_order = 2, .resamples = 0};
  for (std::uint64_t seed = 1; seed < 3; ++seed) {
    const Measurement modes = modes_of(0.05, 0.05, seed);
    const LinearSystem system =
        weak_system({modes}, candidate_library(modes, {.polynomial_degree = 2, .derivative_order = 2}), {{0, 1}});
    EXPECT_FALSE(BoxedEquations(system, 0).all().rivals_of(support_of(system, modes, {"u_x", "u_xx"})).empty());
    const Discovery found = discover({modes}, options);
    ASSERT_TRUE(found.found) << found.reason;
    EXPECT_EQ(found.equations[0].terms.size(), 2u);
    EXPECT_NEAR(found.equations[0].terms[1].coefficient.real(), 0.05, 0.003) << found.equations[0].text();
  }
  // What no width decides is not answered by u_tt = u_xx, which comes near.
  const Discovery hidden = discover({modes_of(0.02, 0.1, 0, 0.02)}, options);
  EXPECT_FALSE(hidden.found) << hidden.equations[0].text();
  EXPECT_EQ(hidden.equations[0].lhs, "u_t");
  // Nor does a width decide at which one of the two is noise.
  const Discovery noisier = discover({modes_of(0.05, 0.2, 2)}, options);
  EXPECT_FALSE(noisier.found) << noisier.equations[0].text();
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

TEST(Widths, AreNarrowedInSpaceOrInTimeWhereThereIsNone) {
  EXPECT_EQ(narrower({3, 1}), (std::vector<double>{2, 1}));
  EXPECT_EQ(narrower({3}), (std::vector<double>{2}));
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
