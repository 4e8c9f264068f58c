// E perceptrons of one shape side by side, one batched product a layer: what a study repeats over seeds trains at once.
//
//   z_e = W_{e,L} sigma(... sigma(W_{e,1} x_e + b_{e,1}) ...) + b_{e,L},   e < E
//
//   Ensemble nets = Ensemble::make({.widths = {20, 64, 1}}, 5, at::kDouble, seed);
//   Tensor z = nets.forward(x);           // x [E, N, d_0], or [N, d_0] for all; z [E, N, d_L]
//   FeedForward third = nets.member(2);   // the same function, alone
//
// Member e starts as FeedForward::make does with a seed of its own. Members do not interact: the gradient of a sum over
// them is each one's own, so that an optimiser which works entry by entry (sgd, Adam) trains each as if alone.
// Gradients flow to weights and biases. Errors: ContractError for forms other than `outer` with an affine end, maxout,
// no member, and inputs of another shape.
#pragma once

#include <turnpike/net/feed_forward.h>

namespace turnpike {

struct Ensemble {
  FeedForwardSpec spec;
  std::int64_t members = 0;
  std::vector<Tensor> weights;  // L of [E, d_{l-1}, d_l]
  std::vector<Tensor> biases;   // L of [E, 1, d_l]

  static Ensemble make(const FeedForwardSpec& spec, std::int64_t members, c10::ScalarType dtype, std::uint64_t seed);

  Tensor forward(const Tensor& x) const;
  FeedForward member(std::int64_t e) const;
  std::vector<Tensor> parameters() const;  // all of them, for an optimiser; they require gradients
};

}  // namespace turnpike
