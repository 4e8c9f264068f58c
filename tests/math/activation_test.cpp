#include <turnpike/math/activation.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

class EachActivation : public testing::TestWithParam<ActivationFacts> {
 protected:
  const ActivationFacts& facts = GetParam();
  double f(double x) const { return value_of(facts.kind, x); }
  double df(double x) const { return slope_of(facts.kind, x); }
  double ddf(double x) const { return curvature_of(facts.kind, x); }
  // Off the kink at 0, which no point hits.
  static std::vector<double> grid() {
    std::vector<double> points;
    for (int i = -2400; i <= 2400; ++i) points.push_back((i + 0.5) / 300);
    return points;
  }
};

TEST_P(EachActivation, SlopeIsTheDerivative) {
  // Central differences: error h^2 f'''/6 + 1e-16 / h, below 1e-9 at h = 1e-5.
  const double h = 1e-5;
  for (double x : grid()) {
    EXPECT_NEAR((f(x + h) - f(x - h)) / (2 * h), df(x), 1e-9) << facts.name << " at " << x;
    EXPECT_NEAR((df(x + h) - df(x - h)) / (2 * h), ddf(x), 1e-9) << facts.name << " at " << x;
  }
}

TEST_P(EachActivation, LipschitzConstantIsSharp) {
  double largest = 0;
  for (double x : grid()) largest = std::max(largest, std::abs(df(x)));
  EXPECT_LE(largest, facts.lipschitz * (1 + 1e-15)) << facts.name;
  EXPECT_GE(largest, facts.lipschitz * (1 - 1e-3)) << facts.name;  // softplus' comes only so near to 1 at x = 8
}

TEST_P(EachActivation, MonotoneAsDeclared) {
  bool monotone = true;
  for (double x : grid()) monotone = monotone && df(x) >= 0;
  EXPECT_EQ(monotone, facts.monotone) << facts.name;
}

TEST_P(EachActivation, HomogeneousAsDeclared) {
  bool homogeneous = true;
  for (double x : grid())
    for (double a : {0.25, 2.0, 8.0})
      homogeneous = homogeneous && std::abs(f(a * x) - a * f(x)) <= 1e-14 * std::abs(a * x);
  EXPECT_EQ(homogeneous, facts.homogeneous) << facts.name;
}

TEST_P(EachActivation, ZeroAtZeroAsDeclared) {
  EXPECT_EQ(f(0) == 0, facts.zero_at_zero) << facts.name;
}

TEST_P(EachActivation, SmoothAsDeclared) {
  // All kinks of the table lie at 0 and show by the second derivative: sigma' or sigma'' jumps there.
  double jump = std::abs(df(1e-9) - df(-1e-9)) + std::abs(ddf(1e-9) - ddf(-1e-9));
  EXPECT_EQ(jump < 1e-6, facts.smooth) << facts.name;
}

TEST_P(EachActivation, KinksAreTakenFromTheLeft) {
  if (facts.smooth) return;
  EXPECT_EQ(df(0), df(-1e-300)) << facts.name;
  EXPECT_EQ(ddf(0), 0) << facts.name;
}

TEST_P(EachActivation, FarOutNothingOverflowsAndNaNStaysNaN) {
  for (double x : {-1e4, 1e4}) {
    EXPECT_TRUE(std::isfinite(f(x)) && std::isfinite(df(x)) && std::isfinite(ddf(x))) << facts.name << " at " << x;
  }
  EXPECT_TRUE(std::isnan(f(NAN))) << facts.name;
}

TEST_P(EachActivation, NamesLeadBack) {
  EXPECT_EQ(activation_named(facts.name), facts.kind);
  EXPECT_EQ(&facts_of(facts.kind) - activation_table().data(), static_cast<int>(facts.kind));
}

INSTANTIATE_TEST_SUITE_P(Table, EachActivation, testing::ValuesIn(activation_table()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Activation, ReferenceValues) {
  // 40-digit arithmetic, rounded.
  EXPECT_NEAR(value_of(Activation::tanh, 0.5), 0.46211715726000975850, 1e-16);
  EXPECT_NEAR(value_of(Activation::sigmoid, -2), 0.11920292202211755594, 1e-16);
  EXPECT_NEAR(value_of(Activation::softplus, 1), 1.3132616875182228340, 4e-16);
  EXPECT_NEAR(value_of(Activation::gelu, 1), 0.84134474606854294859, 2e-16);
  EXPECT_NEAR(value_of(Activation::gelu, -10) / -7.619853024160526e-23, 1, 1e-13);  // -10 Phi(-10), no cancellation
  EXPECT_NEAR(value_of(Activation::elu, -1), -0.63212055882855767840, 2e-16);
  EXPECT_EQ(value_of(Activation::leaky_relu, -3), -0.03);
  EXPECT_NEAR(slope_of(Activation::tanh, 20) / 1.6993417021166355e-17, 1, 1e-13);  // sech^2 20, no cancellation
  EXPECT_NEAR(facts_of(Activation::gelu).lipschitz, 1.1289041451851547, 1e-15);
}

TEST(Activation, UnknownNamesAreRefused) {
  try {
    activation_named("tahn");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "unknown activation 'tahn'; did you mean 'tanh'?");
  }
  EXPECT_THROW(activation_named("zebra"), InputError);
  EXPECT_THROW(facts_of(static_cast<Activation>(99)), ContractError);
  EXPECT_EQ(activation_names().size(), 9u);
}

}  // namespace
}  // namespace turnpike
