#include <turnpike/tangent/dynamics.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike {
namespace {

// K v for v [n, o]: K [m o, n o] acts on all outputs together, K [m, n] on each output alone.
Tensor times_outputs(const Tensor& K, const Tensor& v, const char* what) {
  require(v.dim() == 2 && K.dim() == 2 && (K.size(1) == v.size(0) || K.size(1) == v.numel()),
          fmt::format("{} must have as many columns as there are samples, or samples times outputs; got {} for "
                      "outputs {}",
                      what, describe(K), describe(v)));
  if (K.size(1) == v.size(0)) return at::mm(K, v);
  return at::mv(K, v.reshape({-1})).view({-1, v.size(1)});
}

void check_square(const Tensor& K) {
  require(K.defined() && K.dim() == 2 && K.size(0) == K.size(1) && K.size(0) > 0 && at::isFloatingType(K.scalar_type()),
          "a tangent kernel on the training samples must be square, got " + describe(K));
  require(at::isfinite(K).all().item<bool>(), "a tangent kernel must be finite; some of its entries are not");
}

// The problem's state as one row: z, z* and, with friction, their velocities.
class KernelField {
 public:
  KernelField(const KernelProblem& problem, const TrainingLoss& loss) : problem_(problem), loss_(loss) {
    check_square(problem.K);
    require(problem.K_star.defined() == problem.z0_star.defined(),
            "a kernel problem needs both K_star and z0_star, or neither");
    times_outputs(problem.K, problem.z0, "the kernel K");
    if (problem.K_star.defined()) {
      const Tensor there = times_outputs(problem.K_star, problem.z0, "the kernel K_star");
      require_shape(problem.z0_star, there.sizes(), "z0_star");
    }
  }

  std::int64_t size() const { return problem_.z0.numel() + (elsewhere() ? problem_.z0_star.numel() : 0); }
  bool elsewhere() const { return problem_.K_star.defined(); }

  Tensor start() const {  // [size]
    const Tensor z0 = problem_.z0.reshape({-1});
    return elsewhere() ? at::cat({z0, problem_.z0_star.reshape({-1})}) : z0;
  }

  // -K dL/dz and -K* dL/dz.
  Tensor force(const Tensor& state) const {  // [size] -> [size]
    const Tensor z = state.narrow(0, 0, problem_.z0.numel()).view(problem_.z0.sizes());
    const Tensor slope = loss_.slope(z, problem_.y);
    const Tensor here = times_outputs(problem_.K, slope, "the kernel K").reshape({-1});
    if (!elsewhere()) return -here;
    return -at::cat({here, times_outputs(problem_.K_star, slope, "the kernel K_star").reshape({-1})});
  }

  // states [k, size or more]
  OutputCurve curve(std::vector<double> times, const Tensor& states) const {
    OutputCurve curve{.times = std::move(times)};
    const auto part = [&](std::int64_t from, const Tensor& like) {
      return states.narrow(1, from, like.numel()).reshape({states.size(0), like.size(0), like.size(1)});
    };
    curve.train = part(0, problem_.z0);
    if (elsewhere()) curve.elsewhere = part(problem_.z0.numel(), problem_.z0_star);
    return curve;
  }

 private:
  const KernelProblem& problem_;
  const TrainingLoss& loss_;
};

using Force = std::function<Tensor(const Tensor&)>;  // [m] -> [m]

// s_dot = force(s), or s_ddot + friction s_dot = force(s) with the velocity behind the state.
Outcome<Trajectory> flow_of(const Force& force, const Tensor& start, const FlowOptions& options) {
  if (!options.friction) return flow_along(force, start, options.horizon, options.times, options.controller);
  const std::int64_t m = start.numel();
  const Force with_friction = [&](const Tensor& s) -> Tensor {
    const Tensor velocity = s.narrow(0, m, m);
    return at::cat({velocity, force(s.narrow(0, 0, m)) - *options.friction * velocity});
  };
  return flow_along(with_friction, at::cat({start, at::zeros_like(start)}), options.horizon, options.times,
                    options.controller);
}

struct Descent {
  std::vector<double> steps;
  Tensor states;  // [k, m]
};

Outcome<Descent> descent_of(const Force& force, const Tensor& start, const DescentOptions& options) {
  require(options.step > 0 && options.momentum >= 0 && options.momentum < 1 && options.steps >= 0 && options.every > 0,
          fmt::format("gradient descent needs a positive step, momentum in [0, 1), steps >= 0 and every > 0; got {}, "
                      "{}, {} and {}",
                      options.step, options.momentum, options.steps, options.every));
  at::NoGradGuard no_gradient;
  Descent descent;
  std::vector<Tensor> saved;
  Tensor state = start.detach().clone(), velocity = at::zeros_like(state);
  for (std::int64_t k = 0;; ++k) {
    if (k % options.every == 0 || k == options.steps) {
      descent.steps.push_back(static_cast<double>(k));
      saved.push_back(state.clone());
    }
    const bool finite = at::isfinite(state).all().item<bool>();
    if (k == options.steps || !finite) {
      descent.states = at::stack(saved);
      if (finite) return descent;
      return {
          std::move(descent),
          Failure{FailureKind::divergence, fmt::format("the state left the finite numbers in step {}", k),
                  "take a smaller step: below 2 / (the largest eigenvalue of the Hessian)", static_cast<double>(k)}};
    }
    if (options.momentum == 0) {
      state = at::add(state, force(state), options.step);
      continue;
    }
    velocity = options.momentum * velocity + options.step * force(state);
    state = state + velocity;
  }
}

Force parameter_force(const ParametricMap& map, const Tensor& x, const Tensor& y, const TrainingLoss& loss,
                      const Tensor& rates) {
  require(map.theta.defined() && map.theta.dim() == 1,
          "the parameters of a parametric map must be one flat tensor, got " + describe(map.theta));
  if (rates.defined()) require_shape(rates, map.theta.sizes(), "the rates of the training");
  return [map, x = x.detach(), y, loss, rates](const Tensor& theta) -> Tensor {
    const Tensor g = gradient_of([&](const Tensor& at) { return loss.value(map.f(x, at), y); }, theta);
    return rates.defined() ? -rates * g : -g;
  };
}

}  // namespace

Tensor TrainingLoss::value(const Tensor& z, const Tensor& y) const {
  return weight * (*cost)(0, z, y).mean();
}

Tensor TrainingLoss::slope(const Tensor& z, const Tensor& y) const {
  at::AutoGradMode with_gradient(true);
  const Tensor leaf = z.detach().requires_grad_();
  return torch::autograd::grad({value(leaf, y)}, {leaf})[0].detach();
}

SquareLossFlow::SquareLossFlow(const Tensor& K) {
  check_square(K);
  const Tensor symmetric = 0.5 * (K + K.t());
  require((K - symmetric).abs().max().item<double>() <= 1e-6 * K.abs().max().item<double>(),
          "a tangent kernel on the training samples must be symmetric, got " + describe(K) + " that is not");
  std::tie(eigenvalues_, eigenvectors_) = at::linalg_eigh(symmetric);
  eigenvalues_ = eigenvalues_.clamp_min(0);
}

double SquareLossFlow::largest_stable_step(std::int64_t n) const {
  return 2 * static_cast<double>(n) / eigenvalues_.max().item<double>();
}

namespace {

// V diag(factors) V' v
Tensor by_modes(const Tensor& V, const Tensor& factors, const Tensor& v) {
  const Tensor modes = times_outputs(V.t(), v, "the kernel");
  const Tensor column = V.size(0) == v.size(0) ? factors.unsqueeze(1) : factors.view({-1, v.size(1)});
  return times_outputs(V, column * modes, "the kernel");
}

}  // namespace

Tensor SquareLossFlow::residual(const Tensor& r0, double t) const {
  require(t >= 0, fmt::format("the time of a training flow must not be negative, got {}", t));
  const double n = static_cast<double>(r0.size(0));
  return by_modes(eigenvectors_, at::exp(-eigenvalues_ * (t / n)), r0);
}

Tensor SquareLossFlow::residual_after(const Tensor& r0, double step, std::int64_t n_steps) const {
  const double n = static_cast<double>(r0.size(0));
  return by_modes(eigenvectors_, at::pow(1 - eigenvalues_ * (step / n), static_cast<double>(n_steps)), r0);
}

Tensor SquareLossFlow::train(const Tensor& z0, const Tensor& y, double t) const {
  require_shape(y, z0.sizes(), "y");
  return y + residual(z0 - y, t);
}

Tensor SquareLossFlow::elsewhere(const Tensor& K_star, const Tensor& z0_star, const Tensor& z0, const Tensor& y,
                                 double t) const {
  require_shape(y, z0.sizes(), "y");
  require(t >= 0, fmt::format("the time of a training flow must not be negative, got {}", t));
  // (1 - e^{-lambda t/n}) / lambda, t/n where lambda is 0
  const double s = t / static_cast<double>(z0.size(0));
  const Tensor factors =
      at::where(eigenvalues_ * s > 0, -at::expm1(-eigenvalues_ * s) / eigenvalues_, at::full_like(eigenvalues_, s));
  return z0_star + times_outputs(K_star, by_modes(eigenvectors_, factors, y - z0), "the kernel K_star");
}

Tensor square_loss_limit(const Tensor& K, const Tensor& K_star, const Tensor& z0_star, const Tensor& z0,
                         const Tensor& y, double ridge) {
  check_square(K);
  require_shape(y, z0.sizes(), "y");
  require(ridge >= 0, fmt::format("the ridge must not be negative, got {}", ridge));
  times_outputs(K, z0, "the kernel K");
  Tensor shifted = K.clone();
  shifted.diagonal().add_(ridge);
  const auto [factor, info] = at::linalg_cholesky_ex(shifted);
  if (info.item<std::int64_t>() != 0)
    throw Error(
        fmt::format("the tangent kernel of {} rows is not positive definite: two samples may be alike, or the "
                    "network may have too few parameters; add a ridge",
                    K.size(0)));
  const Tensor r = y - z0;
  const Tensor right = K.size(0) == r.size(0) ? r : r.reshape({-1, 1});
  const Tensor c = at::cholesky_solve(right, factor).view(r.sizes());
  return z0_star + times_outputs(K_star, c, "the kernel K_star");
}

Outcome<OutputCurve> kernel_flow(const KernelProblem& problem, const TrainingLoss& loss, const FlowOptions& options) {
  const KernelField field(problem, loss);
  Outcome<Trajectory> run = flow_of([&](const Tensor& state) { return field.force(state); }, field.start(), options);
  OutputCurve curve = field.curve(run.partial().times, run.partial().states.squeeze(1));
  if (!run) return {std::move(curve), run.failure()};
  return curve;
}

Outcome<OutputCurve> kernel_descent(const KernelProblem& problem, const TrainingLoss& loss,
                                    const DescentOptions& options) {
  const KernelField field(problem, loss);
  Outcome<Descent> run = descent_of([&](const Tensor& state) { return field.force(state); }, field.start(), options);
  OutputCurve curve = field.curve(run.partial().steps, run.partial().states);
  if (!run) return {std::move(curve), run.failure()};
  return curve;
}

Outcome<ParameterCurve> network_flow(const ParametricMap& map, const Tensor& x, const Tensor& y,
                                     const TrainingLoss& loss, const FlowOptions& options, const Tensor& rates) {
  Outcome<Trajectory> run = flow_of(parameter_force(map, x, y, loss, rates), map.theta, options);
  const Trajectory& path = run.partial();
  ParameterCurve curve{.times = path.times,
                       .theta = path.states.squeeze(1).narrow(1, 0, map.theta.numel()),
                       .evaluations = path.evaluations};
  if (!run) return {std::move(curve), run.failure()};
  return curve;
}

Outcome<ParameterCurve> network_descent(const ParametricMap& map, const Tensor& x, const Tensor& y,
                                        const TrainingLoss& loss, const DescentOptions& options, const Tensor& rates) {
  Outcome<Descent> run = descent_of(parameter_force(map, x, y, loss, rates), map.theta, options);
  ParameterCurve curve{.times = run.partial().steps,
                       .theta = run.partial().states,
                       .evaluations = static_cast<std::int64_t>(options.steps)};
  if (!run) return {std::move(curve), run.failure()};
  return curve;
}

}  // namespace turnpike
