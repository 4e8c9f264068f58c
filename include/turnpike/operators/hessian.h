// Products with second derivatives.
//
//   H v = d/du <grad f(u), v>,   G = J' A J
//
//   LinearOperator H = hessian_operator([&](const Tensor& u) { return objective(flow, x0, u, readout, y).total; },
//   control); EigenPairs sharpest = lanczos(H, 1, Extreme::largest).value();
#pragma once

#include <functional>

#include <turnpike/core/linear_operator.h>

namespace turnpike {

// f: a scalar function, twice differentiable by autograd (of a flow: any adjoint but the continuous one, which throws
// Error). The tensor may have any shape; v [n] is it, flattened. The graph of the gradient is kept for all products:
// memory about three times that of f's graph, time about two evaluations of f a product.
LinearOperator hessian_operator(const std::function<Tensor(const Tensor&)>& f, const Tensor& point);

// The Gauss-Newton matrix of f(u) = g(x(u)): J' A J with J = dx/du and A = g'' at x(u), symmetric; positive
// semidefinite if A is.
LinearOperator gauss_newton_operator(const LinearOperator& jacobian, const LinearOperator& outer);

}  // namespace turnpike
