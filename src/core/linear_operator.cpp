#include <turnpike/core/linear_operator.h>

#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {

LinearOperator matrix_operator(const Tensor& matrix) {
  require_shape(matrix, {-1, -1}, "matrix");
  return {.rows = matrix.size(0),
          .cols = matrix.size(1),
          .apply = [matrix](const Tensor& v) { return matrix.mv(v); },
          .apply_transpose = [matrix](const Tensor& w) { return matrix.t().mv(w); },
          .dtype = matrix.scalar_type()};
}

LinearOperator normal_operator(const LinearOperator& a) {
  require(a.apply && a.apply_transpose, "normal_operator: the operator must have both apply and apply_transpose");
  auto normal = [a](const Tensor& v) { return a.apply_transpose(a.apply(v)); };
  return {.rows = a.cols, .cols = a.cols, .apply = normal, .apply_transpose = normal, .dtype = a.dtype};
}

Tensor to_dense(const LinearOperator& a) {
  Tensor identity = at::eye(a.cols, at::TensorOptions(a.dtype));
  std::vector<Tensor> columns;
  for (std::int64_t j = 0; j < a.cols; ++j) columns.push_back(a.apply(identity[j]));
  return columns.empty() ? at::zeros({a.rows, 0}, at::TensorOptions(a.dtype)) : at::stack(columns, 1);
}

}  // namespace turnpike
