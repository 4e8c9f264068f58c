#include <turnpike/train/nuclear_norm.h>

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {

double singular_value_sum(const Tensor& matrix) {
  return at::linalg_svdvals(matrix).sum().item<double>();
}

Outcome<NuclearNorm> least_nuclear_norm(const Tensor& observed, const Tensor& values,
                                        const NuclearNormOptions& options) {
  require(observed.dim() == 2 && observed.scalar_type() == at::kBool,
          "least_nuclear_norm: observed must be a matrix of booleans, got " + describe(observed));
  require_shape(values, {observed.size(0), observed.size(1)}, "least_nuclear_norm: values");
  at::NoGradGuard no_gradient;
  const Tensor b = at::where(observed, values.to(at::kDouble), at::zeros({}, at::kDouble));
  require(observed.any().item<bool>(), "least_nuclear_norm: needs at least one observed entry");
  require(b.isfinite().all().item<bool>(), "least_nuclear_norm: an observed value is not finite");

  // X = shrink(Z - U, 1 / rho), Z = X + U with the given entries set, U <- U + X - Z, which vanishes off Omega. At the
  // end -rho U is a subgradient of the norm, hence the dual point once it is scaled to |Y| <= 1.
  const double size = at::linalg_svdvals(b)[0].item<double>();
  NuclearNorm best{.matrix = b, .norm = singular_value_sum(b), .gap = std::numeric_limits<double>::infinity()};
  if (size == 0) return NuclearNorm{.matrix = b};
  double rho = 4 / size, dual = 0;
  Tensor Z = b, U = at::zeros_like(b);
  for (std::int64_t k = 1; k <= options.max_iterations; ++k) {
    const auto [left, s, right] = at::linalg_svd(Z - U, /*full_matrices=*/false);
    const Tensor X = (left * (s - 1 / rho).clamp_min(0)).mm(right);
    const Tensor before = Z, relaxed = 1.6 * X - 0.6 * Z;
    Z = at::where(observed, b, relaxed + U);
    U = U + relaxed - Z;
    best.iterations = k;
    if (k % 10 != 0 && k != options.max_iterations) continue;
    const Tensor Y = -rho * U;
    const double over = std::max(1.0, at::linalg_svdvals(Y)[0].item<double>());
    dual = std::max(dual, (b * Y).sum().item<double>() / over);
    if (const double norm = singular_value_sum(Z); norm < best.norm) {
      best.matrix = Z;
      best.norm = norm;
    }
    best.gap = best.norm - dual;
    if (best.gap <= options.tolerance * best.norm) return best;
    // Residuals of the two halves within a factor of ten of each other; U is the multiplier over rho. With rho fixed
    // from some iteration on, convergence is certain.
    if (k > 500) continue;
    const double primal = (X - Z).norm().item<double>(), moved = (Z - before).norm().item<double>();
    const double factor = primal > 10 * moved ? 2 : moved > 10 * primal ? 0.5 : 1;
    rho *= factor;
    U = U / factor;
  }
  Failure failure{FailureKind::no_convergence,
                  fmt::format("the nuclear norm stopped at {:.8g} with a duality gap of {:.2g} after {} iterations",
                              best.norm, best.gap, best.iterations),
                  "allow more iterations or a larger tolerance"};
  return {std::move(best), std::move(failure)};
}

}  // namespace turnpike
