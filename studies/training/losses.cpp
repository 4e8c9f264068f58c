#include "losses.h"

#include <ATen/ATen.h>

#include <turnpike/core/krylov.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/study/measure.h>
#include <turnpike/train/modified_loss.h>
#include <turnpike/train/optimiser.h>
#include <cmath>

namespace turnpike::studies {

Loss LossCase::whole() const {
  return mean_loss(batches);
}

LossCase quadratic_case(std::int64_t n, std::int64_t batches, Random& random) {
  LossCase result{.name = "quadratic", .batches = {}, .start = 2 * normal_tensor({n}, random)};
  for (std::int64_t k = 0; k < batches; ++k) {
    const Tensor A = normal_tensor({n, n}, random) / std::sqrt(static_cast<double>(n)),
                 centre = normal_tensor({n}, random);
    result.batches.push_back([=](const Tensor& w) -> Tensor { return 0.5 * A.mv(w - centre).square().sum(); });
  }
  return result;
}

LossCase log_cosh_case(std::int64_t n, std::int64_t batches, Random& random) {
  LossCase result{.name = "log cosh", .batches = {}, .start = normal_tensor({n}, random)};
  for (std::int64_t k = 0; k < batches; ++k) {
    const Tensor A = normal_tensor({2 * n, n}, random) / std::sqrt(2.0 * static_cast<double>(n));
    const Tensor b = normal_tensor({2 * n}, random);
    result.batches.push_back([=](const Tensor& w) -> Tensor { return at::log(at::cosh(A.mv(w) + b)).sum(); });
  }
  return result;
}

LossCase network_case(std::int64_t batches, Random& random) {
  constexpr std::int64_t width = 4, samples = 5;
  LossCase result{.name = "tanh network", .batches = {}, .start = normal_tensor({3 * width + 1}, random)};
  for (std::int64_t k = 0; k < batches; ++k) {
    const Tensor x = normal_tensor({samples, 1}, random);
    const Tensor y = at::sin(2 * x.squeeze(1)) + 0.3 * normal_tensor({samples}, random);
    result.batches.push_back([=](const Tensor& w) -> Tensor {
      const Tensor hidden = at::tanh(x * w.narrow(0, 0, width) + w.narrow(0, width, width));
      return (hidden.mv(w.narrow(0, 2 * width, width)) + w[3 * width] - y).square().mean();
    });
  }
  return result;
}

Tensor minimum_of(const Loss& loss, const Tensor& start, std::int64_t iterations) {
  Tensor w = start.detach().clone().requires_grad_();
  const auto optimiser =
      make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = iterations, .tolerance = 1e-9}, {w});
  optimiser->step([&](bool gradient) -> Tensor {
    if (gradient) w.mutable_grad() = gradient_of(loss, w);
    return loss(w.detach());
  });
  Tensor point = w.detach().clone();
  for (int i = 0; i < 10; ++i) {
    const Tensor slope = gradient_of(loss, point);
    const auto [move, info] = at::linalg_solve_ex(to_dense(hessian_operator(loss, point)), slope);
    // Newton's method is for the end alone; where it would leap it is not near a minimum.
    if (info.item<int>() != 0 || !(move.norm().item<double>() < 0.1 * (1 + point.norm().item<double>()))) break;
    point = point - move;
  }
  return point;
}

double largest_curvature(const Loss& loss, const Tensor& w) {
  return lanczos(hessian_operator(loss, w), 1, Extreme::largest).value().values[0].item<double>();
}

}  // namespace turnpike::studies
