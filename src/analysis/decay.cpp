#include <turnpike/analysis/decay.h>

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

constexpr double least_variance = 1e-4;  // of log y: deviations below 1 % do not count
constexpr std::size_t most_pieces = 4;
constexpr std::size_t thinned = 240;  // points that the cutting looks at

struct Points {
  std::vector<double> t, log_y;
  std::size_t size() const { return t.size(); }
};

// Sums over prefixes give the least-squares line of any run of points at once.
class Lines {
 public:
  explicit Lines(const Points& points) : sums_(points.size() + 1) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      // Around the first point, against cancellation.
      const double t = points.t[i] - points.t[0], y = points.log_y[i] - points.log_y[0];
      sums_[i + 1] = {sums_[i].t + t, sums_[i].y + y, sums_[i].tt + t * t, sums_[i].ty + t * y, sums_[i].yy + y * y};
    }
  }
  struct Line {
    double slope, residual;  // sum of squares
  };
  Line of(std::size_t begin, std::size_t end) const {
    const double n = static_cast<double>(end - begin);
    const auto sum = [&](double Sums::*member) { return sums_[end].*member - sums_[begin].*member; };
    const double t = sum(&Sums::t), y = sum(&Sums::y);
    const double tt = sum(&Sums::tt) - t * t / n, ty = sum(&Sums::ty) - t * y / n, yy = sum(&Sums::yy) - y * y / n;
    return {ty / tt, std::max(0.0, yy - ty * ty / tt)};
  }

 private:
  struct Sums {
    double t = 0, y = 0, tt = 0, ty = 0, yy = 0;
  };
  std::vector<Sums> sums_;
};

double information(double residual, std::size_t n, double n_parameters) {
  const double count = static_cast<double>(n);
  return count * std::log(residual / count + least_variance) + n_parameters * std::log(count);
}

// Begins of the pieces, and the end: the cut into straight pieces with the least n log(residual / n) + 3 m log n.
std::vector<std::size_t> straight_pieces(const Lines& lines, std::size_t n) {
  const std::size_t shortest = std::max<std::size_t>(4, n / 20);
  const double infinity = std::numeric_limits<double>::infinity();
  // best[m][j]: least residual of the first j points in m + 1 pieces; from[m][j]: where the last of them begins.
  std::vector best(most_pieces, std::vector<double>(n + 1, infinity));
  std::vector from(most_pieces, std::vector<std::size_t>(n + 1, 0));
  for (std::size_t j = shortest; j <= n; ++j) best[0][j] = lines.of(0, j).residual;
  for (std::size_t m = 1; m < most_pieces; ++m) {
    for (std::size_t j = (m + 1) * shortest; j <= n; ++j) {
      for (std::size_t i = m * shortest; i + shortest <= j; ++i) {
        const double residual = best[m - 1][i] + lines.of(i, j).residual;
        if (residual < best[m][j]) {
          best[m][j] = residual;
          from[m][j] = i;
        }
      }
    }
  }
  std::size_t chosen = 0;
  double least = infinity;
  for (std::size_t m = 0; m < most_pieces; ++m) {
    const double score = information(best[m][n], n, 3 * static_cast<double>(m + 1) - 1);
    if (score < least) {
      least = score;
      chosen = m;
    }
  }
  std::vector<std::size_t> begins = {n};
  for (std::size_t m = chosen, j = n; m > 0; --m) begins.push_back(j = from[m][j]);
  begins.push_back(0);
  std::reverse(begins.begin(), begins.end());
  return begins;
}

// Joins neighbours whose slopes agree within 30 %.
void join_alike(std::vector<std::size_t>& begins, const Lines& lines) {
  for (std::size_t i = 1; i + 1 < begins.size();) {
    const double a = lines.of(begins[i - 1], begins[i]).slope, b = lines.of(begins[i], begins[i + 1]).slope;
    if (std::abs(a - b) <= 0.3 * std::min(std::abs(a), std::abs(b))) {
      begins.erase(begins.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

// A law whose rate -d log y / dt changes along the range: y ~ C (t + shape)^-q, or y ~ C exp(-b t^shape).
struct BentLaw {
  bool power = false;
  double shape = 0, slope = 0;  // slope of log y against log(t + shape) or t^shape
  double residual = std::numeric_limits<double>::infinity();
};

// The best of those whose rate changes at least twofold from one end of the range to the other: what changes less is,
// for us, exponential.
BentLaw best_bent_law(std::span<const double> t, std::span<const double> log_y) {
  constexpr int n_shapes = 200;
  const double first = t.front(), last = t.back();
  BentLaw best;
  std::vector<double> x(t.size());
  const auto consider = [&](bool power, double shape) {
    for (std::size_t i = 0; i < t.size(); ++i) x[i] = power ? std::log(t[i] + shape) : std::pow(t[i], shape);
    const LineFit fit = fit_line(x, log_y);
    double mean = 0, residual = 0;
    for (const double value : log_y) mean += value / static_cast<double>(log_y.size());
    for (const double value : log_y) residual += (value - mean) * (value - mean) * (1 - fit.r_squared);
    if (residual < best.residual) best = {power, shape, fit.slope, residual};
  };
  for (int i = 0; i < n_shapes; ++i) {
    const double fraction = static_cast<double>(i) / (n_shapes - 1);
    const double offset = last * std::pow(10.0, -4 + 4 * fraction), exponent = std::pow(10.0, -1 + 1.6 * fraction);
    if (last + offset >= 2 * (first + offset)) consider(true, offset);
    if (std::pow(last / std::max(first, 0.05 * last), std::abs(exponent - 1)) >= 2) consider(false, exponent);
  }
  return best;
}

std::string what_follows(const Points& points, std::size_t end, std::size_t left_out) {
  std::string text;
  if (end < points.size()) {
    std::vector<double> rest(points.log_y.begin() + static_cast<std::ptrdiff_t>(end), points.log_y.end());
    std::nth_element(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(rest.size() / 2), rest.end());
    const double level = rest[rest.size() / 2];
    text = points.log_y.back() > points.log_y[end - 1] + std::log(2.0)
               ? fmt::format(", after it a rise to {:.2g}", std::exp(points.log_y.back()))
               : fmt::format(", after it a plateau near {:.2g}", std::exp(level));
  }
  if (left_out > 0) text += fmt::format(", {} points at or below the floor left out", left_out);
  return text;
}

}  // namespace

const char* name_of(DecayVerdict verdict) {
  switch (verdict) {
    case DecayVerdict::exponential: return "exponential";
    case DecayVerdict::power_law: return "power law";
    case DecayVerdict::none: return "none";
  }
  return "";
}

Decay find_decay(std::span<const double> t, std::span<const double> y, double floor) {
  require(t.size() == y.size(), fmt::format("find_decay needs as many t as y, got {} and {}", t.size(), y.size()));
  require(std::is_sorted(t.begin(), t.end(), std::less_equal<>()), "find_decay needs ascending t");
  Points points;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (!std::isfinite(y[i]) || !(y[i] > std::max(floor, std::numeric_limits<double>::min()))) continue;
    points.t.push_back(t[i]);
    points.log_y.push_back(std::log(y[i]));
  }
  const std::size_t n = points.size(), left_out = t.size() - n;
  Decay decay;
  if (n < 6) {
    decay.text = fmt::format("no decay to speak of: {} of {} points lie above the floor, six are needed", n, t.size());
    return decay;
  }

  Points few;
  std::vector<std::size_t> index;  // of the thinned points
  const std::size_t n_few = std::min(n, thinned);
  for (std::size_t i = 0; i < n_few; ++i) {
    index.push_back(i * (n - 1) / (n_few - 1));
    few.t.push_back(points.t[index.back()]);
    few.log_y.push_back(points.log_y[index.back()]);
  }
  const Lines lines(few);
  std::vector<std::size_t> begins = straight_pieces(lines, n_few);
  join_alike(begins, lines);

  std::size_t begin = 0, end = 0, piece = 0;  // of the thinned points; the window is piece `piece`
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const double fall = -lines.of(begins[i], begins[i + 1]).slope * (few.t[begins[i + 1] - 1] - few.t[begins[i]]);
    if (fall < std::log(10.0)) continue;
    begin = begins[i];
    end = begins[i + 1];
    piece = i;
  }
  const bool found = end - begin >= std::max<std::size_t>(6, n_few / 10);
  if (!found) {
    begin = 0;
    end = n_few;
    piece = begins.size() - 2;
  }

  // A bent law over all up to the window's end against the pieces there, and on the window against the line there.
  const auto try_bent_law = [&](std::size_t from, double straight) {
    const BentLaw law =
        best_bent_law(std::span(few.t).subspan(from, end - from), std::span(few.log_y).subspan(from, end - from));
    if (!(law.slope < 0) || information(law.residual, end - from, 3) >= straight - 2) return false;
    decay.verdict = law.power ? DecayVerdict::power_law : DecayVerdict::none;
    decay.text =
        law.power
            ? fmt::format("no exponential decay: a power law (t + {:.2g})^{:.3g} fits better", law.shape, law.slope)
            : fmt::format("no exponential decay: exp({:.3g} t^{:.3g}) fits better", law.slope, law.shape);
    decay.text += fmt::format(" on t in [{:.4g}, {:.4g}]", few.t[from], few.t[end - 1]);
    if (law.power) decay.power = -law.slope;
    return true;
  };
  const bool falls = few.log_y[0] - few.log_y[end - 1] >= std::log(10.0);
  double residual = 0;
  for (std::size_t i = 0; i <= piece; ++i) residual += lines.of(begins[i], begins[i + 1]).residual;
  if (falls && try_bent_law(0, information(residual, end, 3 * static_cast<double>(piece + 1) - 1))) return decay;
  if (!found) {
    const auto [lowest, highest] = std::minmax_element(points.log_y.begin(), points.log_y.end());
    decay.text = fmt::format("no exponential decay: no straight piece of log y falls tenfold (values {:.2g} to {:.2g})",
                             std::exp(*lowest), std::exp(*highest));
    return decay;
  }
  if (begin > 0 && try_bent_law(begin, information(lines.of(begin, end).residual, end - begin, 2))) return decay;

  begin = index[begin];
  end = index[end - 1] + 1;
  decay.start = points.t[begin];
  decay.end = points.t[end - 1];
  const std::span<const double> times(points.t.data() + begin, end - begin);
  std::vector<double> values;
  for (std::size_t i = begin; i < end; ++i) values.push_back(std::exp(points.log_y[i]));
  decay.fit = fit_decay(times, values);
  const std::string window =
      fmt::format("t in [{:.4g}, {:.4g}] ({} points{}{})", decay.start, decay.end, end - begin,
                  begin > 0 ? "; before it a transient" : "", what_follows(points, end, left_out));
  if (decay.fit.r_squared < 0.9) {
    decay.text =
        fmt::format("no exponential decay: the best line of log y has R^2 {:.3f} for {}", decay.fit.r_squared, window);
    return decay;
  }
  decay.verdict = DecayVerdict::exponential;
  decay.text = fmt::format("exponential decay at rate {:.4g} (95 % interval {:.4g} to {:.4g}), R^2 {:.4f}, for {}",
                           decay.fit.rate, decay.fit.rate_low, decay.fit.rate_high, decay.fit.r_squared, window);
  return decay;
}

}  // namespace turnpike
