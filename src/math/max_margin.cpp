#include <turnpike/math/max_margin.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

double size_of(std::span<const double> w, const std::vector<std::size_t>& group) {
  double sum = 0;
  for (const std::size_t j : group) sum += w[j] * w[j];
  return std::sqrt(sum);
}

// Minimises, at barrier weight tau and in v = (w, t, gamma),
//
//   -tau gamma - sum_i log(z_i'w - gamma) - sum_g log(t_g^2 - |w_g|^2) - log(1 - sum_g t_g)
class Barrier {
 public:
  Barrier(const Matrix& z, const Groups& groups)
      : z_(z), groups_(groups), d_(z.columns()), g_(groups.size()), v_(d_ + g_ + 1), s_(z.rows()), q_(g_) {
    // Inside: w = 0, every cone half as tall as the budget allows, gamma below all margins.
    std::fill(v_.begin() + static_cast<std::ptrdiff_t>(d_), v_.end(), 0.5 / static_cast<double>(g_));
    v_.back() = -1;
    inside(v_);
  }

  std::span<const double> w() const { return {v_.data(), d_}; }
  // 1 / (tau (z_i'w - gamma)): the multipliers of the margins, up to their sum.
  std::vector<double> multipliers() const {
    std::vector<double> alpha(s_.size());
    for (std::size_t i = 0; i < s_.size(); ++i) alpha[i] = 1 / s_[i];
    const double sum = std::accumulate(alpha.begin(), alpha.end(), 0.0);
    for (double& a : alpha) a /= sum;
    return alpha;
  }
  double count() const {
    return static_cast<double>(s_.size() + 2 * g_ + 1);
  }  // the gap on the central path is count / tau

  // To the centre of tau. False where rounding stops Newton's method before.
  bool centre(double tau) {
    for (int k = 0; k < 60; ++k) {
      const std::vector<double> slope = gradient(tau);
      const std::optional<std::vector<double>> step = solve_cholesky(hessian(), slope);
      if (!step) return false;
      const double decrement = std::sqrt(std::max(0.0, dot(slope, *step)));
      if (!std::isfinite(decrement)) return false;
      if (decrement < 1e-8) return true;
      if (!advance(*step, tau, decrement)) return false;
    }
    return true;
  }

 private:
  // s, q and r at v; false outside of the domain.
  bool inside(const std::vector<double>& v) {
    const std::span<const double> w(v.data(), d_);
    std::vector<double> s = multiply(z_, w), q(g_);
    double r = 1;
    bool in = true;
    for (double& value : s) in = (value -= v.back()) > 0 && in;
    for (std::size_t g = 0; g < g_; ++g) {
      const double t = v[d_ + g], size = size_of(w, groups_[g]);
      q[g] = (t - size) * (t + size);
      r -= t;
      in = in && t > 0 && q[g] > 0;
    }
    if (!in || !(r > 0)) return false;
    s_ = std::move(s);
    q_ = std::move(q);
    r_ = r;
    return true;
  }

  double value(double tau) const {
    double sum = -tau * v_.back() - std::log(r_);
    for (const double s : s_) sum -= std::log(s);
    for (const double q : q_) sum -= std::log(q);
    return sum;
  }

  std::vector<double> gradient(double tau) const {
    std::vector<double> out(v_.size());
    out.back() = -tau;
    for (std::size_t i = 0; i < s_.size(); ++i) out.back() += 1 / s_[i];
    for (std::size_t j = 0; j < d_; ++j)
      for (std::size_t i = 0; i < s_.size(); ++i) out[j] -= z_(i, j) / s_[i];
    for (std::size_t g = 0; g < g_; ++g) {
      for (const std::size_t j : groups_[g]) out[j] += 2 * v_[j] / q_[g];
      out[d_ + g] = -2 * v_[d_ + g] / q_[g] + 1 / r_;
    }
    return out;
  }

  Matrix hessian() const {
    // The margins: A'A with rows (z_i, 0, -1) / s_i.
    Matrix a(s_.size(), v_.size());
    for (std::size_t i = 0; i < s_.size(); ++i) {
      for (std::size_t j = 0; j < d_; ++j) a(i, j) = z_(i, j) / s_[i];
      a(i, v_.size() - 1) = -1 / s_[i];
    }
    Matrix h = gram(a);
    // The cones: dq dq' / q^2 - d2q / q, with dq = (-2 w_g, 2 t_g) and d2q = diag(-2, 2).
    for (std::size_t g = 0; g < g_; ++g) {
      std::vector<std::size_t> at = groups_[g];
      at.push_back(d_ + g);
      const auto slope = [&](std::size_t j) { return (j < d_ ? -2 : 2) * v_[j] / q_[g]; };
      for (const std::size_t i : at) {
        for (const std::size_t j : at) h(i, j) += slope(i) * slope(j);
        h(i, i) += (i < d_ ? 2 : -2) / q_[g];
      }
    }
    for (std::size_t g = 0; g < g_; ++g)
      for (std::size_t k = 0; k < g_; ++k) h(d_ + g, d_ + k) += 1 / (r_ * r_);
    return h;
  }

  // v - length * step with a length that lowers the barrier: 1 / (1 + decrement) always does, since it is
  // self-concordant; from 1 downwards a longer one often does better.
  bool advance(const std::vector<double>& step, double tau, double decrement) {
    const std::vector<double> from = v_;
    const double before = value(tau), safe = decrement < 0.25 ? 1 : 1 / (1 + decrement);
    for (double length = 1;; length = std::max(safe, length / 2)) {
      for (std::size_t j = 0; j < v_.size(); ++j) v_[j] = from[j] - length * step[j];
      if (inside(v_) && (length <= safe || value(tau) < before - 0.1 * length * decrement * decrement)) return true;
      if (length <= safe) break;
    }
    v_ = from;
    inside(v_);
    return false;
  }

  const Matrix& z_;
  const Groups& groups_;
  std::size_t d_, g_;
  std::vector<double> v_;  // w [d], t [g], gamma
  std::vector<double> s_;  // z_i'w - gamma
  std::vector<double> q_;  // t_g^2 - |w_g|^2
  double r_ = 1;           // 1 - sum t
};

}  // namespace

Groups groups_of(std::size_t columns, std::size_t size) {
  require(size > 0 && columns % size == 0, fmt::format("{} columns do not part into groups of {}", columns, size));
  Groups groups(columns / size);
  for (std::size_t j = 0; j < columns; ++j) groups[j / size].push_back(j);
  return groups;
}

double group_norm(std::span<const double> w, const Groups& groups) {
  double sum = 0;
  for (const auto& group : groups) sum += size_of(w, group);
  return sum;
}

double dual_group_norm(std::span<const double> w, const Groups& groups) {
  double largest = 0;
  for (const auto& group : groups) largest = std::max(largest, size_of(w, group));
  return largest;
}

MaxMargin max_margin(const Matrix& z, const Groups& groups) {
  require(z.rows() > 0 && z.columns() > 0,
          fmt::format("a margin needs rows and columns, got {} x {}", z.rows(), z.columns()));
  std::vector<int> seen(z.columns(), 0);
  for (const auto& group : groups)
    for (const std::size_t j : group) {
      require(j < z.columns(), fmt::format("a group names column {} of {}", j, z.columns()));
      ++seen[j];
    }
  require(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }),
          "the groups must hold every column once");
  double scale = 0;
  for (std::size_t i = 0; i < z.rows(); ++i) {
    double row = 0;
    for (std::size_t j = 0; j < z.columns(); ++j) row += z(i, j) * z(i, j);
    require(std::isfinite(row) && row > 0, fmt::format("row {} of the margins is zero or not finite", i));
    scale = std::max(scale, std::sqrt(row));
  }
  Matrix scaled = z;
  for (std::size_t j = 0; j < z.columns(); ++j)
    for (double& value : scaled.column(j)) value /= scale;

  MaxMargin best{.weights = {}, .multipliers = {}, .margin = 0, .gap = INFINITY};
  Barrier barrier(scaled, groups);
  const auto certify = [&] {
    MaxMargin found;
    found.weights.assign(barrier.w().begin(), barrier.w().end());
    const double size = group_norm(found.weights, groups);
    if (!(size > 0)) return;
    for (double& w : found.weights) w /= size;
    const std::vector<double> margins = multiply(scaled, found.weights);
    found.margin = *std::min_element(margins.begin(), margins.end());
    found.multipliers = barrier.multipliers();
    std::vector<double> pull(z.columns());
    for (std::size_t j = 0; j < z.columns(); ++j) pull[j] = dot(scaled.column(j), found.multipliers);
    found.gap = dual_group_norm(pull, groups) - found.margin;
    if (found.gap < best.gap) best = std::move(found);
  };
  for (double tau = 1; tau < 1e14; tau *= 10) {
    const bool centred = barrier.centre(tau);
    certify();
    if (!centred || barrier.count() / tau < 1e-13) break;
  }
  best.margin *= scale;
  best.gap *= scale;
  return best;
}

}  // namespace turnpike
