#include <cmath>

#include <turnpike/math/tableau.h>

#include "differences_internal.h"
#include "evolution_internal.h"

namespace turnpike {
namespace {

using State = DifferenceSystem::State;

// Dormand-Prince 5(4): the step follows from the error of the embedded scheme.
class ExplicitEvolution : public Evolution {
 public:
  ExplicitEvolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                    const std::vector<FieldState>& initial, const SimulateOptions& options, double time)
      : system_(equation, axes, initial, options),
        options_(options),
        y_(system_.initial()),
        watch_(system_.sizes(y_), options),
        k_(dormand_prince_tableau().stages()) {
    system_.set_boundary(time, y_);
  }

  std::optional<Failure> advance(double t0, double t1) override {
    double time = t0;
    if (step_ == 0) step_ = options_.step > 0 ? options_.step : (t1 - t0) / 16;
    State next, error;
    while (time < t1) {
      throw_if_stopped(time);
      if (++attempts_ > options_.max_steps) return SizeWatch::too_many(time, attempts_);
      const bool last = step_ >= (t1 - time) * (1 - 1e-9);
      const double h = last ? t1 - time : step_;
      stages(time, h, next, error);
      const double ratio = watch_.ratio(system_.sizes(error));
      const bool accepted = options_.step > 0 || ratio <= 1;
      if (accepted) {
        y_.swap(next);
        time = last ? t1 : time + h;
        ++steps_;
        if (auto failure = watch_.see(system_.sizes(y_), time)) return failure;
      } else if (h < 1e-14 * std::max(std::abs(time), t1 - t0)) {
        return std::isfinite(ratio) ? SizeWatch::underflow(time, h) : SizeWatch::diverged(time);
      }
      if (options_.step > 0) continue;
      // h (1 / ratio)^(1/5), with care.
      const double factor = ratio > 0 ? 0.9 * std::pow(ratio, -0.2) : 5;
      const double wanted = h * (std::isfinite(ratio) ? std::clamp(factor, 0.2, 5.0) : 0.1);
      step_ = accepted && last ? std::max(step_, wanted) : wanted;
    }
    return {};
  }

  void sample(int field, bool rate, State& values) const override { system_.sample(y_, field, rate, values); }
  std::int64_t steps() const override { return steps_; }
  std::int64_t evaluations() const override { return evaluations_; }

 private:
  DifferenceSystem system_;
  SimulateOptions options_;
  State y_;
  SizeWatch watch_;
  std::vector<State> k_;
  double step_ = 0;
  std::int64_t steps_ = 0, attempts_ = 0, evaluations_ = 0;

  void stages(double time, double h, State& next, State& error) {
    const Tableau& tableau = dormand_prince_tableau();
    for (int s = 0; s < tableau.stages(); ++s) {
      next = y_;
      for (int j = 0; j < s; ++j)
        for (std::size_t i = 0; i < next.size(); ++i) next[i] += h * tableau.a[s][j] * k_[j][i];
      system_.set_boundary(time + tableau.c[s] * h, next);
      system_.rate(next, k_[s], DifferenceSystem::Part::all);
      ++evaluations_;
    }
    // First same as last: the last stage's state is the next one.
    error.assign(y_.size(), 0.0);
    for (int s = 0; s < tableau.stages(); ++s)
      for (std::size_t i = 0; i < error.size(); ++i) error[i] += h * tableau.b_error[s] * k_[s][i];
  }
};

}  // namespace

std::unique_ptr<Evolution> explicit_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options,
                                              double time) {
  return std::make_unique<ExplicitEvolution>(equation, axes, initial, options, time);
}

}  // namespace turnpike
