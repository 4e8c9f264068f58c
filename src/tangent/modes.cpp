#include <turnpike/tangent/modes.h>

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/tangent/dynamics.h>
#include <turnpike/tangent/empirical.h>

namespace turnpike {
namespace {

// y with its mean over the samples taken away; differences of equal numbers leave rounding, which is no label.
Tensor from_mean(const Tensor& y) {
  const double ulp = y.scalar_type() == at::kFloat ? 1e-6 : 1e-14;
  const Tensor Y = y - y.mean(0, true);
  return Y.norm().item<double>() > ulp * y.norm().item<double>() ? Y : at::zeros_like(y);
}

// <v_k, r>^2 / |r|^2
Tensor shares_of(const Tensor& vectors, const Tensor& r) {
  const Tensor amplitudes = at::mv(vectors.t(), r.reshape({-1}));
  const double size = r.square().sum().item<double>();
  return size > 0 ? amplitudes.square() / size : at::zeros_like(amplitudes);
}

}  // namespace

double effective_rank(const Tensor& eigenvalues) {
  require_shape(eigenvalues, {-1}, "the eigenvalues of a kernel");
  require(eigenvalues.numel() > 0 && eigenvalues.min().item<double>() >= 0,
          "the effective rank needs eigenvalues, none of them negative");
  const double trace = eigenvalues.sum().item<double>();
  if (trace == 0) return 0;
  const Tensor p = eigenvalues / trace;
  return std::exp(-at::xlogy(p, p).sum().item<double>());
}

double label_alignment(const Tensor& kernel, const Tensor& y) {
  require_shape(y, {-1, -1}, "the labels");
  require_shape(kernel, {y.size(0), y.size(0)}, "the kernel beside the labels");
  const Tensor Y = from_mean(y), k = from_mean(from_mean(kernel).t());
  const double size = (k.norm() * at::mm(Y.t(), Y).norm()).item<double>();
  if (size == 0) return std::numeric_limits<double>::quiet_NaN();
  return (at::mm(k, Y) * Y).sum().item<double>() / size;
}

double loss_left(const Tensor& shares, const Tensor& rates, double t) {
  require_shape(rates, shares.sizes(), "the rates of a loss by modes");
  require(t >= 0, fmt::format("the time of a training flow must not be negative, got {}", t));
  return (shares * at::exp(rates * (-2 * t))).sum().item<double>();
}

KernelModes kernel_modes(const Tensor& K, const Tensor& z, const Tensor& y, double weight) {
  require_shape(y, {-1, -1}, "the labels");
  require_shape(z, y.sizes(), "the outputs");
  require(y.numel() > 0, "the modes of a kernel need a sample");
  require_shape(K, {y.numel(), y.numel()}, "the tangent kernel");
  require(weight > 0, fmt::format("the weight of the loss must be positive, got {}", weight));
  const SquareLossFlow flow(K);
  KernelModes modes{.values = flow.eigenvalues().flip(0).contiguous(),
                    .vectors = flow.eigenvectors().flip(1).contiguous()};
  modes.rates = modes.values * (2 * weight / static_cast<double>(y.size(0)));
  modes.effective_rank = effective_rank(modes.values);
  modes.alignment = label_alignment(mean_over_outputs(K, y.size(1)), y);
  modes.label_shares = shares_of(modes.vectors, from_mean(y));
  modes.residual_shares = shares_of(modes.vectors, z - y);
  return modes;
}

}  // namespace turnpike
