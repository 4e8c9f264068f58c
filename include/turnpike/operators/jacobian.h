// The derivative of a flow's end with respect to its start or its control, matrix-free and as small matrices through
// depth.
//
//   J = d x(T) / d x0  or  d x(T) / d u,   J v by forward sensitivities, J' w by the flow's adjoint
//
//   LinearOperator J = jacobian_operator(flow, control, x0, Wrt::control);      // [N d] x [slots P]
//   SingularTriplets top = svds(J, 3).value();
//   Tensor D = jacobians(flow, control, x0);                                    // [N, d, d], one a sample
//
// Both are derivatives of the discrete flow, exact to rounding, for every scheme and field with second derivatives by
// autograd; an adaptive flow is differentiated on the mesh that it accepts at x0. Errors: ContractError for the
// continuous adjoint, which is only near the discrete flow's; Error where a field's own backward pass cannot be
// differentiated: every step checks <J v, w> = <v, J' w> for a fixed w, so that J v is right or refused. Source: the
// forward product by two backward passes: Townsend (2017), "A new trick for calculating Jacobian vector products".
#pragma once

#include <vector>

#include <turnpike/core/linear_operator.h>
#include <turnpike/flow/flow.h>

namespace turnpike {

enum class Wrt { start, control };

// Rows: x(T) [N, d], flattened. Columns: x0 [N, d] or the control [slots, P], flattened. One roll is kept for all
// products with J' (memory of the flow's adjoint); J v costs about four rolls and the memory of one step.
LinearOperator jacobian_operator(const Flow& flow, const Tensor& control, const Tensor& x0, Wrt wrt);

struct DepthJacobians {
  std::vector<double> times;  // [n]
  Tensor states;              // [n, N, d] x(t)
  Tensor jacobians;           // [n, N, d, d] d x(t) / d x0
};

// By the variational matrix, M_{k+1} = (d x_{k+1} / d x_k) M_k, M_0 = I: K d field evaluations a sample, for small d.
// Samples must not act on each other. At the given times, ascending (each becomes a mesh time); none: at every mesh
// time.
DepthJacobians jacobians_through_depth(const Flow& flow, const Tensor& control, const Tensor& x0,
                                       const std::vector<double>& times = {});

Tensor jacobians(const Flow& flow, const Tensor& control, const Tensor& x0);  // [N, d, d] at the end

}  // namespace turnpike
