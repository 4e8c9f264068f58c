// Depth profile, layer cut, principal axes: against cut networks evaluated one by one, and against data of known shape.
#include <gtest/gtest.h>

#include <numeric>

#include <torch/types.h>
#include <cmath>

#include <turnpike/analysis/depth_profile.h>
#include <turnpike/analysis/layer_cut.h>
#include <turnpike/analysis/principal_axes.h>
#include <turnpike/base/error.h>
#include <turnpike/data/generators.h>
#include <turnpike/train/evaluate.h>

namespace turnpike {
namespace {

std::vector<std::int64_t> all_rows(const Dataset& data) {
  std::vector<std::int64_t> rows(data.size());
  for (std::int64_t i = 0; i < data.size(); ++i) rows[i] = i;
  return rows;
}

struct Case {
  const char* name;
  Model model;
  Dataset data;
};

Model make_model(ModelSpec spec, const Dataset& data) {
  spec.horizon = 3;
  spec.layers = 8;
  spec.initial_scale = 1;
  Model model = Model::make(spec, at::kDouble, 4);
  model.schema = data.schema;
  model.standardiser = Standardiser::fit(data, all_rows(data));
  return model;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const Dataset moons = generate("moons", 150, 0.1, 1), peaks = generate("peaks", 150, 0, 1);
  all.push_back({"signs", make_model({.control = ControlKind::linear, .coding = TargetCoding::signs}, moons), moons});
  ModelSpec classes{.width = 6,
                    .n_outputs = 5,
                    .lift = Lift::linear,
                    .head = Head::linear,
                    .coding = TargetCoding::classes,
                    .cost = "cross_entropy"};
  classes.field.dimension = 6;
  all.push_back({"classes", make_model(classes, peaks), peaks});
  Dataset real = moons;
  real.y = at::stack({moons.x.select(1, 0).square() * 30, moons.x.sum(1) - 4}, 1);
  real.schema.task = Task::regress;
  real.schema.classes.clear();
  real.schema.targets = {{"first", -1}, {"second", -1}};
  all.push_back({"real", make_model({.n_outputs = 2, .scheme = "heun"}, real), real});
  return all;
}

TEST(DepthProfile, ScoresAreThoseOfTheCutNetworks) {
  for (const Case& c : cases()) {
    const DepthProfile profile = depth_profile(c.model, c.data);
    ASSERT_EQ(profile.times.size(), 9) << c.name;
    const Objective terminal{.cost = make_cost(c.model.spec.cost), .running = 0, .terminal = 1, .penalty = {}};
    for (std::int64_t k = 1; k <= 8; ++k) {
      const Evaluation cut = evaluate(c.model.cut(k), terminal, c.data);
      EXPECT_NEAR(profile.score[k], cut.score, 1e-13 * std::max(1.0, cut.score)) << c.name << " " << k;
      EXPECT_NEAR(profile.cost[k], cut.loss, 1e-12 * std::max(1.0, cut.loss)) << c.name << " " << k;
    }
    EXPECT_NE(profile.cost[0], profile.cost[8]);
    EXPECT_EQ(profile.distance[0], 0);
    EXPECT_NEAR(profile.distance[1], profile.path[1], 1e-13);
    for (std::size_t k = 1; k < 9; ++k) {
      EXPECT_GT(profile.path[k], profile.path[k - 1]);
      EXPECT_LE(profile.distance[k], profile.path[k] * (1 + 1e-13));
    }
    std::vector<std::int64_t> rows(c.data.size());
    std::iota(rows.begin(), rows.end(), 0);
    const Examples all = c.model.examples(c.data.batch(rows, c.model.dtype()));
    const Tensor states = c.model.flow.roll(c.model.lift(all.x), c.model.control, {.save = Save::all}).states;
    EXPECT_NEAR(profile.path[8] - profile.path[7], (states[8] - states[7]).norm(2, 1).mean().item<double>(), 1e-12);
  }
}

TEST(DepthProfile, ControlNormsStandAtTheirSlots) {
  const std::vector<Case> all = cases();
  const DepthProfile linear = depth_profile(all[0].model, all[0].data),
                     constant = depth_profile(all[1].model, all[1].data);
  EXPECT_EQ(linear.control_times, all[0].model.flow.grid.knots());
  ASSERT_EQ(constant.control_times.size(), 8);
  EXPECT_DOUBLE_EQ(constant.control_times[2], 2.5 * 3 / 8);
  EXPECT_NEAR(constant.control_norm[2], all[1].model.control[2].norm().item<double>(), 1e-13);
}

TEST(DepthProfile, RefusesDataThatDoNotFit) {
  const std::vector<Case> all = cases();
  Dataset unlabelled = all[0].data;
  unlabelled.y = Tensor();
  EXPECT_THROW(depth_profile(all[0].model, unlabelled), ContractError);
  Dataset wide = all[0].data;
  wide.x = at::ones({150, 3}, at::kDouble);
  EXPECT_THROW(depth_profile(all[0].model, wide), ContractError);
}

TEST(LayerCut, IsTheEarliestThatHoldsAndGrowsAsEpsilonShrinks) {
  for (const Case& c : cases()) {
    std::int64_t last = 1;
    for (const double epsilon : {1e9, 0.3, 0.1, 0.02, 1e-12}) {
      const LayerCut cut = layer_cut(c.model, c.data, epsilon);
      EXPECT_GE(cut.layers, last) << c.name;
      last = cut.layers;
      EXPECT_LT(std::abs(cut.score - cut.full_score), epsilon);
      for (std::int64_t k = 1; k < cut.layers; ++k) EXPECT_GE(std::abs(cut.scores[k] - cut.full_score), epsilon);
      EXPECT_DOUBLE_EQ(cut.time, 3.0 * static_cast<double>(cut.layers) / 8);
      EXPECT_EQ(cut.parameters, c.model.cut(cut.layers).n_parameters());
      EXPECT_EQ(cut.full_parameters, c.model.n_parameters());
    }
    EXPECT_EQ(layer_cut(c.model, c.data, 1e9).layers, 1) << c.name;
    EXPECT_THROW(layer_cut(c.model, c.data, 0), ContractError);
  }
}

// A network on its turnpike: no control after the third of eight layers, so the rest does nothing.
TEST(LayerCut, FindsWhereTheControlEnds) {
  Case c = std::move(cases()[2]);
  c.model.control.narrow(0, 3, 5).zero_();
  EXPECT_EQ(layer_cut(c.model, c.data, 1e-12).layers, 3);
}

TEST(PrincipalAxes, OfAnEllipsoidInSpace) {
  at::manual_seed(1);
  const Tensor rotation = std::get<0>(at::linalg_qr(at::randn({5, 5}, at::kDouble)));
  const Tensor sizes = at::tensor({0.5, 3.0, 0.1, 1.0, 0.2}, at::kDouble), centre = at::arange(5, at::kDouble);
  const Tensor states = (at::randn({40, 500, 5}, at::kDouble) * sizes).matmul(rotation.t()) + centre;
  const PrincipalAxes axes = principal_axes(states);
  // Standard errors of a direction and of a mean over 20 000 points are about 0.01.
  EXPECT_NEAR(std::abs(axes.axes[0].dot(rotation.select(1, 1)).item<double>()), 1, 1e-3);
  EXPECT_NEAR(std::abs(axes.axes[1].dot(rotation.select(1, 3)).item<double>()), 1, 1e-3);
  const double total = sizes.square().sum().item<double>();
  EXPECT_NEAR(axes.explained[0], 9 / total, 0.01);
  EXPECT_NEAR(axes.explained[1], 1 / total, 0.01);
  EXPECT_LT((axes.axes.mm(axes.axes.t()) - at::eye(2, at::kDouble)).abs().max().item<double>(), 1e-14);
  for (int i = 0; i < 10; ++i) {
    const Tensor all = principal_axes(at::randn({20, 5}, at::kDouble), 5).axes;
    EXPECT_TRUE(at::equal(all.amax(1), all.abs().amax(1)));  // every largest entry is positive
  }

  const Tensor plane = axes.project(states);
  EXPECT_EQ(plane.sizes(), (at::IntArrayRef{40, 500, 2}));
  const Tensor spread = plane.view({-1, 2}).square().mean(0);
  EXPECT_NEAR(spread[0].item<double>() / (spread[0] + spread[1]).item<double>(), 0.9, 0.01);
  const PrincipalAxes mirrored = principal_axes(2 * centre - states);
  EXPECT_LT((mirrored.axes - axes.axes).abs().max().item<double>(), 1e-12);
}

TEST(PrincipalAxes, SmallAndDegenerate) {
  const PrincipalAxes line = principal_axes(at::arange(6, at::kDouble).view({3, 2, 1}));
  EXPECT_EQ(line.project(at::ones({4, 1}, at::kDouble)).sizes(), (at::IntArrayRef{4, 1}));
  EXPECT_DOUBLE_EQ(line.explained[0], 1);
  EXPECT_EQ(principal_axes(at::ones({7, 3}, at::kDouble)).explained, (std::vector<double>{0, 0}));
  EXPECT_EQ(principal_axes(at::ones({7, 3}, at::kDouble)).project(at::ones({7, 3}, at::kFloat)).scalar_type(),
            at::kFloat);
  EXPECT_THROW(principal_axes(at::full({3, 2}, std::nan(""), at::kDouble)), ContractError);
  EXPECT_THROW(principal_axes(at::ones({3}, at::kDouble)), ContractError);
}

}  // namespace
}  // namespace turnpike
