// D12. States rebuilt from the last one, and the memory of the backward pass.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/device.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// max over samples of |x_k rebuilt - x_k|, for k = K .. 0.
// `disturbance` is added to the last state.
std::vector<double> rebuilding_errors(const Flow& flow, const Tensor& x0, const Tensor& control,
                                      double disturbance = 0) {
  at::NoGradGuard no_gradient;
  const Tensor states = flow.roll(x0, control, {.save = Save::all}).states;
  const std::int64_t K = flow.mesh.steps();
  std::vector<double> errors(static_cast<std::size_t>(K) + 1, 0.0);
  Tensor x = states[K] + disturbance;
  for (std::int64_t k = K; k-- > 0;) {
    const double t = flow.mesh.times[k], h = flow.mesh.times[k + 1] - t;
    const Tensor u = control[flow.grid.kind() == ControlKind::shared ? 0 : k];
    Rates rates;
    rates.full = [&](double time, const Tensor& z) { return (*flow.field)(time, z, u); };
    rates.first = [&](double time, const Tensor& p) { return flow.field->first_rate(time, p, u); };
    rates.second = [&](double time, const Tensor& q) { return flow.field->second_rate(time, q, u); };
    x = flow.scheme->inverse(rates, t, h, x);
    errors[k] = (x - states[k]).norm(2, {1}).max().item<double>();
  }
  return errors;
}

Tensor gradient(const Flow& flow, const Tensor& x0, const Tensor& control) {
  const Tensor x = x0.detach().clone().requires_grad_(), u = control.detach().clone().requires_grad_();
  flow.roll(x, u).end.square().sum().backward();
  return at::cat({x.grad().reshape({-1}), u.grad().reshape({-1})});
}

}  // namespace

StudyReport run_reversible(StudyContext& study) {
  const std::int64_t d = study.integer("width"), deepest = study.integer("layers");
  const double horizon = study.real("T");
  StudyReport report;
  Figure figure({.title = "Rebuilt states",
                 .caption = "Distance of the rebuilt from the true state through depth, first seed. Left: Hamiltonian "
                            "layers. Right: $\\dot x = -2\\tanh x$, which forgets: rebuilding multiplies an "
                            "error of $10^{-12}$ by $e^{2(T - t)}$."});
  Panel& panel = figure.panel("Hamiltonian");
  panel.x({.label = "time $t$"}).y({.label = "error of the rebuilt state", .scale = Scale::log});

  for (const char* scheme : {"symplectic_euler", "verlet", "implicit_midpoint"}) {
    // Newton's method at every layer: fewer layers suffice to see rounding.
    const std::int64_t layers = std::string_view(scheme) == "implicit_midpoint" ? deepest / 8 : deepest;
    double worst = 0, worst_gradient = 0;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("rebuilding", s, study.seeds(), scheme);
      Random random = study.random("rebuilding", s);
      const FieldPtr field = paired_hamiltonian_field({.dimension = d});
      Flow flow = Flow::uniform(field, scheme, horizon, layers);
      const Tensor x0 = normal_tensor({8, d}, random);
      // One smooth random control, sampled at the layers.
      const auto control_at = smooth_control(*field, horizon, 1.0, random);
      std::vector<Tensor> values;
      for (std::int64_t k = 0; k < layers; ++k) values.push_back(control_at(flow.mesh.times[k]));
      const Tensor control = at::stack(values);
      const std::vector<double> errors = rebuilding_errors(flow, x0, control);
      worst = std::max(worst, *std::max_element(errors.begin(), errors.end()));
      if (s == 0) panel.line(flow.mesh.times, errors, {.label = scheme});
      const Tensor exact = gradient(flow, x0, control);
      flow.adjoint.kind = AdjointKind::reversible;
      worst_gradient =
          std::max(worst_gradient, ((gradient(flow, x0, control) - exact).norm() / exact.norm()).item<double>());
    }
    report.checks.push_back(check_equal(
        "D12", fmt::format("largest error of a rebuilt state, {}, {} layers", scheme, layers), "", 0, worst, 1e-10));
    report.checks.push_back(check_equal("D12", fmt::format("reversible against discrete gradient, {}", scheme),
                                        "relative", 0, worst_gradient, 1e-10));
  }

  // Peak memory, one layer shared over depth so that the gradient does not grow.
  const std::int64_t samples = 256;
  const FieldPtr field = paired_hamiltonian_field({.dimension = d});
  std::vector<double> depths, reversible_bytes, discrete_bytes;
  for (std::int64_t K = 64; K <= deepest; K *= 4) {
    study.at("memory", K, deepest);
    Random random = study.random("memory");
    Flow flow = Flow::uniform(field, "verlet", 2.0, K, ControlKind::shared);
    const Tensor x0 = normal_tensor({samples, d}, random), control = field->initial_control(1, 1.0, random);
    for (AdjointKind kind : {AdjointKind::reversible, AdjointKind::discrete}) {
      flow.adjoint.kind = kind;
      flow.adjoint.kernel = Kernel::reference;  // the fused kernels keep states outside libtorch's allocator
      PeakMemory peak;
      gradient(flow, x0, control);
      (kind == AdjointKind::reversible ? reversible_bytes : discrete_bytes)
          .push_back(static_cast<double>(peak.bytes()));
    }
    depths.push_back(static_cast<double>(K));
  }
  report.checks.push_back(check_equal("D12",
                                      fmt::format("peak memory at {} layers over that at 64, reversible", deepest), "",
                                      1, reversible_bytes.back() / reversible_bytes.front(), 0.01));
  report.checks.push_back(check_at_least("D12", "the same, states kept", "", 0.5 * depths.back() / depths.front(),
                                         discrete_bytes.back() / discrete_bytes.front()));

  // Outside the hypothesis: x_dot = -2 tanh x rebuilt by implicit midpoint; near 0 its flow contracts at rate 2.
  const FieldPtr contracting = inner_field({.dimension = 1});
  // A disturbance far above rounding shows the rate: rounding itself enters at every step, which adds a factor T - t.
  const double disturbance = 1e-12;
  const Flow flow = Flow::uniform(contracting, "implicit_midpoint", 8.0, 320, ControlKind::shared);
  const Tensor u = at::tensor({-2.0, 0.0}, at::kDouble).unsqueeze(0);
  Random random = study.random("contraction");
  const std::vector<double> errors = rebuilding_errors(flow, 0.1 * normal_tensor({20, 1}, random), u, disturbance);
  std::vector<double> time, error;
  for (std::size_t k = 0; k < errors.size(); ++k) {
    if (flow.mesh.times[k] < 2) continue;
    time.push_back(flow.mesh.times[k]);
    error.push_back(errors[k]);
  }
  const DecayFit growth = fit_decay(time, error);
  report.checks.push_back(check_equal("D12", "rate at which an error grows backward through a contraction of rate 2",
                                      "1/time", 2, growth.rate, 0.05)
                              .with(growth.rate_low, growth.rate_high));
  figure.panel("contraction")
      .x({.label = "time $t$"})
      .y({.label = "error of the rebuilt state", .scale = Scale::log})
      .line(flow.mesh.times, errors)
      .fit(growth, 2, 8);
  report.figures.push_back({"rebuilt", figure});
  Figure memory(
      {.title = "Memory of the backward pass", .caption = "Peak bytes against depth, Verlet layers, 256 samples."});
  memory.panel()
      .x({.label = "layers $K$", .scale = Scale::log})
      .y({.label = "peak bytes", .scale = Scale::log})
      .line(depths, discrete_bytes, {.label = "states kept", .marker = Marker::circle})
      .line(depths, reversible_bytes, {.label = "states rebuilt", .marker = Marker::square});
  report.figures.push_back({"memory", memory});
  report.findings.push_back(
      "Reversible in exact arithmetic is not yet reversible in floating point: a flow that contracts at rate $\\mu$ "
      "has a "
      "backward pass that multiplies rounding by $e^{\\mu T}$. The layers of this claim must neither contract nor "
      "expand.");
  report.method.push_back(
      fmt::format("Paired Hamiltonian layers $\\dot q = \\tanh(Kp + b)$, $\\dot p = \\tanh(-K'q + c)$ with smooth "
                  "random weights, $T = "
                  "{:g}$, 8 samples, {} seeds (implicit midpoint with an eighth of the layers).",
                  horizon, study.seeds()));
  return report;
}

}  // namespace turnpike::studies
