#include <turnpike/math/effective_rank.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

void require_spectrum(std::span<const double> spectrum, double n) {
  require(!spectrum.empty() && n >= 1,
          fmt::format("effective ranks need a spectrum and a sample, got {} values and n = {}", spectrum.size(), n));
  for (std::size_t i = 0; i < spectrum.size(); ++i) {
    const double value = spectrum[i];
    require(value > 0 && std::isfinite(value) && (i == 0 || value <= spectrum[i - 1]),
            fmt::format("a spectrum must be positive, finite and decreasing, value {} is {}", i, value));
  }
}

}  // namespace

EffectiveRanks effective_ranks(std::span<const double> spectrum, double n, double b) {
  require_spectrum(spectrum, n);
  require(b > 0, fmt::format("the constant of k* must be positive, got {}", b));
  // sums[k] = sum_{i>k} lambda_i, from the smallest up
  const std::size_t p = spectrum.size();
  std::vector<double> sums(p + 1, 0), squares(p + 1, 0);
  for (std::size_t k = p; k-- > 0;) {
    sums[k] = sums[k + 1] + spectrum[k];
    squares[k] = squares[k + 1] + spectrum[k] * spectrum[k];
  }
  for (std::size_t k = 0; k < p; ++k) {
    const double r = sums[k] / spectrum[k];
    if (r < b * n) continue;
    const double R = sums[k] * sums[k] / squares[k];
    return {.k = k, .r = r, .R = R, .cost = static_cast<double>(k) / n + n / R};
  }
  return {.k = p, .cost = std::numeric_limits<double>::infinity()};
}

double interpolation_variance(std::span<const double> spectrum, double n) {
  require_spectrum(spectrum, n);
  require(n < static_cast<double>(spectrum.size()),
          fmt::format("only more directions than samples interpolate, got {} and n = {}", spectrum.size(), n));
  // sum lambda / (lambda + kappa) falls from p to 0: bisection of log kappa; it is below n at kappa = sum lambda / n.
  const auto degrees = [&](double kappa, int power) {
    double sum = 0;
    for (const double value : spectrum) sum += std::pow(value / (value + kappa), power);
    return sum;
  };
  double total = 0;
  for (const double value : spectrum) total += value;
  double high = std::log(total / n), low = std::log(spectrum.back()) - 1;
  while (degrees(std::exp(low), 1) < n) low -= 10;
  for (int i = 0; i < 200 && high - low > 1e-15 * std::abs(low); ++i) {
    const double middle = 0.5 * (low + high);
    (degrees(std::exp(middle), 1) > n ? low : high) = middle;
  }
  const double D = degrees(std::exp(0.5 * (low + high)), 2);
  return D / (n - D);
}

}  // namespace turnpike
