#include <turnpike/train/baseline.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <turnpike/data/generators.h>

#include "net/sample_models.h"

namespace turnpike {
namespace {

double accuracy(const Baseline& baseline, const BaselineTask& task) {
  const Examples all =
      examples_of(task.data.batch(task.train, task.dtype), task.standardiser, TargetCoding::classes, 3, task.dtype);
  return (decide(baseline.outputs(all.x), baseline.coding) == all.y).to(at::kDouble).mean().item<double>();
}

TEST(Baseline, ParametersOfAPerceptronAreCountedAndMatched) {
  EXPECT_EQ(perceptron_parameters(2, 3, 1), 2 * 3 + 3 + 9 + 3 + 3 + 1);
  for (const std::int64_t n : {1, 2, 8, 784})
    for (const std::int64_t m : {1, 3, 10})
      for (const std::int64_t wanted : {1, 50, 600, 700, 100000}) {
        const std::int64_t w = perceptron_width(n, m, wanted);
        const auto gap = [&](std::int64_t v) { return std::abs(perceptron_parameters(n, v, m) - wanted); };
        EXPECT_GE(w, 1);
        EXPECT_LE(gap(w), gap(w + 1));
        if (w > 1) {
          EXPECT_LE(gap(w), gap(w - 1));
        }
      }
}

TEST(Baseline, LeastSquaresFindsALinearLawExactly) {
  // y = 3 x1 - 2 x2 + 0.5
  Dataset data = generate("moons", 100, 0.3, 1);
  data.schema.task = Task::regress;
  data.schema.classes.clear();
  data.schema.targets = {{"y", -1}};
  data.y = (3 * data.x.select(1, 0) - 2 * data.x.select(1, 1) + 0.5).unsqueeze(1);
  const std::vector<std::int64_t> rows = all_rows(data);
  const Standardiser standardiser = Standardiser::fit(data, rows);
  const Baseline line = fit_linear({data, standardiser, rows, {}});
  const Tensor predicted = standardiser.invert_target(line.outputs(standardiser.apply(data.x)));
  EXPECT_LT((predicted - data.y).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(line.n_parameters, 3);
  EXPECT_EQ(line.coding, TargetCoding::real);
}

TEST(Baseline, LogisticRegressionSeparatesGaussiansButNotXor) {
  for (const auto& [set, low, high] : {std::tuple{"gaussians", 0.9, 1.0}, std::tuple{"xor", 0.3, 0.7}}) {
    const Dataset data = generate(set, 300, -1, 1);
    const std::vector<std::int64_t> rows = all_rows(data);
    const Standardiser standardiser = Standardiser::fit(data, rows);
    const BaselineTask task{data, standardiser, rows, {}};
    const double score = accuracy(fit_linear(task), task);
    EXPECT_GE(score, low) << set;
    EXPECT_LE(score, high) << set;
  }
}

TEST(Baseline, LogisticRegressionStopsWhereTheGradientVanishes) {
  // At the optimum of mean cross entropy + 1e-4 |W|^2 the mean residual of the intercepts is zero: the mean of softmax
  // is the share of each class.
  const Dataset data = generate("moons", 200, 0.2, 1);
  const std::vector<std::int64_t> rows = all_rows(data);
  const Standardiser standardiser = Standardiser::fit(data, rows);
  const Baseline logistic = fit_linear({data, standardiser, rows, {}});
  const Tensor p = at::softmax(logistic.outputs(standardiser.apply(data.x)), 1).mean(0);
  EXPECT_NEAR(p[1].item<double>(), data.y.to(at::kDouble).mean().item<double>(), 1e-3);
}

TEST(Baseline, PerceptronLearnsXorWithWholeAndMiniBatches) {
  const Dataset data = generate("xor", 300, 0, 1);
  const std::vector<std::int64_t> rows = all_rows(data);
  const Standardiser standardiser = Standardiser::fit(data, rows);
  for (const c10::ScalarType dtype : {at::kDouble, at::kFloat})
    for (const std::int64_t batch : {0, 50}) {
      const BaselineTask task{data, standardiser, rows, {}, dtype};
      const Baseline net = fit_perceptron(
          task, {.n_parameters = 200, .cost = "mean_square", .epochs = 300, .batch = batch, .rate = 1e-2});
      EXPECT_GE(accuracy(net, task), 0.97) << batch;
      EXPECT_NEAR(static_cast<double>(net.n_parameters), 200, 20);
      const Baseline again = fit_perceptron(
          task, {.n_parameters = 200, .cost = "mean_square", .epochs = 300, .batch = batch, .rate = 1e-2});
      const Tensor x = at::rand({5, 2}, dtype);
      EXPECT_TRUE(at::equal(net.outputs(x), again.outputs(x)));
    }
}

// The first by the fused kernels, the other by libtorch.
TEST(Baseline, PerceptronLearnsByEitherKindOfCost) {
  const Dataset data = generate("xor", 300, 0, 1);
  const std::vector<std::int64_t> rows = all_rows(data);
  const Standardiser standardiser = Standardiser::fit(data, rows);
  for (const std::string cost : {"cross_entropy", "binary_cross_entropy"}) {
    const BaselineTask task{data, standardiser, rows, {}};
    const Baseline net = fit_perceptron(task, {.n_parameters = 200, .cost = cost, .epochs = 300, .rate = 1e-2});
    EXPECT_GE(accuracy(net, task), 0.97) << cost;
  }
}

TEST(Baseline, PerceptronKeepsToItsSeconds) {
  const Dataset data = generate("xor", 300, 0, 1);
  const std::vector<std::int64_t> rows = all_rows(data);
  const Standardiser standardiser = Standardiser::fit(data, rows);
  const Baseline net = fit_perceptron({data, standardiser, rows, {}}, {.epochs = 1000000, .seconds = 0.2});
  EXPECT_LT(net.seconds, 1.0);
}

}  // namespace
}  // namespace turnpike
