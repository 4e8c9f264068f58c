// Gradient flows and the modified losses of gradient descent and SGD, against exact truths on quadratics and orders on
// losses that are none.
#include <turnpike/train/modified_loss.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include <turnpike/base/error.h>
#include <turnpike/laws/laws.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>
#include <cmath>

#include "normal.h"

namespace turnpike {
namespace {

double size(const Tensor& v) {
  return v.norm().item<double>();
}

// lambda (w - centre)^2 / 2
Loss parabola(double lambda, double centre = 0) {
  return [=](const Tensor& w) -> Tensor { return 0.5 * lambda * (w - centre).square().sum(); };
}

// sum log cosh(A w + b): smooth, convex, no polynomial.
Loss log_cosh(std::uint64_t seed) {
  const Tensor a = normal({4, 3}, seed), b = normal({4}, seed + 100);
  return [=](const Tensor& w) -> Tensor { return at::log(at::cosh(a.mv(w) + b)).sum(); };
}

Tensor descend(const Loss& loss, const Tensor& w, double step) {
  return w - step * gradient_of(loss, w);
}

TEST(GradientFlow, OfAQuadraticIsAnExponential) {
  const Tensor root = normal({4, 4}, 1), A = root.matmul(root.t()), w = normal({4}, 2);
  const Loss C = [&](const Tensor& v) -> Tensor { return 0.5 * v.dot(A.mv(v)); };
  const Tensor exact = at::matrix_exp(-0.7 * A).mv(w);
  EXPECT_LT(size(gradient_flow(C, w, 0.7).value() - exact), 1e-12 * size(w));
  const Tensor curve = gradient_flow_at(C, w, {0, 0.35, 0.7}).value();
  ASSERT_EQ(curve.sizes(), (at::IntArrayRef{3, 4}));
  EXPECT_LT(size(curve[0] - w), 1e-15);
  EXPECT_LT(size(curve[1] - at::matrix_exp(-0.35 * A).mv(w)), 1e-10);
  EXPECT_LT(size(curve[2] - exact), 1e-12 * size(w));
}

TEST(GradientFlow, RestsWhereNothingDependsOnTheParameters) {
  const Tensor w = normal({3}, 1);
  const Loss constant = [](const Tensor&) -> Tensor { return at::ones({}, at::kDouble); };
  EXPECT_EQ(size(gradient_of(constant, w)), 0);
  EXPECT_TRUE(at::equal(gradient_flow(constant, w, 2).value(), w));
}

TEST(GradientFlow, SaysHowFarItCame) {
  const Loss runaway = [](const Tensor& w) -> Tensor { return -w.pow(4).sum() / 4; };  // w = (1 - 2t)^-1/2 from 1
  const Outcome<Tensor> run = gradient_flow(runaway, at::ones({1}, at::kDouble), 1, {.rtol = 1e-7, .atol = 1e-9});
  ASSERT_FALSE(run);
  EXPECT_NEAR(run.failure().time, 0.5, 1e-5);
  EXPECT_GT(run.partial().item<double>(), 100);
  EXPECT_THROW(gradient_flow(runaway, at::ones({1, 1}, at::kDouble), 1), ContractError);
  EXPECT_THROW(gradient_flow(runaway, at::ones({1}, at::kDouble), -1), ContractError);
  EXPECT_THROW(gradient_flow([](const Tensor& w) { return w; }, at::ones({2}, at::kDouble), 1), ContractError);
  EXPECT_THROW(gradient_flow_at(runaway, at::ones({1}, at::kDouble), {}), ContractError);
}

// L_i = lambda_i |theta|^2 / 2: theta_i(t) = e^{-lambda_i t} theta_i(0), each row by itself.
TEST(GradientFlow, OfLossesSideBySideIsEachRowsOwn) {
  const Tensor lambda = at::tensor({0.5, 1.0, 3.0}, at::kDouble);
  const Losses losses = [&](const Tensor& theta) { return lambda * theta.square().sum(1) / 2; };
  const Tensor start = normal({3, 2}, 5);
  EXPECT_TRUE(at::allclose(gradients(losses, start), lambda.unsqueeze(1) * start, 1e-15, 1e-15));
  const Tensor states = gradient_flows(losses, start, {0, 1, 2});
  for (int k = 0; k < 3; ++k) EXPECT_LT(size(states[k] - at::exp(-lambda * k).unsqueeze(1) * start), 1e-10) << k;
  EXPECT_THROW(gradients([](const Tensor& theta) { return theta.sum(); }, start), ContractError);
  EXPECT_THROW(gradients(losses, start[0]), ContractError);
}

// No loss has the velocity of a rotation.
TEST(GradientFlow, GoesAlongAnyVelocity) {
  const auto rotation = [](const Tensor& s) -> Tensor { return at::stack({-s[1], s[0]}); };
  const Trajectory path = flow_along(rotation, at::tensor({1.0, 0.0}, at::kDouble), 2, {1, 2}, tight_steps).value();
  ASSERT_EQ(path.states.sizes(), (at::IntArrayRef{2, 1, 2}));
  EXPECT_LT(size(path.states[1][0] - at::tensor({std::cos(2.0), std::sin(2.0)}, at::kDouble)), 1e-11);
}

TEST(ModifiedLoss, OfAQuadratic) {
  const Tensor root = normal({4, 4}, 3), A = root + root.t(), w = normal({4}, 4);
  const Loss C = [&](const Tensor& v) -> Tensor { return 0.5 * v.dot(A.mv(v)); };
  const Tensor exact = A + 0.3 / 2 * A.matmul(A);  // C + eps/4 w' A^2 w
  const Loss modified = modified_loss(C, 0.3);
  EXPECT_NEAR(modified(w).item<double>(), (0.5 * w.dot(exact.mv(w))).item<double>(), 1e-12);
  EXPECT_FALSE(modified(w).requires_grad());
  EXPECT_LT(size(gradient_of(modified, w) - exact.mv(w)), 1e-12);
  EXPECT_NEAR(modified_loss(C, 0)(w).item<double>(), C(w).item<double>(), 1e-14);
}

TEST(ModifiedLoss, IsDifferentiableTwice) {
  const Law gradient = expect_gradient(modified_loss(log_cosh(1), 0.2), normal({3}, 5), 6);
  EXPECT_TRUE(gradient.holds) << gradient.text;
  const Law hessian = expect_hessian(modified_loss({log_cosh(1), log_cosh(2)}, 0.2), normal({3}, 5), 6);
  EXPECT_TRUE(hessian.holds) << hessian.text;
}

// (step - flow) / eps^2 -> lambda^2 / 2 w is what a Taylor series gives with the sign of the loss: the step lags.
TEST(ModifiedLoss, LimitsOfOneStepOnAParabola) {
  const double lambda = 1.7;
  const Loss C = parabola(lambda);
  const Tensor w = at::ones({1}, at::kDouble);
  std::vector<double> steps, second, third;
  for (double step = 0.04; step > 0.004; step /= 2) {
    const Tensor end = descend(C, w, step);
    steps.push_back(step);
    second.push_back((end - gradient_flow(C, w, step).value()).item<double>() / (step * step));
    third.push_back((end - gradient_flow(modified_loss(C, step), w, step).value()).item<double>() / std::pow(step, 3));
  }
  EXPECT_NEAR(fit_line(steps, second).intercept, -lambda * lambda / 2, 2e-3);
  EXPECT_NEAR(fit_line(steps, third).intercept, -std::pow(lambda, 3) / 3, 2e-2);
}

// Batches that share their minimum: an epoch ends at prod (1 - eps lambda_k) w whatever the order.
TEST(ModifiedLoss, LimitOfAnEpochOnParabolas) {
  const std::vector<double> lambda{0.5, 1.1, 2};
  std::vector<Loss> batches;
  double cubes = 0;
  for (const double l : lambda) {
    batches.push_back(parabola(l));
    cubes += l * l * l;
  }
  const Tensor w = at::ones({1}, at::kDouble);
  std::vector<double> steps, third;
  for (double step = 0.02; step > 0.002; step /= 2) {
    Tensor end = w;
    for (const Loss& batch : batches) end = descend(batch, end, step);
    const Tensor flow = gradient_flow(modified_loss(batches, step), w, 3 * step).value();
    steps.push_back(step);
    third.push_back((end - flow).item<double>() / std::pow(step, 3));
  }
  EXPECT_NEAR(fit_line(steps, third).intercept, -cubes / 3, 3e-2);
}

TEST(ModifiedLoss, RaisesTheOrderByOne) {
  const Tensor w = normal({3}, 8);
  const auto order = [&](const std::function<double(double)>& gap) {
    std::vector<double> steps, gaps;
    for (double step = 0.04; step > 0.001; step /= 2) {
      steps.push_back(step);
      gaps.push_back(gap(step));
    }
    return fit_order(steps, gaps).slope;
  };
  const Loss C = log_cosh(1);
  EXPECT_NEAR(order([&](double e) { return size(descend(C, w, e) - gradient_flow(C, w, e).value()); }), 2, 0.15);
  EXPECT_NEAR(
      order([&](double e) { return size(descend(C, w, e) - gradient_flow(modified_loss(C, e), w, e).value()); }), 3,
      0.15);
  // Twice the penalty is no better than none.
  EXPECT_NEAR(
      order([&](double e) { return size(descend(C, w, e) - gradient_flow(modified_loss(C, 2 * e), w, e).value()); }), 2,
      0.15);

  const std::vector<Loss> batches{log_cosh(1), log_cosh(2), log_cosh(3)};
  EXPECT_NEAR(order([&](double e) {
                std::vector<std::size_t> turn(batches.size());
                std::iota(turn.begin(), turn.end(), 0);
                Tensor mean = at::zeros_like(w);
                do {
                  Tensor end = w;
                  for (const std::size_t k : turn) end = descend(batches[k], end, e);
                  mean += end / 6;
                } while (std::next_permutation(turn.begin(), turn.end()));
                return size(mean - gradient_flow(modified_loss(batches, e), w, 3 * e).value());
              }),
              3, 0.15);
}

TEST(ModifiedLoss, Refuses) {
  EXPECT_THROW(modified_loss(parabola(1), -0.1), ContractError);
  EXPECT_THROW(modified_loss(parabola(1), std::numeric_limits<double>::quiet_NaN()), ContractError);
  EXPECT_THROW(modified_loss(std::vector<Loss>{}, 0.1), ContractError);
  EXPECT_THROW(with_gradient_penalty(parabola(1), std::numeric_limits<double>::infinity()), ContractError);
  EXPECT_THROW(modified_loss([](const Tensor& w) { return w; }, 0.1)(normal({2}, 1)), ContractError);
}

}  // namespace
}  // namespace turnpike
