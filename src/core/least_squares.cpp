#include <turnpike/core/least_squares.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include <turnpike/base/error.h>

namespace turnpike {

Tensor minimum_norm(const Tensor& a, const Tensor& b) {
  require(a.defined() && b.defined() && a.dim() >= 2 && b.dim() >= 2 && a.size(-2) == b.size(-2) && a.numel() > 0,
          fmt::format("minimum_norm: A must be [..., n, p] and b [..., n, m] with n, p >= 1, got {} and {}",
                      describe(a), describe(b)));
  require(at::isfinite(a).all().item<bool>() && at::isfinite(b).all().item<bool>(),
          "minimum_norm: A and b must be finite");
  const bool tall = a.size(-2) >= a.size(-1);
  const auto [Q, R] = at::linalg_qr(tall ? a : a.mT());
  const Tensor pivots = R.diagonal(0, -2, -1).abs();
  const double ulp = a.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                                    : static_cast<double>(std::numeric_limits<float>::epsilon());
  const double size = static_cast<double>(std::max(a.size(-2), a.size(-1)));
  const Tensor least = pivots.amin(-1), largest = pivots.amax(-1);
  require((least > size * ulp * largest).all().item<bool>(),
          fmt::format("minimum_norm: A {} must have full rank; take at::linalg_pinv where it has not", describe(a)));
  return tall ? at::linalg_solve_triangular(R, at::matmul(Q.mT(), b), /*upper=*/true)
              : at::matmul(Q, at::linalg_solve_triangular(R.mT(), b, /*upper=*/false));
}

}  // namespace turnpike
