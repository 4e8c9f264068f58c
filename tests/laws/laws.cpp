#include <turnpike/laws/laws.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

Tensor random_tensor(at::IntArrayRef sizes, Random& random) {
  Tensor tensor = at::empty(sizes, at::kDouble);
  double* entry = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) entry[i] = random.normal();
  return tensor;
}

// q_dot = A' tanh(A p + sin t), p_dot = -B' sin(B q) - q^3/4 + cos(2 t): nonlinear, non-autonomous, coupled,
// partitioned, and Hamiltonian: H = sum ln cosh(A p + sin t) - sum cos(B q) + sum q^4/16 - cos(2 t) sum q.
class ProbeField final : public VectorField {
 public:
  std::string name() const override { return "probe"; }
  std::int64_t dimension() const override { return 4; }
  std::int64_t n_parameters() const override { return 1; }
  FieldFacts facts() const override { return {.partitioned = true}; }
  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
    return at::cat({first_rate(t, x.narrow(1, 2, 2), u), second_rate(t, x.narrow(1, 0, 2), u)}, 1);
  }
  Tensor first_rate(double t, const Tensor& p, const Tensor&) const override {
    const Tensor A = matrix(0.9, -0.4, 0.3, 1.1);
    return at::mm(at::tanh(at::mm(p, A.t()) + std::sin(t)), A);
  }
  Tensor second_rate(double t, const Tensor& q, const Tensor&) const override {
    const Tensor B = matrix(-1.2, 0.5, 0.2, -0.7);
    return -at::mm(at::sin(at::mm(q, B.t())), B) - q.pow(3) / 4 + std::cos(2 * t);
  }

 private:
  static Tensor matrix(double a, double b, double c, double d) {
    return at::tensor({a, b, c, d}, at::kDouble).view({2, 2});
  }
};

const VectorField& probe() {
  static const ProbeField field;
  return field;
}

constexpr double probe_horizon = 2.4;

Tensor probe_start() {
  return at::tensor({0.4, -0.7, 0.2, 0.9, -0.3, 0.5, 1.0, -0.2}, at::kDouble).view({2, 4});
}

Rates probe_rates() {
  const Tensor u = at::zeros({1}, at::kDouble);
  return {[u](double t, const Tensor& x) { return probe()(t, x, u); },
          [u](double t, const Tensor& p) { return probe().first_rate(t, p, u); },
          [u](double t, const Tensor& q) { return probe().second_rate(t, q, u); }};
}

struct ProbeRun {
  Tensor end;
  Tensor integral;  // of each entry's square, [2, 4]
};

ProbeRun run_probe(const Scheme& scheme, std::int64_t steps) {
  at::NoGradGuard no_gradient;
  const Rates rates = probe_rates();
  const double h = probe_horizon / static_cast<double>(steps);
  ProbeRun run{probe_start(), at::zeros({2, 4}, at::kDouble)};
  for (std::int64_t k = 0; k < steps; ++k) {
    const StepResult step = scheme.step(rates, static_cast<double>(k) * h, h, run.end, {.nodes = true});
    for (const QuadratureNode& node : step.nodes) run.integral += node.weight * node.x.square();
    run.end = step.x1;
  }
  return run;
}

const ProbeRun& probe_truth() {  // 3000 steps of order 5: error below 1e-15
  static const ProbeRun truth = run_probe(*make_scheme("dopri5"), 3000);
  return truth;
}

std::int64_t steps_for(double h) {
  return static_cast<std::int64_t>(std::llround(probe_horizon / h));
}

// High orders reach round-off soon: their ladder of steps is finer.
struct Ladder {
  double h0, ratio;
  int steps;
};
Ladder ladder_for(int order) {
  return order >= 4 ? Ladder{probe_horizon / 8, std::numbers::sqrt2, 11} : Ladder{probe_horizon / 8, 2, 8};
}

}  // namespace

Law all_of(const std::vector<Law>& laws) {
  std::string text;
  for (const Law& law : laws) {
    if (!law.holds) return law;
    text += (text.empty() ? "" : "; ") + law.text;
  }
  return {true, text, 0};
}

Law expect_order(const std::string& what, const std::function<double(double)>& error, double order, double h0,
                 int steps, double floor, double ratio) {
  std::vector<double> h, e;
  for (int i = 0; i < steps; ++i) {
    const double step = h0 / std::pow(ratio, i), value = error(step);
    if (value > floor && std::isfinite(value)) {
      h.push_back(step);
      e.push_back(value);
    }
  }
  // Coarse points are dropped while at least five finer ones remain.
  const std::size_t from = h.size() > 5 ? h.size() - 5 : 0;
  if (h.size() - from < 5) {
    return {false, fmt::format("{}: only {} of {} errors lie above round-off; start coarser", what, h.size(), steps),
            0};
  }
  const LineFit fit = fit_order(std::span(h).subspan(from), std::span(e).subspan(from));
  return {std::abs(fit.slope - order) <= 0.15,
          fmt::format("{}: order {} predicted, {:.3f} [{:.3f}, {:.3f}] measured, errors {:.2e} to {:.2e}", what, order,
                      fit.slope, fit.slope_low, fit.slope_high, e[from], e.back()),
          fit.slope};
}

Law expect_order(const Scheme& scheme) {
  const Ladder ladder = ladder_for(scheme.order());
  return expect_order(
      "scheme " + scheme.name(),
      [&](double h) { return (run_probe(scheme, steps_for(h)).end - probe_truth().end).abs().max().item<double>(); },
      scheme.order(), ladder.h0, ladder.steps, 1e-13, ladder.ratio);
}

Law expect_quadrature_order(const Scheme& scheme) {
  const Ladder ladder = ladder_for(scheme.order());
  return expect_order(
      "quadrature of " + scheme.name(),
      [&](double h) {
        return (run_probe(scheme, steps_for(h)).integral - probe_truth().integral).abs().max().item<double>();
      },
      scheme.order(), ladder.h0, ladder.steps, 1e-13, ladder.ratio);
}

Law expect_dense_order(const Scheme& scheme) {
  // One step of h, read at theta = 0.4, against many small steps: the local error of order min(order, 3 or 4) + 1.
  const double expected = scheme.order() >= 5 ? 5 : std::min(scheme.order(), 3) + 1;
  return expect_order(
      "dense output of " + scheme.name(),
      [&](double h) {
        at::NoGradGuard no_gradient;
        const double start = 0.3, theta = 0.4;
        const Tensor x0 = probe_start();
        const StepResult step = scheme.step(probe_rates(), start, h, x0, {.dense = true});
        Tensor x = x0;
        const SchemePtr exact = make_scheme("dopri5");
        const int fine = 64;
        for (int k = 0; k < fine; ++k)
          x = exact->step(probe_rates(), start + theta * h * k / fine, theta * h / fine, x, {}).x1;
        return (scheme.dense(step, x0, h, theta) - x).abs().max().item<double>();
      },
      expected, 0.4, 8, 1e-14);
}

Law expect_reversible(const Scheme& scheme, double tolerance) {
  at::NoGradGuard no_gradient;
  const Rates rates = probe_rates();
  const double h = 0.1;
  std::vector<Tensor> states{probe_start()};
  for (int k = 0; k < 50; ++k) states.push_back(scheme.step(rates, k * h, h, states.back(), {}).x1);
  Tensor x = states.back();
  double worst = 0;
  for (int k = 49; k >= 0; --k) {
    x = scheme.inverse(rates, k * h, h, x);
    worst = std::max(worst, (x - states[k]).abs().max().item<double>() / states[k].abs().max().item<double>());
  }
  return {worst <= tolerance,
          fmt::format("{} undone over 50 steps: largest relative gap {:.2e}, tolerance {:.0e}", scheme.name(), worst,
                      tolerance),
          worst};
}

Law expect_symplectic(const Scheme& scheme, double tolerance) {
  // Columns of the step's Jacobian by central differences of a step with h = 0.2: exact to about 1e-10; by autograd
  // instead.
  const Tensor x = probe_start().narrow(0, 0, 1).clone().requires_grad_();
  const Tensor x1 = scheme.step(probe_rates(), 0.1, 0.2, x, {}).x1;
  std::vector<Tensor> rows;
  for (int i = 0; i < 4; ++i) rows.push_back(torch::autograd::grad({x1[0][i]}, {x}, {}, true)[0][0]);
  const Tensor M = at::stack(rows), eye = at::eye(2, at::kDouble), zero = at::zeros({2, 2}, at::kDouble);
  const Tensor J = at::cat({at::cat({zero, eye}, 1), at::cat({-eye, zero}, 1)}, 0);
  const double gap = (at::mm(M.t(), at::mm(J, M)) - J).abs().max().item<double>();
  return {gap <= tolerance, fmt::format("{}: |M'JM - J| = {:.2e}, tolerance {:.0e}", scheme.name(), gap, tolerance),
          gap};
}

Law expect_adjoint(const LinearOperator& a, std::uint64_t seed, double tolerance) {
  Random random(seed);
  const Tensor v = random_tensor({a.cols}, random), w = random_tensor({a.rows}, random);
  const Tensor Av = a.apply(v), Aw = a.apply_transpose(w);
  const double left = Av.dot(w).item<double>(), right = v.dot(Aw).item<double>();
  const double scale = std::max(1e-300, Av.norm().item<double>() * w.norm().item<double>());
  const double gap = std::abs(left - right) / scale;
  return {gap <= tolerance, fmt::format("<Av,w> = {:.17g}, <v,A'w> = {:.17g}: relative gap {:.2e}", left, right, gap),
          gap};
}

namespace {

// Taylor remainders r(e) over a ladder of e: slope 2 within 0.1, or all at round-off (an affine function).
Law expect_slope_two(const std::string& what, const std::function<double(double)>& remainder, double scale) {
  std::vector<double> e, r;
  for (int i = 0; i < 8; ++i) {
    const double step = 0.02 * std::pow(0.5, i), value = remainder(step);
    if (!std::isfinite(value)) return {false, what + ": the Taylor remainder is not finite", value};
    if (value > 1e-12 * scale) {
      e.push_back(step);
      r.push_back(value);
    }
  }
  if (e.size() < 4) return {true, what + ": Taylor remainder at round-off", 2};
  const LineFit fit = fit_order(e, r);
  return {std::abs(fit.slope - 2) <= 0.1,
          fmt::format("{}: Taylor remainder of order {:.3f}, 2 predicted", what, fit.slope), fit.slope};
}

}  // namespace

Law expect_gradient(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, std::uint64_t seed) {
  Random random(seed);
  const Tensor point = x.detach().clone().requires_grad_();
  const Tensor value = f(point);
  Tensor gradient;
  if (value.requires_grad())
    gradient = torch::autograd::grad({value}, {point}, {}, false, false, /*allow_unused=*/true)[0];
  if (!gradient.defined()) gradient = at::zeros_like(point);  // f does not depend on x
  const Tensor v = random_tensor(x.sizes(), random) / std::sqrt(static_cast<double>(x.numel()));
  const double f0 = value.item<double>(), slope = (gradient * v).sum().item<double>();
  return expect_slope_two(
      "gradient",
      [&](double e) { return std::abs(f((x.detach() + e * v).requires_grad_()).item<double>() - f0 - e * slope); },
      std::max(1.0, std::abs(f0)));
}

Law expect_hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, std::uint64_t seed) {
  Random random(seed);
  const Tensor v = random_tensor(x.sizes(), random) / std::sqrt(static_cast<double>(x.numel())),
               w = random_tensor(x.sizes(), random);
  const auto gradient_at = [&](const Tensor& at, bool record) {
    const Tensor point = at.detach().clone().requires_grad_();
    const Tensor gradient = torch::autograd::grad({f(point)}, {point}, {}, record, record)[0];
    return std::pair{point, gradient};
  };
  const auto [point, gradient] = gradient_at(x, true);
  const Tensor Hv = torch::autograd::grad({(gradient * v).sum()}, {point})[0];
  const double g0 = (gradient * w).sum().item<double>(), slope = (Hv * w).sum().item<double>();
  return expect_slope_two(
      "hessian",
      [&](double e) {
        return std::abs((gradient_at(x + e * v, false).second * w).sum().item<double>() - g0 - e * slope);
      },
      std::max(1.0, std::abs(g0)));
}

Law expect_conserves(const std::string& what, const std::vector<double>& values, double tolerance) {
  require(!values.empty(), "expect_conserves: no values");
  double worst = 0;
  for (const double value : values) {
    const double gap = std::abs(value - values.front()) / std::max(1.0, std::abs(values.front()));
    worst = std::isfinite(gap) ? std::max(worst, gap) : INFINITY;
  }
  return {worst <= tolerance, fmt::format("{} drifts by {:.2e}, tolerance {:.0e}", what, worst, tolerance), worst};
}

Law expect_field(const VectorField& field, std::uint64_t seed) {
  Random random(seed);
  const std::int64_t d = field.dimension(), n = 5;
  const Tensor x = random_tensor({n, d}, random), y = random_tensor({n, d}, random);
  const Tensor u = random_tensor({field.n_parameters()}, random), w = random_tensor({n, d}, random);
  const std::string name = "field " + field.name();
  const double t = 0.37;
  std::vector<Law> laws;
  const auto relative_gap = [](const Tensor& a, const Tensor& b) {
    return (a - b).abs().max().item<double>() / std::max(1.0, b.abs().max().item<double>());
  };
  const auto add = [&](bool holds, const std::string& what, double measured) {
    laws.push_back({holds, fmt::format("{}: {} ({:.3g})", name, what, measured), measured});
  };

  const Tensor value = field(t, x, u);
  if (value.sizes() != x.sizes())
    return {false, fmt::format("{}: f(x) is {}, x is {}", name, describe(value), describe(x)), 0};
  add(value.isfinite().all().item<bool>(), "values are finite", value.abs().max().item<double>());

  const double alone = relative_gap(field(t, x.narrow(0, 2, 1), u), value.narrow(0, 2, 1));
  add(alone <= 1e-13, "a sample's rate does not depend on the others", alone);

  laws.push_back(expect_gradient([&](const Tensor& at) { return (field(t, at, u) * w).sum(); }, x, seed + 1));
  if (field.n_parameters() > 0) {
    laws.push_back(expect_gradient([&](const Tensor& at) { return (field(t, x, at) * w).sum(); }, u, seed + 2));
  }

  const FieldFacts facts = field.facts();
  if (facts.rests_at_zero) {
    const double speed = field(t, x, at::zeros_like(u)).abs().max().item<double>();
    add(speed == 0, "rests at zero control", speed);
  }
  if (facts.homogeneity) {
    const double a = 2.7, gap = relative_gap(field(t, x, a * u), std::pow(a, *facts.homogeneity) * value);
    add(gap <= 1e-13, "homogeneous in the control", gap);
  }
  if (facts.partitioned) {
    const std::int64_t half = d / 2;
    const double gap = relative_gap(
        at::cat({field.first_rate(t, x.narrow(1, half, half), u), field.second_rate(t, x.narrow(1, 0, half), u)}, 1),
        value);
    add(gap <= 1e-13, "the two halves' rates make up the field", gap);
  }
  if (const auto bound = field.lipschitz(u)) {
    const double ratio = ((field(t, x, u) - field(t, y, u)).norm(2, 1) / (x - y).norm(2, 1)).max().item<double>();
    add(ratio <= *bound * (1 + 1e-12), fmt::format("slopes below the Lipschitz bound {:.3g}", *bound), ratio);
  }
  const Tensor start = field.initial_control(3, 0.1, random);
  add(start.dim() == 2 && start.size(0) == 3 && start.size(1) == field.n_parameters() &&
          start.isfinite().all().item<bool>(),
      "initial control is [slots, P] and finite", 0);
  return all_of(laws);
}

Law expect_same_gradient(const Flow& a, const Flow& b, const Tensor& x0, const Tensor& control, double tolerance) {
  const auto gradients = [&](const Flow& flow) {
    const Tensor x = x0.detach().clone().requires_grad_(), u = control.detach().clone().requires_grad_();
    const Tensor end = flow.roll(x, u).end;
    return torch::autograd::grad({(end.square() + at::sin(end)).sum()}, {x, u});
  };
  const auto of_a = gradients(a), of_b = gradients(b);
  double gap = 0;
  for (int i = 0; i < 2; ++i)
    gap = std::max(gap, (of_a[i] - of_b[i]).norm().item<double>() / of_b[i].norm().item<double>());
  return {gap <= tolerance,
          fmt::format("gradients by {} and {} differ by {:.2e}, tolerance {:.0e}", name_of(a.adjoint.kind),
                      name_of(b.adjoint.kind), gap, tolerance),
          gap};
}

}  // namespace turnpike
