// The problems of the control chapter: what they hold, and that a profile tells an optimum from what is not one.
#include <turnpike/study/steering.h>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <algorithm>
#include <numeric>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

TEST(Steering, PointsAreLiftedTowardsAlternatingLabels) {
  Random random(3);
  const Steering task = few_points(3, 2, random);
  EXPECT_EQ(task.data.x.sizes(), at::IntArrayRef({3, 2}));
  EXPECT_TRUE(at::equal(task.data.y.squeeze(1), at::tensor({1.0, -1.0, 1.0}, at::kDouble)));
  const Model model = Model::make(task.spec, at::kDouble, 1);
  EXPECT_TRUE(at::equal(model.lift(task.data.x).select(1, 2), at::zeros({3}, at::kDouble)));
}

TEST(Steering, ProfileTellsAnOptimumFromWhatIsNone) {
  Random random(3);
  const Steering task = few_points(2, 2, random);
  ModelSpec spec = task.spec;
  spec.horizon = 3;
  spec.layers = 15;
  const Objective objective{.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = {.weight = 0.1}};
  const Optimum best = optimum(spec, objective, task.data, {.starts = 2, .seed = 1});
  EXPECT_EQ(best.starts.size(), 2u);
  EXPECT_LE(best.polish.objective, *std::min_element(best.starts.begin(), best.starts.end()) + 1e-12);

  const OptimumProfile profile = optimum_profile(best.model, objective, task.data);
  ASSERT_EQ(profile.times.size(), 16u);
  EXPECT_EQ(profile.phi.front(), 1);
  EXPECT_LE(profile.phi.back(), 0.1);
  // The last layer moves nothing that is paid for: its control is zero and has no relative residual.
  EXPECT_LE(*std::max_element(profile.residual.begin(), profile.residual.end() - 1), 1e-9);
  const double integral = 0.2 * std::accumulate(profile.phi.begin(), profile.phi.end() - 1, 0.0);
  double penalty = 0;
  for (const double u : profile.u) penalty += 0.1 * 0.2 * u * u;
  EXPECT_NEAR(integral + penalty, best.polish.objective, 1e-12);

  // With nothing but the penalty its gradient is 2 lambda h |u_k|, the scale itself.
  const Objective idle{.cost = make_cost("mean_square"), .running = 0, .terminal = 0, .penalty = {.weight = 0.1}};
  for (const double ratio : optimum_profile(Model::make(spec, at::kDouble, 1), idle, task.data).residual)
    EXPECT_NEAR(ratio, 1, 1e-12);

  Model other = best.model.clone();
  other.control = other.control * 1.1;
  EXPECT_GE(optimum_profile(other, objective, task.data).residual.front(), 0.05);
  Objective sparse = objective;
  sparse.penalty.kind = PenaltyKind::l1;
  EXPECT_THROW(optimum_profile(other, sparse, task.data), ContractError);
}

}  // namespace
}  // namespace turnpike
