#include <turnpike/tangent/kernels.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <numbers>

#include <turnpike/base/error.h>

#include "points_internal.h"

namespace turnpike {
namespace {

constexpr double pi = std::numbers::pi;

double epsilon(const Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

// y as [N, m], checked against x.
Tensor targets(const Tensor& x, const Tensor& y, const char* who) {
  require_points(x, fmt::format("{}: x", who));
  require(y.defined() && (y.dim() == 1 || y.dim() == 2) && y.size(0) == x.size(0) && y.scalar_type() == x.scalar_type(),
          fmt::format("{}: y must be [{}] or [{}, m] in the dtype of x, {}, got {}", who, x.size(0), x.size(0),
                      describe(x), describe(y)));
  require(at::isfinite(y).all().item<bool>(), fmt::format("{}: y holds numbers that are not finite", who));
  return y.dim() == 1 ? y.unsqueeze(1) : y;
}

// L L' = S.
Tensor cholesky(const Tensor& s, const char* who) {
  const auto [lower, info] = at::linalg_cholesky_ex(s);
  if (info.item<int>() != 0)
    throw Error(
        fmt::format("{}: the kernel matrix is not positive definite to working precision (column {} of {}); "
                    "take a larger ridge or noise variance, at least {:.1e}",
                    who, info.item<int>(), s.size(0), s.size(0) * epsilon(s) * s.diagonal().max().item<double>()));
  return lower;
}

Tensor with_diagonal(const Tensor& k, double value) {
  return k + value * at::eye(k.size(0), k.options());
}

KernelFunction of_distance(std::string name, std::function<Tensor(const Tensor&)> profile) {
  return {.name = std::move(name),
          .matrix = [profile](const Tensor& x, const Tensor& z) { return profile(distances(x, z)); },
          .diagonal = [](const Tensor& x) { return at::ones({x.size(0)}, x.options()); }};
}

}  // namespace

Tensor KernelFunction::operator()(const Tensor& x, const Tensor& z) const {
  require_points(x, name + " kernel: x");
  require_points(z, name + " kernel: z");
  require(x.size(1) == z.size(1) && x.scalar_type() == z.scalar_type(),
          fmt::format("{} kernel: x and z must have the same width and dtype, got {} and {}", name, describe(x),
                      describe(z)));
  return matrix(x, z);
}

KernelFunction linear_kernel() {
  return feature_kernel("linear", [](const Tensor& x) { return x; });
}

KernelFunction feature_kernel(std::string name, FeatureMap features) {
  // A product of a matrix with its own transpose is symmetric up to rounding alone.
  const auto matrix = [features](const Tensor& x, const Tensor& z) -> Tensor {
    const Tensor phi = features(x);
    if (!x.is_same(z)) return phi.mm(features(z).t());
    const Tensor k = phi.mm(phi.t());
    return (k + k.t()) / 2;
  };
  return {.name = std::move(name), .matrix = matrix, .diagonal = [features](const Tensor& x) {
            return features(x).square().sum(1);
          }};
}

KernelFunction polynomial_kernel(int degree, double shift) {
  require(degree >= 1 && shift >= 0,
          fmt::format("polynomial_kernel: degree >= 1 and shift >= 0, got {} and {}", degree, shift));
  const KernelFunction linear = linear_kernel();
  return {.name = "polynomial",
          .matrix = [=](const Tensor& x, const Tensor& z) { return (linear.matrix(x, z) + shift).pow(degree); },
          .diagonal = [=](const Tensor& x) { return (linear.diagonal(x) + shift).pow(degree); }};
}

KernelFunction gaussian_kernel(double length) {
  require(length > 0, fmt::format("gaussian_kernel: length > 0, got {}", length));
  return of_distance("gaussian", [=](const Tensor& r) { return at::exp(-(r / length).square() / 2); });
}

KernelFunction laplace_kernel(double length) {
  require(length > 0, fmt::format("laplace_kernel: length > 0, got {}", length));
  return of_distance("laplace", [=](const Tensor& r) { return at::exp(-r / length); });
}

KernelFunction arc_cosine_kernel(int order) {
  require(order >= 0 && order <= 2, fmt::format("arc_cosine_kernel: order 0, 1 or 2, got {}", order));
  const auto matrix = [order](const Tensor& x, const Tensor& z) -> Tensor {
    const Directions a = directions(x), b = directions(z);
    const auto [apart, along] = half_square_distances(a, b);
    const Tensor theta = 2 * at::atan2(apart.sqrt(), along.sqrt()), cosine = (along - apart) / 2;
    if (order == 0) return 1 - theta / pi;
    const Tensor sine = at::sin(theta), size = a.length.unsqueeze(1) * b.length;
    if (order == 1) return size * (sine + (pi - theta) * cosine) / pi;
    return size.square() * (3 * sine * cosine + (pi - theta) * (1 + 2 * cosine.square())) / pi;
  };
  return {.name = fmt::format("arc-cosine of order {}", order), .matrix = matrix, .diagonal = [order](const Tensor& x) {
            const Tensor square = x.square().sum(1);
            if (order == 0) return at::where(square > 0, 1.0, 0.5).to(x.scalar_type());
            return order == 1 ? square : 3 * square.square();
          }};
}

Tensor KernelRidge::operator()(const Tensor& x) const {
  return kernel(x, centres).matmul(coefficients);
}

KernelRidge fit_kernel_ridge(const KernelFunction& kernel, const Tensor& x, const Tensor& y, double ridge) {
  require(ridge > 0, fmt::format("fit_kernel_ridge: ridge > 0, got {}", ridge));
  const Tensor columns = targets(x, y, "fit_kernel_ridge");
  const Tensor lower = cholesky(with_diagonal(kernel(x), ridge), "fit_kernel_ridge");
  return {.kernel = kernel, .centres = x, .coefficients = at::cholesky_solve(columns, lower).view(y.sizes())};
}

Tensor FeatureRidge::operator()(const Tensor& x) const {
  return features(x).matmul(weights);
}

FeatureRidge fit_feature_ridge(const FeatureMap& features, const Tensor& x, const Tensor& y, double ridge) {
  require(ridge > 0, fmt::format("fit_feature_ridge: ridge > 0, got {}", ridge));
  const Tensor columns = targets(x, y, "fit_feature_ridge");
  constexpr std::int64_t block = 4096;
  // R and Q'y of all rows so far; (sqrt(ridge) I | 0) to begin with.
  Tensor R, c;
  for (std::int64_t start = 0; start < x.size(0); start += block) {
    const std::int64_t rows = std::min(block, x.size(0) - start);
    const Tensor phi = features(x.narrow(0, start, rows));
    require_shape(phi, {rows, -1}, "fit_feature_ridge: the features");
    if (!R.defined()) {
      R = std::sqrt(ridge) * at::eye(phi.size(1), phi.options());
      c = at::zeros({phi.size(1), columns.size(1)}, phi.options());
    }
    const auto [Q, upper] = at::linalg_qr(at::cat({R, phi}));
    c = Q.t().mm(at::cat({c, columns.narrow(0, start, rows)}));
    R = upper;
  }
  Tensor weights = at::linalg_solve_triangular(R, c, /*upper=*/true);
  if (y.dim() == 1) weights = weights.squeeze(1);
  return {.features = features, .weights = weights};
}

FeatureMap nystroem_features(const KernelFunction& kernel, const Tensor& landmarks) {
  const auto [values, vectors] = at::linalg_eigh(kernel(landmarks));
  const double floor = landmarks.size(0) * epsilon(landmarks) * values.max().item<double>();
  const Tensor kept = at::nonzero(values > floor).squeeze(1);
  const Tensor root = vectors.index_select(1, kept) / values.index_select(0, kept).sqrt();  // U lambda^(-1/2)
  return [kernel, landmarks, root](const Tensor& x) { return kernel(x, landmarks).mm(root); };
}

GaussianProcess::GaussianProcess(KernelFunction kernel, const Tensor& x, const Tensor& y, double noise_variance)
    : kernel_(std::move(kernel)), x_(x) {
  require(noise_variance >= 0, fmt::format("GaussianProcess: noise variance >= 0, got {}", noise_variance));
  const Tensor columns = targets(x, y, "GaussianProcess");
  cholesky_ = cholesky(with_diagonal(kernel_(x), noise_variance), "GaussianProcess");
  const Tensor c = at::cholesky_solve(columns, cholesky_);
  // log p = -(y' (K + s^2 I)^-1 y + log det(K + s^2 I) + N log 2 pi) / 2
  const double log_determinant = 2 * cholesky_.diagonal().log().sum().item<double>();
  log_evidence_ =
      -((columns * c).sum().item<double>() + columns.size(1) * (log_determinant + x.size(0) * std::log(2 * pi))) / 2;
  coefficients_ = c.view(y.sizes());
}

Posterior GaussianProcess::posterior(const Tensor& x) const {
  constexpr double quantile = 1.9599639845400545;  // 97.5 % of N(0, 1)
  const Tensor cross = kernel_(x, x_);             // [M, N]
  Posterior p{.mean = cross.matmul(coefficients_)};
  // K_** - |L^-1 K_*'|^2 may fall below zero by rounding.
  const Tensor v = at::linalg_solve_triangular(cholesky_, cross.t(), /*upper=*/false);
  p.variance = (kernel_.diagonal(x) - v.square().sum(0)).clamp_min(0);
  const Tensor half = quantile * (p.mean.dim() == 1 ? p.variance.sqrt() : p.variance.sqrt().unsqueeze(1));
  p.low = p.mean - half;
  p.high = p.mean + half;
  return p;
}

Tensor GaussianProcess::covariance(const Tensor& x) const {
  const Tensor v = at::linalg_solve_triangular(cholesky_, kernel_(x, x_).t(), /*upper=*/false);
  const Tensor c = kernel_(x) - v.t().mm(v);
  return (c + c.t()) / 2;
}

double GaussianProcess::log_evidence() const {
  return log_evidence_;
}

}  // namespace turnpike
