#include <turnpike/tangent/dynamics.h>

#include <torch/types.h>

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

#include "normal.h"

namespace turnpike {
namespace {

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

// A kernel of full rank on 5 samples of 2 outputs, and 3 other samples.
struct Case {
  Tensor K, K_star, z0, z0_star, y;

  explicit Case(std::uint64_t seed = 1) {
    const Tensor J = normal({10, 30}, seed), J_star = normal({6, 30}, seed + 1);
    K = at::mm(J, J.t()), K_star = at::mm(J_star, J.t());
    z0 = normal({5, 2}, seed + 2), z0_star = normal({3, 2}, seed + 3), y = normal({5, 2}, seed + 4);
  }
};

TEST(SquareLossFlow, IsTheExponentialOfTheKernel) {
  const Case c;
  const SquareLossFlow flow(c.K);
  for (double t : {0.0, 0.3, 2.0}) {
    const Tensor expected = at::mv(at::matrix_exp(-c.K * (t / 5)), (c.z0 - c.y).view({-1})).view({5, 2});
    EXPECT_LE(largest(flow.residual(c.z0 - c.y, t) - expected), 1e-12);
    EXPECT_LE(largest(flow.train(c.z0, c.y, t) - c.y - expected), 1e-12);
  }
  // At a training sample the formula elsewhere is the one for training.
  EXPECT_LE(largest(flow.elsewhere(c.K, c.z0, c.z0, c.y, 0.7) - flow.train(c.z0, c.y, 0.7)), 1e-11);
  // One mode: K = lambda v v', y in it: e^{-lambda t/n}.
  const Tensor v = at::tensor({0.6, 0.8}, at::kDouble), r = v.unsqueeze(1);
  const SquareLossFlow one(3 * at::outer(v, v));
  EXPECT_LE(largest(one.residual(r, 4) - r * std::exp(-3.0 * 4 / 2)), 1e-15);
}

TEST(SquareLossFlow, OneKernelForAllOutputs) {
  const Tensor J = normal({5, 9}, 7), K = at::mm(J, J.t()), z0 = normal({5, 3}, 8), y = normal({5, 3}, 9);
  const SquareLossFlow shared(K), each(at::kron(K, at::eye(3, at::kDouble)));
  EXPECT_LE(largest(shared.train(z0, y, 0.9) - each.train(z0, y, 0.9)), 1e-12);
  EXPECT_LE(largest(shared.residual_after(z0, 0.1, 7) - each.residual_after(z0, 0.1, 7)), 1e-12);
}

TEST(SquareLossFlow, ALongTimeIsTheLimitAndModesWithoutKernelStay) {
  const Case c;
  const SquareLossFlow flow(c.K);
  const Tensor limit = square_loss_limit(c.K, c.K_star, c.z0_star, c.z0, c.y);
  const double slowest = flow.eigenvalues()[0].item<double>();
  EXPECT_LE(largest(flow.elsewhere(c.K_star, c.z0_star, c.z0, c.y, 5 * 40 / slowest) - limit), 1e-9);
  EXPECT_LE(largest(square_loss_limit(c.K, c.K, c.z0, c.z0, c.y) - c.y), 1e-11);
  // A kernel of rank one moves nothing in the other direction, and elsewhere linearly in time along a null mode.
  const SquareLossFlow flat(at::ones({2, 2}, at::kDouble));
  const Tensor across = at::tensor({1.0, -1.0}, at::kDouble).unsqueeze(1);
  EXPECT_LE(largest(flat.residual(across, 1e6) - across), 1e-12);
  EXPECT_THROW(square_loss_limit(at::ones({2, 2}, at::kDouble), at::ones({1, 2}, at::kDouble),
                                 at::zeros({1, 1}, at::kDouble), across, across),
               Error);
  EXPECT_NO_THROW(square_loss_limit(at::ones({2, 2}, at::kDouble), at::ones({1, 2}, at::kDouble),
                                    at::zeros({1, 1}, at::kDouble), across, across, 0.1));
}

TEST(KernelDescent, IsThePowerOfTheStepAndStableBelowItsLimit) {
  const Case c;
  const SquareLossFlow flow(c.K);
  const double limit = flow.largest_stable_step(5);
  EXPECT_NEAR(limit, 10 / flow.eigenvalues().max().item<double>(), 1e-13);
  const KernelProblem problem{.K = c.K, .z0 = c.z0, .y = c.y, .K_star = c.K_star, .z0_star = c.z0_star};
  const OutputCurve curve = kernel_descent(problem, {}, {.step = 0.7 * limit, .steps = 40, .every = 40}).value();
  EXPECT_EQ(curve.times, (std::vector<double>{0, 40}));
  EXPECT_LE(largest(curve.train[1] - c.y - flow.residual_after(c.z0 - c.y, 0.7 * limit, 40)), 1e-11);
  const auto size_after = [&](double step) {
    return largest(kernel_descent(problem, {}, {.step = step, .steps = 3000, .every = 3000}).value().train[1] - c.y);
  };
  EXPECT_LT(size_after(0.99 * limit), 3);
  EXPECT_GT(size_after(1.01 * limit), 1e3);
  const auto diverged = kernel_descent(problem, {}, {.step = 3 * limit, .steps = 100000});
  ASSERT_FALSE(diverged);
  EXPECT_EQ(diverged.failure().kind, FailureKind::divergence);
}

TEST(KernelFlow, OfTheSquareLossIsTheClosedForm) {
  const Case c;
  const SquareLossFlow flow(c.K);
  const KernelProblem problem{.K = c.K, .z0 = c.z0, .y = c.y, .K_star = c.K_star, .z0_star = c.z0_star};
  const OutputCurve curve =
      kernel_flow(problem, {}, {.horizon = 2, .times = {0, 0.5, 2}, .controller = {.rtol = 1e-10, .atol = 1e-12}})
          .value();
  for (int k : {0, 1, 2}) {
    const double t = curve.times[static_cast<std::size_t>(k)];
    EXPECT_LE(largest(curve.train[k] - flow.train(c.z0, c.y, t)), 1e-7) << t;
    EXPECT_LE(largest(curve.elsewhere[k] - flow.elsewhere(c.K_star, c.z0_star, c.z0, c.y, t)), 1e-7) << t;
  }
}

// One sample, K = k, square loss: r_ddot + a r_dot + k r = 0, at rest at r_0:
//   r = r_0 e^{-a t/2} (cos(w t) + a/(2w) sin(w t)),  w = (k - a^2/4)^(1/2).
TEST(KernelFlow, WithFrictionIsTheDampedOscillator) {
  const double k = 4, a = 0.5, w = std::sqrt(k - a * a / 4), t = 1.7;
  const KernelProblem problem{.K = at::full({1, 1}, k, at::kDouble),
                              .z0 = at::full({1, 1}, 3.0, at::kDouble),
                              .y = at::full({1, 1}, 1.0, at::kDouble)};
  const OutputCurve curve =
      kernel_flow(problem, {},
                  {.horizon = t, .times = {t}, .friction = a, .controller = {.rtol = 1e-10, .atol = 1e-12}})
          .value();
  const double r = 2 * std::exp(-a * t / 2) * (std::cos(w * t) + a / (2 * w) * std::sin(w * t));
  EXPECT_NEAR(curve.train.item<double>() - 1, r, 1e-8);
}

// z_dot = k / (1 + e^z), so z + e^z grows at the rate k: the logistic loss of one positive sample.
TEST(KernelFlow, OfTheLogisticLossKeepsItsInvariant) {
  const KernelProblem problem{.K = at::full({1, 1}, 2.0, at::kDouble),
                              .z0 = at::full({1, 1}, -0.4, at::kDouble),
                              .y = at::full({1, 1}, 1.0, at::kDouble)};
  const OutputCurve curve = kernel_flow(problem, {make_cost("logistic"), 1},
                                        {.horizon = 30, .times = {30}, .controller = {.rtol = 1e-10, .atol = 1e-12}})
                                .value();
  const double z = curve.train.item<double>();
  EXPECT_NEAR(z + std::exp(z), -0.4 + std::exp(-0.4) + 2 * 30, 1e-6);
}

TEST(GradientFlow, OfALinearModelIsTheClosedForm) {
  const Tensor x = normal({6, 4}, 20), y = normal({6, 1}, 21);
  const ParametricMap map = map_of(FeedForward::make({.widths = {4, 1}}, at::kDouble, 22));
  const SquareLossFlow flow(tangent_kernel(map, x));
  const ParameterCurve curve =
      network_flow(map, x, y, {}, {.horizon = 3, .times = {1, 3}, .controller = {.rtol = 1e-10, .atol = 1e-12}})
          .value();
  for (int k : {0, 1})
    EXPECT_LE(largest(map.f(x, curve.theta[k]) - flow.train(map(x), y, curve.times[static_cast<std::size_t>(k)])),
              1e-7);
  // Slower by a rate of one half.
  const Tensor half = at::full_like(map.theta, 0.5);
  const ParameterCurve slow =
      network_flow(map, x, y, {}, {.horizon = 2, .times = {2}, .controller = {.rtol = 1e-10, .atol = 1e-12}}, half)
          .value();
  EXPECT_LE(largest(slow.theta[0] - curve.theta[0]), 1e-7);
}

TEST(GradientDescent, OfTheTaylorModelIsDescentUnderItsKernel) {
  const ParametricMap map = map_of(FeedForward::make({.widths = {3, 8, 3}}, at::kDouble, 23)), line = linearised(map);
  const Tensor x = normal({6, 3}, 24), x_star = normal({4, 3}, 25), y = at::tensor({0, 1, 2, 0, 1, 2}, at::kLong);
  const KernelProblem problem{.K = tangent_kernel(map, x),
                              .z0 = map(x),
                              .y = y,
                              .K_star = tangent_kernel(map, x_star, x),
                              .z0_star = map(x_star)};
  const TrainingLoss loss{make_cost("cross_entropy"), 1};
  const DescentOptions options{.step = 0.2, .momentum = 0.8, .steps = 50, .every = 25};
  const OutputCurve outputs = kernel_descent(problem, loss, options).value();
  const ParameterCurve path = network_descent(line, x, y, loss, options).value();
  ASSERT_EQ(path.times, outputs.times);
  for (int k : {0, 1, 2}) {
    EXPECT_LE(largest(line.f(x, path.theta[k]) - outputs.train[k]), 1e-11);
    EXPECT_LE(largest(line.f(x_star, path.theta[k]) - outputs.elsewhere[k]), 1e-11);
  }
  // The network itself takes another way.
  const ParameterCurve own = network_descent(map, x, y, loss, options).value();
  EXPECT_GT(largest(map.f(x, own.theta[2]) - outputs.train[2]), 1e-3);
}

// The second step goes further by the momentum times the first, whatever the loss.
TEST(GradientDescent, MomentumRepeatsAShareOfTheLastStep) {
  const KernelProblem problem{.K = at::ones({1, 1}, at::kDouble),
                              .z0 = at::zeros({1, 1}, at::kDouble),
                              .y = at::ones({1, 1}, at::kDouble),
                              .K_star = Tensor(),
                              .z0_star = Tensor()};
  const auto outputs = [&](double momentum) {
    const DescentOptions options{.step = 0.1, .momentum = momentum, .steps = 2, .every = 1};
    return kernel_descent(problem, {}, options).value().train.flatten();
  };
  const Tensor plain = outputs(0), heavy = outputs(0.8);
  EXPECT_NEAR((heavy[2] - plain[2]).item<double>(), 0.8 * plain[1].item<double>(), 1e-15);
}

TEST(GradientDescent, OfSmallStepsTendsToTheFlow) {
  const ParametricMap map = map_of(FeedForward::make({.widths = {2, 6, 1}}, at::kDouble, 26));
  const Tensor x = normal({5, 2}, 27), y = normal({5, 1}, 28);
  const Tensor flow =
      network_flow(map, x, y, {}, {.horizon = 1, .times = {1}, .controller = {.rtol = 1e-11, .atol = 1e-13}})
          .value()
          .theta[0];
  const auto gap = [&](std::int64_t steps) {
    const ParameterCurve path =
        network_descent(map, x, y, {}, {.step = 1.0 / static_cast<double>(steps), .steps = steps, .every = steps})
            .value();
    return largest(path.theta[-1] - flow);
  };
  EXPECT_NEAR(gap(100) / gap(200), 2, 0.05);
}

template <class Act>
void expect_refused(const Act& act, const std::string& part) {
  try {
    act();
    FAIL() << "no error with '" << part << "'";
  } catch (const ContractError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Dynamics, RefuseWhatDoesNotFit) {
  const Case c;
  expect_refused([&] { SquareLossFlow{c.K_star}; }, "square");
  expect_refused([&] { SquareLossFlow{at::tensor({0.0, 1.0, 0.0, 0.0}, at::kDouble).view({2, 2})}; }, "symmetric");
  expect_refused(
      [&] {
        SquareLossFlow{at::full({2, 2}, std::numeric_limits<double>::quiet_NaN(), at::kDouble)};
      },
      "finite");
  expect_refused([&] { SquareLossFlow(c.K).train(normal({4, 2}, 1), normal({4, 2}, 1), 1); }, "columns");
  expect_refused([&] { SquareLossFlow(c.K).train(c.z0, c.z0_star, 1); }, "y must be");
  expect_refused([&] { SquareLossFlow(c.K).residual(c.z0, -1); }, "negative");
  expect_refused(
      [&] { (void)kernel_flow({.K = c.K, .z0 = c.z0, .y = c.y, .K_star = c.K_star, .z0_star = {}}, {}, {}); },
      "both K_star and z0_star");
  expect_refused([&] { (void)kernel_flow({.K = c.K, .z0 = c.z0, .y = c.y}, {}, {.horizon = 0}); }, "positive time");
  expect_refused([&] { (void)kernel_descent({.K = c.K, .z0 = c.z0, .y = c.y}, {}, {.step = -1}); }, "positive step");
}

}  // namespace
}  // namespace turnpike
