// Many small feed-forward networks of one shape side by side, for studies whose ensembles run as one batched call.
//
//   x_l = sigma(W_l x_{l-1} + b_l) for l < L,   x_L = W_L x_{L-1} + b_L
//
//   const NetworkBatch nets{.widths = {4, 6, 3}, .activation = Activation::relu};
//   Tensor theta = nets.random(8, 1, random);           // [8, P]: row n holds network n, W_1, b_1, W_2, ...
//   Tensor z = nets(theta, x);                          // x [n, 4] -> [8, n, 3]
//
// With the identity for sigma and no biases these are deep linear networks; product() is then their matrix.
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/core/tensor.h>
#include <turnpike/math/activation.h>
#include <turnpike/math/random.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike {

struct NetworkBatch {
  std::vector<std::int64_t> widths;  // d_0, ..., d_L
  Activation activation = Activation::identity;
  bool biases = false;

  std::int64_t depth() const { return static_cast<std::int64_t>(widths.size()) - 1; }
  std::int64_t n_parameters() const;                                 // P
  Tensor random(std::int64_t n, double gain, Random& random) const;  // [n, P]: entries of W_l of deviation
                                                                     // gain / sqrt(d_{l-1}), biases zero
  // W_l [N, d_l, d_{l-1}], or with biases [N, d_l, d_{l-1} + 1], the last column b_l: views of theta [N, P].
  std::vector<Tensor> layers(const Tensor& theta) const;
  // x [n, d_0] for all of them, or [N, n, d_0] for each its own -> [N, n, d_L].
  Tensor operator()(const Tensor& theta, const Tensor& x) const;
  Tensor product(const Tensor& theta) const;  // W_L ... W_1 [N, d_L, d_0], without biases
};

// The losses of N parameter vectors side by side, the i-th of the i-th row alone: [N, P] -> [N]. Their sum is a loss of
// all N P numbers, whose gradient flow is the N flows, with common steps.
using Losses = std::function<Tensor(const Tensor& theta)>;

Loss sum_of(const Losses& losses, std::int64_t n_parameters);  // [N P] -> scalar
Tensor gradients(const Losses& losses, const Tensor& theta);   // [N, P], row i: grad L_i(theta_i)

// The N flows at ascending times, [times, N, P]. Throws Error where the flow fails.
Tensor gradient_flows(const Losses& losses, const Tensor& start, const std::vector<double>& times,
                      const StepController& controller = tight_steps);

}  // namespace turnpike
