// The least control that interpolates: min int_0^T |u|^2 dt  subject to  P x_i(T) = y_i for all i.
//
// Method of multipliers, as the iteration "add the residual back to the targets": with V(c) the least norm that ends at
// P x_i(T) = y_i + c_i,
//
//   u_k = argmin  1/N sum_i |P x_i(T) - z_i|^2 + weight int |u|^2,    z <- z + y - P x(T),    z = y at first
//
// whose fixed points interpolate; the multipliers are p_i = dV/dy_i = 2 (z_i - y_i) / (N weight). They say what the
// problem with a finite price pays: min phi + epsilon int |u|^2 has, as epsilon -> 0,
//
//   phi = epsilon^2 N/4 sum |p_i|^2 + O(epsilon^3),   int |u|^2 = V - epsilon N/2 sum |p_i|^2 + O(epsilon^2)
//
//   LeastNorm least = least_norm_control(model, data);     // model.control is then that control
//   least.norm_squared, least.multipliers                  // int |u*|^2, p [N, m]
//
// Assumptions: real targets; a trained lift or head is trained along, unpenalised. Each round shrinks the residual by a
// factor that falls with `weight` (about weight |H| where H is the Hessian of V). A local minimiser: start from a good
// one. Errors: ContractError for labels that are classes; data that cannot be interpolated leave `converged` false.
// Source: Hestenes (1969), doi:10.1007/BF00927673; Osher, Burger, Goldfarb, Xu & Yin (2005), doi:10.1137/040605412.
#pragma once

#include <turnpike/train/polish.h>

namespace turnpike {

struct LeastNormOptions {
  double weight = 1e-2;
  std::int64_t rounds = 40;
  double tolerance = 1e-12;  // on |P x(T) - y|, over all samples
  PolishOptions polish{.iterations = 2000, .tolerance = 1e-14};
};

struct LeastNorm {
  double norm_squared = 0;  // int |u|^2 dt
  Tensor multipliers;       // [N, m]
  double error = 0;         // |P x(T) - y|
  double residual = 0;      // |gradient| of the last round
  std::int64_t rounds = 0;
  bool converged = false;
};

LeastNorm least_norm_control(Model& model, const Dataset& data, const LeastNormOptions& options = {},
                             Progress& progress = no_progress());

}  // namespace turnpike
