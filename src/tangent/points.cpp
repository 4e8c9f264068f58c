#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

#include "points_internal.h"

namespace turnpike {

void require_points(const Tensor& x, const std::string& name) {
  require(x.defined() && x.dim() == 2 && x.size(0) > 0 && x.size(1) > 0 &&
              (x.scalar_type() == at::kDouble || x.scalar_type() == at::kFloat),
          fmt::format("{} must be [N, d] float32 or float64 with N, d >= 1, got {}", name, describe(x)));
  require(at::isfinite(x).all().item<bool>(), fmt::format("{} holds numbers that are not finite", name));
}

Tensor distances(const Tensor& x, const Tensor& z) {
  constexpr std::int64_t by_differences = 2;  // never |x|^2 + |z|^2 - 2 x.z, which cancels
  return at::cdist(x, z, 2, by_differences);
}

Directions directions(const Tensor& x) {
  // Scaled first, so that squares neither overflow nor vanish.
  const Tensor largest = x.abs().amax(-1, true);
  const Tensor scaled = x / at::where(largest > 0, largest, at::ones_like(largest));
  const Tensor length = scaled.norm(2, at::IntArrayRef{-1}, true);
  return {.unit = scaled / at::where(length > 0, length, at::ones_like(length)),
          .length = (length * largest).squeeze(-1)};
}

std::pair<Tensor, Tensor> half_square_distances(const Directions& a, const Directions& b) {
  const Tensor zero = (a.length == 0).unsqueeze(-1).logical_or((b.length == 0).unsqueeze(-2));
  const auto half_square = [&](const Tensor& v) {
    const Tensor value = distances(a.unit, v).square() / 2;
    return at::where(zero, at::ones_like(value), value);
  };
  return {half_square(b.unit), half_square(-b.unit)};
}

}  // namespace turnpike
