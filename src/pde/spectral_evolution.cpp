#include <cmath>

#include "evolution_internal.h"
#include "spectral_internal.h"

namespace turnpike {
namespace {

// Steps are the interval between two frames over a power of two, so that few lengths need coefficients. Each double
// step is taken as one and as two steps; 1/15 of what they differ by is the error of the two, and is taken off.
class SpectralEvolution : public Evolution {
 public:
  SpectralEvolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                    const std::vector<FieldState>& initial, const SimulateOptions& options)
      : system_(equation, axes, initial),
        scheme_(system_.linear(), [this](const Modes& v, Modes& rate) { system_.rate(v, rate); }),
        options_(options),
        watch_(system_.sizes(system_.initial()), options),
        v_(system_.initial()),
        rate_(v_.size()),
        middle_rate_(v_.size()),
        coarse_(v_.size()),
        fine_(v_.size()) {}

  std::optional<Failure> advance(double t0, double t1) override {
    // Intervals that differ by rounding are one, or each would need its own coefficients.
    if (std::abs(t1 - t0 - interval_) > 1e-9 * interval_) interval_ = t1 - t0;
    return options_.step > 0 ? fixed(t0) : adapted(t0);
  }

  void sample(int field, bool rate, std::vector<std::complex<double>>& values) const override {
    system_.sample(v_, field, rate, values);
  }
  std::int64_t steps() const override { return steps_; }
  std::int64_t evaluations() const override { return scheme_.evaluations(); }

 private:
  static constexpr int highest_level = 24;
  SpectralSystem system_;
  EtdRk4 scheme_;
  SimulateOptions options_;
  SizeWatch watch_;
  Modes v_, rate_, middle_rate_, coarse_, fine_;
  double interval_ = 0;
  int level_ = 0;  // double steps are interval / 2^level
  std::int64_t steps_ = 0;

  std::optional<Failure> fixed(double t0) {
    const std::int64_t n = std::max<std::int64_t>(1, std::llround(std::ceil(interval_ / options_.step - 1e-9)));
    const double h = interval_ / static_cast<double>(n);
    for (std::int64_t k = 0; k < n; ++k) {
      scheme_.rate(v_, rate_);
      scheme_.step(h, v_, rate_, v_);
      if (auto failure = accept(t0 + h * static_cast<double>(k + 1))) return failure;
    }
    return {};
  }

  std::optional<Failure> adapted(double t0) {
    std::int64_t done = 0;  // of the interval, in units of interval / 2^highest_level
    const std::int64_t all = std::int64_t{1} << highest_level;
    bool known = false;  // rate_ belongs to v_
    while (done < all) {
      const double time = t0 + interval_ * static_cast<double>(done) / static_cast<double>(all);
      const double h = interval_ * std::ldexp(1.0, -level_ - 1);
      if (!known) scheme_.rate(v_, rate_);
      known = true;
      scheme_.step(2 * h, v_, rate_, coarse_);
      scheme_.step(h, v_, rate_, fine_);
      scheme_.rate(fine_, middle_rate_);
      scheme_.step(h, fine_, middle_rate_, fine_);
      for (std::size_t i = 0; i < v_.size(); ++i) coarse_[i] = (coarse_[i] - fine_[i]) / 15.0;
      const double ratio = watch_.ratio(system_.sizes(coarse_));
      if (!(ratio <= 1)) {
        if (level_ == highest_level) return failure_at(time + h, ratio);
        ++level_;
        continue;
      }
      for (std::size_t i = 0; i < v_.size(); ++i) v_[i] = fine_[i] - coarse_[i];
      known = false;
      done += all >> level_;
      ++steps_;
      if (auto failure = accept(time + 2 * h)) return failure;
      // Twice the step has some 32 times the error; it must begin where such a step can.
      if (ratio < 1.0 / 64 && level_ > 0 && done % (all >> (level_ - 1)) == 0) --level_;
    }
    return {};
  }

  std::optional<Failure> accept(double time) {
    throw_if_stopped(time);
    if (++steps_ > options_.max_steps) return SizeWatch::too_many(time, steps_);
    return watch_.see(system_.sizes(v_), time);
  }

  Failure failure_at(double time, double ratio) const {
    return std::isfinite(ratio) ? SizeWatch::underflow(time, interval_ * std::ldexp(1.0, -highest_level))
                                : SizeWatch::diverged(time);
  }
};

}  // namespace

std::unique_ptr<Evolution> spectral_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options) {
  return std::make_unique<SpectralEvolution>(equation, axes, initial, options);
}

}  // namespace turnpike
