#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>

#include "line_internal.h"

namespace turnpike {
namespace {

// min sum (g(x_i) - u_i)^2 + alpha int g''^2, g a natural cubic spline; gamma its second derivatives at the inner
// points:
//   (R + alpha Q'Q) gamma = Q'u,   g = u - alpha Q gamma             (Reinsch; Green, Silverman 1994, section 2.3)
// R tridiagonal, Q'Q with five diagonals. alpha by the discrepancy principle: |g - u|^2 / n = noise^2.
class Spline : public LineDerivative {
 public:
  Spline(std::vector<double> points, int order, double noise) : x_(std::move(points)), order_(order), noise_(noise) {
    needs_whole_line = true;
    margin = 2;  // a natural spline is straight at its ends
  }

  void apply(std::span<const double> u, std::span<double> out) const override {
    std::vector<double> g(u.begin(), u.end()), gamma = second_derivatives(u, 0);
    if (noise_ > 0) {
      // The discrepancy grows with alpha.
      const double scale = std::pow(x_.back() - x_.front(), 3);
      double low = std::log(1e-20 * scale), high = std::log(1e3 * scale);
      for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        gamma = second_derivatives(u, std::exp(middle));
        g = smoothed(u, gamma, std::exp(middle));
        double squares = 0;
        for (std::size_t k = 0; k < g.size(); ++k) squares += (g[k] - u[k]) * (g[k] - u[k]);
        (squares < noise_ * noise_ * static_cast<double>(g.size()) ? low : high) = middle;
      }
    }
    if (order_ == 0) {
      std::copy(g.begin(), g.end(), out.begin());
      return;
    }
    for (std::size_t i = 0; i + 1 < x_.size(); ++i) {
      const double h = x_[i + 1] - x_[i];
      const double third = (gamma[i + 1] - gamma[i]) / h;
      const double first = (g[i + 1] - g[i]) / h - h * (2 * gamma[i] + gamma[i + 1]) / 6;
      out[i] = order_ == 1   ? first
               : order_ == 2 ? gamma[i]
               : i           ? (third + (gamma[i] - gamma[i - 1]) / (x_[i] - x_[i - 1])) / 2
                             : third;
    }
    out[x_.size() - 1] = 0;
  }

 private:
  double step(std::size_t i) const { return x_[i + 1] - x_[i]; }

  // [n], zero at both ends
  std::vector<double> second_derivatives(std::span<const double> u, double alpha) const {
    const std::size_t n = x_.size(), m = n - 2;
    // A = L D L' with two diagonals below; row i stands for the inner point i + 1.
    std::vector<double> d(m), l1(m, 0), l2(m, 0), gamma(n, 0);
    const auto q = [&](std::size_t row, std::size_t i) {  // Q_(row, i), rows i, i + 1, i + 2
      if (row == i) return 1 / step(i);
      if (row == i + 1) return -1 / step(i) - 1 / step(i + 1);
      return 1 / step(i + 1);
    };
    const auto a = [&](std::size_t i, std::size_t back) {  // A_(i, i - back)
      double value = back == 0 ? (step(i) + step(i + 1)) / 3 : back == 1 ? step(i) / 6 : 0;
      for (std::size_t row = i; row <= i - back + 2; ++row) value += alpha * q(row, i) * q(row, i - back);
      return value;
    };
    std::vector<double> z(m);
    for (std::size_t i = 0; i < m; ++i) {
      if (i >= 2) l2[i] = a(i, 2) / d[i - 2];
      if (i >= 1) l1[i] = (a(i, 1) - (i >= 2 ? l2[i] * d[i - 2] * l1[i - 1] : 0)) / d[i - 1];
      d[i] = a(i, 0) - (i >= 1 ? l1[i] * l1[i] * d[i - 1] : 0) - (i >= 2 ? l2[i] * l2[i] * d[i - 2] : 0);
      z[i] = (u[i + 2] - u[i + 1]) / step(i + 1) - (u[i + 1] - u[i]) / step(i);
      if (i >= 1) z[i] -= l1[i] * z[i - 1];
      if (i >= 2) z[i] -= l2[i] * z[i - 2];
    }
    for (std::size_t i = m; i-- > 0;) {
      gamma[i + 1] = z[i] / d[i];
      if (i + 1 < m) gamma[i + 1] -= l1[i + 1] * gamma[i + 2];
      if (i + 2 < m) gamma[i + 1] -= l2[i + 2] * gamma[i + 3];
    }
    return gamma;
  }

  std::vector<double> smoothed(std::span<const double> u, const std::vector<double>& gamma, double alpha) const {
    const std::size_t n = x_.size();
    std::vector<double> g(u.begin(), u.end());
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      if (i + 2 < n) sum += gamma[i + 1] / step(i);
      if (i >= 1 && i + 1 < n) sum -= gamma[i] * (1 / step(i - 1) + 1 / step(i));
      if (i >= 2) sum += gamma[i - 1] / step(i - 1);
      g[i] -= alpha * sum;
    }
    return g;
  }

  std::vector<double> x_;
  int order_;
  double noise_;
};

}  // namespace

std::unique_ptr<LineDerivative> smoothing_spline(const Line& line) {
  if (line.order > 3)
    throw InputError(
        fmt::format("a cubic spline has no derivative of order {}; lower the order, or use polynomials", line.order));
  if (line.points.size() < 5)
    throw InputError(fmt::format("axis {} has {} points; a spline needs five", line.axis, line.points.size()));
  return std::make_unique<Spline>(line.points, line.order, line.noise_deviation);
}

}  // namespace turnpike
