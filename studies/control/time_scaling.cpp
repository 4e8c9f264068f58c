// C1. The flow on [0, T] with u against the flow on [0, 1] with T u(T t).
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/objective.h>

namespace turnpike::studies {
namespace {

struct Case {
  const char* title;
  FieldPtr field;
};

// Largest distance between states of equal layers, relative to the largest state.
double state_gap(const FieldPtr& field, const char* scheme, ControlKind kind, double T, std::int64_t layers,
                 Random& random) {
  const Flow slow = Flow::uniform(field, scheme, T, layers, kind), fast = Flow::uniform(field, scheme, 1, layers, kind);
  const Tensor x0 = normal_tensor({6, field->dimension()}, random);
  const Tensor u = field->initial_control(slow.grid.slots(), 2 / T, random);
  const Tensor a = slow.roll(x0, u, {.save = Save::all}).states, b = fast.roll(x0, T * u, {.save = Save::all}).states;
  return ((a - b).abs().max() / a.abs().max()).item<double>();
}

}  // namespace

StudyReport run_time_scaling(StudyContext& study) {
  at::NoGradGuard no_gradient;
  const double T = study.real("T"), lambda = study.real("lambda");
  const std::int64_t layers = study.integer("layers"), d = 3;
  StudyReport report;
  const Case homogeneous[] = {{"$W\\tanh(x) + b$", inner_field({.dimension = d})},
                              {"relu$(Wx + b)$", outer_field({.dimension = d, .activation = Activation::relu})}};
  const char* schemes[] = {"euler", "midpoint", "heun", "rk4", "dopri5", "implicit_euler", "implicit_midpoint"};
  for (const char* scheme : schemes) {
    double worst = 0;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("states", s, study.seeds(), scheme);
      for (const Case& c : homogeneous) {
        // Newton's method needs a smooth field.
        if (std::string_view(scheme).starts_with("implicit") && c.field == homogeneous[1].field) continue;
        Random random = study.random("states", s);
        for (ControlKind kind : {ControlKind::constant, ControlKind::linear})
          worst = std::max(worst, state_gap(c.field, scheme, kind, T, layers, random));
      }
    }
    report.checks.push_back(
        check_equal("C1", fmt::format("states of both networks, {}", scheme), "relative", 0, worst, 1e-12));
  }
  double least = 1e300;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("null", s);
    least =
        std::min(least, state_gap(outer_field({.dimension = d}), "euler", ControlKind::constant, T, layers, random));
  }
  report.checks.push_back(check_at_least("C1", "the same for $\\tanh(Wx + b)$, which is not homogeneous: no identity",
                                         "relative", 1e-2, least));

  // Unequal layers: K on [0, T] against 2 K on [0, 1] with the same smooth control.
  struct Family {
    const char *scheme, *title;
    int order;
  };
  for (const Family& family : {Family{"euler", "Euler", 1}, {"midpoint", "midpoint", 2}, {"rk4", "RK4", 4}}) {
    std::vector<double> slopes;
    double farthest = family.order;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("unequal layers", s, study.seeds(), family.title);
      Random random = study.random("unequal", s);
      const FieldPtr field = homogeneous[0].field;
      const auto u = smooth_control(*field, 1.0, 1.0, random);  // on [0, 1]
      const FieldPtr fast = controlled(field, u);
      const FieldPtr slow = controlled(field, [u, T](double t) -> Tensor { return u(t / T) / T; });
      const Tensor x0 = normal_tensor({4, d}, random), none = at::zeros({1, 1}, at::kDouble);
      const OrderMeasurement order = measure_order(
          [&](double h) {
            const std::int64_t K = std::llround(1 / h);
            const Tensor a = Flow::uniform(slow, family.scheme, T, K, ControlKind::shared).roll(x0, none).end;
            const Tensor b = Flow::uniform(fast, family.scheme, 1, 2 * K, ControlKind::shared).roll(x0, none).end;
            return (a - b).norm().item<double>();
          },
          1.0 / 16, 6, 1e-13);
      slopes.push_back(order.fit.slope);
      if (std::abs(slopes.back() - family.order) >= std::abs(farthest - family.order)) farthest = slopes.back();
    }
    Check check = check_equal("C1", fmt::format("order of agreement with unequal layers, {}", family.title), "",
                              family.order, farthest, 0.15);
    if (slopes.size() > 1) {
      const Interval interval = mean_interval(slopes);
      check.interval = {interval.low, interval.high};
    }
    report.checks.push_back(check);
  }

  // The cost identity, with and without the factor T.
  double identity = 0, slide = 0, predicted_slide = 0;
  Figure figure({.title = "One curve, two clocks",
                 .caption =
                     "First coordinate of three samples through a network of depth $T$ (lines) and of depth 1 with "
                     "weights $T$ times as large (markers), against the fraction of the depth."});
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("cost", s);
    const FieldPtr field = homogeneous[0].field;
    const Flow slow = Flow::uniform(field, "euler", T, layers), fast = Flow::uniform(field, "euler", 1, layers);
    const Tensor x0 = normal_tensor({6, d}, random), y = normal_tensor({6, d}, random);
    const Tensor u = field->initial_control(layers, 2 / T, random);
    const Objective objective{.cost = make_cost("mean_square"),
                              .running = 0,
                              .terminal = 1,
                              .penalty = {.kind = PenaltyKind::l2, .weight = lambda}};
    const ObjectiveValue on_T = objective(slow, x0, u, {}, y), on_1 = objective(fast, x0, T * u, {}, y);
    const double left = on_T.total.item<double>(), phi = on_1.terminal.item<double>(),
                 penalty = on_1.penalty.item<double>();
    identity = std::max(identity, std::abs(left - (T * phi + penalty) / T) / left);
    if (s == 0) {
      slide = left - (phi + penalty) / T;
      predicted_slide = phi * (1 - 1 / T);
      const Tensor a = slow.roll(x0, u, {.save = Save::all}).states,
                   b = fast.roll(x0, T * u, {.save = Save::all}).states;
      Panel& panel = figure.panel();
      panel.x({.label = "fraction of the depth"}).y({.label = "$x_1$"});
      std::vector<double> fraction = fast.mesh.times;
      for (int i = 0; i < 3; ++i) {
        panel.line(fraction, numbers(a.select(1, i).select(1, 0)), {.label = i == 0 ? "depth $T$" : "", .colour = i});
        panel.points(
            fraction, numbers(b.select(1, i).select(1, 0)),
            {.label = i == 0 ? "depth 1, weights $T u$" : "", .colour = i, .marker = Marker::circle, .size = 4});
      }
    }
  }
  report.checks.push_back(check_equal("C1", "cost on $[0, T]$ against $(T\\phi + \\lambda\\int|u^1|^2)/T$", "relative",
                                      0, identity, 1e-12));
  report.checks.push_back(check_equal("C1",
                                      "what the slide's last line, without the factor $T$, lacks: $\\phi\\,(1 - 1/T)$",
                                      "", predicted_slide, slide, 1e-12 * (1 + std::abs(predicted_slide))));
  report.figures.push_back({"clocks", figure});
  report.method.push_back(
      fmt::format("Random controls, $T = {:g}$, {} layers, dimension {}, {} seeds; controls piecewise constant and "
                  "piecewise linear. "
                  "The implicit schemes run on the smooth field alone.",
                  T, layers, d, study.seeds()));
  return report;
}

}  // namespace turnpike::studies
