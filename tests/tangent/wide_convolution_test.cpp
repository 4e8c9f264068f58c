#include <turnpike/tangent/wide_convolution.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

using Padding = WideConvolution::Padding;
using Readout = WideConvolution::Readout;

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

Tensor randn(at::IntArrayRef shape, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble);
}

TEST(WideConvolution, OnePositionIsTheFullyConnectedNet) {
  const Tensor x = randn({4, 3}, 1);
  for (const Activation activation : {Activation::relu, Activation::sine, Activation::tanh})
    for (const bool residual : {false, true}) {
      const WideNet net{.hidden_layers = 3,
                        .activation = activation,
                        .weight_variance = 1.3,
                        .bias_variance = 0.2,
                        .residual = residual};
      const WideKernels expected = wide_kernels(net, x);
      for (const Readout readout : {Readout::flatten, Readout::average}) {
        const WideConvolution convolution{.layers = net, .filter = 1, .readout = readout};
        for (const Tensor& images : {x.view({4, 3, 1}), x.view({4, 3, 1, 1})}) {
          const WideKernels k = wide_kernels(convolution, images);
          EXPECT_LE(difference(k.nngp, expected.nngp), 1e-12);
          EXPECT_LE(difference(k.tangent, expected.tangent), 1e-11);
        }
      }
    }
}

// The identity with a filter of three on a line: S = sigma_w^2 M S_1 M' summed as the readout says, by hand.
TEST(WideConvolution, IdentityByHand) {
  const Tensor x = randn({2, 1, 4}, 2);
  const WideNet layers{.hidden_layers = 2, .activation = Activation::identity, .weight_variance = 1};
  for (const Padding padding : {Padding::zero, Padding::circular}) {
    // Covariance between all positions of the two images.
    const auto inside = [&](std::int64_t p) { return padding == Padding::circular || (p >= 0 && p < 4); };
    const auto convolve = [&](const Tensor& S) {
      Tensor out = at::zeros({4, 4}, at::kDouble);
      for (std::int64_t p = 0; p < 4; ++p)
        for (std::int64_t r = 0; r < 4; ++r)
          for (std::int64_t q = -1; q <= 1; ++q)
            if (inside(p + q) && inside(r + q)) out[p][r] += S[(p + q + 4) % 4][(r + q + 4) % 4];
      return out;
    };
    const Tensor S = convolve(convolve(at::outer(x[0][0], x[1][0]))) / 3;
    // T_1 = S_1, T_2 = S_2 + (the same convolution of T_1) = 2 S_2, and the readout makes it 3.
    for (const auto& [readout, expected] :
         {std::pair{Readout::flatten, S.diagonal().mean()}, {Readout::average, S.mean()}}) {
      const WideConvolution net{.layers = layers, .padding = padding, .readout = readout};
      const WideKernels k = wide_kernels(net, x);
      EXPECT_NEAR(k.nngp[0][1].item<double>(), expected.item<double>(), 1e-13);
      EXPECT_NEAR(k.tangent[0][1].item<double>(), 3 * expected.item<double>(), 1e-13);
    }
  }
}

TEST(WideConvolution, CircularAverageDoesNotSeeShifts) {
  const Tensor x = randn({3, 2, 4, 3}, 3), shifted = at::roll(x, {1, 2}, {2, 3});
  const WideConvolution average{
      .layers = {.hidden_layers = 3}, .padding = Padding::circular, .readout = Readout::average};
  EXPECT_LE(difference(wide_kernels(average, x).tangent, wide_kernels(average, x, shifted).tangent), 1e-11);
  const WideConvolution flatten{.layers = {.hidden_layers = 3}, .padding = Padding::circular};
  EXPECT_GT(difference(wide_kernels(flatten, x).tangent, wide_kernels(flatten, x, shifted).tangent), 1);
  // Both shifted: flattened too they agree.
  EXPECT_LE(difference(wide_kernels(flatten, x).tangent, wide_kernels(flatten, shifted).tangent), 1e-11);
}

TEST(WideConvolution, ALineIsAnImageOfHeightOne) {
  const Tensor x = randn({3, 2, 5}, 4);
  for (const Readout readout : {Readout::flatten, Readout::average}) {
    const WideConvolution net{.layers = {.hidden_layers = 2, .bias_variance = 0.1}, .readout = readout};
    EXPECT_TRUE(at::equal(wide_kernels(net, x).tangent, wide_kernels(net, x.unsqueeze(2)).tangent));
  }
}

TEST(WideConvolution, EqualOppositeAndEmptyImages) {
  Tensor x = randn({6, 1, 3, 3}, 5);
  x[1] = x[0];
  x[2] = -x[0];
  x[3] = 0;
  x[4][0][0] = 0;  // an empty row
  for (const WideActivation& activation : {WideActivation(Activation::relu), WideActivation::erf()})
    for (const Readout readout : {Readout::flatten, Readout::average}) {
      const WideConvolution net{.layers = {.hidden_layers = 3, .activation = activation}, .readout = readout};
      for (const Tensor& k : {wide_kernels(net, x).nngp, wide_kernels(net, x).tangent}) {
        EXPECT_TRUE(at::isfinite(k).all().item<bool>());
        EXPECT_TRUE(at::equal(k, k.t()));
        EXPECT_GE(at::linalg_eigvalsh(k).min().item<double>(), -1e-12 * k.max().item<double>());
        EXPECT_LE(difference(k[0], k[1]), 1e-13 * k.max().item<double>());
        EXPECT_EQ(k[3].abs().max().item<double>(), 0);
      }
    }
}

// Random networks of many channels with their gradients by autograd.
TEST(WideConvolution, RandomNetworksAgree) {
  const Tensor x = 0.5 * randn({2, 2, 3, 3}, 6);
  constexpr std::int64_t channels = 96;
  constexpr int n_networks = 60;
  const WideNet layers{.hidden_layers = 2, .bias_variance = 0.1};
  at::manual_seed(7);
  for (const Readout readout : {Readout::flatten, Readout::average}) {
    std::vector<Tensor> tangents;
    for (int s = 0; s < n_networks; ++s) {
      const auto weights = [](at::IntArrayRef shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
      const std::int64_t inputs = readout == Readout::flatten ? 9 * channels : channels;
      const std::vector<Tensor> u = {
          weights({channels, 2, 3, 3}), weights({channels}), weights({channels, channels, 3, 3}),
          weights({channels}),          weights({inputs}),   weights({1})};
      const double b = std::sqrt(0.1);
      const Tensor y1 = at::conv2d(x, u[0], b * u[1], 1, 1);
      const Tensor y2 = at::conv2d(y1.clamp_min(0), std::sqrt(2.0 / (9 * channels)) * u[2], b * u[3], 1, 1);
      const Tensor last = y2.clamp_min(0), seen = readout == Readout::flatten ? last.flatten(1) : last.mean({2, 3});
      const Tensor f = std::sqrt(2.0 / static_cast<double>(inputs)) * seen.mv(u[4]) + b * u[5];
      std::vector<Tensor> rows;
      for (int i = 0; i < 2; ++i) {
        std::vector<Tensor> flat;
        for (const Tensor& g : torch::autograd::grad({f[i]}, u, {}, true)) flat.push_back(g.flatten());
        rows.push_back(at::cat(flat));
      }
      const Tensor J = at::stack(rows);
      tangents.push_back(J.mm(J.t()).detach());
    }
    const Tensor all = at::stack(tangents), limit = wide_kernels({.layers = layers, .readout = readout}, x).tangent;
    const Tensor standard = all.std(0) / std::sqrt(n_networks);
    // Five standard errors, and what is left at 96 channels.
    EXPECT_LE(((all.mean(0) - limit).abs() - 5 * standard).max().item<double>(), 0.01 * limit.max().item<double>());
    EXPECT_LE(difference(all.mean(0), limit), 0.1 * limit.max().item<double>());
  }
}

TEST(WideConvolution, RefusesWhatDoesNotFit) {
  const Tensor x = randn({2, 1, 4}, 8);
  EXPECT_THROW(wide_kernels(WideConvolution{.filter = 2}, x), ContractError);
  EXPECT_THROW(wide_kernels(WideConvolution{.layers = {.hidden_layers = 0}}, x), ContractError);
  EXPECT_THROW(wide_kernels(WideConvolution{}, randn({2, 4}, 1)), ContractError);
  EXPECT_THROW(wide_kernels(WideConvolution{}, x, randn({2, 1, 5}, 1)), ContractError);
  EXPECT_THROW(wide_kernels(WideConvolution{}, x.to(at::kFloat), x), ContractError);
  EXPECT_THROW(wide_kernels(WideConvolution{}, at::full({1, 1, 3}, NAN, at::kDouble)), ContractError);
}

}  // namespace
}  // namespace turnpike
