// Controls, meshes, costs, adaptive runs, failures, cuts and horizons.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/laws/laws.h>

namespace turnpike {
namespace {

double number(const Tensor& tensor) {
  return tensor.item<double>();
}

TEST(Control, NormsAreThoseOfTheSampledControl) {
  Random random(5);
  for (const ControlKind kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    const ControlGrid grid(kind, {0, 0.5, 0.8, 2.0, 3.0});
    Tensor values = at::empty({grid.slots(), 3}, at::kDouble);
    for (std::int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = random.normal();
    std::vector<double> times;
    const int n = 30000;
    for (int i = 0; i < n; ++i) times.push_back(3.0 * (i + 0.5) / n);
    const Tensor u = grid.sample(values, times), size = u.norm(2, 1);
    const double dt = 3.0 / n;
    EXPECT_NEAR(number(grid.l2_squared(values)), number(size.square().sum()) * dt, 1e-6) << name_of(kind);
    EXPECT_NEAR(number(grid.l1(values)), number(size.sum()) * dt, 2e-3) << name_of(kind);
    EXPECT_NEAR(number(grid.sup(values)), number(size.max()), 1e-3) << name_of(kind);
    if (kind == ControlKind::linear) {
      const Tensor slope = at::diff(u, 1, 0) / dt;
      EXPECT_NEAR(number(grid.variation_squared(values)), number(slope.square().sum()) * dt, 0.05) << name_of(kind);
    }
  }
}

TEST(Control, JumpCountsDifferencesOverMidpointGaps) {
  const ControlGrid grid(ControlKind::constant, {0, 1, 3, 4});
  const Tensor values = at::tensor({0.0, 3.0, 1.0}, at::kDouble).view({3, 1});
  EXPECT_DOUBLE_EQ(number(grid.variation_squared(values)), 9 / 1.5 + 4 / 1.5);
}

TEST(Control, LinearInterpolatesInsideSteps) {
  // x_dot = u(t), u linear through (0, 1), (1, 3): x(1) = 2 exactly by the midpoint scheme, x(0.5) = 0.75.
  const FieldPtr push =
      make_field("push", 1, 1, [](double, const Tensor& x, const Tensor& u) { return u.expand_as(x); });
  const Flow flow = Flow::uniform(push, "midpoint", 1, 1, ControlKind::linear);
  const Tensor u = at::tensor({1.0, 3.0}, at::kDouble).view({2, 1});
  const Roll roll = flow.roll(at::zeros({1, 1}, at::kDouble), u, {.save = Save::times, .times = {0.5, 1.0}});
  EXPECT_NEAR(number(roll.states[0]), 0.75, 1e-15);
  EXPECT_NEAR(number(roll.end), 2, 1e-15);
}

TEST(Costs, AreTheirFormulas) {
  const Tensor z = at::tensor({1.0, -2.0, 0.5, 3.0}, at::kDouble).view({2, 2});
  const Tensor y = at::tensor({0.0, 1.0, 1.0, 0.0}, at::kDouble).view({2, 2}), sign = 2 * y - 1;
  const Tensor classes = at::tensor({1, 0}, at::kLong);
  const auto first = [&](const char* name, const Tensor& target) {
    return number((*make_cost(name))(0, z, target)[0]);
  };
  EXPECT_NEAR(first("mean_square", y), 1 + 9, 1e-14);
  EXPECT_NEAR(first("absolute", y), 1 + 3, 1e-14);
  EXPECT_NEAR(first("distance", y), std::sqrt(10.0), 1e-14);
  EXPECT_NEAR(first("cross_entropy", classes), std::log(std::exp(1.0) + std::exp(-2.0)) + 2, 1e-14);
  EXPECT_NEAR(first("binary_cross_entropy", y), std::log(1 + std::exp(1.0)) + std::log(1 + std::exp(2.0)), 1e-14);
  EXPECT_NEAR(first("logistic", sign), std::log(1 + std::exp(1.0)) + std::log(1 + std::exp(2.0)), 1e-14);
  // no overflow far out, and gradients by Taylor slope
  const Tensor far = at::full({1, 1}, 800.0, at::kDouble);
  EXPECT_DOUBLE_EQ(number((*make_cost("logistic"))(0, far, -at::ones({1, 1}, at::kDouble))), 800);
  for (const std::string& name : cost_names()) {
    const CostPtr cost = make_cost(name);
    const Tensor target = cost->classes() ? classes : name == "logistic" ? sign : y;
    const Law law = expect_gradient([&](const Tensor& at) { return (*cost)(0, at, target).sum(); }, z + 0.1, 9);
    EXPECT_TRUE(law.holds) << name << ": " << law.text;
  }
  EXPECT_THROW((*make_cost("mean_square"))(0, z, classes), ContractError);
}

Flow oscillator_flow(const std::string& scheme, std::int64_t steps) {
  const FieldPtr field = make_field("oscillator", 2, 1, [](double, const Tensor& x, const Tensor&) {
    return at::stack({x.select(1, 1), -x.select(1, 0)}, 1);
  });
  return Flow::uniform(field, scheme, 2 * std::numbers::pi, steps, ControlKind::shared);
}

TEST(Integrate, AdaptiveErrorFollowsTheTolerance) {
  const Flow flow = oscillator_flow("dopri5", 1);
  const Tensor x0 = at::tensor({1.0, 0.0}, at::kDouble).view({1, 2}), u = at::zeros({1, 1}, at::kDouble);
  double previous = 1;
  std::int64_t evaluations = 0;
  for (const double rtol : {1e-4, 1e-6, 1e-8, 1e-10}) {
    const auto run =
        integrate({flow.field, flow.grid, flow.scheme}, u, x0, {.controller = {.rtol = rtol, .atol = rtol}});
    ASSERT_TRUE(run);
    const double error = number((run.value().states[-1] - x0).abs().max());
    EXPECT_LT(error, 100 * rtol);
    EXPECT_LT(error, previous);
    EXPECT_GT(run.value().evaluations, evaluations);
    previous = error;
    evaluations = run.value().evaluations;
  }
}

TEST(Integrate, DenseOutputIsAsGoodAsTheSteps) {
  const Flow flow = oscillator_flow("dopri5", 1);
  const Tensor x0 = at::tensor({1.0, 0.0}, at::kDouble).view({1, 2}), u = at::zeros({1, 1}, at::kDouble);
  std::vector<double> times;
  for (int i = 0; i <= 50; ++i) times.push_back(2 * std::numbers::pi * i / 50);
  const auto run = integrate({flow.field, flow.grid, flow.scheme}, u, x0,
                             {.controller = {.rtol = 1e-9, .atol = 1e-9}, .save_times = times});
  ASSERT_TRUE(run);
  ASSERT_EQ(run.value().times.size(), times.size());
  EXPECT_LT(run.value().mesh.size(), 150u);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(number(run.value().states[i][0][0]), std::cos(times[i]), 2e-7);
    EXPECT_NEAR(number(run.value().states[i][0][1]), -std::sin(times[i]), 2e-7);
  }
}

TEST(Integrate, AdaptiveStepsStopAtTheControlsJumps) {
  // x_dot = u(t) with u = 1, -5, 2 on thirds: exact by any scheme whose steps end at the jumps.
  const FieldPtr push =
      make_field("push", 1, 1, [](double, const Tensor& x, const Tensor& u) { return u.expand_as(x); });
  const ControlGrid grid = ControlGrid::uniform(ControlKind::constant, 3, 3);
  const Tensor u = at::tensor({1.0, -5.0, 2.0}, at::kDouble).view({3, 1});
  const auto run =
      integrate({push, grid, make_scheme("dopri5")}, u, at::zeros({1, 1}, at::kDouble), {.save_times = {1, 1.5, 2, 3}});
  ASSERT_TRUE(run);
  const double expected[] = {1, -1.5, -4, -2};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(number(run.value().states[i][0][0]), expected[i], 1e-13);
}

TEST(Integrate, FailuresAreTypedAndKeepThePartialTrajectory) {
  // x_dot = x^2 from 1 leaves the numbers at t = 1.
  const FieldPtr blow_up =
      make_field("blow-up", 1, 1, [](double, const Tensor& x, const Tensor&) { return x.square(); });
  const ControlGrid grid = ControlGrid::uniform(ControlKind::shared, 2, 1);
  const Tensor x0 = at::ones({1, 1}, at::kDouble), u = at::zeros({1, 1}, at::kDouble);
  const Dynamics dynamics{blow_up, grid, make_scheme("dopri5")};

  const auto diverged = integrate(dynamics, u, x0);
  ASSERT_FALSE(diverged);
  EXPECT_TRUE(diverged.failure().kind == FailureKind::divergence ||
              diverged.failure().kind == FailureKind::step_underflow);
  EXPECT_NEAR(diverged.failure().time, 1, 1e-5);
  EXPECT_GT(diverged.partial().times.size(), 5u);
  EXPECT_TRUE(diverged.partial().states.isfinite().all().item<bool>());
  EXPECT_THROW(diverged.value(), Error);

  const auto limited = integrate(dynamics, u, x0, {.controller = {.max_steps = 3}});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.failure().kind, FailureKind::step_limit);

  const auto underflow = integrate(dynamics, u, x0, {.controller = {.min_step = 1e-3}});
  ASSERT_FALSE(underflow);
  EXPECT_EQ(underflow.failure().kind, FailureKind::step_underflow);

  const auto fixed = integrate({blow_up, grid, make_scheme("euler")}, u, x0, {.mesh = Mesh::uniform(2, 200)});
  ASSERT_FALSE(fixed);
  EXPECT_EQ(fixed.failure().kind, FailureKind::divergence);
  const auto nan = integrate(dynamics, u, at::full({1, 1}, NAN, at::kDouble));
  ASSERT_FALSE(nan);
  EXPECT_EQ(nan.failure().kind, FailureKind::divergence);
}

// A step whose stages leave the field's domain has no error estimate, and is tried again, shorter.
TEST(Integrate, RejectsStepsWhoseErrorIsNotANumber) {
  const FieldPtr emptying =
      make_field("emptying", 1, 1, [](double, const Tensor& x, const Tensor&) { return -at::sqrt(x); });
  const Dynamics dynamics{emptying, ControlGrid::uniform(ControlKind::shared, 1.9, 1), make_scheme("dopri5")};
  const auto run = integrate(dynamics, at::zeros({1, 1}, at::kDouble), at::ones({1, 1}, at::kDouble),
                             {.controller = {.rtol = 1e-9, .atol = 1e-9, .first_step = 1.9}});
  ASSERT_TRUE(run) << run.failure().text();
  EXPECT_GT(run.value().rejected, 0);
  EXPECT_NEAR(run.value().states[-1].item<double>(), 0.05 * 0.05, 1e-7);  // (1 - t/2)^2
}

TEST(Flow, AdaptiveGradientIsThatOfTheAcceptedMesh) {
  Flow adaptive = Flow::uniform(inner_field({.dimension = 3}), "dopri5", 2, 4);
  Random random(2);
  const Tensor u = adaptive.field->initial_control(4, 1.0, random);
  const Tensor x0 = adaptive.field->initial_control(5, 1.0, random).narrow(1, 0, 3).contiguous();
  adaptive.controller = StepController{.rtol = 1e-7, .atol = 1e-7};
  const auto run = adaptive.trajectory(x0, u);
  ASSERT_TRUE(run);
  Flow fixed = adaptive;
  fixed.controller.reset();
  fixed.mesh = Mesh{run.value().mesh};
  const Law law = expect_same_gradient(adaptive, fixed, x0, u, 1e-14);
  EXPECT_TRUE(law.holds) << law.text;
}

// g = 2t, whose integral over [0, T] is T^2 for every rule of order two.
class GrowingCost : public Cost {
 public:
  std::string name() const override { return "growing"; }
  Tensor operator()(double t, const Tensor& z, const Tensor&) const override {
    return at::full_like(z.select(1, 0), 2 * t);
  }
};

TEST(Flow, ARunningCostMayDependOnTime) {
  const Tensor x0 = at::ones({2, 2}, at::kDouble), u = at::zeros({1, 1}, at::kDouble);
  for (const char* scheme : {"midpoint", "heun", "rk4", "implicit_midpoint"}) {
    const Roll roll =
        oscillator_flow(scheme, 7).roll(x0, u, {.running = RunningCost{std::make_shared<GrowingCost>(), {}, x0}});
    const double horizon = 2 * std::numbers::pi;
    EXPECT_NEAR(number(roll.integral[1]), horizon * horizon, 1e-12) << scheme;
  }
}

TEST(Flow, SamplesStopAtTheirOwnHorizons) {
  const Flow flow = oscillator_flow("rk4", 100);
  const Tensor x0 = at::tensor({1.0, 0.0}, at::kDouble).view({1, 2}).repeat({3, 1}), u = at::zeros({1, 1}, at::kDouble);
  const std::vector<double> horizons{0.0, std::numbers::pi / 2, std::numbers::pi};
  const RunningCost one{
      make_cost("mean_square"), {}, at::zeros({3, 2}, at::kDouble)};  // |x|^2 = 1: the integral is the time
  const Roll roll = flow.roll(x0, u, {.running = one, .horizons = horizons});
  const auto run = integrate({flow.field, flow.grid, flow.scheme}, u, x0, {.mesh = flow.mesh, .horizons = horizons});
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(number(roll.end[i][0]), std::cos(horizons[i]), 1e-5);
    EXPECT_NEAR(number(roll.integral[i]), horizons[i], 1e-5);
    EXPECT_EQ(number(run.value().states[-1][i][0]), number(roll.end[i][0]));
  }
}

TEST(Flow, CutFlowIsTheFirstPartOfTheWhole) {
  Random random(4);
  for (const ControlKind kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    Flow flow = Flow::uniform(inner_field({.dimension = 2}), "heun", 3, 6, kind);
    flow.mesh = Mesh::uniform(3, 12);
    const Tensor u = flow.field->initial_control(flow.grid.slots(), 1.0, random), x0 = at::ones({2, 2}, at::kDouble);
    const Roll whole = flow.roll(x0, u, {.save = Save::all});
    for (const std::int64_t steps : {1, 4, 7, 12}) {
      const Flow::Cut cut = flow.cut(u, steps);
      EXPECT_EQ(cut.flow.mesh.steps(), steps);
      EXPECT_EQ(cut.control.size(0), cut.flow.grid.slots());
      EXPECT_LE(number((cut.flow.roll(x0, cut.control).end - whole.states[steps]).abs().max()), 1e-14)
          << name_of(kind) << " after " << steps;
    }
  }
  const Flow flow = oscillator_flow("euler", 4);
  EXPECT_THROW(flow.cut(at::zeros({1, 1}, at::kDouble), 5), ContractError);
}

TEST(Flow, BrokenContractsSayWhichShapesDisagree) {
  const Flow flow = Flow::uniform(inner_field({.dimension = 2}), "euler", 1, 3);
  const Tensor u = at::zeros({3, 6}, at::kDouble), x = at::zeros({4, 2}, at::kDouble);
  EXPECT_THROW(flow.roll(at::zeros({4, 3}, at::kDouble), u), ContractError);
  EXPECT_THROW(flow.roll(x, at::zeros({2, 6}, at::kDouble)), ContractError);
  EXPECT_THROW(flow.roll(x.to(at::kFloat), u), ContractError);
  EXPECT_THROW(flow.roll(x, u, {.save = Save::times, .times = {2.0}}), ContractError);
  EXPECT_THROW(Flow::uniform(inner_field({.dimension = 2}), "verlet", 1, 3).roll(x, u), ContractError);
  Flow crossing = flow;
  crossing.mesh = Mesh::uniform(1, 4);
  EXPECT_THROW(crossing.roll(x, u), ContractError);
}

TEST(Flow, SinglePrecisionFollowsDouble) {
  Random random(8);
  const Flow flow = Flow::uniform(outer_field({.dimension = 3}), "rk4", 2, 10);
  const Tensor u = flow.field->initial_control(10, 1.0, random), x0 = at::ones({2, 3}, at::kDouble);
  const Tensor exact = flow.roll(x0, u).end, single = flow.roll(x0.to(at::kFloat), u.to(at::kFloat)).end;
  EXPECT_EQ(single.scalar_type(), at::kFloat);
  EXPECT_LE(number((single.to(at::kDouble) - exact).abs().max()), 5e-6);
}

TEST(Mesh, StopsAreInsertedOnce) {
  const Mesh mesh = Mesh::uniform(1, 4).with_stops({0.25, 0.3, 0.3, 1.0, 0.0});
  EXPECT_EQ(mesh.times, (std::vector<double>{0, 0.25, 0.3, 0.5, 0.75, 1}));
  EXPECT_THROW(Mesh::uniform(1, 4).with_stops({1.5}), ContractError);
}

}  // namespace
}  // namespace turnpike
