#include <turnpike/data/standardise.h>

#include <torch/types.h>

#include <numeric>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

Dataset table(const Tensor& x, const Tensor& y, Task task) {
  Dataset data{x, y, {}};
  data.schema.task = task;
  for (std::int64_t j = 0; j < x.size(1); ++j) data.schema.features.push_back({.name = "x", .column = j});
  data.schema.targets = {{"y", x.size(1)}};
  return data;
}

std::vector<std::int64_t> first(std::int64_t n) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(Standardiser, LearnsFromTheTrainingRowsOnly) {
  const Tensor x = torch::tensor({{1.0, 7.0}, {3.0, 7.0}, {1000.0, -1000.0}}, torch::kDouble);
  const Tensor y = torch::tensor({{10.0}, {30.0}, {-99.0}}, torch::kDouble);
  const Dataset data = table(x, y, Task::regress);
  const Standardiser s = Standardiser::fit(data, first(2));
  // Rows 1, 3: mean 2, deviation 1. Rows 7, 7: constant, deviation 1. Targets 10, 30: mean 20, deviation 10.
  EXPECT_TRUE(torch::equal(s.mean, torch::tensor({2.0, 7.0}, torch::kDouble)));
  EXPECT_TRUE(torch::equal(s.deviation, torch::tensor({1.0, 1.0}, torch::kDouble)));
  EXPECT_EQ(s.target_mean.item<double>(), 20);
  EXPECT_EQ(s.target_deviation.item<double>(), 10);
  EXPECT_TRUE(torch::equal(s.apply(x)[0], torch::tensor({-1.0, 0.0}, torch::kDouble)));
  EXPECT_TRUE(torch::equal(s.apply_target(y)[1], torch::tensor({1.0}, torch::kDouble)));
}

TEST(Standardiser, InvertsToRounding) {
  torch::manual_seed(1);
  const Tensor x = torch::randn({10000, 3}, torch::kDouble) * 1e-3 + 1e6;
  const Dataset data = table(x, x.slice(1, 0, 1).clone(), Task::regress);
  const Standardiser s = Standardiser::fit(data, first(10000));
  const Tensor z = s.apply(x);
  // A mean near 1e6 is stored to 6e-11, which is 6e-8 of a deviation of 1e-3.
  EXPECT_LT(z.mean(0).abs().max().item<double>(), 1e-7);
  EXPECT_LT((z.square().mean(0) - 1).abs().max().item<double>(), 1e-7);
  EXPECT_TRUE(torch::allclose(s.invert(z), x, 1e-15, 0));
  EXPECT_TRUE(torch::allclose(s.invert_target(s.apply_target(data.y)), data.y, 1e-15, 0));
}

TEST(Standardiser, LearnsFromNumbersWhoseSquaresLeaveFloat64) {
  const Tensor x = torch::tensor({{1e300, 3e-200}, {-1e300, 1e-200}}, torch::kDouble);
  const Standardiser s = Standardiser::fit(table(x, x, Task::regress), first(2));
  const Tensor z = torch::tensor({{1.0, 1.0}, {-1.0, -1.0}}, torch::kDouble);
  EXPECT_LE((s.apply(x) - z).abs().max().item<double>(), 1e-15);
  EXPECT_LE((s.apply_target(x) - z).abs().max().item<double>(), 1e-15);
}

TEST(Standardiser, AConstantThatRoundingBlursStaysConstant) {
  const Dataset data =
      table(torch::full({9999, 1}, 0.1, torch::kDouble), torch::zeros({9999}, torch::kLong), Task::classify);
  const Standardiser s = Standardiser::fit(data, first(9999));
  EXPECT_EQ(s.deviation.item<double>(), 1);
  EXPECT_FALSE(s.target_mean.defined());
  EXPECT_TRUE(torch::equal(s.apply_target(data.y), data.y));
}

TEST(Standardiser, ImagesShareOneMeanAndDeviation) {
  Dataset data;
  data.x = torch::tensor({{0, 0, 255, 255}, {0, 0, 0, 255}}, torch::kByte);
  data.schema.array_shape = {2, 2};
  data.schema.scale = 1.0 / 255;
  data.schema.classes = {"a", "b"};
  const Standardiser s = Standardiser::fit(data, first(2));
  // Three ones among eight: mean 3/8, variance 3/8 * 5/8.
  EXPECT_TRUE(torch::allclose(s.mean, torch::full({4}, 0.375, torch::kDouble), 0, 1e-15));
  EXPECT_TRUE(torch::allclose(s.deviation, torch::full({4}, std::sqrt(15.0) / 8, torch::kDouble), 0, 1e-15));
}

TEST(Standardiser, KeepsTheDtypeAndChecksTheShape) {
  torch::manual_seed(1);
  const Dataset data = table(torch::randn({8, 2}, torch::kDouble), torch::zeros({8}, torch::kLong), Task::classify);
  const Standardiser s = Standardiser::fit(data, first(8));
  EXPECT_EQ(s.apply(data.x.to(torch::kFloat)).scalar_type(), torch::kFloat);
  EXPECT_THROW(s.apply(torch::zeros({8, 3})), ContractError);
  EXPECT_TRUE(torch::equal(Standardiser{}.apply(data.x), data.x));
}

}  // namespace
}  // namespace turnpike
