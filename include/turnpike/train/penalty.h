// Penalties on the control, each with a weight lambda:
//
//   L2    lambda int |u|^2 dt              smooth
//   H1    lambda (int |u|^2 + |u_dot|^2)   smooth; linear controls
//   jump  lambda (int |u|^2 dt + sum |u_{k+1} - u_k|^2 / h_k)    smooth; constant controls
//   L1    lambda int |u| dt                prox: group soft threshold per slot, |u| Euclidean
//   and the bound |u(t)| <= M as a radial projection, after the prox of L1 (exact: the two commute on rays).
//
//   Penalty penalty{.kind = PenaltyKind::l2, .weight = 1e-3};
//   Tensor value = penalty.value(grid, control);                      // scalar, differentiable
//   Tensor next = penalty.prox(grid, control - step * gradient, step); // argmin_v |v - w|^2 / (2 step) + penalty(v),
//   |v_k| <= M
#pragma once

#include <limits>
#include <string_view>

#include <turnpike/flow/control.h>

namespace turnpike {

enum class PenaltyKind { l2, l1, h1, jump };
PenaltyKind penalty_named(std::string_view name);  // "L2", "L1", "H1", "jump"
const char* name_of(PenaltyKind kind);

struct Penalty {
  PenaltyKind kind = PenaltyKind::l2;
  double weight = 0;                                       // lambda
  double bound = std::numeric_limits<double>::infinity();  // M

  bool smooth() const { return kind != PenaltyKind::l1 && bound == std::numeric_limits<double>::infinity(); }
  Tensor value(const ControlGrid& grid, const Tensor& control) const;  // lambda * norm, without the bound
  // Prox of the non-smooth part alone (L1 and the bound), in the plain inner product of the values; identity where
  // smooth().
  Tensor prox(const ControlGrid& grid, const Tensor& control, double step) const;
};

}  // namespace turnpike
