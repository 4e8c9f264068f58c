#include <fmt/format.h>

#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/math/dense.h>

#include "line_internal.h"

namespace turnpike {
namespace {

// p = argmin sum_k (p(x_k) - u_k)^2; weights of d^order p at z. Chebyshev polynomials keep the normal equations tame:
// with the window scaled to [-1, 1], p = sum_j a_j T_j, a = (V'V)^-1 V'u, and the weights are V (V'V)^-1 d, d_j =
// T_j^(order)(z).
std::vector<double> fit_weights(double z, std::span<const double> x, int degree, int order) {
  const double middle = (x.front() + x.back()) / 2, scale = (x.back() - x.front()) / 2;
  const std::size_t n = x.size(), columns = static_cast<std::size_t>(degree + 1);
  // Row m: T_j and its derivatives at s, by d^m T_{j+1} = 2 s d^m T_j + 2 m d^(m-1) T_j - d^m T_{j-1}.
  const auto chebyshev = [&](double s, int highest) {
    std::vector<std::vector<double>> t(static_cast<std::size_t>(highest + 1), std::vector<double>(columns, 0.0));
    for (std::size_t m = 0; m < t.size(); ++m)
      for (std::size_t j = 0; j < columns; ++j) {
        if (j == 0)
          t[m][j] = m == 0;
        else if (j == 1)
          t[m][j] = m == 0 ? s : m == 1;
        else
          t[m][j] = 2 * s * t[m][j - 1] + (m ? 2 * static_cast<double>(m) * t[m - 1][j - 1] : 0) - t[m][j - 2];
      }
    return t;
  };
  Matrix v(n, columns);
  for (std::size_t k = 0; k < n; ++k) {
    const auto t = chebyshev((x[k] - middle) / scale, 0);
    for (std::size_t j = 0; j < columns; ++j) v(k, j) = t[0][j];
  }
  const auto at = chebyshev((z - middle) / scale, order);
  const auto dual = solve_cholesky(gram(v), at.back());
  require(dual.has_value(), "a local polynomial has more coefficients than points");
  std::vector<double> weights = multiply(v, *dual);
  for (double& weight : weights) weight *= std::pow(scale, -order);
  return weights;
}

}  // namespace

std::unique_ptr<LineDerivative> local_polynomial(const Line& line) {
  const DerivativeOptions& options = line.options;
  const std::size_t n = line.points.size(), half = static_cast<std::size_t>(options.half_width);
  const std::size_t count = options.published ? 2 * half : 2 * half + 1;
  if (options.degree < line.order || options.half_width < 1 || count <= static_cast<std::size_t>(options.degree))
    throw InputError(
        fmt::format("a polynomial of degree {} through {} points has no derivative of order {}; raise both",
                    options.degree, count, line.order));
  if (n <= 2 * half)
    throw InputError(fmt::format("axis {} has {} points, fewer than a window of {}", line.axis, n, 2 * half + 1));
  bool uniform = true;
  const double step = (line.points.back() - line.points.front()) / static_cast<double>(n - 1);
  for (std::size_t i = 1; i < n; ++i)
    uniform = uniform && std::abs(line.points[i] - line.points[i - 1] - step) < 1e-4 * step;

  auto stencils = std::make_unique<Stencils>();
  stencils->margin = static_cast<std::int64_t>(half);
  stencils->rows.resize(n);
  for (std::size_t i = half; i + half < n; ++i) {
    const std::size_t first = i - half;
    stencils->rows[i] = {first, uniform && i > half
                                    ? stencils->rows[half].weights
                                    : fit_weights(line.points[i], std::span(line.points).subspan(first, count),
                                                  options.degree, line.order)};
  }
  return stencils;
}

}  // namespace turnpike
