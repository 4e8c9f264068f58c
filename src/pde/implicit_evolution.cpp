#include <algorithm>
#include <cmath>
#include <list>

#include "differences_internal.h"
#include "evolution_internal.h"

namespace turnpike {
namespace {

using Complex = std::complex<double>;
using State = DifferenceSystem::State;

// A banded matrix and its factors, rows exchanged for the larger pivot.
class Banded {
 public:
  Banded(std::int64_t n, std::int64_t band)
      : n_(n), band_(band), width_(3 * band + 1), rows_(static_cast<std::size_t>(n * width_), 0.0), pivot_(n) {}

  // Row i holds the columns i - band .. i + 2 band, the last third for what the exchanges fill in.
  Complex& at(std::int64_t i, std::int64_t j) { return rows_[i * width_ + j - i + band_]; }

  void factorise() {
    for (std::int64_t k = 0; k < n_; ++k) {
      const std::int64_t last_row = std::min(n_ - 1, k + band_), last = std::min(n_ - 1, k + 2 * band_);
      std::int64_t best = k;
      for (std::int64_t i = k + 1; i <= last_row; ++i)
        if (std::norm(at(i, k)) > std::norm(at(best, k))) best = i;
      pivot_[k] = best;
      if (best != k)
        for (std::int64_t j = k; j <= last; ++j) std::swap(at(k, j), at(best, j));
      for (std::int64_t i = k + 1; i <= last_row; ++i) {
        const Complex factor = at(i, k) / at(k, k);
        at(i, k) = factor;
        for (std::int64_t j = k + 1; j <= last; ++j) at(i, j) -= factor * at(k, j);
      }
    }
  }

  void solve(Complex* x) {
    for (std::int64_t k = 0; k < n_; ++k) {
      std::swap(x[k], x[pivot_[k]]);
      for (std::int64_t i = k + 1; i <= std::min(n_ - 1, k + band_); ++i) x[i] -= at(i, k) * x[k];
    }
    for (std::int64_t k = n_ - 1; k >= 0; --k) {
      for (std::int64_t j = k + 1; j <= std::min(n_ - 1, k + 2 * band_); ++j) x[k] -= at(k, j) * x[j];
      x[k] /= at(k, k);
    }
  }

 private:
  std::int64_t n_, band_, width_;
  std::vector<Complex> rows_;
  std::vector<std::int64_t> pivot_;
};

// Semi-implicit Euler, (1 - h A) y1 = y + h N(y), with A the linear terms, in 1, 2, 3 and 4 substeps; their limit h ->
// 0 by Neville's table, whose last two entries differ by the error.
class ImplicitEvolution : public Evolution {
 public:
  ImplicitEvolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                    const std::vector<FieldState>& initial, const SimulateOptions& options, double time)
      : system_(equation, axes, initial, options),
        options_(options),
        y_(system_.initial()),
        watch_(system_.sizes(y_), options) {
    system_.set_boundary(time, y_);
  }

  std::optional<Failure> advance(double t0, double t1) override {
    double time = t0;
    if (step_ == 0) step_ = t1 - t0;
    State best, error;
    while (time < t1) {
      throw_if_stopped(time);
      if (++attempts_ > options_.max_steps) return SizeWatch::too_many(time, attempts_);
      // The rest in whole steps: length is a power of two of the first, so that factors serve again.
      double h = options_.step > 0 ? options_.step : step_;
      const bool last = h >= (t1 - time) * (1 - 1e-9);
      if (last) h = t1 - time;
      extrapolate(time, h, best, error);
      const double ratio = watch_.ratio(system_.sizes(error));
      if (options_.step == 0 && !(ratio <= 1)) {
        step_ = h / 2;
        if (step_ > 1e-12 * (t1 - t0)) continue;
        return std::isfinite(ratio) ? SizeWatch::underflow(time, step_) : SizeWatch::diverged(time);
      }
      y_.swap(best);
      time = last ? t1 : time + h;
      ++steps_;
      if (auto failure = watch_.see(system_.sizes(y_), time)) return failure;
      if (ratio < 1.0 / 32 && !last) step_ = 2 * h;
    }
    return {};
  }

  void sample(int field, bool rate, State& values) const override { system_.sample(y_, field, rate, values); }
  std::int64_t steps() const override { return steps_; }
  std::int64_t evaluations() const override { return evaluations_; }

 private:
  static constexpr int columns = 4;
  DifferenceSystem system_;
  SimulateOptions options_;
  State y_;
  SizeWatch watch_;
  double step_ = 0;
  std::int64_t steps_ = 0, attempts_ = 0, evaluations_ = 0;
  std::list<std::pair<double, std::vector<Banded>>> factors_;  // by step; of each slot

  void extrapolate(double time, double h, State& best, State& error) {
    std::vector<State> table;  // the last entries of the rows so far
    for (int j = 1; j <= columns; ++j) {
      State now = substeps(time, h, j);
      // T(j, k) = T(j, k-1) + (T(j, k-1) - T(j-1, k-1)) / (j / (j-k+1) - 1)
      std::vector<State> row = {now};
      for (int k = 2; k <= j; ++k) {
        const double weight = 1.0 / (static_cast<double>(j) / (j - k + 1) - 1);
        State next = row.back();
        for (std::size_t i = 0; i < next.size(); ++i) next[i] += weight * (next[i] - table[k - 2][i]);
        row.push_back(std::move(next));
      }
      table = std::move(row);
    }
    best = table[columns - 1];
    error = best;
    for (std::size_t i = 0; i < error.size(); ++i) error[i] -= table[columns - 2][i];
  }

  State substeps(double time, double whole, int n) {
    const double h = whole / n;
    std::vector<Banded>& matrices = factors(h);
    const std::size_t points = system_.points();
    State y = y_, rate;
    for (int k = 1; k <= n; ++k) {
      system_.rate(y, rate, DifferenceSystem::Part::without_linear);
      ++evaluations_;
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += h * rate[i];
      system_.set_boundary(time + h * k, y);
      for (std::size_t s = 0; s < system_.n_slots(); ++s)
        if (system_.has_linear(s)) matrices[s].solve(&y[s * points]);
    }
    return y;
  }

  std::vector<Banded>& factors(double h) {
    for (auto known = factors_.begin(); known != factors_.end(); ++known) {
      if (known->first != h) continue;
      factors_.splice(factors_.begin(), factors_, known);
      return factors_.front().second;
    }
    if (factors_.size() == 3 * columns) factors_.pop_back();
    factors_.emplace_front(h, std::vector<Banded>{});
    std::vector<Banded>& matrices = factors_.front().second;
    for (std::size_t s = 0; s < system_.n_slots(); ++s) {
      matrices.push_back(matrix(s, h));
      if (system_.has_linear(s)) matrices.back().factorise();
    }
    return matrices;
  }

  Banded matrix(std::size_t slot, double h) const {
    const std::int64_t n = static_cast<std::int64_t>(system_.points());
    std::vector<std::int64_t> first(n);
    std::vector<State> weights(n);
    std::int64_t band = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      system_.linear_row(slot, i, first[i], weights[i]);
      band = std::max({band, i - first[i], first[i] + static_cast<std::int64_t>(weights[i].size()) - 1 - i});
    }
    Banded matrix(n, band);
    for (std::int64_t i = 0; i < n; ++i) {
      matrix.at(i, i) = 1;
      if (system_.is_boundary(i)) continue;
      for (std::size_t j = 0; j < weights[i].size(); ++j)
        matrix.at(i, first[i] + static_cast<std::int64_t>(j)) -= h * weights[i][j];
    }
    return matrix;
  }
};

}  // namespace

std::unique_ptr<Evolution> implicit_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options,
                                              double time) {
  return std::make_unique<ImplicitEvolution>(equation, axes, initial, options, time);
}

}  // namespace turnpike
