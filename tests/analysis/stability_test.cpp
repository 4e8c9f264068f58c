// Singular values, exponents and amplification: linear flows with exp(tA), and three tanh networks with known
// amplification.
#include <turnpike/analysis/stability.h>

#include <gtest/gtest.h>

#include <torch/types.h>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/flow/fields.h>

namespace turnpike {
namespace {

FieldPtr linear_field(const Tensor& A) {
  return make_field("linear", A.size(0), 1, [A](double, const Tensor& x, const Tensor&) { return x.mm(A.t()); });
}

Tensor square(std::vector<double> entries) {
  const auto d = static_cast<std::int64_t>(std::lround(std::sqrt(entries.size())));
  return at::tensor(entries, at::kDouble).view({d, d});
}

TEST(SingularProfile, OfALinearFlowIsThatOfTheExponential) {
  const Tensor A = square({-0.5, 1.0, 0.3, 0.1, -1.5, 0.2, 0.0, 0.4, 0.7});
  const Flow flow = Flow::uniform(linear_field(A), "dopri5", 2, 100, ControlKind::shared);
  const Tensor u = at::zeros({1, 1}, at::kDouble), x0 = at::randn({4, 3}, at::kDouble);
  const SingularProfile profile = singular_profile(flow, u, x0);
  ASSERT_EQ(profile.times.size(), 101);
  for (const std::size_t k : {std::size_t{0}, std::size_t{30}, std::size_t{100}}) {
    const double t = profile.times[k];
    const Tensor exact = at::linalg_svdvals(at::linalg_matrix_exp(A * t));
    EXPECT_LT((profile.values[k] - exact).abs().max().item<double>(), 1e-11);
    for (const double value : {profile.largest.low[k], profile.largest.median[k], profile.largest.high[k]}) {
      EXPECT_NEAR(value, exact[0].item<double>(), 1e-11);
    }
    EXPECT_NEAR(profile.smallest.median[k], exact[2].item<double>(), 1e-11);
    if (k > 0) {
      EXPECT_LT((profile.exponents[k] - exact.log() / t).abs().max().item<double>(), 1e-10);
    }
  }
  EXPECT_TRUE(profile.exponents[0].isnan().all().item<bool>());
}

TEST(SingularProfile, SpreadIsOverSamples) {
  // x_dot = x^2 / 2: x(t) = x0 / (1 - x0 t / 2), dx(t)/dx0 = (1 - x0 t / 2)^-2.
  const FieldPtr field =
      make_field("quadratic", 1, 1, [](double, const Tensor& x, const Tensor&) { return x.square() / 2; });
  const Flow flow = Flow::uniform(field, "rk4", 1, 200, ControlKind::shared);
  const Tensor x0 = at::tensor({-1.0, 0.0, 0.2, 0.5, 1.0}, at::kDouble).view({5, 1});
  const SingularProfile profile = singular_profile(flow, at::zeros({1, 1}, at::kDouble), x0, {0.5, 1});
  EXPECT_NEAR(profile.largest.low[1], 1 / 2.25, 1e-8);
  EXPECT_NEAR(profile.largest.median[1], std::pow(0.9, -2), 1e-8);
  EXPECT_NEAR(profile.largest.high[1], 4, 1e-8);
  EXPECT_NEAR(profile.largest.high[0], std::pow(0.75, -2), 1e-8);
}

// Twenty Euler layers x + 0.1 tanh(W x).
Amplification of_layers(std::vector<double> W, double radius, std::int64_t n_pairs) {
  const Flow flow = Flow::uniform(outer_field({.dimension = 2}), "euler", 2, 20, ControlKind::shared);
  const Tensor u = at::cat({at::tensor(W, at::kDouble), at::zeros({2}, at::kDouble)}).unsqueeze(0);
  return amplification(flow, u, {.centres = at::zeros({1, 2}, at::kDouble), .radius = radius, .n_pairs = n_pairs});
}

// References: the largest singular value over two million uniform points of the ball, by closed form for 2 x 2
// matrices. The third network stretches most at the origin, where tanh is steepest: its value is that of (1.2 -0.2;
// 0 1.2)^20.
TEST(Amplification, OfThreeTanhNetworks) {
  struct Reference {
    std::vector<double> W;
    double radius, M;
  };
  for (const Reference& reference : {Reference{{0, -1, 1, 0}, 0.1, 1.1106}, Reference{{-2, 0, 2, -2}, 0.1, 0.0612},
                                     Reference{{2, -2, 0, 2}, 0.1, 138.4109}, Reference{{-2, 0, 2, -2}, 5, 1.3573}}) {
    const Amplification M = of_layers(reference.W, reference.radius, 2000);
    EXPECT_NEAR(M.singular.back(), reference.M, 0.005 * reference.M);
    EXPECT_LE(M.singular.back(), 1.0005 * reference.M);
    EXPECT_LE(M.pairs.back(), 1.0005 * reference.M);  // on a ball, no pair beats the largest singular value
    EXPECT_GE(M.pairs.back(), 0.9 * reference.M);
  }
}

TEST(Amplification, OfALinearFlowIsTheLargestSingularValue) {
  const Tensor A = square({0.3, 1.0, -0.2, -0.6});
  const Flow flow = Flow::uniform(linear_field(A), "dopri5", 1, 50, ControlKind::shared);
  const Amplification M =
      amplification(flow, at::zeros({1, 1}, at::kDouble),
                    {.centres = at::randn({3, 2}, at::kDouble), .radius = 2, .n_pairs = 3000, .times = {0, 0.5, 1}});
  EXPECT_EQ(M.times, (std::vector<double>{0, 0.5, 1}));
  EXPECT_NEAR(M.pairs[0], 1, 1e-12);
  for (std::size_t i = 1; i < 3; ++i) {
    const double exact = at::linalg_svdvals(at::linalg_matrix_exp(A * M.times[i]))[0].item<double>();
    EXPECT_NEAR(M.singular[i], exact, 1e-11);
    EXPECT_LE(M.pairs[i], exact + 1e-11);
    EXPECT_GE(M.pairs[i], exact * (1 - 1e-5));
  }
  EXPECT_TRUE(M.lipschitz.empty());  // a user's field declares no constant
  EXPECT_EQ(M.domain, "3000 pairs in balls of radius 2 about 3 centres, seed 0");
}

TEST(Amplification, SameSeedSamePairsAndTheLipschitzBoundHolds) {
  const Flow flow = Flow::uniform(inner_field({.dimension = 3}), "rk4", 2, 20);
  Random random(2);
  const Tensor u = flow.field->initial_control(20, 1.0, random);
  AmplificationOptions options{.centres = at::randn({10, 3}, at::kDouble), .radius = 0.5, .n_pairs = 300};
  const Amplification a = amplification(flow, u, options), b = amplification(flow, u, options);
  EXPECT_EQ(a.pairs, b.pairs);
  ASSERT_EQ(a.lipschitz.size(), a.times.size());
  for (std::size_t k = 0; k < a.times.size(); ++k) {
    EXPECT_LE(a.pairs[k], a.lipschitz[k] * (1 + 1e-12));
    EXPECT_LE(a.singular[k], a.lipschitz[k] * (1 + 1e-12));
  }
  double integral = 0;
  for (std::int64_t k = 0; k < 20; ++k) integral += 0.1 * *flow.field->lipschitz(u[k]);
  EXPECT_NEAR(std::log(a.lipschitz.back()), integral, 1e-12);
  options.seed = 1;
  EXPECT_NE(amplification(flow, u, options).pairs, a.pairs);
  options.radius = 0;
  EXPECT_THROW(amplification(flow, u, options), ContractError);
}

TEST(Amplification, AdaptiveFlow) {
  Flow flow = Flow::uniform(inner_field({.dimension = 2}), "dopri5", 2, 4);
  Random random(2);
  const Tensor u = flow.field->initial_control(4, 1.0, random);
  const AmplificationOptions options{
      .centres = at::zeros({1, 2}, at::kDouble), .radius = 0.5, .n_pairs = 300, .times = {1, 2}};
  flow.controller = StepController{.rtol = 1e-10, .atol = 1e-12};
  const Amplification adaptive = amplification(flow, u, options);
  flow.controller.reset();
  flow.mesh = Mesh::uniform(2, 200);
  const Amplification fixed = amplification(flow, u, options);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(adaptive.pairs[i], fixed.pairs[i], 1e-7);
    EXPECT_NEAR(adaptive.singular[i], fixed.singular[i], 1e-7);
  }
}

}  // namespace
}  // namespace turnpike
