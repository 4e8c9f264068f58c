// Decays of known rate are found with it, on the right window; curves that do not decay exponentially are told so.
#include <turnpike/analysis/decay.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Curve = std::function<double(double t)>;

// `noise` is the standard deviation of log y.
Decay decay_of(const Curve& curve, int n, double horizon, double noise = 0, std::uint64_t seed = 3, double floor = 0) {
  Random random(seed);
  std::vector<double> t, y;
  for (int i = 0; i <= n; ++i) {
    t.push_back(horizon * i / n);
    y.push_back(curve(t.back()) * std::exp(noise * random.normal()));
  }
  return find_decay(t, y, floor);
}

void expect_rate(const Decay& decay, double rate, double tolerance, double start, double end) {
  EXPECT_EQ(decay.verdict, DecayVerdict::exponential) << decay.text;
  EXPECT_NEAR(decay.fit.rate, rate, tolerance) << decay.text;
  EXPECT_NEAR(decay.start, start, 1) << decay.text;
  EXPECT_NEAR(decay.end, end, 1) << decay.text;
}

TEST(Decay, OfAnExponentialIsItsRate) {
  const auto curve = [](double t) { return 1.02 * std::exp(-0.41 * t); };
  expect_rate(decay_of(curve, 100, 20), 0.41, 1e-12, 0, 20);
  expect_rate(decay_of(curve, 15, 20), 0.41, 1e-12, 0, 20);
  const Decay exact = decay_of(curve, 100, 20);
  EXPECT_NEAR(exact.fit.constant, 1.02, 1e-12);
  const Decay ripple = decay_of([](double t) { return std::exp(-0.5 * t) * (1 + 0.3 * std::sin(3 * t)); }, 300, 20);
  EXPECT_EQ(ripple.verdict, DecayVerdict::exponential) << ripple.text;
  EXPECT_NEAR(ripple.fit.rate, 0.5, 0.01);
}

TEST(Decay, IntervalHoldsTheRateNineteenTimesInTwenty) {
  int inside = 0, n = 200;
  for (int seed = 0; seed < n; ++seed) {
    const Decay decay = decay_of([](double t) { return std::exp(-0.41 * t); }, 100, 20, 0.3, seed);
    ASSERT_EQ(decay.verdict, DecayVerdict::exponential) << decay.text;
    inside += decay.fit.rate_low <= 0.41 && 0.41 <= decay.fit.rate_high;
  }
  EXPECT_GE(inside, 180);  // 190 expected, deviation 3.1
}

TEST(Decay, WindowLeavesOutTransientPlateauAndExitArc) {
  const auto late = [](double t) { return t < 4 ? 1 - 0.05 * t : 0.8 * std::exp(-0.8 * (t - 4)); };
  expect_rate(decay_of(late, 100, 20, 0.05), 0.8, 0.01, 4, 20);
  const auto plateau = [](double t) { return std::exp(-1.5 * t) + 1e-6; };
  expect_rate(decay_of(plateau, 200, 20, 0.05), 1.5, 0.04, 0, 8.2);
  // The turnpike itself: in, along, and out again.
  const auto turnpike = [](double t) { return std::exp(-1.5 * t) + std::exp(-1.5 * (20 - t)) + 1e-8; };
  expect_rate(decay_of(turnpike, 200, 20), 1.5, 0.01, 0, 9);
  const auto fast_then_slow = [](double t) { return std::exp(-6 * t) + 0.01 * std::exp(-0.5 * t); };
  expect_rate(decay_of(fast_then_slow, 200, 20), 0.5, 0.01, 1.5, 20);
  // Fifteen decades, down to rounding.
  const auto deep = [](double t) { return std::exp(-3.14 * t) + 1e-18; };
  expect_rate(decay_of(deep, 200, 20), 3.14, 0.02, 0, 13);
}

TEST(Decay, ExactZerosAndTheFloorAreLeftOut) {
  const auto bang = [](double t) { return t < 6 ? std::exp(-0.6 * t) : 0.0; };
  expect_rate(decay_of(bang, 200, 20), 0.6, 1e-9, 0, 5.9);
  const auto deep = [](double t) { return std::exp(-2 * t) + 1e-12 * std::sin(40 * t); };
  expect_rate(decay_of(deep, 200, 20, 0, 0, 1e-10), 2, 0.01, 0, 11.5);
}

TEST(Decay, NullCasesHaveNone) {
  for (const Curve& curve :
       std::vector<Curve>{[](double) { return 1.0; }, [](double) { return 0.0; },
                          [](double t) { return std::exp(0.5 * t); }, [](double t) { return 2 + std::sin(t); },
                          [](double t) { return 1 / (1 + 0.1 * t); }, [](double) { return std::nan(""); }}) {
    const Decay decay = decay_of(curve, 100, 20);
    EXPECT_NE(decay.verdict, DecayVerdict::exponential) << decay.text;
    EXPECT_FALSE(decay.text.empty());
  }
  int found = 0;
  for (int seed = 0; seed < 200; ++seed) {
    found += decay_of([](double) { return 1.0; }, 60, 20, 1.0, seed).verdict == DecayVerdict::exponential;
  }
  EXPECT_LE(found, 2);  // white noise of a factor e
}

TEST(Decay, PowerLawsAreNamed) {
  for (const double q : {1.0, 2.0, 4.0}) {
    for (const double noise : {0.0, 0.1}) {
      const Decay decay = decay_of([q](double t) { return std::pow(0.2 + t, -q); }, 200, 20, noise);
      EXPECT_EQ(decay.verdict, DecayVerdict::power_law) << decay.text;
      EXPECT_NEAR(decay.power, q, 0.15 * q) << decay.text;
    }
  }
}

TEST(Decay, BentExponentialsAreRefused) {
  for (const double s : {0.5, 2.0}) {
    const Decay decay = decay_of([s](double t) { return std::exp(-2 * std::pow(t, s)); }, 100, 10);
    EXPECT_EQ(decay.verdict, DecayVerdict::none) << decay.text;
  }
}

TEST(Decay, TooFewPointsAndBadInput) {
  EXPECT_EQ(decay_of([](double t) { return std::exp(-t); }, 4, 20).verdict, DecayVerdict::none);
  EXPECT_EQ(find_decay({}, {}).verdict, DecayVerdict::none);
  const std::vector<double> t = {0, 1, 1}, y = {1, 2, 3};
  EXPECT_THROW(find_decay(t, y), ContractError);
  EXPECT_THROW(find_decay(std::span(t).first(2), y), ContractError);
}

}  // namespace
}  // namespace turnpike
