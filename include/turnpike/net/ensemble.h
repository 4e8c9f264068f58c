// Perceptrons of one shape side by side, as one batched map of all their parameters: what a study repeats over seeds or
// starts runs at once.
//
//   x_l = sigma(W_l x_{l-1} + b_l) for l < L,   x_L = W_L x_{L-1} + b_L
//
//   const Ensemble nets{.widths = {20, 64, 1}, .activation = Activation::relu};
//   Tensor theta = nets.random(5, 1, random);   // [5, P]: row s holds network s, W_1, b_1, W_2, ..., each row by row
//   Tensor z = nets(theta, x);                  // x [N, 20] for all, or [5, N, 20] for each its own -> [5, N, 1]
//   FeedForward third = nets.member(theta, 2);  // the same function, alone
//
// Networks do not interact: the gradient of a sum over them is each one's own, so that gradient flow, and an optimiser
// which works entry by entry (sgd, Adam), trains each as if alone. Gradients flow to theta. With the identity for sigma
// and no biases these are deep linear networks; product() is then their matrix. Errors: ContractError for shapes that
// do not fit, and networks of another form.
#pragma once

#include <functional>
#include <vector>

#include <turnpike/math/random.h>
#include <turnpike/net/feed_forward.h>

namespace turnpike {

struct Ensemble {
  std::vector<std::int64_t> widths;  // d_0, ..., d_L
  Activation activation = Activation::tanh;
  bool biases = true;
  std::function<Tensor(const Tensor&)> sigma{};  // in place of the activation, where given

  std::int64_t depth() const { return static_cast<std::int64_t>(widths.size()) - 1; }
  std::int64_t n_parameters() const;  // P
  // [S, P]: entries of W_l of deviation gain / sqrt(d_{l-1}), biases zero; one network after the other.
  Tensor random(std::int64_t networks, double gain, Random& random) const;
  Tensor stacked(const std::vector<FeedForward>& networks) const;  // [S, P], detached

  std::vector<Tensor> weights(const Tensor& theta) const;         // L of [S, d_l, d_{l-1}], views of theta
  std::vector<Tensor> bias_vectors(const Tensor& theta) const;    // L of [S, d_l], views; none without biases
  Tensor operator()(const Tensor& theta, const Tensor& x) const;  // [S, N, d_L]
  Tensor product(const Tensor& theta) const;                      // W_L ... W_1 [S, d_L, d_0], of linear networks
  FeedForward member(const Tensor& theta, std::int64_t s) const;
};

}  // namespace turnpike
