// Networks as maps: values by hand, counts, the forms against one another and against flows.
#include <turnpike/net/feed_forward.h>

#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>

namespace turnpike {
namespace {

void fill(FeedForward& net) {
  for (std::size_t l = 0; l < net.biases.size(); ++l)
    net.biases[l] = at::linspace(-1, 1, net.biases[l].size(0), at::kDouble) * static_cast<double>(l + 1);
}

TEST(FeedForward, ByHand) {
  FeedForward net = FeedForward::make({.widths = {2, 2, 1}, .activation = Activation::relu}, at::kDouble, 1);
  net.weights = {at::tensor({1.0, 2.0, -1.0, 0.5}, at::kDouble).view({2, 2}),
                 at::tensor({3.0, -2.0}, at::kDouble).view({1, 2})};
  net.biases = {at::tensor({0.5, -0.25}, at::kDouble), at::tensor({1.0}, at::kDouble)};
  // x = (1, -1): W_1 x + b_1 = (-0.5, -1.75), relu 0; x = (-1, 2): (3.5, 1.75), 3 * 3.5 - 2 * 1.75 + 1 = 8
  const Tensor x = at::tensor({1.0, -1.0, -1.0, 2.0}, at::kDouble).view({2, 2});
  const std::vector<Tensor> g = net.intermediate(x);
  ASSERT_EQ(g.size(), 4u);  // 2 L
  EXPECT_TRUE(at::equal(g[0], x));
  EXPECT_TRUE(at::equal(g[1], at::tensor({-0.5, -1.75, 3.5, 1.75}, at::kDouble).view({2, 2})));
  EXPECT_TRUE(at::equal(g[2], at::tensor({0.0, 0.0, 3.5, 1.75}, at::kDouble).view({2, 2})));
  EXPECT_TRUE(at::equal(g[3], at::tensor({1.0, 8.0}, at::kDouble).view({2, 1})));
  EXPECT_TRUE(at::equal(g[3], net.forward(x)));
}

TEST(FeedForward, CountsItsParameters) {
  const FeedForwardSpec mnist{.widths = {784, 20, 20, 10}};
  EXPECT_EQ(count_parameters(mnist), 16330);
  EXPECT_EQ(FeedForward::make(mnist, at::kFloat, 1).n_parameters(), 16330);
  // Maxout: the affine end has one piece. 3 * 5 * (4 + 1) + 2 * (5 + 1)
  const FeedForwardSpec three{.widths = {4, 5, 2}, .pieces = 3};
  EXPECT_EQ(count_parameters(three), 87);
  EXPECT_EQ(FeedForward::make(three, at::kFloat, 1).n_parameters(), 87);
  EXPECT_EQ(count_parameters({.widths = {3, 3, 3}, .form = LayerForm::residual}), 24);
}

TEST(FeedForward, ResidualLayersAreEulerSteps) {
  FeedForward net =
      FeedForward::make({.widths = {3, 3, 3, 3}, .form = LayerForm::residual, .step = 0.25}, at::kDouble, 2);
  fill(net);
  std::vector<Tensor> rows;
  for (std::size_t l = 0; l < 3; ++l) rows.push_back(at::cat({net.weights[l].reshape({-1}), net.biases[l]}));
  const Flow flow = Flow::uniform(outer_field({.dimension = 3}), "euler", 0.75, 3);
  const Tensor x = at::linspace(-1, 1, 6, at::kDouble).view({2, 3});
  EXPECT_LT((net.forward(x) - flow.roll(x, at::stack(rows)).end).abs().max().item<double>(), 1e-15);
}

TEST(FeedForward, InnerAndOuterFormsAreConjugate) {
  // y = sigma(x) turns x_l = W sigma(x_{l-1}) + b into y_l = sigma(W y_{l-1} + b).
  FeedForward inner = FeedForward::make({.widths = {2, 4, 3}, .form = LayerForm::inner}, at::kDouble, 3);
  fill(inner);
  FeedForward outer = inner;
  outer.spec.form = LayerForm::outer;
  outer.spec.affine_end = false;
  const Tensor x = at::linspace(-1, 1, 8, at::kDouble).view({4, 2});
  EXPECT_LT((outer.forward(at::tanh(x)) - at::tanh(inner.forward(x))).abs().max().item<double>(), 1e-15);
  EXPECT_EQ(inner.intermediate(x).size(), 5u);
}

TEST(Maxout, TakesTheLargestPiece) {
  const Tensor z = at::tensor({1.0, -2.0, 3.0, 0.0, 5.0, -1.0}, at::kDouble).view({1, 6});
  EXPECT_TRUE(at::equal(maxout(z, 3), at::tensor({5.0, 0.0}, at::kDouble).view({1, 2})));
  EXPECT_TRUE(at::equal(maxout(z, 2), at::tensor({1.0, 5.0, 3.0}, at::kDouble).view({1, 3})));
  EXPECT_THROW(maxout(z, 4), ContractError);
}

TEST(FeedForward, RefusesWhatDoesNotFit) {
  EXPECT_THROW(FeedForward::make({.widths = {3}}, at::kDouble, 1), ContractError);
  EXPECT_THROW(FeedForward::make({.widths = {3, 0}}, at::kDouble, 1), ContractError);
  EXPECT_THROW(FeedForward::make({.widths = {3, 2}, .form = LayerForm::residual}, at::kDouble, 1), ContractError);
  EXPECT_THROW(FeedForward::make({.widths = {3, 2}, .pieces = 1}, at::kDouble, 1), ContractError);
  EXPECT_THROW(FeedForward::make({.widths = {3, 2}, .form = LayerForm::inner, .pieces = 2}, at::kDouble, 1),
               ContractError);
  const FeedForward net = FeedForward::make({.widths = {3, 2}}, at::kDouble, 1);
  EXPECT_THROW(net.forward(at::zeros({1, 2}, at::kDouble)), ContractError);
}

TEST(FeedForward, GradientsReachEveryParameter) {
  FeedForward net = FeedForward::make({.widths = {2, 3, 2}, .pieces = 2}, at::kDouble, 4);
  for (Tensor& weight : net.weights) weight.requires_grad_();
  for (Tensor& bias : net.biases) bias.requires_grad_();
  net.forward(at::linspace(-1, 1, 10, at::kDouble).view({5, 2})).square().sum().backward();
  for (const Tensor& weight : net.weights) EXPECT_GT(weight.grad().abs().max().item<double>(), 0);
  for (const Tensor& bias : net.biases) EXPECT_GT(bias.grad().abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace turnpike
