#include <turnpike/study/network_batch.h>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/net/feed_forward.h>

namespace turnpike {
namespace {

TEST(NetworkBatch, EachRowIsTheFeedForwardNetworkOfItsWeights) {
  const NetworkBatch nets{.widths = {3, 5, 4, 2}, .activation = Activation::tanh, .biases = true};
  EXPECT_EQ(nets.n_parameters(), 5 * 4 + 4 * 6 + 2 * 5);
  Random random(1);
  const Tensor theta = nets.random(3, 0.7, random);
  theta.add_(0.1);  // biases too
  const Tensor x = at::linspace(-1, 2, 12, at::kDouble).view({4, 3}), z = nets(theta, x);
  ASSERT_EQ(z.sizes(), (std::vector<std::int64_t>{3, 4, 2}));
  const Tensor own = nets(theta, at::stack({x, 2 * x, x + 1}));  // each its own input
  EXPECT_TRUE(at::equal(own[0], z[0]));
  EXPECT_LT((own[1] - nets(theta, 2 * x)[1]).abs().max().item<double>(), 1e-14);
  for (std::int64_t n = 0; n < 3; ++n) {
    FeedForward net = FeedForward::make({.widths = nets.widths, .activation = Activation::tanh}, at::kDouble, 1);
    const std::vector<Tensor> layers = nets.layers(theta);
    for (std::size_t l = 0; l < 3; ++l) {
      net.weights[l] = layers[l][n].narrow(1, 0, nets.widths[l]);
      net.biases[l] = layers[l][n].select(1, nets.widths[l]);
    }
    EXPECT_LT((net.forward(x) - z[n]).abs().max().item<double>(), 1e-14);
  }
}

TEST(NetworkBatch, LinearNetworksAreTheirProduct) {
  const NetworkBatch nets{.widths = {3, 4, 2}};
  Random random(2);
  const Tensor theta = nets.random(5, 1, random), x = at::linspace(0, 1, 6, at::kDouble).view({2, 3});
  EXPECT_LT((at::matmul(x, nets.product(theta).transpose(1, 2)) - nets(theta, x)).abs().max().item<double>(), 1e-14);
}

TEST(NetworkBatch, FirstWeightsHaveTheDeviationOfTheirWidthAndNoBias) {
  const NetworkBatch nets{.widths = {50, 40, 60}, .biases = true};
  Random random(3);
  const std::vector<Tensor> layers = nets.layers(nets.random(20, 2, random));
  EXPECT_NEAR(layers[0].narrow(2, 0, 50).std().item<double>(), 2 / std::sqrt(50.0), 0.005);
  EXPECT_NEAR(layers[1].narrow(2, 0, 40).std().item<double>(), 2 / std::sqrt(40.0), 0.005);
  EXPECT_EQ(layers[0].select(2, 50).abs().max().item<double>(), 0);
}

// L_i = lambda_i |theta|^2 / 2: theta_i(t) = e^{-lambda_i t} theta_i(0), each row by itself.
TEST(NetworkBatch, FlowsOfQuadraticsAreExponentialRowByRow) {
  const Tensor lambda = at::tensor({0.5, 1.0, 3.0}, at::kDouble);
  const Losses losses = [&](const Tensor& theta) { return lambda * theta.square().sum(1) / 2; };
  const Tensor start = at::tensor({1.0, -2.0, 0.5, 0.25, -1.0, 3.0}, at::kDouble).view({3, 2});
  EXPECT_TRUE(at::allclose(gradients(losses, start), lambda.unsqueeze(1) * start, 1e-15, 1e-15));
  const Tensor states = gradient_flows(losses, start, {0, 1, 2});
  for (int k = 0; k < 3; ++k)
    EXPECT_LT((states[k] - at::exp(-lambda * k).unsqueeze(1) * start).abs().max().item<double>(), 1e-10) << k;
  EXPECT_THROW(gradients([](const Tensor& theta) { return theta.sum(); }, start), ContractError);
}

TEST(NetworkBatch, RefusesWrongShapes) {
  const NetworkBatch nets{.widths = {3, 4, 2}};
  const Tensor theta = at::zeros({5, nets.n_parameters()}, at::kDouble);
  EXPECT_THROW(nets.layers(theta.narrow(1, 1, 3)), ContractError);
  EXPECT_THROW(nets(theta, at::zeros({2, 4}, at::kDouble)), ContractError);
  EXPECT_THROW(nets(theta, at::zeros({4, 2, 3}, at::kDouble)), ContractError);
  const NetworkBatch bent{.widths = {3, 4, 2}, .activation = Activation::relu};
  EXPECT_THROW(bent.product(theta), ContractError);
}

}  // namespace
}  // namespace turnpike
