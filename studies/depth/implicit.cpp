// D13. Orders of the implicit schemes, and decay on a stiff stable field.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// W = -Q diag(1 .. stiffness, spaced geometrically) Q' and the eigenvector of its stiffest mode.
struct Stiff {
  Tensor W, fastest;
  double radius;
};

Stiff random_stiff(std::int64_t d, double radius, Random& random) {
  const Tensor Q = std::get<0>(at::linalg_qr(normal_tensor({d, d}, random)));
  const Tensor values = at::logspace(0, std::log10(radius), d, 10.0, at::kDouble);
  return {-at::matmul(Q * values, Q.t()), Q.select(1, d - 1), radius};
}

// States through `steps` layers of tanh(W x), [steps + 1, N, d].
Tensor states(const Stiff& stiff, const char* scheme, double h, std::int64_t steps, const Tensor& x0) {
  const std::int64_t d = x0.size(1);
  const Flow flow = Flow::uniform(outer_field({.dimension = d}), scheme, h * steps, steps, ControlKind::shared);
  const Tensor u = at::cat({stiff.W.reshape({-1}), at::zeros({d}, at::kDouble)}).unsqueeze(0);
  return flow.roll(x0, u, {.save = Save::all}).states;
}

Tensor energy(const Stiff& stiff, const Tensor& x) {
  return -(at::matmul(x, stiff.W) * x).sum(-1);  // -x'Wx, W symmetric
}

// max over samples and layers of E(x_{k+1}) / E(x_k), while E is above round-off.
double largest_gain(const Stiff& stiff, const char* scheme, double h, std::int64_t steps, const Tensor& x0) {
  const Tensor E = energy(stiff, states(stiff, scheme, h, steps, x0));
  const Tensor before = E.slice(0, 0, steps), after = E.slice(0, 1);
  const Tensor gain = at::where(before > 1e-20, after / before, at::zeros_like(before));
  return gain.max().item<double>();
}

// The largest step at which explicit Euler still shrinks a small state along the fastest mode, by bisection.
double euler_limit(const Stiff& stiff, std::int64_t steps) {
  const Tensor x0 = 1e-8 * stiff.fastest.unsqueeze(0);
  double low = 0, high = 8 / stiff.radius;
  for (int i = 0; i < 30; ++i) {
    const double h = (low + high) / 2;
    const double last = states(stiff, "euler", h, steps, x0)[-1].norm().item<double>();
    (last < 1e-8 ? low : high) = h;
  }
  return low;
}

}  // namespace

StudyReport run_implicit(StudyContext& study) {
  const std::int64_t d = study.integer("width"), steps = study.integer("steps");
  const double radius = study.real("stiffness");
  StudyReport report;

  struct Family {
    const char *scheme, *title;
    int order;
  };
  for (const Family& family :
       {Family{"implicit_euler", "implicit Euler", 1}, {"implicit_midpoint", "implicit midpoint", 2}}) {
    std::vector<double> slopes;
    double farthest = family.order;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("orders", s, study.seeds(), family.title);
      Random random = study.random("orders", s);
      const FieldPtr layer = outer_field({.dimension = d});
      const FieldPtr field = controlled(layer, smooth_control(*layer, 1.0, 1.0, random));
      const Tensor x0 = normal_tensor({3, d}, random), u = at::zeros({1, 1}, at::kDouble);
      const auto end = [&](const char* scheme, std::int64_t layers) {
        return Flow::uniform(field, scheme, 1.0, layers, ControlKind::shared).roll(x0, u).end;
      };
      const Tensor reference = end("dopri5", 512);
      const OrderMeasurement order = measure_order(
          [&](double h) { return (end(family.scheme, std::llround(1 / h)) - reference).norm().item<double>(); }, 0.125,
          7);
      slopes.push_back(order.fit.slope);
      if (std::abs(slopes.back() - family.order) >= std::abs(farthest - family.order)) farthest = slopes.back();
    }
    Check check = check_equal("D13", fmt::format("order of {}, farthest of {} seeds", family.title, study.seeds()), "",
                              family.order, farthest, 0.15);
    if (slopes.size() > 1) {
      const Interval interval = mean_interval(slopes);
      check.interval = {interval.low, interval.high};
    }
    report.checks.push_back(check);
  }

  // h rho(W) from 2^-4 to 2^10: far beyond the explicit limit 2.
  std::vector<double> scaled, explicit_gain, euler_gain, midpoint_gain;
  for (int k = -4; k <= 10; ++k) scaled.push_back(std::ldexp(1.0, k));
  double worst_euler = 0, worst_midpoint = 0;
  std::vector<double> limits;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("stiff", s);
    const Stiff stiff = random_stiff(d, radius, random);
    const Tensor x0 = normal_tensor({8, d}, random);
    for (double z : scaled) {
      study.at("decay", s, study.seeds());
      const double h = z / radius;
      const double by_euler = largest_gain(stiff, "implicit_euler", h, steps / 4, x0);
      const double by_midpoint = largest_gain(stiff, "implicit_midpoint", h, steps / 4, x0);
      worst_euler = std::max(worst_euler, by_euler);
      worst_midpoint = std::max(worst_midpoint, by_midpoint);
      if (s > 0) continue;
      euler_gain.push_back(by_euler);
      midpoint_gain.push_back(by_midpoint);
      explicit_gain.push_back(largest_gain(stiff, "euler", h, steps / 4, 1e-3 * x0));
    }
    limits.push_back(euler_limit(stiff, steps) * radius);
  }
  // Newton solves to 32 ulp; E then carries rho(W) times that.
  const double rounding = 1e-9;
  report.checks.push_back(
      check_at_most("D13", "largest $E(x_{k+1})/E(x_k)$ of implicit Euler, all steps", "", 1, worst_euler, rounding));
  report.checks.push_back(check_at_most("D13", "largest $E(x_{k+1})/E(x_k)$ of implicit midpoint, all steps", "", 1,
                                        worst_midpoint, rounding));
  double farthest = 2;
  for (double limit : limits)
    if (std::abs(limit - 2) >= std::abs(farthest - 2)) farthest = limit;
  Check limit = check_equal("D13", "step limit of explicit Euler, $h\\rho(W)$", "", 2, farthest, 0.02);
  report.checks.push_back(limit);
  report.checks.push_back(check_at_least("D13", "largest $E(x_{k+1})/E(x_k)$ of explicit Euler at $h\\rho(W) = 4$", "",
                                         1.5, explicit_gain[6]));

  Figure figure({.title = "Decay at every step",
                 .caption = "Largest gain of energy in one layer against the step, first seed. Below the line a layer "
                            "loses energy. The explicit network is started at a thousandth of the size: it gains "
                            "beyond $h\\rho = 2$ until tanh saturates."});
  figure.panel()
      .x({.label = "$h\\,\\rho(W)$", .scale = Scale::log})
      .y({.label = "largest $E(x_{k+1})/E(x_k)$", .scale = Scale::log})
      .line(scaled, explicit_gain, {.label = "explicit Euler", .marker = Marker::circle})
      .line(scaled, euler_gain, {.label = "implicit Euler", .marker = Marker::square})
      .line(scaled, midpoint_gain, {.label = "implicit midpoint", .marker = Marker::triangle})
      .y_mark(1, "no change")
      .x_mark(2, "$h\\rho = 2$");
  report.figures.push_back({"decay", figure});
  report.not_run.push_back(
      "stiffness 1000 with $h\\rho(W) > 100$: Newton's method of the implicit schemes does not converge there, where "
      "tanh is nearly a jump; the schemes report it instead of returning a state");
  report.method.push_back(fmt::format(
      "Orders on $\\dot x = \\tanh(W(t)x + b(t))$ with smooth random weights; decay on $\\dot x = \\tanh(Wx)$ with "
      "eigenvalues of $W$ from $-1$ to $-{:g}$ in a random basis, $h\\rho(W)$ from 1/16 to 1024, 8 starts, {} seeds. "
      "The "
      "limit of explicit Euler is found by bisection from a start of size $10^{{-8}}$ along the fastest mode.",
      radius, study.seeds()));
  return report;
}

}  // namespace turnpike::studies
