#include <turnpike/discover/test_function.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <turnpike/base/error.h>
#include <turnpike/math/dense.h>
#include <turnpike/math/fourier.h>

namespace turnpike {
namespace {

constexpr double tail_deviations = 2;  // of phi's spectrum beyond which k* shall lie
constexpr double end_value = 1e-10;    // of phi one point before its end
constexpr std::int64_t most_lines = 256;
constexpr int exact_degree = 10;  // of the polynomials whose sums are as integrals by parts

// p with (1 - (1 - 1/m)^2)^p = end_value
double power_at(double m) {
  return std::log(end_value) / std::log((2 * m - 1) / (m * m));
}

// p (p - 1) .. (p - k + 1)
double falling(int p, int k) {
  double product = 1;
  for (int i = 0; i < k; ++i) product *= p - i;
  return product;
}

double binomial(int n, int k) {
  return falling(n, k) / falling(k, k);
}

// Adds the least polynomial to w = phi^(order) such that for every f = s^k, k <= exact_degree,
//   sum_i w(s_i) f(s_i) = (-1)^order sum_i phi(s_i) f^(order)(s_i):
// by parts holds for sums then, not for integrals only. All of one parity, so the other half of the k holds anyway.
void integrate_by_parts_exactly(const std::vector<double>& phi, int order, std::vector<double>& w) {
  const int m = static_cast<int>(phi.size() / 2);
  const auto power_sum = [&](const std::vector<double>& values, int k) {
    double sum = 0;
    for (int i = -m; i <= m; ++i)
      sum += values[static_cast<std::size_t>(i + m)] * std::pow(static_cast<double>(i) / m, k);
    return sum;
  };
  std::vector<int> powers;
  for (int k = order % 2; k <= std::min(exact_degree, 2 * m); k += 2) powers.push_back(k);
  const std::vector<double> ones(phi.size(), 1);
  const std::size_t n = powers.size();
  Matrix gram(n, n);
  std::vector<double> missing(n);
  for (std::size_t a = 0; a < n; ++a) {
    const int k = powers[a];
    missing[a] = -power_sum(w, k);
    if (k >= order) missing[a] += (order % 2 ? -1 : 1) * falling(k, order) * power_sum(phi, k - order);
    for (std::size_t b = 0; b < n; ++b) gram(a, b) = power_sum(ones, k + powers[b]);
  }
  const auto coefficients = solve_cholesky(gram, missing);
  if (!coefficients) return;
  for (int i = -m; i <= m; ++i)
    for (std::size_t a = 0; a < n; ++a)
      w[static_cast<std::size_t>(i + m)] += (*coefficients)[a] * std::pow(static_cast<double>(i) / m, powers[a]);
}

}  // namespace

std::vector<double> TestFunction::values(int order, double dx) const {
  require(half_width >= 1 && order < power,
          fmt::format("the derivative {} of a test function of power {} jumps at its ends", order, power));
  // By Leibniz on (1 - s)^p (1 + s)^p: no cancellation, as the expanded polynomial would have.
  std::vector<double> values(static_cast<std::size_t>(2 * half_width + 1));
  for (int i = -half_width; i <= half_width; ++i) {
    const double s = static_cast<double>(i) / half_width;
    double sum = 0;
    for (int k = 0; k <= order; ++k)
      sum += binomial(order, k) * (k % 2 ? -1 : 1) * falling(power, k) * std::pow(1 - s, power - k) *
             falling(power, order - k) * std::pow(1 + s, power - order + k);
    values[static_cast<std::size_t>(i + half_width)] = sum;
  }
  if (order > 0) integrate_by_parts_exactly(this->values(0, 1), order, values);
  const double scale = std::pow(half_width * dx, -order);
  for (double& value : values) value *= scale;
  return values;
}

int spectrum_corner(const std::vector<double>& amplitude) {
  // The amplitudes summed from the highest frequency down: flat and straight where there is noise, then steep. The
  // corner is where two straight lines through it and the ends fit best.
  const int n = static_cast<int>(amplitude.size());
  if (n < 6) return std::max(1, n / 2);
  std::vector<double> sum(amplitude.rbegin(), amplitude.rend());
  for (int i = 1; i < n; ++i) sum[static_cast<std::size_t>(i)] += sum[static_cast<std::size_t>(i - 1)];
  const auto misfit = [&](int from, int to) {
    const double first = sum[static_cast<std::size_t>(from)], last = sum[static_cast<std::size_t>(to)];
    double squares = 0;
    for (int i = from; i <= to; ++i) {
      const double value = sum[static_cast<std::size_t>(i)], line = first + (last - first) * (i - from) / (to - from);
      if (value > 0) squares += (line / value - 1) * (line / value - 1);
    }
    return squares;
  };
  int corner = 2;
  double least = INFINITY;
  for (int k = 2; k < n - 2; ++k) {
    const double total = misfit(0, k) + misfit(k, n - 1);
    if (total < least) {
      least = total;
      corner = k;
    }
  }
  return std::max(1, n - 1 - corner);
}

TestFunction test_function_of_width(int half_width, int highest_order) {
  const double m = std::max(half_width, 1);
  // A deviation of phi, m / sqrt(2 p + 3), of at least 0.9 grid points: sums are integrals to 1e-7 then, and no better
  // for ends that fall further.
  const double resolved = (m * m / (0.9 * 0.9) - 3) / 2;
  const double wanted = m < 2 ? 1 : std::ceil(power_at(m));
  return {static_cast<int>(m), std::max(highest_order + 1, static_cast<int>(std::min(wanted, resolved)))};
}

TestFunction choose_test_function(const std::vector<double>& amplitude, int n, int highest_order, int widest) {
  const double k = spectrum_corner(amplitude);
  // phi ~ a Gaussian of deviation m / sqrt(2p + 3), its spectrum one of deviation n sqrt(2p + 3) / (2 pi m); k shall be
  // tail_deviations of these: 4 pi^2 k^2 m^2 - 3 n^2 tail^2 = 2 n^2 tail^2 p(m).
  const auto excess = [&](double m) {
    const double tail = tail_deviations * n;
    return 4 * std::numbers::pi * std::numbers::pi * k * k * m * m - 3 * tail * tail - 2 * tail * tail * power_at(m);
  };
  const int narrowest = std::min(widest, highest_order + 2);
  int m = std::max(narrowest, 2);
  while (m < widest && excess(m) < 0) ++m;
  return test_function_of_width(m, highest_order);
}

std::vector<double> mean_amplitude(const Measurement& measurement, const Field& field, int axis) {
  const std::vector<std::int64_t> shape = measurement.shape();
  const auto n = shape[static_cast<std::size_t>(axis)];
  std::int64_t stride = 1;
  for (std::size_t a = static_cast<std::size_t>(axis) + 1; a < shape.size(); ++a) stride *= shape[a];
  const std::int64_t lines = measurement.count() / n, step = std::max<std::int64_t>(1, lines / most_lines);

  const RealFourier fourier({n});
  std::vector<double> amplitude(static_cast<std::size_t>(n / 2 + 1), 0.0), line(static_cast<std::size_t>(n));
  std::vector<std::complex<double>> modes(static_cast<std::size_t>(fourier.n_modes()));
  const auto add = [&](const std::vector<double>& values, std::int64_t first) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(first + i * stride);
      line[static_cast<std::size_t>(i)] = measurement.mask.empty() || measurement.mask[at] ? values[at] : 0;
    }
    fourier.forward(line, modes);
    for (std::size_t k = 0; k < amplitude.size(); ++k) amplitude[k] += std::abs(modes[k]);
  };
  for (std::int64_t l = step / 2; l < lines; l += step) {
    const std::int64_t first = l / stride * stride * n + l % stride;
    add(field.values, first);
    if (field.is_complex()) add(field.imaginary, first);
  }
  return amplitude;
}

}  // namespace turnpike
