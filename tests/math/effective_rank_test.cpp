// Spectra whose ranks and costs are known by hand.
#include <turnpike/math/effective_rank.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

TEST(EffectiveRanks, OfAFlatSpectrumAreItsLength) {
  const std::vector<double> flat(300, 0.25);
  const EffectiveRanks ranks = effective_ranks(flat, 100);
  EXPECT_EQ(ranks.k, 0u);
  EXPECT_NEAR(ranks.r, 300, 1e-10);
  EXPECT_NEAR(ranks.R, 300, 1e-10);
  EXPECT_NEAR(ranks.cost, 100.0 / 300, 1e-13);
}

TEST(EffectiveRanks, ASpikeIsSetAside) {
  // Two spikes before 500 equal values: r_0 and r_1 are below n = 100, r_2 = 500.
  std::vector<double> spectrum(502, 1e-3);
  spectrum[0] = 2;
  spectrum[1] = 1;
  const EffectiveRanks ranks = effective_ranks(spectrum, 100);
  EXPECT_EQ(ranks.k, 2u);
  EXPECT_NEAR(ranks.r, 500, 1e-9);
  EXPECT_NEAR(ranks.R, 500, 1e-9);
  EXPECT_NEAR(ranks.cost, 0.02 + 0.2, 1e-12);
  // A smaller constant takes a spike for tail: r_0 = (2 + 1 + .5) / 2 = 1.75, r_1 = 1.5.
  EXPECT_EQ(effective_ranks(spectrum, 100, 0.017).k, 0u);
  // No tail is flat enough.
  const EffectiveRanks none = effective_ranks(spectrum, 1000);
  EXPECT_EQ(none.k, 502u);
  EXPECT_EQ(none.cost, std::numeric_limits<double>::infinity());
}

TEST(EffectiveRanks, OfInverseSquaresGrowLikeK) {
  // r_k -> (k + 1)^2 / (k + 1/2), R_k -> (k + 1/2)^-2 / ((k + 1/2)^-3 / 3) = 3 k: the cost stays near 1 + 1/3.
  std::vector<double> spectrum;
  for (int i = 1; i <= 200000; ++i) spectrum.push_back(std::pow(i, -2.0));
  const EffectiveRanks ranks = effective_ranks(spectrum, 200);
  EXPECT_NEAR(static_cast<double>(ranks.k), 199, 2);
  EXPECT_NEAR(ranks.cost, 4.0 / 3, 0.02);
}

TEST(InterpolationVariance, ExactWhereItIsKnown) {
  // Flat: kappa = lambda (p - n) / n, D = n^2/p, V = n / (p - n).
  const std::vector<double> flat(300, 0.25);
  EXPECT_NEAR(interpolation_variance(flat, 100), 0.5, 1e-12);
  // i^-alpha: V -> alpha - 1.
  for (const double alpha : {1.5, 2.0, 3.0}) {
    std::vector<double> spectrum;
    for (int i = 1; i <= 400000; ++i) spectrum.push_back(std::pow(i, -alpha));
    EXPECT_NEAR(interpolation_variance(spectrum, 200), alpha - 1, alpha == 1.5 ? 0.05 : 0.02) << alpha;
  }
  // Scaling the spectrum changes nothing.
  std::vector<double> spectrum = {3, 2, 1, 0.5, 0.25};
  const double before = interpolation_variance(spectrum, 2);
  for (double& value : spectrum) value *= 1e-9;
  EXPECT_NEAR(interpolation_variance(spectrum, 2), before, 1e-10);
}

TEST(EffectiveRanks, RefuseWhatIsNoSpectrum) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(effective_ranks({}, 3), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1, 2}, 3), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1, 0}, 3), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1, nan}, 3), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1}, 0), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1}, nan), ContractError);
  EXPECT_THROW(effective_ranks(std::vector<double>{1}, 3, 0), ContractError);
  EXPECT_THROW(interpolation_variance(std::vector<double>{1, 1}, 2), ContractError);
}

}  // namespace
}  // namespace turnpike
