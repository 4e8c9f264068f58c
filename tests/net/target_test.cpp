#include <turnpike/net/target.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

Tensor labels(std::vector<std::int64_t> values) {
  return at::tensor(values, at::kLong);
}

TEST(Target, EachCostHasItsCoding) {
  const auto coding = [](const char* cost, std::int64_t n_classes) { return coding_for(*make_cost(cost), n_classes); };
  EXPECT_EQ(coding("mean_square", 0), TargetCoding::real);
  EXPECT_EQ(coding("mean_square", 2), TargetCoding::signs);
  EXPECT_EQ(coding("mean_square", 3), TargetCoding::one_hot);
  EXPECT_EQ(coding("logistic", 2), TargetCoding::signs);
  EXPECT_EQ(coding("cross_entropy", 2), TargetCoding::classes);
  EXPECT_EQ(coding("cross_entropy", 9), TargetCoding::classes);
  EXPECT_EQ(coding("binary_cross_entropy", 2), TargetCoding::one_hot);
  EXPECT_THROW(coding("cross_entropy", 0), InputError);
  EXPECT_THROW(coding("logistic", 0), InputError);
  EXPECT_THROW(coding("logistic", 3), InputError);
}

TEST(Target, DecidingUndoesCoding) {
  const Tensor y = labels({1, 0, 0, 1});
  EXPECT_TRUE(at::equal(decide(encode_target(y, TargetCoding::signs, 2, at::kDouble), TargetCoding::signs), y));
  const Tensor three = labels({2, 0, 1, 1});
  EXPECT_TRUE(
      at::equal(decide(encode_target(three, TargetCoding::one_hot, 3, at::kFloat), TargetCoding::one_hot), three));
  EXPECT_TRUE(at::equal(encode_target(three, TargetCoding::classes, 3, at::kFloat), three));
  EXPECT_TRUE(at::equal(encode_target(y, TargetCoding::signs, 2, at::kDouble).squeeze(1),
                        at::tensor({1., -1., -1., 1.}, at::kDouble)));
  EXPECT_THROW(encode_target(three, TargetCoding::signs, 3, at::kDouble), ContractError);
  EXPECT_THROW(encode_target(at::zeros({3}), TargetCoding::real, 0, at::kDouble), ContractError);
  EXPECT_THROW(decide(at::zeros({3, 1}), TargetCoding::real), ContractError);
}

TEST(Target, ProbabilitiesSumToOneAndAgreeWithTheDecision) {
  const struct {
    TargetCoding coding;
    const char* cost;
    std::int64_t outputs;
  } cases[] = {{TargetCoding::signs, "mean_square", 1},
               {TargetCoding::signs, "logistic", 1},
               {TargetCoding::one_hot, "mean_square", 4},
               {TargetCoding::one_hot, "binary_cross_entropy", 4},
               {TargetCoding::classes, "cross_entropy", 4}};
  for (const auto& c : cases) {
    const Tensor z = at::rand({50, c.outputs}, at::kDouble) * 1.8 - (c.outputs == 1 ? 0.9 : 0.0);
    const Tensor p = class_probabilities(z, c.coding, c.cost);
    EXPECT_TRUE(at::allclose(p.sum(1), at::ones({50}, at::kDouble), 1e-12)) << c.cost;
    EXPECT_GE(p.min().item<double>(), 0);
    if (c.coding != TargetCoding::one_hot || std::string(c.cost) != "mean_square") {  // clipped outputs may tie
      EXPECT_TRUE(at::equal(p.argmax(1), decide(z, c.coding))) << c.cost;
    }
  }
}

TEST(Target, KnownProbabilities) {
  // s(0) = 1/2; s(log 3) = 3/4; the mean of a code -1, +1 is 2 p - 1: 0.5 means p = 3/4.
  const Tensor z = at::tensor({0.0, std::log(3.0)}, at::kDouble).unsqueeze(1);
  EXPECT_NEAR(class_probabilities(z, TargetCoding::signs, "logistic")[0][1].item<double>(), 0.5, 1e-15);
  EXPECT_NEAR(class_probabilities(z, TargetCoding::signs, "logistic")[1][1].item<double>(), 0.75, 1e-15);
  EXPECT_NEAR(
      class_probabilities(at::full({1, 1}, 0.5, at::kDouble), TargetCoding::signs, "mean_square")[0][1].item<double>(),
      0.75, 1e-15);
  // No output above zero: nothing is known.
  EXPECT_NEAR(class_probabilities(at::full({1, 4}, -1.0, at::kDouble), TargetCoding::one_hot, "mean_square")[0][2]
                  .item<double>(),
              0.25, 1e-15);
}

}  // namespace
}  // namespace turnpike
