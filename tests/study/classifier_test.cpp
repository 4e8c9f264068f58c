// The classifier that studies train: its first weights, what it learns, that its seed decides all.
#include <turnpike/study/classifier.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/data/generators.h>
#include <turnpike/train/evaluate.h>

namespace turnpike {
namespace {

TEST(Classifier, FirstLayersAreAlikeOrNot) {
  const Dataset data = generate("gaussians", 40, 0.5, 1);
  const ClassifierSpec spec{.layers = 5, .rate = 1e-12, .epochs = 1};
  const Tensor alike = train_classifier(spec, data, 3).model.control;
  EXPECT_LT((alike - alike[0]).abs().max().item<double>(), 1e-10);
  EXPECT_GT(alike[0].abs().max().item<double>(), 0.1);
  ClassifierSpec other = spec;
  other.first_layers = FirstLayers::independent;
  const Tensor independent = train_classifier(other, data, 3).model.control;
  EXPECT_GT((independent - independent[0]).abs().max().item<double>(), 0.1);
}

TEST(Classifier, LearnsWhatIsEasyAndRepeats) {
  const Dataset train = generate("gaussians", 200, 0.5, 1), test = generate("gaussians", 200, 0.5, 2);
  const ClassifierSpec spec{.field = "hamiltonian", .scheme = "verlet", .layers = 8, .horizon = 2, .epochs = 60};
  const Classifier net = train_classifier(spec, train, 5);
  EXPECT_FALSE(net.diverged);
  EXPECT_GT(net.train_score, 0.95);
  EXPECT_GT(evaluate(net.model, net.objective, test).score, 0.95);
  EXPECT_TRUE(at::equal(net.model.control, train_classifier(spec, train, 5).model.control));
  EXPECT_FALSE(at::equal(net.model.control, train_classifier(spec, train, 6).model.control));
}

TEST(Classifier, KeepsTheLastGoodWeightsOfARunThatDiverges) {
  const Dataset data = generate("gaussians", 40, 0.5, 1);
  // relu doubles and doubles: 4000 time units of growth leave the finite numbers.
  const Classifier net = train_classifier(
      {.activation = Activation::relu, .layers = 4000, .horizon = 4000, .scale = 4, .epochs = 2}, data, 1);
  EXPECT_TRUE(net.diverged);
  EXPECT_TRUE(net.model.control.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace turnpike
