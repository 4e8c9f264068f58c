#include <turnpike/analysis/principal_axes.h>

#include <torch/types.h>
#include <algorithm>

#include <turnpike/base/error.h>

namespace turnpike {

Tensor PrincipalAxes::project(const Tensor& states) const {
  require(states.defined() && states.dim() >= 1 && states.size(-1) == mean.size(0),
          "the states must end in " + std::to_string(mean.size(0)) + " coordinates, got " + describe(states));
  return (states - mean.to(states.scalar_type())).matmul(axes.t().to(states.scalar_type()));
}

PrincipalAxes principal_axes(const Tensor& states, std::int64_t n_axes) {
  at::NoGradGuard no_gradient;
  require(states.defined() && states.dim() >= 2 && states.numel() > 0,
          "principal_axes: the states must be [..., N, d], got " + describe(states));
  require(states.isfinite().all().item<bool>(), "principal_axes: the states must be finite");
  require(n_axes >= 1, "principal_axes: ask for at least one axis");
  const std::int64_t d = states.size(-1), k = std::min(n_axes, d);
  const Tensor points = states.detach().to(at::kDouble).reshape({-1, d});

  PrincipalAxes result;
  result.mean = points.mean(0);
  const Tensor centred = points - result.mean,
               covariance = centred.t().mm(centred) / static_cast<double>(points.size(0));
  require(covariance.isfinite().all().item<bool>(), "principal_axes: the squares of the states must be finite");
  auto [variances, vectors] = at::linalg_eigh(covariance);  // ascending
  Tensor axes = vectors.t().flip(0).narrow(0, 0, k);
  const Tensor largest = axes.gather(1, axes.abs().argmax(1, /*keepdim=*/true));
  result.axes = axes * largest.sign();
  const double total = variances.clamp_min(0).sum().item<double>();
  for (std::int64_t i = 0; i < k; ++i) {
    const double variance = std::max(0.0, variances[d - 1 - i].item<double>());
    result.explained.push_back(total > 0 ? variance / total : 0);
  }
  return result;
}

}  // namespace turnpike
