// T11. One step of gradient descent against the gradient flow and against the flow of the modified loss.
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/modified_loss.h>

#include "losses.h"

namespace turnpike::studies {
namespace {

constexpr double largest_step = 0.1;  // times the largest curvature
constexpr int halvings = 5;
// Over many steps the gaps are larger, 1e-6 and more of |w|.
constexpr StepController looser_steps{.rtol = 1e-11, .atol = 1e-13};

Tensor step(const Loss& loss, const Tensor& w, double eps) {
  return w - eps * gradient_of(loss, w);
}

double norm_of(const Tensor& v) {
  return v.norm().item<double>();
}

// The limit at eps = 0 of g(eps): a line through eps = e, e/2, e/4, e/8.
double limit_of(const std::function<double(double)>& g, double e) {
  std::vector<double> eps, values;
  for (int k = 0; k < 4; ++k) {
    eps.push_back(std::ldexp(e, -k));
    values.push_back(g(eps.back()));
  }
  return fit_line(eps, values).intercept;
}

struct Orders {
  std::vector<double> flow, modified, doubled, time_flow, time_modified;
};

struct Curves {
  OrderMeasurement flow, modified;
};

Curves measure(const LossCase& test, Orders& orders, const StudyContext& study, std::int64_t draw) {
  const Loss C = test.whole();
  const Tensor& w = test.start;
  const double first = largest_step / largest_curvature(C, w);
  const auto at = [&](const char* what) { study.at("draws", draw, study.seeds(), test.name + ", " + what); };
  // The gap after one step with the penalty weight * eps |grad C|^2, in units of the step's own length.
  const auto gap = [&](double eps, double weight) {
    const Tensor end = step(C, w, eps);
    const Tensor flow = gradient_flow(with_gradient_penalty(C, weight * eps), w, eps).value();
    return norm_of(end - flow) / norm_of(w);
  };
  at("one step");
  Curves curves;
  curves.flow = measure_order([&](double eps) { return gap(eps, 0); }, first, halvings);
  curves.modified = measure_order(
      [&](double eps) {
        return norm_of(step(C, w, eps) - gradient_flow(modified_loss(C, eps), w, eps).value()) / norm_of(w);
      },
      first, halvings);
  orders.flow.push_back(curves.flow.fit.slope);
  orders.modified.push_back(curves.modified.fit.slope);
  orders.doubled.push_back(measure_order([&](double eps) { return gap(eps, 0.5); }, first, halvings).fit.slope);

  // Over the time of 4 first steps.
  at("many steps");
  const double T = 4 * first;
  const Tensor flow_end = gradient_flow(C, w, T, looser_steps).value();
  const auto descend = [&](double eps) {
    Tensor v = w;
    for (std::int64_t k = std::llround(T / eps); k > 0; --k) v = step(C, v, eps);
    return v;
  };
  orders.time_flow.push_back(
      measure_order([&](double eps) { return norm_of(descend(eps) - flow_end); }, first, halvings).fit.slope);
  orders.time_modified.push_back(measure_order(
                                     [&](double eps) {
                                       return norm_of(descend(eps) -
                                                      gradient_flow(modified_loss(C, eps), w, T, looser_steps).value());
                                     },
                                     first, 6)
                                     .fit.slope);
  return curves;
}

// C = (w_1 w_2 - 1)^2 / 2: a valley of minima.
void draw_valley(Figure& figure) {
  const Loss C = [](const Tensor& w) -> Tensor { return 0.5 * (w[0] * w[1] - 1).square(); };
  const double eps = 0.05;
  const int n_steps = 24;
  Panel& panel = figure.panel("$C = (w_1w_2 - 1)^2/2$, step 0.05");
  panel.x({.label = "$w_1$", .low = 0.3, .high = 1.65}).y({.label = "$w_2$", .low = 2.15, .high = 2.85});
  Grid grid{.x_low = 0.3, .x_high = 1.65, .y_low = 2.15, .y_high = 2.85, .n_x = 86, .n_y = 71};
  for (long j = 0; j < grid.n_y; ++j)
    for (long i = 0; i < grid.n_x; ++i) grid.values.push_back(0.5 * std::pow(grid.x(i) * grid.y(j) - 1, 2));
  panel.contours(grid, {0.1, 0.8, 3}, {.colour = ink::muted, .width = 1});
  std::vector<double> valley_x, valley_y;
  for (double y = 2.15; y <= 2.85; y += 0.02) {
    valley_x.push_back(1 / y);
    valley_y.push_back(y);
  }
  panel.line(valley_x, valley_y, {.label = "minima", .colour = ink::text, .dash = Dash::dotted, .width = 1.2});
  const Tensor start = at::tensor({1.55, 2.75}, at::kDouble);
  const std::vector<double> times = numbers(at::linspace(0, n_steps * eps, 141, at::kDouble));
  const Tensor plain = gradient_flow_at(C, start, times).value();
  const Tensor modified = gradient_flow_at(modified_loss(C, eps), start, times).value();
  panel.line(numbers(plain.select(1, 0)), numbers(plain.select(1, 1)), {.label = "gradient flow", .colour = 0});
  panel.line(numbers(modified.select(1, 0)), numbers(modified.select(1, 1)), {.label = "modified flow", .colour = 1});
  std::vector<double> x, y;
  Tensor w = start;
  for (int k = 0; k <= n_steps; ++k) {
    x.push_back(w[0].item<double>());
    y.push_back(w[1].item<double>());
    w = step(C, w, eps);
  }
  panel.points(x, y, {.label = "gradient descent", .colour = ink::text, .marker = Marker::circle, .size = 5});
}

}  // namespace

StudyReport run_modified_loss(StudyContext& study) {
  StudyReport report;
  Figure figure(
      {.title = "The loss that gradient descent really follows",
       .caption = "Left: the steps of gradient descent leave the gradient flow for that of the modified "
                  "loss. Right: the gap after one step of the first draw, "
                  "relative to $|w|$; solid, to the gradient flow (order 2), dashed, to the modified flow (order 3)."});
  draw_valley(figure);
  Panel& panel = figure.panel("one step, two flows");
  panel.x({.label = "step $\\epsilon\\lambda_{max}$", .scale = Scale::log}).y({.label = "gap", .scale = Scale::log});
  Orders orders;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("losses", s);
    const LossCase cases[] = {quadratic_case(6, 1, random), log_cosh_case(6, 1, random), network_case(2, random)};
    int colour = 0;
    for (const LossCase& test : cases) {
      const Curves curves = measure(test, orders, study, s);
      if (s > 0) continue;
      const double top = largest_step / curves.flow.h[0];
      std::vector<double> x;
      for (const double h : curves.flow.h) x.push_back(h * top);
      panel.line(x, curves.flow.error, {.label = test.name, .colour = colour, .marker = Marker::circle, .size = 4});
      panel.line(x, curves.modified.error,
                 {.colour = colour, .dash = Dash::dashed, .marker = Marker::square, .size = 4});
      ++colour;
    }
  }
  report.checks.push_back(
      check_each_equal("T11", "order of the gap after one step to the gradient flow", "", 2, orders.flow, 0.15));
  report.checks.push_back(
      check_each_equal("T11", "to the flow of $C + \\epsilon/4 |\\nabla C|^2$", "", 3, orders.modified, 0.15));
  report.checks.push_back(check_each_equal("T11", "to that of $C + \\epsilon/2 |\\nabla C|^2$: no better than none", "",
                                           2, orders.doubled, 0.15));
  report.checks.push_back(
      check_each_equal("T11", "order over a fixed time, gradient flow", "", 1, orders.time_flow, 0.15));
  report.checks.push_back(
      check_each_equal("T11", "order over a fixed time, modified flow", "", 2, orders.time_modified, 0.15));

  for (const double lambda : {0.5, 2.0}) {
    const Loss C = [lambda](const Tensor& w) -> Tensor { return 0.5 * lambda * w.square().sum(); };
    const Tensor one = at::ones({1}, at::kDouble);
    const double plain = limit_of(
        [&](double e) { return (step(C, one, e) - gradient_flow(C, one, e).value()).item<double>() / (e * e); },
        0.02 / lambda);
    const double modified = limit_of(
        [&](double e) {
          return (step(C, one, e) - gradient_flow(modified_loss(C, e), one, e).value()).item<double>() / (e * e * e);
        },
        0.02 / lambda);
    report.checks.push_back(check_equal(
        "T11", fmt::format("parabola, $\\lambda = {:g}$: gap to the flow over $\\lambda^2\\epsilon^2$, limit", lambda),
        "", -0.5, plain / (lambda * lambda), 0.005));
    report.checks.push_back(check_equal(
        "T11",
        fmt::format("parabola, $\\lambda = {:g}$: to the modified flow over $\\lambda^3\\epsilon^3$, limit", lambda),
        "", -1.0 / 3, modified / std::pow(lambda, 3), 0.0033));
  }
  report.figures.push_back({"modified_loss", figure});
  report.method.push_back(
      "Three losses a draw: a quadratic and a sum of $\\log\\cosh$ in six dimensions, a tanh network of 13 parameters "
      "on ten samples. Flows by Dormand and Prince's pair at a relative tolerance of $10^{-13}$, gradients of the "
      "modified loss by a second backward pass. Orders over five steps, halved from "
      "$0.1/\\lambda_{\\max}$.");
  return report;
}

}  // namespace turnpike::studies
