// Accelerated proximal gradient with backtracking and restarts, for f(u) + h(u_0).
//
//   z = prox_{s h}(y - s grad f(y)),  f(z) <= f(y) + g'(z - y) + |z - y|^2 / (2 s)     (s halved until it holds)
//   t+ = (1 + sqrt(1 + 4 t^2)) / 2,   y+ = z + (t - 1) / t+ (z - x),   x+ = z
//
// Restart (t = 1, y = x, and twice the step is tried): when F = f + h rises, then z is given up; or when (y - z)'(z -
// x) > 0.
#include "optimiser_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <cmath>
#include <limits>

namespace turnpike {
namespace {

class Proximal final : public Optimiser {
 public:
  Proximal(const OptimiserOptions& options, std::vector<Tensor> parameters, NonSmooth non_smooth)
      : options_(options), parameters_(std::move(parameters)), h_(std::move(non_smooth)), s_(options.rate) {
    require(static_cast<bool>(h_.value) == static_cast<bool>(h_.prox),
            "a non-smooth part needs both a value and a prox");
    require(s_ > 0, "the proximal optimiser needs a positive rate");
  }

  Tensor step(const Closure& closure) override {
    at::NoGradGuard no_grad;
    Tensor first;
    for (std::int64_t k = 0; k < options_.iterations && stuck_ < 2; ++k) {
      const Tensor loss = iterate(closure);
      ++iterations_;
      if (!first.defined()) first = loss;
      if (residual_ <= options_.tolerance) break;
    }
    return first.defined() ? first : evaluate(closure, false).loss;
  }

  double residual() const override { return residual_; }
  double residual_here(const Closure& closure) override {
    at::NoGradGuard no_grad;
    const Tensor u = flat_values(parameters_);
    const Tensor gradient = evaluate(closure, true).gradient;
    return (u - prox(u - s_ * gradient, s_)).norm().item<double>() / s_;
  }
  std::int64_t iterations() const override { return iterations_; }
  bool stalled() const override { return stuck_ >= 2; }

  NamedTensors state() const override {
    NamedTensors out{{"s", scalar(s_)},         {"t", scalar(t_)},
                     {"F", scalar(objective_)}, {"residual", scalar(residual_)},
                     {"stuck", scalar(stuck_)}, {"iterations", scalar(iterations_)}};
    if (y_.defined()) out["y"] = y_.clone();
    return out;
  }

  void load(const NamedTensors& state) override {
    s_ = entry(state, "s").item<double>();
    t_ = entry(state, "t").item<double>();
    objective_ = entry(state, "F").item<double>();
    residual_ = entry(state, "residual").item<double>();
    stuck_ = entry(state, "stuck").item<std::int64_t>();
    iterations_ = entry(state, "iterations").item<std::int64_t>();
    y_ = state.contains("y") ? state.at("y").detach().clone() : Tensor();
    if (y_.defined()) require_shape(y_, {flat_values(parameters_).size(0)}, "the optimiser's state 'y'");
  }

 private:
  struct Evaluation {
    Tensor loss, gradient;
    double value = 0;
  };

  Evaluation evaluate(const Closure& closure, bool gradient) {
    Evaluation out;
    {
      at::AutoGradMode record(gradient);
      out.loss = closure(gradient).detach();
    }
    out.value = out.loss.item<double>();
    if (gradient) out.gradient = flat_gradient(parameters_);
    return out;
  }

  Evaluation evaluate_at(const Tensor& u, const Closure& closure, bool gradient) {
    assign(parameters_, u);
    return evaluate(closure, gradient);
  }

  // prox on the part of the first parameter, the identity on the others.
  Tensor prox(const Tensor& w, double s) const {
    if (!h_.prox) return w;
    const Tensor& u0 = parameters_.front();
    Tensor out = w.clone();
    out.narrow(0, 0, u0.numel()).copy_(h_.prox(w.narrow(0, 0, u0.numel()).view_as(u0), s).reshape({-1}));
    return out;
  }

  double h(const Tensor& u) const {
    const Tensor& u0 = parameters_.front();
    return h_.value ? h_.value(u.narrow(0, 0, u0.numel()).view_as(u0)) : 0;
  }

  // One iteration from (x, y, t); returns f(y).
  Tensor iterate(const Closure& closure) {
    const Tensor x = flat_values(parameters_);
    const bool fresh = !y_.defined();  // no momentum: y = x
    const Tensor y = fresh ? prox(x, 0) : y_;
    const Evaluation at_y = evaluate_at(y, closure, true);
    if (!std::isfinite(at_y.value) || !at_y.gradient.isfinite().all().item<bool>()) {
      if (!fresh) return restart(x, at_y.loss);
      assign(parameters_, x);
      throw NotFiniteStart("the objective or its gradient is not finite where a proximal step starts");
    }
    if (fresh) objective_ = at_y.value + h(y);

    Tensor z, move;
    Evaluation at_z;
    for (;;) {
      z = prox(y - s_ * at_y.gradient, s_);
      move = z - y;
      at_z = evaluate_at(z, closure, false);
      if (descends(closure, at_y, at_z, z, move)) break;
      s_ /= 2;
      if (s_ < std::numeric_limits<double>::min()) {  // no step is short enough: f is not differentiable here
        assign(parameters_, x);
        stuck_ = 2;
        return at_y.loss;
      }
    }
    residual_ = move.norm().item<double>() / s_;

    const double objective = at_z.value + h(z);
    if (objective > objective_ + rounding_of(objective_) && !fresh) return restart(x, at_y.loss);
    stuck_ = fresh && at::equal(z, x) ? stuck_ + 1 : 0;
    const bool uphill = (move * (z - x)).sum().item<double>() < 0;
    objective_ = objective;
    if (uphill && !fresh) return restart(z, at_y.loss);
    const double t_next = (1 + std::sqrt(1 + 4 * t_ * t_)) / 2;
    y_ = z + (t_ - 1) / t_next * (z - x);
    t_ = t_next;
    return at_y.loss;
  }

  // f(z) <= f(y) + g'(z - y) + |z - y|^2 / (2 s). The left excess f(z) - f(y) - g'(z - y) cancels near the optimum;
  // where it is within rounding it is taken from the gradients, (g(z) - g(y))'(z - y) / 2.
  bool descends(const Closure& closure, const Evaluation& at_y, const Evaluation& at_z, const Tensor& z,
                const Tensor& move) {
    if (!std::isfinite(at_z.value)) return false;
    const double room = move.dot(move).item<double>() / (2 * s_);
    const double excess = at_z.value - at_y.value - at_y.gradient.dot(move).item<double>();
    if (std::abs(excess) > 8 * (rounding_of(at_y.value) + rounding_of(at_z.value)) || room == 0) return excess <= room;
    const Evaluation with_gradient = evaluate_at(z, closure, true);
    const double curvature = 0.5 * (with_gradient.gradient - at_y.gradient).dot(move).item<double>();
    return curvature <= room;
  }

  // From u without momentum, with twice the step.
  Tensor restart(const Tensor& u, const Tensor& loss) {
    assign(parameters_, u);
    y_ = Tensor();
    t_ = 1;
    s_ *= 2;
    return loss;
  }

  OptimiserOptions options_;
  std::vector<Tensor> parameters_;
  NonSmooth h_;
  double s_, t_ = 1;
  double objective_ = std::numeric_limits<double>::quiet_NaN();  // F(x)
  Tensor y_;                                                     // undefined: y = x
  double residual_ = std::numeric_limits<double>::quiet_NaN();
  std::int64_t stuck_ = 0, iterations_ = 0;
};

}  // namespace

std::unique_ptr<Optimiser> make_proximal(const OptimiserOptions& options, std::vector<Tensor> parameters,
                                         NonSmooth non_smooth) {
  return std::make_unique<Proximal>(options, std::move(parameters), std::move(non_smooth));
}

}  // namespace turnpike
