#include <turnpike/analysis/intrinsic_dimension.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {

IntrinsicDimension dimension_of_ratios(std::span<const double> mu) {
  require(mu.size() >= 3, fmt::format("the dimension takes at least three points, got {}", mu.size()));
  double sum = 0;
  for (const double ratio : mu) {
    require(ratio >= 1, fmt::format("a second neighbour is no nearer than the first, got the ratio {}", ratio));
    sum += std::log(ratio);
  }
  const auto n = static_cast<double>(mu.size());
  const double value = (n - 1) / sum, error = 1.96 * value / std::sqrt(n - 2);
  return {value, value - error, value + error, static_cast<std::int64_t>(mu.size())};
}

IntrinsicDimension intrinsic_dimension(const Tensor& points) {
  at::NoGradGuard no_gradient;
  require(points.defined() && points.dim() == 2 && points.size(0) >= 3 && points.size(1) >= 1,
          "intrinsic_dimension: the points must be [N, D], N at least 3, got " + describe(points));
  require(points.isfinite().all().item<bool>(), "intrinsic_dimension: the points must be finite");
  const Tensor x = std::get<0>(at::unique_dim(points.detach().to(at::kDouble), 0));
  require(x.size(0) >= 3, "intrinsic_dimension: at least three points must differ, got " + describe(x));
  constexpr std::int64_t rows = 256;
  std::vector<double> mu;
  for (std::int64_t first = 0; first < x.size(0); first += rows) {
    const Tensor block = x.narrow(0, first, std::min(rows, x.size(0) - first));
    // Of differences, not of products, which would lose near neighbours; the point itself is the first of three.
    const Tensor distances = at::cdist(block, x, 2, /*compute_mode=*/2);
    const Tensor nearest = std::get<0>(distances.topk(3, 1, /*largest=*/false)).contiguous();
    const auto r = nearest.accessor<double, 2>();
    for (std::int64_t i = 0; i < block.size(0); ++i) mu.push_back(r[i][2] / r[i][1]);
  }
  return dimension_of_ratios(mu);
}

}  // namespace turnpike
