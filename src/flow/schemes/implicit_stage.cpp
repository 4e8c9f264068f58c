// The equation of an implicit stage, z = x0 + s f(t, z), shared by the implicit schemes.
//
// Newton's method per sample with the d x d Jacobian of f (f must act on each sample by itself), until the update is
// below 32 ulp of |z|: that is the tolerance to which step and inverse agree.
//
// Derivatives by the implicit function theorem. With F(z; x0, u) = z - x0 - s f(z; u), A = dF/dz at the solution z*,
// both held fixed, the chord iteration z_{m+1} = z_m - A^-1 F(z_m; x0, u) from z_0 = z* has error O(|d(x0, u)|^{m+1}):
// one pass gives exact first derivatives (dz = A^-1 (dx0 + s f_u du)), a second pass exact second ones. Both are
// taken, so third derivatives are wrong.
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

// Where tanh saturates over a long step the way is made of many short pieces.
constexpr int max_newton_steps = 200, max_halvings = 40;

// J_n = df(t, z_n)/dz, [N, d, d], one backward pass a row.
Tensor sample_jacobians(const Rates& rates, double t, const Tensor& point) {
  at::AutoGradMode with_gradient(true);
  const Tensor z = point.detach().requires_grad_();
  const Tensor rate = rates.full(t, z);
  if (!rate.requires_grad()) return at::zeros({z.size(0), z.size(1), z.size(1)}, z.options().requires_grad(false));
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < z.size(1); ++i) {
    const Tensor row = torch::autograd::grad({rate.select(1, i).sum()}, {z}, {}, /*retain_graph=*/true, false, true)[0];
    rows.push_back(row.defined() ? row : at::zeros_like(z));
  }
  return at::stack(rows, 1).detach();
}

Tensor apply(const Tensor& matrices, const Tensor& vectors) {
  return at::matmul(matrices, vectors.unsqueeze(2)).squeeze(2);
}

Tensor newton_matrix(const Rates& rates, double t, double s, const Tensor& z) {
  return at::eye(z.size(1), z.options().requires_grad(false)) - s * sample_jacobians(rates, t, z);
}

Tensor solve(const Rates& rates, double t, double s, const Tensor& start) {
  at::NoGradGuard no_gradient;
  const double epsilon = start.scalar_type() == at::kFloat ? 0x1p-23 : 0x1p-52;
  const Tensor x0 = start.detach();
  const auto residual_of = [&](const Tensor& z) -> Tensor { return z - x0 - s * rates.full(t, z); };
  Tensor z = x0, residual = residual_of(z);
  for (int iteration = 0; iteration < max_newton_steps; ++iteration) {
    const Tensor matrix = newton_matrix(rates, t, s, z);
    const Tensor update = at::linalg_solve(matrix, residual.unsqueeze(2)).squeeze(2);
    // Samples whose residual would grow take half the step, again and again.
    Tensor fraction = at::ones({z.size(0), 1}, z.options().requires_grad(false));
    const Tensor before = at::linalg_vector_norm(residual, 2, at::IntArrayRef{1}, true);
    Tensor next, next_residual;
    for (int halving = 0; halving < max_halvings; ++halving) {
      next = z - fraction * update;
      next_residual = residual_of(next);
      const Tensor after = at::linalg_vector_norm(next_residual, 2, at::IntArrayRef{1}, true);
      const Tensor grew = (after > before).logical_and(before > 8 * epsilon * (1 + next.abs().amax(1, true)));
      if (!grew.any().item<bool>()) break;
      fraction = at::where(grew, fraction / 2, fraction);
    }
    const double change = (fraction * update).abs().div(1 + next.abs()).max().item<double>();
    z = next;
    residual = next_residual;
    if (change <= 32 * epsilon) return z;
    if (!std::isfinite(change)) break;
  }
  throw NoConvergence(
      fmt::format("Newton's method for an implicit step at t = {:.6g} with h = {:.3g} did not converge", t, s));
}

}  // namespace

Tensor implicit_stage(const Rates& rates, double t, double s, const Tensor& x0) {
  Tensor z = solve(rates, t, s, x0);
  if (at::GradMode::is_enabled()) {
    const Tensor inverse = at::linalg_inv(newton_matrix(rates, t, s, z));
    for (int pass = 0; pass < 2; ++pass) z = z - apply(inverse, z - x0 - s * rates.full(t, z));
  }
  return z;
}

}  // namespace turnpike
