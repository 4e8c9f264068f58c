#include <turnpike/math/fit.h>

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Both coordinates through a map, the points with y <= floor left out.
template <class MapX>
LineFit fit_log(std::span<const double> x, std::span<const double> y, double floor, MapX map_x) {
  require(x.size() == y.size(), fmt::format("a fit needs as many x as y, got {} and {}", x.size(), y.size()));
  std::vector<double> xs, logs;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(y[i] > std::max(floor, 0.0))) continue;
    xs.push_back(map_x(x[i]));
    logs.push_back(std::log(y[i]));
  }
  return fit_line(xs, logs);
}

}  // namespace

double student_quantile(double probability, double degrees_of_freedom) {
  require(probability > 0 && probability < 1 && degrees_of_freedom > 0,
          fmt::format("student_quantile needs 0 < probability < 1 and degrees of freedom > 0, got {} and {}",
                      probability, degrees_of_freedom));
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), probability);
}

LineFit fit_line(std::span<const double> x, std::span<const double> y) {
  const std::size_t size = x.size();
  require(size == y.size(), fmt::format("a fit needs as many x as y, got {} and {}", size, y.size()));
  require(size >= 3, fmt::format("a line with an interval needs three points, got {}", size));
  const double n = static_cast<double>(size), x_mean = mean_of(x), y_mean = mean_of(y);
  require(std::isfinite(x_mean) && std::isfinite(y_mean), "a fit needs finite points");

  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < size; ++i) {
    xx += (x[i] - x_mean) * (x[i] - x_mean);
    xy += (x[i] - x_mean) * (y[i] - y_mean);
    yy += (y[i] - y_mean) * (y[i] - y_mean);
  }
  require(xx > 0, "a line needs two distinct x");

  LineFit fit;
  fit.n_points = static_cast<long>(size);
  fit.slope = xy / xx;
  fit.intercept = y_mean - fit.slope * x_mean;
  double residual = 0;
  for (std::size_t i = 0; i < size; ++i) {
    // Around the means: at a large offset the intercept would cost digits.
    double r = (y[i] - y_mean) - fit.slope * (x[i] - x_mean);
    residual += r * r;
  }
  fit.r_squared = yy > 0 ? 1 - residual / yy : 1;

  // s^2 = residual / (n - 2);  se(slope) = s / sqrt(xx);  se(intercept) = s sqrt(1/n + x_mean^2 / xx)
  const double s = std::sqrt(residual / (n - 2)), t = student_quantile(0.975, n - 2);
  const double slope_reach = t * s / std::sqrt(xx), intercept_reach = t * s * std::sqrt(1 / n + x_mean * x_mean / xx);
  fit.slope_low = fit.slope - slope_reach;
  fit.slope_high = fit.slope + slope_reach;
  fit.intercept_low = fit.intercept - intercept_reach;
  fit.intercept_high = fit.intercept + intercept_reach;
  return fit;
}

DecayFit fit_decay(std::span<const double> t, std::span<const double> y, double floor) {
  LineFit line = fit_log(t, y, floor, [](double time) { return time; });
  return {.rate = -line.slope,
          .rate_low = -line.slope_high,
          .rate_high = -line.slope_low,
          .constant = std::exp(line.intercept),
          .r_squared = line.r_squared,
          .n_points = line.n_points};
}

LineFit fit_order(std::span<const double> h, std::span<const double> error, double floor) {
  return fit_log(h, error, floor, [](double step) { return std::log(step); });
}

Interval mean_interval(std::span<const double> samples) {
  require(samples.size() >= 2, fmt::format("an interval of the mean needs two samples, got {}", samples.size()));
  const double n = static_cast<double>(samples.size()), mean = mean_of(samples);
  double squares = 0;
  for (double sample : samples) squares += (sample - mean) * (sample - mean);
  const double deviation = std::sqrt(squares / (n - 1));
  const double reach = student_quantile(0.975, n - 1) * deviation / std::sqrt(n);
  return {.mean = mean, .low = mean - reach, .high = mean + reach, .deviation = deviation};
}

Interval proportion_interval(long successes, long trials) {
  require(trials > 0 && successes >= 0 && successes <= trials,
          fmt::format("a proportion needs 0 <= successes <= trials and a trial, got {} of {}", successes, trials));
  using boost::math::binomial_distribution;
  const double n = static_cast<double>(trials), k = static_cast<double>(successes), share = k / n;
  return {.mean = share,
          .low = successes == 0 ? 0 : binomial_distribution<>::find_lower_bound_on_p(n, k, 0.025),
          .high = successes == trials ? 1 : binomial_distribution<>::find_upper_bound_on_p(n, k, 0.025),
          .deviation = std::sqrt(share * (1 - share))};
}

namespace {

// 1 .. n in ascending order; equal values share their mean rank.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t k = first; k < last; ++k) rank[order[k]] = 0.5 * static_cast<double>(first + last + 1);
  }
  return rank;
}

}  // namespace

Correlation rank_correlation(std::span<const double> x, std::span<const double> y) {
  require(x.size() == y.size() && x.size() >= 4,
          fmt::format("a rank correlation needs four pairs, got {} and {} values", x.size(), y.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    require(std::isfinite(x[i]) && std::isfinite(y[i]),
            fmt::format("a rank correlation needs finite values, pair {} is {}, {}", i, x[i], y[i]));
  const std::vector<double> a = ranks(x), b = ranks(y);
  const double n = static_cast<double>(x.size()), middle = (n + 1) / 2;
  double aa = 0, ab = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - middle) * (a[i] - middle);
    ab += (a[i] - middle) * (b[i] - middle);
    bb += (b[i] - middle) * (b[i] - middle);
  }
  const double value = ab / std::sqrt(aa * bb);
  // z = artanh(value) is nearly normal; +-1 keeps its degenerate interval.
  const double z = std::atanh(value), reach = 1.959963984540054 * std::sqrt((1 + value * value / 2) / (n - 3));
  return {.value = value, .low = std::tanh(z - reach), .high = std::tanh(z + reach), .n_points = std::ssize(x)};
}

}  // namespace turnpike
