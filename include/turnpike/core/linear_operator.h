// A: R^n -> R^m known only by what it does. Everything matrix-free is written against it.
//
//   LinearOperator A = matrix_operator(M);   A.apply(v)  // [m]
//   expect <A v, w> = <v, A' w> to rounding: the law every operator passes (laws: expect_adjoint)
#pragma once

#include <functional>

#include <turnpike/core/tensor.h>

namespace turnpike {

struct LinearOperator {
  std::int64_t rows = 0, cols = 0;                       // m, n
  std::function<Tensor(const Tensor&)> apply;            // [n] -> [m]
  std::function<Tensor(const Tensor&)> apply_transpose;  // [m] -> [n]
  c10::ScalarType dtype = c10::ScalarType::Double;
};

LinearOperator matrix_operator(const Tensor& matrix);
LinearOperator normal_operator(const LinearOperator& a);  // A'A, symmetric
Tensor to_dense(const LinearOperator& a);                 // [m, n], column by column: small operators only

}  // namespace turnpike
