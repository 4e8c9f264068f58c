// The least interpolating control against geodesics in closed form, and its multipliers against differences.
#include <turnpike/train/least_norm.h>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

// One number from x_0 to y by x_dot = w s(x) + b. |u|^2 = v^2 / (1 + s(x)^2) is the least that gives speed v, so that
// int_0^T |u|^2 dt >= (int dx / sqrt(1 + s^2))^2 / T, with equality at constant |u|; for s the identity that integral
// is asinh(y) - asinh(x_0).
struct OnALine {
  Dataset data;
  Model model;
};

OnALine on_a_line(double x0, double y, double horizon, std::int64_t layers) {
  OnALine problem;
  problem.data.x = at::full({1, 1}, x0, at::kDouble);
  problem.data.y = at::full({1, 1}, y, at::kDouble);
  problem.data.schema.task = Task::regress;
  ModelSpec spec;
  spec.n_features = spec.width = 1;
  spec.field = {.kind = "inner", .dimension = 1, .activation = Activation::identity};
  spec.scheme = "rk4";
  spec.horizon = horizon;
  spec.layers = layers;
  problem.model = Model::make(spec, at::kDouble, 1);
  return problem;
}

double least_norm(double x0, double y, double horizon, std::int64_t layers) {
  OnALine problem = on_a_line(x0, y, horizon, layers);
  const LeastNorm least = least_norm_control(problem.model, problem.data);
  EXPECT_TRUE(least.converged) << least.error;
  return least.norm_squared;
}

TEST(LeastNorm, IsTheGeodesic) {
  const double length = std::asinh(1.5) - std::asinh(0.2);
  // Piecewise constant controls reach it at order 2.
  const double coarse = least_norm(0.2, 1.5, 2, 20) / (length * length / 2) - 1,
               fine = least_norm(0.2, 1.5, 2, 40) / (length * length / 2) - 1;
  EXPECT_LE(std::abs(fine), 1e-3);
  EXPECT_NEAR(std::log2(coarse / fine), 2, 0.05);
}

TEST(LeastNorm, MultipliersAreTheDerivativeOfTheNorm) {
  OnALine problem = on_a_line(0.2, 1.5, 1, 20);
  const LeastNorm least = least_norm_control(problem.model, problem.data);
  const double step = 1e-4;
  const double difference = (least_norm(0.2, 1.5 + step, 1, 20) - least_norm(0.2, 1.5 - step, 1, 20)) / (2 * step);
  EXPECT_NEAR(least.multipliers.item<double>() / difference, 1, 1e-6);
}

TEST(LeastNorm, MultipliersPredictTheErrorThatIsLeftAtASmallPrice) {
  OnALine problem = on_a_line(0.2, 1.5, 1, 20);
  const LeastNorm least = least_norm_control(problem.model, problem.data);
  const double epsilon = 1e-4, p = least.multipliers.item<double>();
  const Objective objective{
      .cost = make_cost("mean_square"), .running = 0, .terminal = 1, .penalty = {.weight = epsilon}};
  polish(problem.model, objective, problem.data, {.iterations = 500, .tolerance = 1e-15});
  at::NoGradGuard no_gradient;
  const double phi = (problem.model.forward(problem.data.x) - problem.data.y).square().item<double>();
  const double norm = problem.model.flow.grid.l2_squared(problem.model.control).item<double>();
  EXPECT_NEAR(phi / (epsilon * epsilon * p * p / 4), 1, 1e-3);
  EXPECT_NEAR((least.norm_squared - norm) / (epsilon * p * p / 2), 1, 1e-3);
}

TEST(LeastNorm, SaysWhereNothingInterpolates) {
  OnALine problem = on_a_line(0.2, 1.5, 1, 10);
  problem.data.x = at::full({2, 1}, 0.2, at::kDouble);
  problem.data.y = at::tensor({1.0, -1.0}, at::kDouble).unsqueeze(1);
  const LeastNorm least = least_norm_control(problem.model, problem.data, {.rounds = 3});
  EXPECT_FALSE(least.converged);
  EXPECT_GE(least.error, 1);
  problem.data.y = at::zeros({2}, at::kLong);
  EXPECT_THROW(least_norm_control(problem.model, problem.data), ContractError);
}

}  // namespace
}  // namespace turnpike
