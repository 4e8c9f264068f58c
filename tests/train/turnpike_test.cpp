// Polished optima of the problem with running cost (SL*), where theory says what they look like: lecture L4's turnpike.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/train/continuation.h>
#include <turnpike/train/multistart.h>
#include <algorithm>
#include <cmath>

namespace turnpike {
namespace {

// Three points in R^3, lifted by a zero coordinate that is to reach +-1: fewer points than dimensions, so that x_dot =
// W tanh(x) + b can steer each of them.
Dataset three_points() {
  Dataset data;
  data.x = at::tensor({0.9, 0.1, -0.4, -0.6, 0.8, 0.2, 0.3, -0.7, 0.9}, at::kDouble).reshape({3, 3});
  data.y = at::tensor({1.0, -1.0, 1.0}, at::kDouble).unsqueeze(1);
  data.schema.task = Task::regress;
  return data;
}

ModelSpec four_dimensions(double horizon, std::int64_t layers) {
  ModelSpec spec;
  spec.n_features = 3;
  spec.width = 4;
  spec.lift = Lift::pad;
  spec.field = {.kind = "inner", .dimension = 4};
  spec.horizon = horizon;
  spec.layers = layers;
  return spec;
}

Objective running_cost(Penalty penalty) {
  return {.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = penalty};
}

struct Profile {
  std::vector<double> t;
  Tensor phi, u;  // [K + 1], [K]
  Tensor end;
};

Profile profile_of(const Model& model, const Dataset& data) {
  at::NoGradGuard no_grad;
  const Roll roll = model.flow.roll(model.lift(data.x), model.control, {.save = Save::all});
  return {roll.times, (roll.states.select(2, 3) - data.y.squeeze(1)).square().mean(1), model.control.norm(2, 1),
          roll.end};
}

TEST(Turnpike, OptimaWithRunningCostDecayAtThePredictedRate) {
  const Dataset data = three_points();
  const Objective objective = running_cost({.weight = 0.1});
  const Model start = Model::make(four_dimensions(5, 50), at::kDouble, 1);
  const auto stages =
      continuation(start, objective, {{.horizon = 5, .layers = 50}, {.horizon = 10, .layers = 100}}, Stretch::extend,
                   data, nullptr, {.epochs = 0, .polish = {.iterations = 1000, .tolerance = 1e-10}});
  const PolishReport &five = *stages[0].result.polish, &ten = *stages[1].result.polish;
  EXPECT_TRUE(five.converged && ten.converged) << five.residual << " " << ten.residual;

  // J_T grows with T and converges: what is left at T = 5 is exponentially small.
  EXPECT_GE(ten.objective, five.objective - 1e-14);
  EXPECT_LE(ten.objective, five.objective * (1 + 1e-4));

  const Profile profile = profile_of(stages[1].model, data);
  const double phi_0 = profile.phi[0].item<double>(), phi_end = profile.phi[-1].item<double>();
  EXPECT_DOUBLE_EQ(phi_0, 1);
  EXPECT_LE(phi_end, 1e-9);

  // phi ~ exp(-mu t), mu = 2 sqrt(kappa / (N lambda)), kappa the smallest eigenvalue of [tanh(x_i) . tanh(x_j) + 1] at
  // the end state. Euler's scheme has the discrete Riccati equation's rate: e+ = r e, (1 - r)^2 / (h^2 r) = mu^2 / 4,
  // phi ~ exp(2 log(r) t / h).
  const Tensor features = at::tanh(profile.end);
  const double kappa = at::linalg_eigvalsh(features.matmul(features.t()) + 1)[0].item<double>();
  const double mu = 2 * std::sqrt(kappa / (3 * 0.1)), h = 0.1;
  const double c = h * h * mu * mu / 4, r = 1 + c / 2 - std::sqrt(c + c * c / 4), rate = -2 * std::log(r) / h;
  // From where the faster modes have died out to where rounding begins.
  const double measured = std::log(profile.phi[60].item<double>() / profile.phi[80].item<double>()) / 2;
  EXPECT_NEAR(measured / rate, 1, 1e-3) << "mu = " << mu;

  // Conservation along the optimum: lambda |u|^2 = phi - phi(T) to O(h); where one mode is left, lambda |u|^2 = r phi.
  for (std::int64_t k = 0; k < 80; ++k) {
    const double u = profile.u[k].item<double>(), phi = profile.phi[k].item<double>();
    EXPECT_NEAR(0.1 * u * u / phi, r, k < 40 ? 0.15 : 0.01) << "t = " << profile.t[k];
  }
}

TEST(Turnpike, PolishedL1ControlsAreExactlyZeroAfterAWhile) {
  const Dataset data = three_points();
  const Objective objective = running_cost({.kind = PenaltyKind::l1, .weight = 0.3});
  Model model = Model::make(four_dimensions(4, 20), at::kDouble, 1);
  const PolishReport report = polish(model, objective, data, {.iterations = 4000, .tolerance = 1e-8});
  EXPECT_TRUE(report.converged) << report.residual;
  const Tensor u = model.control.norm(2, 1);
  std::int64_t last = 19;
  while (last >= 0 && u[last].item<double>() == 0) --last;
  EXPECT_GT(last, 1);
  EXPECT_LT(last, 14);

  // Optimality: gradient of the smooth part = -lambda h u / |u| where u is not zero, at most lambda h where it is.
  model.control.set_requires_grad(true);
  const ObjectiveValue value = objective(model.flow, model.lift(data.x), model.control, model.readout(), data.y);
  value.smooth.backward();
  const Tensor g = model.control.grad(), v = model.control.detach();
  const double lambda_h = 0.3 * 0.2;
  for (std::int64_t k = 0; k < 20; ++k) {
    if (u[k].item<double>() == 0)
      EXPECT_LE(g[k].norm().item<double>(), lambda_h * (1 + 1e-7));
    else
      EXPECT_LE((g[k] + lambda_h * v[k] / u[k]).norm().item<double>(), 1e-7);
  }
}

TEST(Turnpike, PolishHoldsTheBound) {
  const Dataset data = three_points();
  Model model = Model::make(four_dimensions(4, 20), at::kDouble, 1);
  const PolishReport report =
      polish(model, running_cost({.weight = 0.1, .bound = 0.8}), data, {.iterations = 4000, .tolerance = 1e-8});
  EXPECT_TRUE(report.converged) << report.residual;
  EXPECT_NEAR(model.control.norm(2, 1).max().item<double>(), 0.8, 1e-14);
}

TEST(Polish, ConvertsToFloat64AndSaysHowFarItGot) {
  const Dataset data = three_points();
  const Objective objective = running_cost({.weight = 0.1});
  Model model = Model::make(four_dimensions(4, 20), at::kFloat, 1);
  const PolishReport few = polish(model, objective, data, {.iterations = 20, .tolerance = 1e-12});
  EXPECT_EQ(model.dtype(), at::kDouble);
  EXPECT_FALSE(few.converged);
  EXPECT_EQ(few.iterations, 20);
  const PolishReport more = polish(model, objective, data, {.iterations = 400, .tolerance = 1e-10});
  EXPECT_TRUE(more.converged);
  EXPECT_LT(more.objective, few.objective);
  EXPECT_DOUBLE_EQ(more.objective, objective_on(model, objective, data));
}

// ---- with_horizon ----

Model random_model(ControlKind kind, double horizon, std::int64_t layers) {
  ModelSpec spec = four_dimensions(horizon, layers);
  spec.control = kind;
  spec.initial_scale = 1;
  Model model = Model::make(spec, at::kDouble, 3);
  model.schema = three_points().schema;
  return model;
}

TEST(WithHorizon, ExtendsByRest) {
  const Dataset data = three_points();
  const Model model = random_model(ControlKind::constant, 3, 12), longer = with_horizon(model, 5, 20, Stretch::extend);
  const Tensor before = model.flow.roll(model.lift(data.x), model.control).end;
  const Roll after = longer.flow.roll(longer.lift(data.x), longer.control, {.save = Save::all});
  EXPECT_LE((after.states[12] - before).abs().max().item<double>(), 1e-14);
  EXPECT_TRUE(at::equal(after.states[12], after.end));
  EXPECT_TRUE(at::equal(longer.control.narrow(0, 12, 8), at::zeros({8, 20}, at::kDouble)));
}

TEST(WithHorizon, RescalesToTheSameEndState) {
  const Dataset data = three_points();
  for (const auto kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    const Model model = random_model(kind, 3, 12), longer = with_horizon(model, 7, 12, Stretch::rescale);
    const Tensor a = model.flow.roll(model.lift(data.x), model.control).end;
    const Tensor b = longer.flow.roll(longer.lift(data.x), longer.control).end;
    EXPECT_LE((a - b).abs().max().item<double>(), 1e-13) << name_of(kind);
  }
}

TEST(WithHorizon, KeepsTheIntegralOfTheControlOnAnyMesh) {
  for (const auto stretch : {Stretch::extend, Stretch::rescale}) {
    const Model model = random_model(ControlKind::constant, 3, 12), other = with_horizon(model, 4.1, 17, stretch);
    const auto integral = [](const Model& m) {
      return (m.control * m.flow.grid.cell_lengths(m.control).unsqueeze(1)).sum(0);
    };
    EXPECT_LE((integral(model) - integral(other)).abs().max().item<double>(), 1e-13) << name_of(stretch);
  }
  const Model linear = random_model(ControlKind::linear, 3, 12), finer = with_horizon(linear, 3, 24, Stretch::extend);
  const std::vector<double> times{0.1, 1.7, 2.99, 3};
  EXPECT_LE((linear.flow.grid.sample(linear.control, times) - finer.flow.grid.sample(finer.control, times))
                .abs()
                .max()
                .item<double>(),
            1e-13);
  EXPECT_THROW(with_horizon(random_model(ControlKind::shared, 3, 12), 4, 12, Stretch::extend), ContractError);
}

// ---- multistart ----

TEST(Multistart, KeepsTheBestAndCountsTheLost) {
  const Dataset data = three_points();
  const Objective objective = running_cost({.weight = 0.1});
  const auto make = [](std::uint64_t seed) { return Model::make(four_dimensions(2, 10), at::kDouble, seed); };
  const Starts starts = multistart(make, 3, 1, objective, data, nullptr, {.epochs = 20, .optimiser = {.rate = 0.02}});
  ASSERT_EQ(starts.objectives.size(), 3u);
  const double best = *std::min_element(starts.objectives.begin(), starts.objectives.end());
  EXPECT_EQ(starts.objectives[starts.best_start], best);
  EXPECT_DOUBLE_EQ(objective_on(starts.best, objective, data), best);
  EXPECT_NE(starts.objectives[0], starts.objectives[1]);

  int made = 0;
  const auto sometimes_broken = [&](std::uint64_t seed) {
    Model model = make(seed);
    if (made++ != 1) model.control.fill_(1e200);
    return model;
  };
  const Starts survivors = multistart(sometimes_broken, 3, 1, objective, data, nullptr, {.epochs = 5});
  EXPECT_EQ(survivors.best_start, 1);
  EXPECT_TRUE(std::isnan(survivors.objectives[0]) && std::isnan(survivors.objectives[2]));
}

}  // namespace
}  // namespace turnpike
