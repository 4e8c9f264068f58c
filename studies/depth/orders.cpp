// D1. The end state of a network of K layers against the differential equation's, for every explicit scheme.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr std::int64_t n_samples = 5, reference_steps = 1024, coarsest = 8;

struct Problem {
  FieldPtr layer;                           // sigma(W x + b)
  std::function<Tensor(double t)> control;  // (W, b)(t)
  Tensor x0;                                // [N, d]
  double horizon;

  Tensor end(const char* scheme, std::int64_t layers) const {
    const Flow flow = Flow::uniform(controlled(layer, control), scheme, horizon, layers, ControlKind::shared);
    return flow.roll(x0, at::zeros({1, 1}, at::kDouble)).end;
  }
};

Problem random_problem(const StudyContext& study, std::int64_t repetition) {
  Random random = study.random("problem", repetition);
  Problem problem{.horizon = study.real("T")};
  problem.layer = outer_field({.dimension = study.integer("width"), .activation = Activation::tanh});
  problem.control = smooth_control(*problem.layer, problem.horizon, 1.0, random);
  problem.x0 = normal_tensor({n_samples, study.integer("width")}, random);
  return problem;
}

double distance(const Tensor& a, const Tensor& b) {
  return (a - b).norm(2, {1}).max().item<double>();
}

// x_{k+1} = x_k + h sigma(W_k x_k + b_k) written out, beside the engine's Euler flow with the same weights.
double residual_network_gap(const Problem& problem, std::int64_t layers) {
  const std::int64_t d = problem.x0.size(1);
  const double h = problem.horizon / layers;
  Tensor x = problem.x0;
  std::vector<Tensor> values;
  for (std::int64_t k = 0; k < layers; ++k) {
    const Tensor u = problem.control(k * h);
    const Tensor W = u.slice(0, 0, d * d).view({d, d}), b = u.slice(0, d * d);
    x = x + h * at::tanh(at::matmul(x, W.t()) + b);
    values.push_back(u);
  }
  const Flow flow = Flow::uniform(problem.layer, "euler", problem.horizon, layers);
  return distance(flow.roll(problem.x0, at::stack(values)).end, x);
}

}  // namespace

StudyReport run_orders(StudyContext& study) {
  struct Family {
    const char *scheme, *title;
    double order;
  };
  const Family families[] = {
      {"euler", "Euler", 1}, {"midpoint", "midpoint", 2}, {"heun", "Heun", 2}, {"rk4", "RK4", 4}};
  StudyReport report;
  Figure figure({.title = "Layers as steps",
                 .caption = "Error of the end state against the layer's step $h = T/K$, first seed. Dashed: the "
                            "predicted slopes 1, 2 and 4 through the middle points."});
  Panel& panel = figure.panel();
  panel.x({.label = "step $h$", .scale = Scale::log}).y({.label = "$|x_K - x(T)|$", .scale = Scale::log});

  std::vector<Tensor> references;
  std::vector<Problem> problems;
  double gap = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    problems.push_back(random_problem(study, s));
    references.push_back(problems.back().end("dopri5", reference_steps));
    gap = std::max(gap, residual_network_gap(problems.back(), 50));
  }
  report.checks.push_back(
      check_equal("D1", "residual network of 50 layers against an Euler flow, end states", "", 0, gap, 1e-13));

  int done = 0;
  for (const Family& family : families) {
    std::vector<double> slopes;
    double farthest = family.order;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("orders", done++, 4 * study.seeds(), family.title);
      const Problem& problem = problems[s];
      const OrderMeasurement order = measure_order(
          [&](double h) {
            return distance(problem.end(family.scheme, std::llround(problem.horizon / h)), references[s]);
          },
          problem.horizon / coarsest, static_cast<int>(study.integer("refinements")));
      slopes.push_back(order.fit.slope);
      if (s == 0 || std::abs(order.fit.slope - family.order) > std::abs(farthest - family.order))
        farthest = order.fit.slope;
      if (s == 0) {
        panel.line(order.h, order.error, {.label = family.title, .marker = Marker::circle});
        const std::size_t middle = order.h.size() / 2;
        std::vector<double> guide;
        for (double h : order.h) guide.push_back(order.error[middle] * std::pow(h / order.h[middle], family.order));
        panel.line(order.h, guide, {.colour = ink::muted, .dash = Dash::dashed, .width = 1});
      }
    }
    Check check = check_equal("D1", fmt::format("order of {}, farthest of {} seeds", family.title, study.seeds()), "",
                              family.order, farthest, 0.15);
    if (slopes.size() > 1) {
      const Interval interval = mean_interval(slopes);
      check.interval = {interval.low, interval.high};
    }
    report.checks.push_back(check);
  }
  report.figures.push_back({"orders", figure});
  report.method.push_back(fmt::format(
      "$\\dot x = \\tanh(W(t)x + b(t))$ in dimension {} with random weights $a + b\\sin(2\\pi t/T) + c\\cos(2\\pi "
      "t/T)$, "
      "{} samples, {} seeds. The reference end state is Dormand-Prince with {} fixed steps; the slope is fitted to the "
      "five finest refinements above round-off ($10^{{-12}}$).",
      study.integer("width"), n_samples, study.seeds(), reference_steps));
  return report;
}

}  // namespace turnpike::studies
