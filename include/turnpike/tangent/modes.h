// The modes of a tangent kernel on labelled samples, and what they predict of training with the square loss.
//
//   K v_k = lambda_k v_k,  lambda_1 >= lambda_2 >= ... >= 0         L = w/n sum_i |z_i - y_i|^2,  r = z - y
//   <v_k, r(t)> = e^{-mu_k t} <v_k, r(0)>,   mu_k = 2 w lambda_k / n        (the flow of the linearised network)
//   L(t) / L(0) = sum_k s_k e^{-2 mu_k t},   s_k = <v_k, r>^2 / |r|^2
//
// Gradient descent with step eta is near it at t = eta * steps while eta mu_1 is small, and unstable for eta > 2/mu_1.
// A mode with mu_k = 0 is never learned. The mu_k are also the eigenvalues of L's Gauss-Newton matrix 2w/n J'J that are
// not zero: where the loss is near 0, of its Hessian.
//
//   effective rank  exp(-sum_k p_k ln p_k),  p_k = lambda_k / sum lambda: 1 for one mode, m for m equal ones, 0 for K =
//   0 alignment       <C k C, Y Y'> / (|C k C| |Y Y'|) in [0, 1], k [n, n] the mean of K over outputs, Y = C y, C = I -
//   1/n:
//                   1 where the kernel is the labels' own Y Y'; NaN where all labels are alike or all entries of k
//
// Shapes: z, y [n, o], K [n o, n o] as of tangent_kernel: one kernel of all outputs together, m = n o modes. Errors:
// ContractError for shapes that do not fit, entries that are not finite, a K that is not symmetric. Source: Jacot,
// Gabriel, Hongler (2018), arXiv:1806.07572; effective rank: Roy & Vetterli (2007); alignment: Cortes, Mohri,
// Rostamizadeh (2012), arXiv:1203.0550.
#pragma once

#include <turnpike/core/tensor.h>

namespace turnpike {

struct KernelModes {
  Tensor values, vectors;  // lambda [m] descending, v [m, m] in columns
  Tensor rates;            // mu [m]
  double effective_rank = 0, alignment = 0;
  Tensor label_shares;     // [m] of Y = C y: the labels as they are learned from their mean; zero where all are alike
  Tensor residual_shares;  // [m] of r = z - y: what is left to learn; zero where nothing is
};

KernelModes kernel_modes(const Tensor& K, const Tensor& z, const Tensor& y, double weight = 0.5);

double effective_rank(const Tensor& eigenvalues);                       // [m], none negative
double label_alignment(const Tensor& kernel, const Tensor& y);          // [n, n], [n, o]
double loss_left(const Tensor& shares, const Tensor& rates, double t);  // L(t) / L(0); 0 where the shares are zero

}  // namespace turnpike
