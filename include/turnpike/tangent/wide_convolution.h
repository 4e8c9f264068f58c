// Convolutional networks of infinitely many channels: their NNGP and tangent kernels, in one or two dimensions.
//
//   y_1(p)     = sigma_1 sum_q W_1(q) x(p + q) + sigma_b b_1                            x [C, length] or [C, height,
//   width] y_{l+1}(p) = sigma_w / sqrt(n |Q|) sum_q W_{l+1}(q) phi(y_l(p + q)) + sigma_b b     (+ y_l(p), residual)
//   flatten    f = sigma_w / sqrt(n P) sum_p W_{L+1}(p) phi(y_L(p)) + sigma_b b         own weights at each position
//   average    f = sigma_w / sqrt(n) W_{L+1} mean_p phi(y_L(p)) + sigma_b b             average pooling
//
// over the |Q| offsets q of a filter and the P positions p, stride 1. The first layer is not divided by its number of
// inputs, as in tangent/infinite_width.h, whose recursions, activations, guarantees and errors hold here too. With a
// filter of one and images of one position the two are the same. Circular padding with average pooling is invariant to
// shifts of an image.
//
//   WideConvolution net{.layers = {.hidden_layers = 3}, .readout = WideConvolution::Readout::average};
//   WideKernels k = wide_kernels(net, images, images);          // [N, C, H, W] -> [N, N]
//
// Cost and memory: flatten N M P, average N M P^2 (all pairs of positions): small images only.
// Sources: Novak et al. (2019), arXiv:1810.05148; Arora et al. (2019), arXiv:1904.11955.
#pragma once

#include <turnpike/core/tensor.h>
#include <turnpike/tangent/infinite_width.h>

namespace turnpike {

struct WideConvolution {
  enum class Padding { zero, circular };
  enum class Readout { flatten, average };

  WideNet layers{};         // hidden_layers are convolutions
  std::int64_t filter = 3;  // positions along each axis, odd
  Padding padding = Padding::zero;
  Readout readout = Readout::flatten;
};

// x [N, C, length] and z [M, C, length], or with height and width; an image of height 1 is a line.
WideKernels wide_kernels(const WideConvolution& net, const Tensor& x, const Tensor& z);
WideKernels wide_kernels(const WideConvolution& net, const Tensor& x);

}  // namespace turnpike
