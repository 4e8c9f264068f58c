// Least squares and minimum-norm interpolation of full rank, many at once.
//
//   n >= p    argmin |A x - b|^2                       x = R^{-1} Q' b,   A = Q R
//   n <  p    argmin { |x|^2 : A x = b }               x = Q R^{-T} b,    A' = Q R
//
//   Tensor x = minimum_norm(A, b);     // A [..., n, p], b [..., n, m] -> [..., p, m]
//
// Both are x = A^+ b. By QR of A or A', so that the condition number is not squared: error about 1e-16 |A||A^+| for n
// >= p with small residuals and for n < p. Leading dimensions are a batch (those of b may broadcast). Errors:
// ContractError for shapes that do not fit, values that are not finite, or a rank below min(n, p) to working precision:
// such A have at::linalg_pinv, which costs twenty times as much. Source: Golub & Van Loan, Matrix Computations
// (2013), 5.3, 5.6.
#pragma once

#include <turnpike/core/tensor.h>

namespace turnpike {

Tensor minimum_norm(const Tensor& a, const Tensor& b);

}  // namespace turnpike
