// The empirical tangent kernel of a network at its parameters: how a step of gradient descent on one sample moves the
// output at another.
//
//   K(x, x') = J(x) diag(r) J(x')',   J(x) = d f(x; theta) / d theta,   theta_dot = -diag(r) grad L
//
// Shapes: x [N, ...], f [N, o], K [N1 o, N2 o] with row i o + k for output k of sample i; r [P] are learning rates
// relative to each other, all 1 unless given. Samples must not act on each other.
//
//   FeedForward net = FeedForward::make({.widths = {784, 512, 10}}, at::kDouble, seed);
//   Tensor K = tangent_kernel(map_of(net), x, {}, {.method = TangentMethod::structured});   // [10 N, 10 N]
//   EigenPairs top = lanczos(tangent_operator(map_of(net), x), 5, Extreme::largest).value();  // K is never formed
//
// Errors: ContractError for shapes that do not fit, an f that loses rows, `structured` without dense layers or with
// rates that vary within a weight or bias tensor.
// Source: Jacot, Gabriel, Hongler (2018), arXiv:1806.07572; the structured products: Novak, Sohl-Dickstein, Schoenholz
// (2022), arXiv:2206.08720, section 3.4.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <turnpike/core/linear_operator.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/net/feed_forward.h>
#include <turnpike/net/model.h>

namespace turnpike {

// A network as a function of its parameters, all of them in one tensor.
struct ParametricMap {
  std::function<Tensor(const Tensor& x, const Tensor& theta)> f;  // [N, ...], [P] -> [N, o], by operations of libtorch
  Tensor theta;                                                   // [P], where the kernel is taken
  std::optional<FeedForward> layers;                              // where f is dense layers: theta in their order

  Tensor operator()(const Tensor& x) const { return f(x, theta); }
};

// theta = (W_1, b_1, W_2, b_2, ...), each row by row.
ParametricMap map_of(const FeedForward& net);
// theta = the trained tensors of model.parameters() in that order; x are standardised features. Rolls and gradients go
// through the flow's own adjoint, fused where it covers the flow.
ParametricMap map_of(const Model& model);
// theta = the control [slots, P], flattened; f = x(T).
ParametricMap map_of(const Flow& flow, const Tensor& control);

// The S networks of an ensemble at theta [S, P], flattened: f [N, S o] holds the outputs of network s in columns s o to
// (s + 1) o - 1. A loss that sums over outputs then trains all of them in one batched call, each for itself.
ParametricMap map_of(const Ensemble& nets, const Tensor& theta);

FeedForward with_parameters(const FeedForward& net, const Tensor& theta);
Model with_parameters(const Model& model, const Tensor& theta);

// Learning rates [P] that are one number for each weight matrix and one for each bias. Rates sigma_w^2 / d_{l-1} and
// sigma_b^2 make gradient descent on W, b what it is on w, b' with W = sigma_w / sqrt(d_{l-1}) w, b = sigma_b b'.
Tensor layer_rates(const FeedForward& net, const std::vector<double>& weights, const std::vector<double>& biases);

// All give the same kernel, to rounding.
//   jacobian    J J' with J from one backward pass an output and sample, in blocks of `block_bytes`. Any map; asks
//               nothing of f but first derivatives, so it is the default. N o passes of one sample; o P numbers a
//               sample
//   products    column by column J (J' e), without J: memory of f's graph. Needs second derivatives by autograd.
//   structured  dense layers y_l = W_l x_l + b_l only:  K = sum_l (r_W x_l . x'_l + r_b) (df/dy_l) (df'/dy_l)'.
//               o backward passes of the whole batch, then two matrix products and a Hadamard product a layer:
//               N^2 o (o W + d) instead of N^2 o^2 W d.
enum class TangentMethod { jacobian, products, structured };
const char* name_of(TangentMethod method);

struct TangentOptions {
  TangentMethod method = TangentMethod::jacobian;
  Tensor rates;                                        // [P]; undefined: all 1
  std::int64_t block_bytes = std::int64_t{512} << 20;  // jacobian: of the two blocks of J that are held at a time
};

// x2 undefined: x1, and the matrix is symmetric to the last bit.
Tensor tangent_kernel(const ParametricMap& map, const Tensor& x1, const Tensor& x2 = {},
                      const TangentOptions& options = {});

// K by its products, J (r J' v): two backward passes each, at a graph kept for all of them. [N1 o] x [N2 o].
LinearOperator tangent_operator(const ParametricMap& map, const Tensor& x1, const Tensor& x2 = {},
                                const Tensor& rates = {});

Tensor tangent_jacobian(const ParametricMap& map, const Tensor& x);  // J [N o, P]

// 1/o sum over outputs k of K((i, k), (j, k)): [N1 o, N2 o] -> [N1, N2].
Tensor mean_over_outputs(const Tensor& kernel, std::int64_t n_outputs);

// The map whose output is the first Taylor polynomial in the parameters, f(x; theta_0) + J(x) (theta - theta_0).
// Differentiable in theta; needs second derivatives of f by autograd.
ParametricMap linearised(const ParametricMap& map);

}  // namespace turnpike
