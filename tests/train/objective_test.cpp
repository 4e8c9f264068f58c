#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/flow/fields.h>
#include <turnpike/laws/laws.h>
#include <turnpike/train/objective.h>

namespace turnpike {
namespace {

struct Problem {
  Flow flow = Flow::uniform(inner_field({.dimension = 3}), "midpoint", 2, 7);
  Tensor x0 = at::linspace(-1, 1, 15, at::kDouble).reshape({5, 3});
  Tensor y = at::linspace(1, -1, 10, at::kDouble).reshape({5, 2});
  Tensor u = 0.3 * at::sin(at::arange(7 * 12, at::kDouble)).reshape({7, 12});
  Readout readout{at::linspace(-1, 2, 6, at::kDouble).reshape({2, 3}), at::tensor({0.1, -0.2}, at::kDouble)};
};

TEST(Objective, SumsItsTerms) {
  const Problem p;
  const CostPtr cost = make_cost("mean_square");
  const Penalty penalty{.weight = 0.7};
  const auto value = [&](double running, double terminal, const Penalty& pen) {
    return Objective{.cost = cost, .running = running, .terminal = terminal, .penalty = pen}(p.flow, p.x0, p.u,
                                                                                             p.readout, p.y);
  };
  const ObjectiveValue all = value(2, 3, penalty), sl1 = value(0, 1, {}), sl_star = value(1, 0, {});
  const Roll roll = p.flow.roll(p.x0, p.u, {.running = RunningCost{cost, p.readout, p.y}});
  EXPECT_NEAR(all.running.item<double>(), 2 * roll.integral.mean().item<double>(), 1e-14);
  EXPECT_NEAR(all.terminal.item<double>(), 3 * (p.readout(roll.end) - p.y).square().sum(1).mean().item<double>(),
              1e-13);
  EXPECT_NEAR(all.penalty.item<double>(), 0.7 * p.flow.grid.l2_squared(p.u).item<double>(), 1e-14);
  EXPECT_NEAR(all.total.item<double>(), (2 * sl_star.total + 3 * sl1.total + all.penalty).item<double>(), 1e-13);
  EXPECT_EQ(sl1.running.item<double>(), 0);
  EXPECT_EQ(sl_star.terminal.item<double>(), 0);
  EXPECT_TRUE(at::equal(all.smooth, all.total));
  const ObjectiveValue l1 = value(1, 2, {.kind = PenaltyKind::l1, .weight = 0.7});
  EXPECT_NEAR((l1.total - l1.smooth).item<double>(), 0.7 * p.flow.grid.l1(p.u).item<double>(), 1e-13);
  EXPECT_THROW((Objective{}(p.flow, p.x0, p.u, p.readout, p.y)), ContractError);
}

TEST(Objective, GradientsInControlAndReadoutHaveTaylorSlopeTwo) {
  for (const double running : {0.0, 1.0}) {
    const Problem p;
    const Objective objective{
        .cost = make_cost("mean_square"), .running = running, .terminal = 0.5, .penalty = {.weight = 0.1}};
    const Law control =
        expect_gradient([&](const Tensor& u) { return objective(p.flow, p.x0, u, p.readout, p.y).total; }, p.u, 1);
    EXPECT_TRUE(control.holds) << control.text;
    const Law head = expect_gradient(
        [&](const Tensor& w) {
          return objective(p.flow, p.x0, p.u, {w, p.readout.bias}, p.y).total;
        },
        p.readout.weight, 2);
    EXPECT_TRUE(head.holds) << head.text;
  }
}

// A control [R, slots, P]: R objectives side by side, whatever the penalty.
TEST(Objective, OfReplicasIsOneOfEach) {
  const Problem p;
  const Tensor u = at::stack({p.u, 0.5 * p.u, -2 * p.u}).requires_grad_();
  for (const PenaltyKind kind : {PenaltyKind::l2, PenaltyKind::l1, PenaltyKind::jump}) {
    const Objective objective{.cost = make_cost("mean_square"), .terminal = 2, .penalty = {kind, 0.3}};
    const ObjectiveValue all = objective(p.flow, p.x0, u, p.readout, p.y);
    const Tensor gradient = torch::autograd::grad({all.smooth.sum()}, {u})[0];
    for (std::int64_t r = 0; r < 3; ++r) {
      const Tensor own = u.detach()[r].clone().requires_grad_();
      const ObjectiveValue one = objective(p.flow, p.x0, own, p.readout, p.y);
      EXPECT_NEAR(all.total[r].item<double>(), one.total.item<double>(), 1e-12);
      EXPECT_NEAR(all.penalty[r].item<double>(), one.penalty.item<double>(), 1e-12);
      const Tensor exact = torch::autograd::grad({one.smooth}, {own})[0];
      EXPECT_LE((gradient[r] - exact).norm().item<double>(), 1e-13 * exact.norm().item<double>());
    }
  }
}

}  // namespace
}  // namespace turnpike
