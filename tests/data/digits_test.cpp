#include <turnpike/data/generators.h>

#include <torch/types.h>

#include <gtest/gtest.h>

namespace turnpike {
namespace {

// Share of `test` that ridge regression on one-hot labels, learned from `train`, gets right.
double linear_score(const Dataset& train, const Dataset& test, const Tensor& columns) {
  const Tensor x = train.x.index_select(1, columns), z = test.x.index_select(1, columns);
  const Tensor K = torch::matmul(x, x.t()) + 1, I = torch::eye(x.size(0), torch::kDouble);
  const Tensor y = torch::one_hot(train.y, 10).to(torch::kDouble);
  const Tensor scores = torch::matmul(torch::matmul(z, x.t()) + 1, torch::linalg_solve(K + 10 * I, y));
  return (scores.argmax(1) == test.y).to(torch::kDouble).mean().item<double>();
}

TEST(Digits, AreBalancedImagesInTheUnitInterval) {
  const Dataset data = generate("digits", 200, -1, 3);
  EXPECT_EQ(data.x.sizes(), (std::vector<std::int64_t>{200, 784}));
  EXPECT_EQ(data.schema.array_shape, (std::vector<std::int64_t>{28, 28}));
  EXPECT_EQ(data.schema.classes, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(data.schema.n_inputs(), 784);
  EXPECT_GE(data.x.min().item<double>(), 0);
  EXPECT_LE(data.x.max().item<double>(), 1);
  EXPECT_TRUE(torch::equal(torch::bincount(data.y), torch::full({10}, 20, torch::kLong)));
}

TEST(Digits, AreInkOnPaperInsideTheFrame) {
  const Dataset data = generate("digits", 400, 0, 4);
  const Tensor images = data.x.view({400, 28, 28});
  const double ink = data.x.mean().item<double>();
  EXPECT_TRUE(ink > 0.08 && ink < 0.2) << ink;  // MNIST: 0.13
  // The darkest pixel of every image is ink, also of the thinnest pen; the frame is paper but for the largest ones.
  EXPECT_GT(data.x.amax(1).min().item<double>(), 0.5);
  const Tensor frame = torch::cat({images.select(1, 0), images.select(1, 27), images.select(2, 0)}, 1);
  EXPECT_LT((frame > 0.5).to(torch::kDouble).mean().item<double>(), 0.01);
  // A one is the thinnest digit, an eight has more ink.
  const auto mean_of = [&](std::int64_t digit) { return data.x.index({data.y == digit}).mean().item<double>(); };
  EXPECT_LT(mean_of(1), 0.7 * mean_of(8));
}

TEST(Digits, NeedMoreThanALinearClassifierAndCanBeLearned) {
  const Dataset train = generate("digits", 600, -1, 5), test = generate("digits", 400, -1, 6);
  const double score = linear_score(train, test, torch::arange(784));
  EXPECT_LT(score, 0.95);
  EXPECT_GT(score, 0.6);
  // Null case: the corner's pixels tell nothing.
  EXPECT_LT(linear_score(train, test, torch::arange(3)), 0.2);
}

TEST(Digits, NoTwoAreAlike) {
  const Dataset data = generate("digits", 100, 0, 7);
  EXPECT_GT(torch::pdist(data.x).min().item<double>(), 0.5);
}

}  // namespace
}  // namespace turnpike
