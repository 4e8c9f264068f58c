#include <turnpike/report/ticks.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <turnpike/base/error.h>

namespace turnpike {
namespace {

std::string signed_text(std::string number) {
  bool zero = number.find_first_of("123456789") == std::string::npos;
  if (number[0] == '-') number = zero ? number.substr(1) : "−" + number.substr(1);
  return number;
}

std::string power_label(double mantissa, int exponent) {
  std::string power = fmt::format("10^{{{}}}", exponent);
  if (mantissa == 1) return "$" + power + "$";
  return fmt::format("${:g}{{\\cdot}}{}$", mantissa, power);
}

// The smallest of 1, 2, 5 x 10^k that is >= `step`, with its k.
std::pair<double, int> round_step(double step) {
  int k = int(std::floor(std::log10(step)));
  for (; true; ++k) {
    for (double mantissa : {1.0, 2.0, 5.0}) {
      double candidate = mantissa * std::pow(10.0, k);
      if (candidate >= step * (1 - 1e-9)) return {mantissa, k};
    }
  }
}

// m * 10^k without the rounding of pow(10, -k): 3 * 10^-1 is 0.3, not 0.30000000000000004.
double scaled(double m, int k) {
  return k < 0 ? m / std::pow(10.0, -k) : m * std::pow(10.0, k);
}

}  // namespace

Ticks linear_ticks(double low, double high, int at_most) {
  require(std::isfinite(low) && std::isfinite(high) && low < high,
          fmt::format("linear_ticks needs low < high, both finite; got [{}, {}]", low, high));
  at_most = std::max(at_most, 2);
  double span = high - low;
  Ticks ticks;
  double mantissa = 1;
  int k = 0;
  std::vector<double> multiples;
  // The finest of 1, 2, 5 x 10^k with no more than at_most multiples inside; a first guess from below, coarsened until
  // it fits.
  for (std::tie(mantissa, k) = round_step(span / (at_most + 1.0)); true;) {
    double first = std::ceil(low / scaled(mantissa, k) - 1e-9), last = std::floor(high / scaled(mantissa, k) + 1e-9);
    if (last - first + 1 <= at_most) {
      for (double m = first; m <= last; ++m) multiples.push_back(m * mantissa);
      break;
    }
    if (mantissa == 5)
      mantissa = 1, ++k;
    else
      mantissa = mantissa == 1 ? 2 : 5;
  }
  for (double multiple : multiples) ticks.major.push_back(std::clamp(scaled(multiple, k), low, high));

  // Four or five minor intervals between major ticks; none are labelled.
  double minor_step = mantissa == 2 ? 0.5 : mantissa == 5 ? 1 : 0.2;
  for (double m = std::ceil(low / scaled(minor_step, k) - 1e-9); scaled(m * minor_step, k) <= high + span * 1e-9; ++m) {
    double value = scaled(m * minor_step, k);
    bool is_major = std::abs(std::remainder(m * minor_step, mantissa)) < 1e-6;
    if (!is_major && value >= low && value <= high) ticks.minor.push_back(value);
  }

  // Labels: plain decimals; a common power of ten for very large and very small ones; a common offset for a narrow
  // range.
  double largest = std::max(std::abs(low), std::abs(high));
  int top = int(std::floor(std::log10(largest)));
  double offset = 0;
  if (top - k > 5) {
    offset = scaled(multiples.empty() ? 0 : multiples.front(), k);
    std::string digits = fmt::format("{:.{}f}", std::abs(offset), std::max(-k, 0));
    if (k < 0) digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
    ticks.common = (offset < 0 ? "− " : "+ ") + digits;
    top = int(std::floor(std::log10(span)));
  }
  int shift = top >= 5 || top <= -4 ? top : 0;
  if (shift != 0) {
    std::string power = fmt::format("$\\times 10^{{{}}}$", shift);
    ticks.common = ticks.common.empty() ? power : power + " " + ticks.common;
  }
  for (double multiple : multiples) {
    double value = scaled(multiple - (offset == 0 ? 0 : multiples.front()), k - shift);
    ticks.labels.push_back(signed_text(fmt::format("{:.{}f}", value, std::max(shift - k, 0))));
  }
  return ticks;
}

Ticks log_ticks(double low, double high, int at_most) {
  require(std::isfinite(high) && 0 < low && low < high,
          fmt::format("log_ticks needs 0 < low < high, got [{}, {}]", low, high));
  at_most = std::max(at_most, 2);
  double decades = std::log10(high) - std::log10(low);
  if (decades < 1.0 / 3) return linear_ticks(low, high, at_most);
  const double slack = 1e-9;
  int first = int(std::floor(std::log10(low) + slack)), last = int(std::ceil(std::log10(high) - slack));
  auto inside = [&](double value) { return value >= low * (1 - slack) && value <= high * (1 + slack); };
  Ticks ticks;
  if (decades < 1.5) {
    std::vector<double> mantissas = at_most >= 4 ? std::vector<double>{1, 2, 5} : std::vector<double>{1, 3};
    bool plain = low >= 1e-3 && high <= 1e4;
    for (int k = first; k <= last; ++k) {
      for (double mantissa = 1; mantissa < 10; ++mantissa) {
        double value = scaled(mantissa, k);
        if (!inside(value)) continue;
        if (std::find(mantissas.begin(), mantissas.end(), mantissa) == mantissas.end()) {
          ticks.minor.push_back(value);
          continue;
        }
        ticks.major.push_back(value);
        ticks.labels.push_back(plain ? fmt::format("{:g}", value) : power_label(mantissa, k));
      }
    }
    return ticks;
  }
  // Every stride-th power of ten, aligned with 10^0.
  int stride = 1;
  auto count = [&] {
    int n = 0;
    for (int k = first; k <= last; ++k) n += inside(scaled(1, k)) && k % stride == 0;
    return n;
  };
  while (count() > at_most) stride = stride < 3 ? stride + 1 : stride == 3 ? 5 : stride == 5 ? 10 : stride * 2;
  for (int k = first; k <= last; ++k) {
    double power = scaled(1, k);
    if (inside(power)) {
      if (k % stride == 0) {
        ticks.major.push_back(power);
        ticks.labels.push_back(power_label(1, k));
      } else {
        ticks.minor.push_back(power);
      }
    }
    if (stride > 1) continue;  // nine marks a decade would be a grey bar
    for (double mantissa = 2; mantissa < 10; ++mantissa) {
      if (inside(mantissa * power)) ticks.minor.push_back(mantissa * power);
    }
  }
  return ticks;
}

}  // namespace turnpike
