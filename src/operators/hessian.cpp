#include <turnpike/operators/hessian.h>

#include <torch/csrc/autograd/autograd.h>

#include <memory>

#include <fmt/format.h>
#include <turnpike/base/error.h>

namespace turnpike {

LinearOperator hessian_operator(const std::function<Tensor(const Tensor&)>& f, const Tensor& point) {
  at::AutoGradMode with_gradient(true);
  const Tensor u = point.detach().clone().requires_grad_();
  const Tensor value = f(u);
  require(value.defined() && value.numel() == 1, "hessian_operator: f must give one number, got " + describe(value));
  Tensor gradient;  // stays undefined, or without a graph, where f is constant or linear
  if (value.requires_grad()) {
    gradient = torch::autograd::grad({value.sum()}, {u}, {}, /*retain_graph=*/true, /*create_graph=*/true,
                                     /*allow_unused=*/true)[0];
  }
  auto apply = [u, gradient](const Tensor& v) {
    require_shape(v, {u.numel()}, "v of the Hessian");
    Tensor product;
    if (gradient.defined() && gradient.requires_grad()) {
      product = torch::autograd::grad({gradient}, {u}, {v.view(u.sizes())}, /*retain_graph=*/true,
                                      /*create_graph=*/false, /*allow_unused=*/true)[0];
    }
    return product.defined() ? product.reshape({-1}) : at::zeros_like(v);
  };
  return {.rows = u.numel(), .cols = u.numel(), .apply = apply, .apply_transpose = apply, .dtype = u.scalar_type()};
}

LinearOperator gauss_newton_operator(const LinearOperator& jacobian, const LinearOperator& outer) {
  require(
      outer.rows == jacobian.rows && outer.cols == jacobian.rows,
      fmt::format("gauss_newton_operator: the Jacobian is {} x {}, so the outer operator must be {} x {}, got {} x {}",
                  jacobian.rows, jacobian.cols, jacobian.rows, jacobian.rows, outer.rows, outer.cols));
  auto apply = [jacobian, outer](const Tensor& v) { return jacobian.apply_transpose(outer.apply(jacobian.apply(v))); };
  return {
      .rows = jacobian.cols, .cols = jacobian.cols, .apply = apply, .apply_transpose = apply, .dtype = jacobian.dtype};
}

}  // namespace turnpike
