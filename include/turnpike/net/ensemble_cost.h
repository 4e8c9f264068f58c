// The mean squares of perceptrons side by side, with their gradients, by the fused kernels.
//
//   J = sum_s 1/N sum_n |f_s(x_n) - y_s,n|^2          each network's gradient is that of its own mean
//
//   EnsembleCost J = mean_square(nets, theta, x, y);   // theta [S, P], x [N, d_0], y [N, d_L] or [S, N, d_L]
//   theta.mutable_grad() = J.gradient;                 // [S, P]
//
// float32 and float64. Equal to autograd's to rounding; no gradient is recorded. Errors: ContractError for shapes that
// do not fit, and for ensembles without biases or with an activation of their own.
#pragma once

#include <turnpike/net/ensemble.h>

namespace turnpike {

struct EnsembleCost {
  double value = 0;
  Tensor gradient;
};
EnsembleCost mean_square(const Ensemble& nets, const Tensor& theta, const Tensor& x, const Tensor& y);

}  // namespace turnpike
