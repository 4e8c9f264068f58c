// Feed-forward networks as maps between spaces, R^{d_0} -> R^{d_1} -> ... -> R^{d_L}, with everything in between.
//
//   outer     x_{l} = sigma(W_l x_{l-1} + b_l)        the perceptron; its last layer is affine unless affine_end is
//   false inner     x_{l} = W_l sigma(x_{l-1}) + b_l residual  x_{l} = x_{l-1} + h sigma(W_l x_{l-1} + b_l), all widths
//   alike: Euler steps of outer_field (flow/fields.h)
//
//   maxout, pieces = k >= 2, in place of sigma (outer and residual):  max over j < k of W_{l,j} x + b_{l,j},
//   entry by entry; W_l holds the k matrices one below the other (Goodfellow et al. 2013, arXiv:1302.4389)
//
//   FeedForward net = FeedForward::make({.widths = {784, 20, 20, 10}}, at::kDouble, seed);
//   net.n_parameters();                                  // 16330
//   Tensor z = net.forward(x);                           // x [N, 784], z [N, 10]
//   std::vector<Tensor> g = net.intermediate(x);         // 6 of them: x, W_1 x + b_1, sigma(.), ..., z
//
// Gradients flow to weights and biases. Errors: ContractError for fewer than two widths, unequal widths of a residual
// network, maxout of one piece or of inner form, and inputs of another width.
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/core/tensor.h>
#include <turnpike/math/activation.h>

namespace turnpike {

enum class LayerForm { outer, inner, residual };

struct FeedForwardSpec {
  std::vector<std::int64_t> widths;  // d_0, ..., d_L
  LayerForm form = LayerForm::outer;
  Activation activation = Activation::tanh;
  std::int64_t pieces = 0;  // k of maxout, which then replaces the activation; 0: none
  bool affine_end = true;   // outer only
  double step = 1;          // h, residual only

  std::int64_t depth() const { return static_cast<std::int64_t>(widths.size()) - 1; }  // L
};

struct FeedForward {
  FeedForwardSpec spec;
  std::vector<Tensor> weights;  // L of [rows_l, d_{l-1}], rows_l = d_l, of a maxout layer k d_l
  std::vector<Tensor> biases;   // L of [rows_l]

  // Normal weights of deviation 1 / sqrt(d_{l-1}), zero biases.
  static FeedForward make(const FeedForwardSpec& spec, c10::ScalarType dtype, std::uint64_t seed);

  Tensor forward(const Tensor& x) const;  // [N, d_0] -> [N, d_L]
  // x and what each elementary map makes of it, forward(x) last: an affine map and an activation are two (in that order
  // for outer, the other for inner), a residual layer is one.
  std::vector<Tensor> intermediate(const Tensor& x) const;
  std::int64_t n_parameters() const;
};

// sum over l of rows_l (d_{l-1} + 1), without making the network.
std::int64_t count_parameters(const FeedForwardSpec& spec);

// max over the k pieces, [..., k d] -> [..., d]; piece j is the j-th block of d.
Tensor maxout(const Tensor& z, std::int64_t pieces);

}  // namespace turnpike
