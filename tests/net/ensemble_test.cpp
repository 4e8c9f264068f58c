#include <turnpike/net/ensemble_cost.h>

#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

#include "normal.h"

namespace turnpike {
namespace {

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

TEST(Ensemble, IsItsMembersSideBySide) {
  const Ensemble nets{.widths = {3, 6, 5, 2}};
  EXPECT_EQ(nets.n_parameters(), 6 * 4 + 5 * 7 + 2 * 6);
  const Tensor theta = normal({4, nets.n_parameters()}, 1), x = normal({4, 9, 3}, 2), shared = normal({9, 3}, 3);
  const Tensor z = nets(theta, x), same = nets(theta, shared);
  ASSERT_EQ(z.sizes(), at::IntArrayRef({4, 9, 2}));
  std::vector<FeedForward> members;
  for (std::int64_t s = 0; s < 4; ++s) {
    members.push_back(nets.member(theta, s));
    EXPECT_LE(largest(z[s] - members.back().forward(x[s])), 1e-13) << s;
    EXPECT_LE(largest(same[s] - members.back().forward(shared)), 1e-13) << s;
  }
  EXPECT_TRUE(at::equal(nets.stacked(members), theta));
  // A row is W_1, b_1, W_2, ...
  EXPECT_TRUE(at::equal(members[1].weights[0].flatten(), theta[1].narrow(0, 0, 18)));
  EXPECT_TRUE(at::equal(members[1].biases[0], theta[1].narrow(0, 18, 6)));
  EXPECT_TRUE(at::equal(nets.weights(theta)[2][3].flatten(), theta[3].narrow(0, 59, 10)));
  EXPECT_TRUE(at::equal(nets.bias_vectors(theta)[2][3], theta[3].narrow(0, 69, 2)));
}

TEST(Ensemble, TakesAnActivationOfYours) {
  const Ensemble named{.widths = {3, 6, 2}, .activation = Activation::sine};
  Ensemble own = named;
  own.activation = Activation::relu;
  own.sigma = [](const Tensor& y) { return at::sin(y); };
  const Tensor theta = normal({2, named.n_parameters()}, 1), x = normal({4, 3}, 2);
  EXPECT_LE(largest(named(theta, x) - own(theta, x)), 1e-14);
  EXPECT_THROW(own.member(theta, 0), ContractError);
}

TEST(Ensemble, MembersDoNotInteract) {
  const Ensemble nets{.widths = {3, 6, 5, 2}};
  const Tensor theta = normal({3, nets.n_parameters()}, 7).requires_grad_(), x = normal({5, 3}, 8);
  const Tensor all = torch::autograd::grad({nets(theta, x).square().sum()}, {theta})[0],
               one = torch::autograd::grad({nets(theta, x)[1].square().sum()}, {theta})[0];
  EXPECT_LE(largest(all[1] - one[1]), 1e-13);
  EXPECT_EQ(largest(one[0]), 0);
}

TEST(EnsembleMeanSquare, IsThatOfAutograd) {
  for (const Activation activation : {Activation::tanh, Activation::relu}) {
    const Ensemble nets{.widths = {3, 20, 7, 2}, .activation = activation};
    const Tensor theta = normal({3, nets.n_parameters()}, 7).requires_grad_(), x = normal({33, 3}, 8);
    for (const Tensor& y : {normal({33, 2}, 9), normal({3, 33, 2}, 10)}) {
      const Tensor J = (nets(theta, x) - y).square().sum() / 33;
      const EnsembleCost cost = mean_square(nets, theta, x, y);
      EXPECT_NEAR(cost.value, J.item<double>(), 1e-12 * J.item<double>());
      EXPECT_LE(largest(cost.gradient - torch::autograd::grad({J}, {theta})[0]), 1e-12);
      const EnsembleCost single = mean_square(nets, theta.to(at::kFloat), x.to(at::kFloat), y.to(at::kFloat));
      EXPECT_LE(largest(single.gradient - cost.gradient), 2e-5 * cost.gradient.abs().max().item<double>());
    }
  }
  const Ensemble nets{.widths = {3, 4, 2}};
  const Tensor theta = normal({3, nets.n_parameters()}, 7), x = normal({5, 3}, 8), y = normal({5, 2}, 9);
  EXPECT_THROW(mean_square(nets, theta, x, y.t()), ContractError);
  EXPECT_THROW(mean_square(nets, theta, x.t(), y), ContractError);
  EXPECT_THROW(mean_square(nets, theta.to(at::kFloat), x, y), ContractError);
  EXPECT_THROW(mean_square({.widths = {3, 4, 2}, .biases = false}, normal({3, 20}, 7), x, y), ContractError);
}

TEST(Ensemble, LinearNetworksAreTheirProduct) {
  const Ensemble nets{.widths = {3, 4, 2}, .activation = Activation::identity, .biases = false};
  EXPECT_EQ(nets.n_parameters(), 20);
  const Tensor theta = normal({5, 20}, 2), x = normal({6, 3}, 3);
  EXPECT_LE(largest(at::matmul(x, nets.product(theta).transpose(1, 2)) - nets(theta, x)), 1e-14);
  EXPECT_LE(largest(nets.member(theta, 4).forward(x) - nets(theta, x)[4]), 1e-14);
}

TEST(Ensemble, FirstWeightsHaveTheDeviationOfTheirWidthAndNoBias) {
  const Ensemble nets{.widths = {50, 40, 60}};
  Random random(3);
  const Tensor theta = nets.random(20, 2, random);
  const std::vector<Tensor> W = nets.weights(theta);
  EXPECT_NEAR(W[0].std().item<double>(), 2 / std::sqrt(50.0), 0.005);
  EXPECT_NEAR(W[1].std().item<double>(), 2 / std::sqrt(40.0), 0.005);
  for (const Tensor& b : nets.bias_vectors(theta)) EXPECT_EQ(largest(b), 0);
}

TEST(Ensemble, RefusesWhatItCannotHold) {
  const Ensemble nets{.widths = {3, 4, 2}};
  const FeedForward net = FeedForward::make({.widths = {3, 4, 2}}, at::kDouble, 1);
  EXPECT_NO_THROW(nets.stacked({net}));
  EXPECT_THROW(nets.stacked({}), ContractError);
  EXPECT_THROW(nets.stacked({net, FeedForward::make({.widths = {3, 5, 2}}, at::kDouble, 1)}), ContractError);
  EXPECT_THROW(nets.stacked({FeedForward::make({.widths = {3, 4, 2}, .activation = Activation::relu}, at::kDouble, 1)}),
               ContractError);
  FeedForward bent = net;
  bent.spec.affine_end = false;
  EXPECT_THROW(nets.stacked({bent}), ContractError);
  const Tensor theta = nets.stacked({net, net});
  EXPECT_THROW(nets.weights(theta.narrow(1, 1, 3)), ContractError);
  EXPECT_THROW(nets(theta, at::zeros({5, 4}, at::kDouble)), ContractError);
  EXPECT_THROW(nets(theta, at::zeros({3, 5, 3}, at::kDouble)), ContractError);
  EXPECT_THROW(nets(theta, Tensor()), ContractError);
  EXPECT_THROW(nets.member(theta, 2), ContractError);
  EXPECT_THROW(nets.product(theta), ContractError);
}

}  // namespace
}  // namespace turnpike
