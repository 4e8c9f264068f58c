#include <turnpike/flow/integrate.h>

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "adjoints/roll_internal.h"

namespace turnpike {
namespace {

// The largest over samples of the root mean square of error / (atol + rtol max(|x0|, |x1|)).
double error_norm(const Tensor& error, const Tensor& x0, const Tensor& x1, const StepController& controller) {
  const Tensor scale = at::maximum(x0.abs(), x1.abs()) * controller.rtol + controller.atol;
  return (error / scale).square().mean(1).max().sqrt().item<double>();
}

// Hairer, Norsett & Wanner, Solving ODEs I, II.4: a first step from the sizes of x, f and the change of f.
double first_step(const Rates& rates, double horizon, const Tensor& x0, int order, const StepController& controller) {
  const Tensor scale = x0.abs() * controller.rtol + controller.atol;
  const auto size = [&scale](const Tensor& v) { return (v / scale).square().mean(1).max().sqrt().item<double>(); };
  const Tensor f0 = rates.full(0, x0);
  const double d0 = size(x0), d1 = size(f0);
  const double h0 = std::min(horizon, d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1);
  const double d2 = size(rates.full(h0, x0 + h0 * f0) - f0) / h0;
  const double largest = std::max(d1, d2);
  const double h1 = largest <= 1e-15 ? std::max(1e-6, 1e-3 * h0) : std::pow(0.01 / largest, 1.0 / (order + 1));
  return std::min({100 * h0, h1, horizon});
}

class Integration {
 public:
  Integration(const Dynamics& dynamics, const Tensor& control, const Tensor& x0, const IntegrateOptions& options)
      : dynamics_(dynamics), options_(options), rows_(control.unbind(0)), x_(x0.detach()) {
    horizon_ = dynamics.grid.horizon();
    require(options.horizons.empty() || static_cast<std::int64_t>(options.horizons.size()) == x0.size(0),
            "horizons must hold one time a sample");
    if (!options.horizons.empty()) stop_ = at::tensor(options.horizons, x0.options().dtype(at::kDouble)).unsqueeze(1);
    require(std::is_sorted(options.save_times.begin(), options.save_times.end()), "save_times must ascend");
    require(options.save_times.empty() ||
                (options.save_times.front() >= 0 && options.save_times.back() <= horizon_ * (1 + 1e-12)),
            fmt::format("save_times must lie in [0, {}]", horizon_));
  }

  Outcome<Trajectory> run() {
    at::NoGradGuard no_gradient;
    result_.mesh.push_back(0);
    save_start();
    std::optional<Failure> failure = check_finite();
    if (!failure) failure = options_.mesh ? run_mesh() : run_adaptive();
    if (!states_.empty()) {
      result_.states = at::stack(states_);
    } else {
      result_.states = at::empty({0, x_.size(0), x_.size(1)}, x_.options());
    }
    if (failure) return {std::move(result_), std::move(*failure)};
    return std::move(result_);
  }

 private:
  Rates rates_on(double start, double end) const {
    return bind_control(*dynamics_.field, dynamics_.grid, start, end,
                        [this](std::int64_t slot) { return rows_[slot]; });
  }

  void save(double time, const Tensor& x) {
    result_.times.push_back(time);
    states_.push_back(x);
  }

  void save_start() {
    if (options_.save_times.empty()) return save(0, x_);
    while (next_save_ < options_.save_times.size() && options_.save_times[next_save_] <= 0)
      save(options_.save_times[next_save_++], x_);
  }

  // Takes the accepted step [t_, t_ + h] with its result.
  void accept(double h, const StepResult& step) {
    Tensor x1 = step.x1;
    const Tensor active = stop_.defined() ? stop_ > t_ + 0.5 * h : Tensor();
    if (active.defined()) x1 = at::where(active, x1, x_);
    if (options_.save_times.empty()) save(t_ + h, x1);
    const bool last = t_ + h >= horizon_ * (1 - 1e-12);
    while (next_save_ < options_.save_times.size() && (options_.save_times[next_save_] <= t_ + h || last)) {
      const double time = options_.save_times[next_save_++];
      const double theta = std::clamp((time - t_) / h, 0.0, 1.0);
      Tensor x = theta == 1 ? step.x1 : dynamics_.scheme->dense(step, x_, h, theta);
      if (active.defined()) x = at::where(active, x, x_);
      save(time, x);
    }
    x_ = x1;
    t_ += h;
    ++result_.accepted;
    result_.mesh.push_back(t_);
  }

  bool wants_dense(double h) const {
    return next_save_ < options_.save_times.size() && options_.save_times[next_save_] < t_ + h * (1 - 1e-12);
  }

  std::optional<Failure> check_finite() const {
    const double size = x_.numel() == 0 ? 0 : x_.abs().max().item<double>();
    if (size <= options_.divergence_bound) return std::nullopt;  // false for NaN too
    return Failure{FailureKind::divergence,
                   std::isfinite(size)
                       ? fmt::format("|x| reached {:.3g} in step {} (t = {:.6g})", size, result_.accepted, t_)
                       : fmt::format("the state left the finite numbers in step {} (t = {:.6g})", result_.accepted, t_),
                   "take smaller steps, or a smaller control", t_};
  }

  std::optional<Failure> run_mesh() {
    const Mesh mesh = options_.horizons.empty() ? *options_.mesh : options_.mesh->with_stops(options_.horizons);
    for (std::int64_t k = 0; k < mesh.steps(); ++k) {
      const double start = mesh.times[k], h = mesh.times[k + 1] - start;
      t_ = start;
      try {
        const StepResult step =
            dynamics_.scheme->step(rates_on(start, start + h), start, h, x_, {.dense = wants_dense(h)});
        result_.evaluations += dynamics_.scheme->evaluations();
        accept(h, step);
      } catch (const NoConvergence& error) {
        return Failure{FailureKind::no_convergence, error.what(), "take smaller steps, or a smaller control", t_};
      }
      result_.mesh.back() = t_ = mesh.times[k + 1];
      if (options_.save_times.empty()) result_.times.back() = t_;
      if (auto failure = check_finite()) return failure;
    }
    return std::nullopt;
  }

  std::optional<Failure> run_adaptive() {
    const StepController& controller = options_.controller;
    const int order = dynamics_.scheme->embedded_order();
    require(order > 0, fmt::format("the scheme '{}' has no error estimate: adaptive steps need dopri5 or bosh3",
                                   dynamics_.scheme->name()));
    // Steps end where the control or a sample's motion is not smooth.
    std::vector<double> stops = options_.horizons;
    if (dynamics_.grid.kind() != ControlKind::shared) {
      stops.insert(stops.end(), dynamics_.grid.knots().begin() + 1, dynamics_.grid.knots().end());
    }
    stops.push_back(horizon_);
    std::sort(stops.begin(), stops.end());

    const double exponent = 1.0 / (order + 1);
    double h = controller.first_step > 0 ? controller.first_step
                                         : first_step(rates_on(0, stops.front() > 0 ? stops.front() : horizon_),
                                                      horizon_, x_, order, controller);
    double previous_error = 1;
    std::size_t next_stop = 0;
    while (t_ < horizon_ * (1 - 1e-12)) {
      while (next_stop + 1 < stops.size() && stops[next_stop] <= t_ + 1e-12 * horizon_) ++next_stop;
      const double room = stops[next_stop] - t_;
      const double least =
          controller.min_step > 0 ? controller.min_step : 16 * 0x1p-52 * std::max(std::abs(t_), horizon_ * 1e-6);
      if (result_.accepted + result_.rejected >= controller.max_steps) {
        return Failure{
            FailureKind::step_limit,
            fmt::format("{} steps were taken and t = {:.6g} of {:.6g} reached", controller.max_steps, t_, horizon_),
            "loosen rtol and atol, raise max_steps, or use an implicit scheme if the field is stiff", t_};
      }
      if (h < least && h < room) {
        return Failure{FailureKind::step_underflow, fmt::format("the step fell to {:.3g} at t = {:.6g}", h, t_),
                       "the field may be singular or not Lipschitz there: loosen rtol and atol, or bound the control",
                       t_};
      }
      // A step that would leave a sliver before the stop is stretched or halved.
      const double used = h >= room * (1 - 1e-10) ? room : (h > 0.5 * room ? 0.5 * room : h);
      const StepResult step =
          dynamics_.scheme->step(rates_on(t_, t_ + used), t_, used, x_, {.error = true, .dense = wants_dense(used)});
      result_.evaluations += dynamics_.scheme->evaluations();
      Tensor error = step.error;
      if (stop_.defined()) error = at::where(stop_ > t_ + 0.5 * used, error, at::zeros_like(error));
      const double e = error_norm(error, x_, step.x1, controller);
      if (!(e <= 1)) {  // also rejects NaN
        ++result_.rejected;
        h = used * (std::isfinite(e) ? std::max(controller.max_shrink, controller.safety * std::pow(e, -exponent))
                                     : controller.max_shrink);
        continue;
      }
      accept(used, step);
      if (used == room) result_.mesh.back() = t_ = stops[next_stop];
      if (auto failure = check_finite()) return failure;
      const double floor_error = std::max(e, 1e-10);
      const double growth =
          controller.safety * std::pow(floor_error, -0.7 * exponent) * std::pow(previous_error, 0.4 * exponent);
      previous_error = floor_error;
      const double next = used * std::clamp(growth, controller.max_shrink, controller.max_growth);
      h = used < h ? std::max(h, next) : next;  // a step shortened by a stop says nothing against the longer one
    }
    return std::nullopt;
  }

  const Dynamics& dynamics_;
  const IntegrateOptions& options_;
  std::vector<Tensor> rows_;
  Tensor x_, stop_;
  double t_ = 0, horizon_ = 0;
  std::size_t next_save_ = 0;
  Trajectory result_;
  std::vector<Tensor> states_;
};

}  // namespace

Outcome<Trajectory> integrate(const Dynamics& dynamics, const Tensor& control, const Tensor& x0,
                              const IntegrateOptions& options) {
  require_shape(x0, {-1, dynamics.field->dimension()}, "x0");
  require_shape(control, {dynamics.grid.slots(), dynamics.field->n_parameters()}, "control");
  require(!dynamics.scheme->needs_partition() || dynamics.field->facts().partitioned,
          fmt::format("the scheme '{}' needs a partitioned field; '{}' is not one", dynamics.scheme->name(),
                      dynamics.field->name()));
  return Integration(dynamics, control, x0, options).run();
}

}  // namespace turnpike
