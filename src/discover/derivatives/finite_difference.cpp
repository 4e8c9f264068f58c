#include <fmt/format.h>

#include <turnpike/base/error.h>

#include "line_internal.h"

namespace turnpike {
namespace {

// Weights of the derivative at z from the points x: Fornberg's recursion.
std::vector<double> fornberg(double z, std::span<const double> x, int order) {
  const std::size_t n = x.size(), m = static_cast<std::size_t>(order);
  std::vector<std::vector<double>> c(n, std::vector<double>(m + 1, 0.0));
  double c1 = 1, c4 = x[0] - z;
  c[0][0] = 1;
  for (std::size_t i = 1; i < n; ++i) {
    const std::size_t most = std::min(i, m);
    double c2 = 1;
    const double c5 = c4;
    c4 = x[i] - z;
    for (std::size_t j = 0; j < i; ++j) {
      const double c3 = x[i] - x[j];
      c2 *= c3;
      if (j == i - 1) {
        for (std::size_t k = most; k >= 1; --k)
          c[i][k] = c1 * (static_cast<double>(k) * c[i - 1][k - 1] - c5 * c[i - 1][k]) / c2;
        c[i][0] = -c1 * c5 * c[i - 1][0] / c2;
      }
      for (std::size_t k = most; k >= 1; --k) c[j][k] = (c4 * c[j][k] - static_cast<double>(k) * c[j][k - 1]) / c3;
      c[j][0] = c4 * c[j][0] / c3;
    }
    c1 = c2;
  }
  std::vector<double> weights;
  for (const auto& row : c) weights.push_back(row[m]);
  return weights;
}

}  // namespace

std::unique_ptr<LineDerivative> finite_difference(const Line& line) {
  const DerivativeOptions& options = line.options;
  if (options.accuracy < 2 || options.accuracy > 12 || options.accuracy % 2)
    throw InputError(fmt::format("finite differences have an even accuracy from 2 to 12, not {}", options.accuracy));
  if (options.published && line.order > 3) {
    const auto part = [&](int order) { return finite_difference({options, line.axis, line.points, order, 0}); };
    return composed(part(3), part(line.order - 3));  // the recipe's order 5: the second derivative of the third
  }
  const std::size_t n = line.points.size(),
                    half = static_cast<std::size_t>((line.order + 1) / 2 + options.accuracy / 2 - 1);
  const auto one_sided = static_cast<std::size_t>(line.order + options.accuracy);
  if (n < std::max(2 * half + 1, one_sided + half))
    throw InputError(
        fmt::format("axis {} has {} points, too few for a finite difference of order {}", line.axis, n, line.order));
  auto stencils = std::make_unique<Stencils>();
  stencils->rows.resize(n);
  stencils->margin = options.one_sided_ends ? 0 : static_cast<std::int64_t>(half);
  for (std::size_t i = 0; i < n; ++i) {
    const bool central = i >= half && i + half < n;
    if (!central && !options.one_sided_ends) continue;
    const std::size_t first = central ? i - half : i < half ? i : i + 1 - one_sided;
    const std::size_t count = central ? 2 * half + 1 : one_sided;
    stencils->rows[i] = {first, fornberg(line.points[i], std::span(line.points).subspan(first, count), line.order)};
  }
  return stencils;
}

}  // namespace turnpike
