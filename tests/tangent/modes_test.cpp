#include <turnpike/tangent/modes.h>

#include <torch/types.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>
#include <turnpike/tangent/dynamics.h>

#include "normal.h"

namespace turnpike {
namespace {

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

// Five samples of two outputs, a net of one hidden layer.
struct Case {
  ParametricMap map = map_of(FeedForward::make({.widths = {3, 7, 2}}, at::kDouble, 4));
  Tensor x = normal({5, 3}, 1), y = normal({5, 2}, 2), z = map(x), J = tangent_jacobian(map, x);
};

TEST(KernelModes, AreThoseOfTheExplicitJacobian) {
  const Case c;
  const KernelModes modes = kernel_modes(at::mm(c.J, c.J.t()), c.z, c.y);
  const auto [U, S, V] = at::linalg_svd(c.J, /*full_matrices=*/false);
  EXPECT_LE(largest(modes.values - S.square()), 1e-12 * S[0].square().item<double>());
  EXPECT_LE(largest(at::mm(modes.vectors.t(), U).abs() - at::eye(10, at::kDouble)), 1e-9);
  EXPECT_LE(largest(modes.rates - modes.values / 5), 1e-13);
  const Tensor r = (c.z - c.y).view({-1}), Y = (c.y - c.y.mean(0)).view({-1});
  EXPECT_LE(largest(modes.residual_shares - at::mv(U.t(), r).square() / r.square().sum()), 1e-10);
  EXPECT_LE(largest(modes.label_shares - at::mv(U.t(), Y).square() / Y.square().sum()), 1e-10);
  EXPECT_NEAR(modes.residual_shares.sum().item<double>(), 1, 1e-12);
  EXPECT_NEAR(modes.label_shares.sum().item<double>(), 1, 1e-12);
  // The rates are the eigenvalues of the Gauss-Newton matrix of the loss, here with weight 1.
  const KernelModes whole = kernel_modes(at::mm(c.J, c.J.t()), c.z, c.y, 1);
  const Tensor gauss_newton = 2.0 / 5 * at::mm(c.J.t(), c.J);
  EXPECT_LE(largest(at::linalg_eigvalsh(gauss_newton).flip(0).narrow(0, 0, 10) - whole.rates), 1e-12);
}

// The linearised network, its parameters integrated by the engine's own steps.
TEST(KernelModes, PredictTheGradientFlowOfTheLinearisedNetwork) {
  const Case c;
  const KernelModes modes = kernel_modes(tangent_kernel(c.map, c.x), c.z, c.y, 1);
  const ParametricMap line = linearised(c.map);
  const std::vector<double> times = {0.5, 2, 20};
  const ParameterCurve run = network_flow(line, c.x, c.y, {.cost = make_cost("mean_square"), .weight = 1},
                                          {.horizon = 20, .times = times, .controller = {.rtol = 1e-10, .atol = 1e-12}})
                                 .value();
  const Tensor r0 = (c.z - c.y).view({-1});
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Tensor r = (line.f(c.x, run.theta[static_cast<std::int64_t>(i)]) - c.y).view({-1});
    const Tensor expected = at::exp(-modes.rates * times[i]) * at::mv(modes.vectors.t(), r0);
    EXPECT_LE(largest(at::mv(modes.vectors.t(), r) - expected), 1e-8) << times[i];
    EXPECT_NEAR(loss_left(modes.residual_shares, modes.rates, times[i]),
                (r.square().sum() / r0.square().sum()).item<double>(), 1e-8);
  }
}

TEST(KernelModes, EffectiveRankCountsModes) {
  EXPECT_DOUBLE_EQ(effective_rank(at::full({7}, 0.3, at::kDouble)), 7);
  EXPECT_DOUBLE_EQ(effective_rank(at::tensor({2.0, 0.0, 0.0}, at::kDouble)), 1);
  EXPECT_DOUBLE_EQ(effective_rank(at::tensor({4.0, 2.0, 2.0}, at::kDouble)), std::pow(2, 1.5));
  EXPECT_EQ(effective_rank(at::zeros({3}, at::kDouble)), 0);
  EXPECT_THROW(effective_rank(at::tensor({1.0, -1.0}, at::kDouble)), ContractError);
}

TEST(KernelModes, AlignmentIsOneForTheLabelsOwnKernelAndZeroAcross) {
  const Tensor y = normal({6, 3}, 3), Y = y - y.mean(0), ones = at::ones({6, 6}, at::kDouble);
  EXPECT_NEAR(label_alignment(at::mm(Y, Y.t()), y), 1, 1e-14);
  EXPECT_NEAR(label_alignment(2 * at::mm(y, y.t()) + 5 * ones, y), 1, 1e-14);  // what the mean adds is taken away
  const Tensor even = at::tensor({1.0, 1.0, -1.0, -1.0}, at::kDouble).unsqueeze(1),
               odd = at::tensor({1.0, -1.0, 1.0, -1.0}, at::kDouble).unsqueeze(1);
  EXPECT_EQ(label_alignment(at::mm(odd, odd.t()), even), 0);
  EXPECT_NEAR(label_alignment(at::mm(even, even.t()) + at::mm(odd, odd.t()), even), std::sqrt(0.5), 1e-14);
  // Of a block kernel, the mean over outputs counts.
  const Tensor block = at::kron(at::mm(Y, Y.t()), at::diag(at::tensor({1.0, 2.0, 3.0}, at::kDouble)));
  EXPECT_NEAR(kernel_modes(block, at::zeros_like(y), y).alignment, 1, 1e-14);
}

TEST(KernelModes, WithoutLabelsOrKernelNothingIsShared) {
  const Tensor J = normal({4, 9}, 5), K = at::mm(J, J.t()), z = normal({4, 1}, 6);
  const KernelModes same = kernel_modes(K, z, at::full({4, 1}, 0.1, at::kDouble));
  EXPECT_TRUE(std::isnan(same.alignment));
  EXPECT_EQ(largest(same.label_shares), 0);
  EXPECT_NEAR(same.residual_shares.sum().item<double>(), 1, 1e-13);
  const KernelModes done = kernel_modes(K, z, z);
  EXPECT_EQ(largest(done.residual_shares), 0);
  EXPECT_EQ(loss_left(done.residual_shares, done.rates, 1), 0);
  const KernelModes one = kernel_modes(at::ones({1, 1}, at::kDouble), z.narrow(0, 0, 1), z.narrow(0, 1, 1));
  EXPECT_TRUE(std::isnan(one.alignment));
  EXPECT_DOUBLE_EQ(one.effective_rank, 1);
  EXPECT_DOUBLE_EQ(loss_left(one.residual_shares, one.rates, 1), std::exp(-2));
  const KernelModes dead = kernel_modes(at::zeros({4, 4}, at::kDouble), z, normal({4, 1}, 7));
  EXPECT_TRUE(std::isnan(dead.alignment));
  EXPECT_EQ(dead.effective_rank, 0);
  EXPECT_DOUBLE_EQ(loss_left(dead.label_shares, dead.rates, 1e9), 1);
}

TEST(KernelModes, RefuseWhatDoesNotFit) {
  const Tensor K = at::eye(4, at::kDouble), z = normal({4, 1}, 6);
  EXPECT_THROW(kernel_modes(K, z, z.narrow(0, 0, 3)), ContractError);
  EXPECT_THROW(kernel_modes(at::eye(3, at::kDouble), z, z), ContractError);
  EXPECT_THROW(kernel_modes(K / 0.0, z, z), ContractError);
  EXPECT_THROW(kernel_modes(K, z, z, 0), ContractError);
  EXPECT_THROW(kernel_modes(at::zeros({0, 0}, at::kDouble), z.narrow(0, 0, 0), z.narrow(0, 0, 0)), ContractError);
  EXPECT_THROW(loss_left(at::ones({2}, at::kDouble), at::ones({2}, at::kDouble), -1), ContractError);
}

}  // namespace
}  // namespace turnpike
