// L-BFGS with a strong Wolfe line search (Nocedal & Wright, Numerical Optimization, 2nd ed., ch. 3 and 7), written so
// that it reaches float64's accuracy (the changes of f come from change_of) and so that an iteration costs two passes
// over the pairs.
#include "optimiser_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace turnpike {
namespace {

// The inverse Hessian H that the last m pairs of steps s and changes of the gradient y make of gamma I, in its compact
// form (Byrd, Nocedal & Schnabel 1994, doi:10.1007/BF01582063, eq. 3.1). With the pairs as columns of S and Y, the
// upper triangle R and the diagonal D of S'Y, and gamma = s'y / y'y of the last pair,
//   H g = gamma g + S v - gamma Y p,    R p = S'g,    R'v = D p + gamma (Y'Y p - Y'g).
// All that is as long as the parameters is two products with the matrix of pairs: S'g and Y'g, and the sum.
class InverseHessian {
 public:
  InverseHessian(std::int64_t m, const Tensor& like)
      : m_(m), pairs_(at::empty({m, 2, like.numel()}, like.options())), sy_(square(m)), yy_(square(m)) {}

  bool empty() const { return count_ == 0; }
  void clear() { count_ = newest_ = 0; }

  // Takes S'g and Y'g for the next direction.
  void look(const Tensor& g) {
    products_.assign(2 * size(), 0.0);
    if (empty()) return;
    const Tensor all = used().mv(g).to(at::kDouble);
    const double* from = all.data_ptr<double>();
    for (std::int64_t i = 0; i < count_; ++i) {
      products_[2 * i] = from[2 * slot(i)];
      products_[2 * i + 1] = from[2 * slot(i) + 1];
    }
  }

  // -H g, g the gradient last looked at.
  Tensor direction(const Tensor& g) const {
    if (empty()) return -g;
    std::vector<double> p(size()), v(size());
    for (std::int64_t i = count_ - 1; i >= 0; --i) {
      double rest = s_product(i);
      for (std::int64_t j = i + 1; j < count_; ++j) rest -= sy(i, j) * p[j];
      p[i] = rest / sy(i, i);
    }
    const double gamma = sy(count_ - 1, count_ - 1) / yy(count_ - 1, count_ - 1);
    for (std::int64_t i = 0; i < count_; ++i) {
      double product = 0;
      for (std::int64_t j = 0; j < count_; ++j) product += yy(i, j) * p[j];
      v[i] = sy(i, i) * p[i] + gamma * (product - y_product(i));
    }
    for (std::int64_t i = 0; i < count_; ++i) {
      v[i] /= sy(i, i);
      for (std::int64_t j = i + 1; j < count_; ++j) v[j] -= sy(i, j) * v[i];
    }
    Tensor weights = at::empty({2 * count_}, at::kDouble);
    double* to = weights.data_ptr<double>();
    for (std::int64_t i = 0; i < count_; ++i) {
      to[2 * slot(i)] = -v[i];
      to[2 * slot(i) + 1] = gamma * p[i];
    }
    return at::addmv(g, used().t(), weights.to(g.scalar_type()), -gamma, 1);
  }

  // The step s from the gradient last looked at to the gradient g, y = g - that. A pair without curvature is left out.
  void add(const Tensor& s, const Tensor& y, const Tensor& g) {
    const double s_y = s.dot(y).item<double>(), y_y = y.dot(y).item<double>(), s_s = s.dot(s).item<double>();
    const double rounding =
        s.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
    if (!(s_y > rounding * std::sqrt(s_s * y_y))) {
      look(g);
      return;
    }
    std::vector<double> before = products_;
    if (count_ == m_) {  // the oldest pair goes: its row and column are the matrices' first
      std::copy(sy_.begin() + m_ + 1, sy_.end(), sy_.begin());
      std::copy(yy_.begin() + m_ + 1, yy_.end(), yy_.begin());
      before.erase(before.begin(), before.begin() + 2);
      newest_ = (newest_ + 1) % m_;
    } else {
      newest_ = count_++;
    }
    pairs_[newest_][0].copy_(s);
    pairs_[newest_][1].copy_(y);
    look(g);
    // S'y and Y'y are the differences of two products that are there: y is of g's size, so that little cancels.
    const std::int64_t last = count_ - 1;
    for (std::int64_t i = 0; i < last; ++i) {
      sy(i, last) = s_product(i) - before[2 * i];
      yy(i, last) = yy(last, i) = y_product(i) - before[2 * i + 1];
    }
    sy(last, last) = s_y;
    yy(last, last) = y_y;
  }

  void save(NamedTensors& to) const {
    if (empty()) return;
    to["pairs"] = pairs_.narrow(0, 0, count_).clone();
    to["newest"] = scalar(newest_);
    to["sy"] = matrix(sy_);
    to["yy"] = matrix(yy_);
  }

  void load(const NamedTensors& from) {
    clear();
    if (!from.contains("pairs")) return;
    const Tensor& pairs = entry(from, "pairs");
    require_shape(pairs, {-1, 2, pairs_.size(2)}, "the optimiser's state 'pairs'");
    count_ = pairs.size(0);
    newest_ = entry(from, "newest").item<std::int64_t>();
    require(count_ >= 1 && count_ <= m_ && newest_ >= 0 && newest_ < count_ && (count_ == m_ || newest_ == count_ - 1),
            fmt::format("the optimiser's state holds {} pairs of which {} is the newest; {} fit", count_, newest_, m_));
    pairs_.narrow(0, 0, count_).copy_(pairs);
    load_matrix(from, "sy", sy_);
    load_matrix(from, "yy", yy_);
  }

 private:
  static std::vector<double> square(std::int64_t m) { return std::vector<double>(static_cast<std::size_t>(m * m)); }
  std::size_t size() const { return static_cast<std::size_t>(count_); }
  // The rows s, y of pair i, the oldest first, lie in a ring.
  std::int64_t slot(std::int64_t i) const { return (newest_ + 1 + i) % count_; }
  Tensor used() const { return pairs_.narrow(0, 0, count_).view({2 * count_, -1}); }
  double& sy(std::int64_t i, std::int64_t j) { return sy_[i * m_ + j]; }
  double& yy(std::int64_t i, std::int64_t j) { return yy_[i * m_ + j]; }
  double sy(std::int64_t i, std::int64_t j) const { return sy_[i * m_ + j]; }
  double yy(std::int64_t i, std::int64_t j) const { return yy_[i * m_ + j]; }
  double s_product(std::int64_t i) const { return products_[2 * i]; }
  double y_product(std::int64_t i) const { return products_[2 * i + 1]; }

  Tensor matrix(const std::vector<double>& values) const {
    return at::tensor(values, at::kDouble).view({m_, m_}).narrow(0, 0, count_).narrow(1, 0, count_).clone();
  }
  void load_matrix(const NamedTensors& from, const char* name, std::vector<double>& values) const {
    const Tensor stored = entry(from, name).to(at::kDouble).contiguous();
    require_shape(stored, {count_, count_}, fmt::format("the optimiser's state '{}'", name));
    for (std::int64_t i = 0; i < count_; ++i)
      std::copy_n(stored.data_ptr<double>() + i * count_, count_, values.begin() + i * m_);
  }

  std::int64_t m_, count_ = 0, newest_ = 0;
  Tensor pairs_;                  // [m, 2, n]
  std::vector<double> sy_, yy_;   // [m, m], S'Y (its upper triangle) and Y'Y, the oldest pair first
  std::vector<double> products_;  // [count, 2], S'g and Y'g
};

// f on the line x + t d: its value, its change from t = 0, and its slope.
struct Trial {
  double t = 0, value = 0, change = 0, slope = 0;
  Tensor gradient{};
  bool finite() const { return std::isfinite(change) && std::isfinite(slope); }
};

// The minimiser of the cubic through both values and slopes, or the middle where it has none.
double cubic_minimiser(const Trial& a, const Trial& b) {
  const double width = b.t - a.t, d = a.slope + b.slope - 3 * (b.change - a.change) / width;
  const double root = std::copysign(std::sqrt(d * d - a.slope * b.slope), width);
  const double t = b.t - width * (b.slope + root - d) / (b.slope - a.slope + 2 * root);
  return std::isfinite(t) ? t : (a.t + b.t) / 2;
}

// A step length t with  f(t) <= f(0) + 1e-4 t f'(0)  and  |f'(t)| <= 0.9 |f'(0)|: Nocedal & Wright, algorithms 3.5 and
// 3.6. After 25 trials the lowest point so far.
class LineSearch {
 public:
  using Line = std::function<Trial(double t)>;

  LineSearch(Line line, Trial start) : line_(std::move(line)), start_(std::move(start)) {}

  Trial operator()(double t) const {
    Trial low = start_;
    for (int k = 0; k < most; ++k) {
      Trial trial = line_(t);
      if (too_high(trial, low)) return between(std::move(low), std::move(trial), k + 1);
      if (flat(trial)) return trial;
      if (trial.slope >= 0) return between(std::move(trial), std::move(low), k + 1);
      t = std::clamp(cubic_minimiser(low, trial), trial.t + 0.01 * (trial.t - low.t), 10 * trial.t);
      low = std::move(trial);
    }
    return low;
  }

 private:
  static constexpr int most = 25;

  bool too_high(const Trial& trial, const Trial& low) const {
    return !trial.finite() || trial.change > 1e-4 * trial.t * start_.slope || trial.change >= low.change;
  }
  bool flat(const Trial& trial) const { return std::abs(trial.slope) <= 0.9 * std::abs(start_.slope); }

  // There is a point between `low`, the lowest that falls enough, and `high`.
  Trial between(Trial low, Trial high, int k) const {
    for (; k < most; ++k) {
      const double width = high.t - low.t;
      const double share = high.finite() ? (cubic_minimiser(low, high) - low.t) / width : 0.1;
      Trial trial = line_(low.t + std::clamp(share, 0.1, 0.9) * width);
      if (too_high(trial, low)) {
        high = std::move(trial);
        continue;
      }
      if (flat(trial)) return trial;
      if (trial.slope * width >= 0) high = std::move(low);
      low = std::move(trial);
    }
    return low;
  }

  Line line_;
  Trial start_;
};

class Lbfgs final : public Optimiser {
 public:
  Lbfgs(const OptimiserOptions& options, std::vector<Tensor> parameters)
      : options_(options), parameters_(std::move(parameters)), hessian_(options.history, flat_values(parameters_)) {}

  Tensor step(const Closure& closure) override {
    const Tensor start = closure(true).detach();
    double value = start.item<double>();
    Tensor x = flat_values(parameters_), g = flat_gradient(parameters_);
    residual_ = g.norm().item<double>();
    if (!std::isfinite(value) || !std::isfinite(residual_))
      throw NotFiniteStart("the objective or its gradient is not finite where an L-BFGS step starts");
    hessian_.look(g);
    double residual = residual_;
    for (std::int64_t k = 0; k < options_.iterations && residual > options_.tolerance; ++k, ++iterations_) {
      Tensor d = hessian_.direction(g);
      double slope = g.dot(d).item<double>();
      const auto line = [&](double t) {
        assign(parameters_, at::add(x, d, t));
        const double there = closure(true).item<double>();
        Tensor gradient = flat_gradient(parameters_);
        const double slope_there = gradient.dot(d).item<double>();
        return Trial{t, there, change_of(value, there, t * (slope + slope_there) / 2), slope_there,
                     std::move(gradient)};
      };
      const double first = hessian_.empty() ? std::min(1.0, 1 / g.abs().sum().item<double>()) : 1.0;
      Trial best = slope < 0 ? LineSearch(line, {0, value, 0, slope, g})(first) : Trial{};
      const Tensor next = at::add(x, d, best.t);
      assign(parameters_, next);
      if (best.t == 0 || at::equal(next, x)) {
        // Nothing moves along this direction: the gradient alone is tried, then there is nothing left to try.
        stalled_ = hessian_.empty();
        hessian_.clear();
        if (stalled_) break;
        continue;
      }
      hessian_.add(next - x, best.gradient - g, best.gradient);
      value = best.value;
      x = next;
      g = best.gradient;
      residual = g.norm().item<double>();
    }
    return start;
  }

  double residual() const override { return residual_; }
  double residual_here(const Closure& closure) override {
    closure(true);
    return flat_gradient(parameters_).norm().item<double>();
  }
  std::int64_t iterations() const override { return iterations_; }
  bool stalled() const override { return stalled_; }

  NamedTensors state() const override {
    NamedTensors out;
    out["stalled"] = scalar(std::int64_t{stalled_});
    out["iterations"] = scalar(iterations_);
    out["residual"] = scalar(residual_);
    hessian_.save(out);
    return out;
  }

  void load(const NamedTensors& from) override {
    stalled_ = entry(from, "stalled").item<std::int64_t>() != 0;
    iterations_ = entry(from, "iterations").item<std::int64_t>();
    residual_ = entry(from, "residual").item<double>();
    hessian_.load(from);
  }

 private:
  OptimiserOptions options_;
  std::vector<Tensor> parameters_;
  InverseHessian hessian_;
  bool stalled_ = false;
  std::int64_t iterations_ = 0;
  double residual_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace

std::unique_ptr<Optimiser> make_lbfgs(const OptimiserOptions& options, std::vector<Tensor> parameters) {
  require(options.history >= 1, "L-BFGS needs a history of at least one pair");
  return std::make_unique<Lbfgs>(options, std::move(parameters));
}

}  // namespace turnpike
