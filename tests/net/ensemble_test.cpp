#include <turnpike/net/ensemble.h>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

const FeedForwardSpec spec{.widths = {3, 6, 5, 2}};

TEST(Ensemble, IsItsMembersSideBySide) {
  Ensemble nets = Ensemble::make(spec, 4, at::kDouble, 7);
  {
    at::NoGradGuard no_gradient;
    for (Tensor& bias : nets.biases) bias.normal_();
  }
  const Tensor x = at::randn({4, 9, 3}, at::kDouble), shared = at::randn({9, 3}, at::kDouble);
  const Tensor z = nets.forward(x), same = nets.forward(shared);
  ASSERT_EQ(z.sizes(), at::IntArrayRef({4, 9, 2}));
  for (std::int64_t e = 0; e < 4; ++e) {
    const FeedForward net = nets.member(e);
    EXPECT_TRUE(at::allclose(z[e], net.forward(x[e]), 1e-13, 1e-13)) << e;
    EXPECT_TRUE(at::allclose(same[e], net.forward(shared), 1e-13, 1e-13)) << e;
  }
  EXPECT_FALSE(at::allclose(same[0], same[1]));
}

TEST(Ensemble, MembersDoNotInteract) {
  const Ensemble nets = Ensemble::make(spec, 3, at::kDouble, 7);
  const Tensor x = at::randn({5, 3}, at::kDouble);
  const std::vector<Tensor> parameters = nets.parameters();
  ASSERT_EQ(parameters.size(), 6u);
  const auto all = torch::autograd::grad({nets.forward(x).square().sum()}, parameters);
  const auto one = torch::autograd::grad({nets.forward(x)[1].square().sum()}, parameters);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(at::allclose(all[i][1], one[i][1], 1e-13, 1e-14)) << i;
    EXPECT_EQ(one[i][0].abs().max().item<double>(), 0) << i;
  }
}

TEST(Ensemble, RefusesWhatItCannotHold) {
  EXPECT_THROW(Ensemble::make(spec, 0, at::kDouble, 1), ContractError);
  EXPECT_THROW(Ensemble::make({.widths = {2, 2}, .form = LayerForm::residual}, 2, at::kDouble, 1), ContractError);
  EXPECT_THROW(Ensemble::make({.widths = {2, 2}, .pieces = 2}, 2, at::kDouble, 1), ContractError);
  const Ensemble nets = Ensemble::make(spec, 2, at::kDouble, 1);
  EXPECT_THROW(nets.forward(at::zeros({5, 4}, at::kDouble)), ContractError);
  EXPECT_THROW(nets.forward(at::zeros({3, 5, 3}, at::kDouble)), ContractError);
  EXPECT_THROW(nets.forward(Tensor()), ContractError);
  EXPECT_THROW(nets.member(2), ContractError);
}

}  // namespace
}  // namespace turnpike
