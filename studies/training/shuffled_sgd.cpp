// T12. One epoch of SGD over all orders of its batches against the flow of the modified loss.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/modified_loss.h>

#include "losses.h"

namespace turnpike::studies {
namespace {

double norm_of(const Tensor& v) {
  return v.norm().item<double>();
}

// Where m steps end, in every order of the batches (or in every sequence of m, with replacement): the tree of all of
// them, so that common beginnings are walked once.
class Epochs {
 public:
  Epochs(const std::vector<Loss>& batches, double eps, bool replace)
      : batches_(batches), eps_(eps), replace_(replace), used_(batches.size(), false) {}

  Tensor ends(const Tensor& start) {  // [orders, n], the first in the given order
    ends_.clear();
    walk(start, 0);
    return at::stack(ends_);
  }

 private:
  void walk(const Tensor& w, std::size_t depth) {
    if (depth == batches_.size()) return ends_.push_back(w);
    for (std::size_t k = 0; k < batches_.size(); ++k) {
      if (used_[k] && !replace_) continue;
      used_[k] = true;
      walk(w - eps_ * gradient_of(batches_[k], w), depth + 1);
      used_[k] = false;
    }
  }

  const std::vector<Loss>& batches_;
  double eps_;
  bool replace_;
  std::vector<bool> used_;
  std::vector<Tensor> ends_;
};

struct Orders {
  std::vector<double> mean_modified, mean_flow, single, replaced_descent, replaced_sgd;
};

struct Curves {
  std::vector<double> eps, mean_modified, mean_flow, single;
};

Curves measure(const LossCase& test, Orders& orders, const StudyContext& study, std::int64_t draw) {
  const Loss C = test.whole();
  const Tensor& w = test.start;
  const auto m = static_cast<double>(test.batches.size());
  const double first = 0.1 / (m * largest_curvature(C, w));
  Curves curves;
  std::vector<double> replaced_descent, replaced_sgd;
  for (int k = 0; k < 5; ++k) {
    const double eps = std::ldexp(first, -k);
    study.at("draws", draw, study.seeds(), fmt::format("{}, step {} of 5", test.name, k + 1));
    const Tensor shuffled = Epochs(test.batches, eps, false).ends(w);
    const Tensor replaced = Epochs(test.batches, eps, true).ends(w).mean(0);
    const Tensor flow = gradient_flow(C, w, m * eps).value();
    const Tensor sgd = gradient_flow(modified_loss(test.batches, eps), w, m * eps).value();
    const Tensor descent = gradient_flow(modified_loss(C, eps), w, m * eps).value();
    curves.eps.push_back(eps);
    curves.mean_modified.push_back(norm_of(shuffled.mean(0) - sgd));
    curves.mean_flow.push_back(norm_of(shuffled.mean(0) - flow));
    curves.single.push_back(norm_of(shuffled[0] - sgd));
    replaced_descent.push_back(norm_of(replaced - descent));
    replaced_sgd.push_back(norm_of(replaced - sgd));
  }
  const auto order = [&](const std::vector<double>& gap) { return fit_order(curves.eps, gap).slope; };
  orders.mean_modified.push_back(order(curves.mean_modified));
  orders.mean_flow.push_back(order(curves.mean_flow));
  orders.single.push_back(order(curves.single));
  orders.replaced_descent.push_back(order(replaced_descent));
  orders.replaced_sgd.push_back(order(replaced_sgd));
  return curves;
}

// All orders of four batches in the plane.
void draw_orders(Figure& figure) {
  struct Batch {
    double a1, a2, c1, c2;  // log cosh of each coordinate, turned, around a centre
  };
  std::vector<Loss> batches;
  for (const Batch& b :
       {Batch{1.6, 0.4, 1.2, 0.3}, {0.4, 1.8, -0.9, 0.9}, {1.2, -1.3, 0.2, -1.1}, {1.0, 1.1, -0.4, -0.2}})
    batches.push_back([b](const Tensor& w) -> Tensor {
      const Tensor x = w[0] - b.c1, y = w[1] - b.c2;
      return at::log(at::cosh(b.a1 * x + b.a2 * y)) + at::log(at::cosh(b.a2 * x - b.a1 * y));
    });
  const Loss C = mean_loss(batches);
  const double eps = 0.08;
  const Tensor start = at::tensor({1.6, 1.4}, at::kDouble);
  const Tensor ends = Epochs(batches, eps, false).ends(start), mean = ends.mean(0);
  const Tensor flow = gradient_flow(C, start, 4 * eps).value();
  const Tensor modified = gradient_flow(modified_loss(batches, eps), start, 4 * eps).value();
  const auto mark = [](const Tensor& w, int axis) { return std::vector<double>{w[axis].item<double>()}; };
  figure.panel("where an epoch ends, 24 orders")
      .x({.label = "$w_1$"})
      .y({.label = "$w_2$"})
      .points(numbers(ends.select(1, 0)), numbers(ends.select(1, 1)),
              {.label = "an order", .colour = ink::muted, .marker = Marker::circle, .size = 5})
      .points(mark(mean, 0), mark(mean, 1),
              {.label = "mean of all", .colour = ink::text, .marker = Marker::cross, .size = 12})
      .points(mark(flow, 0), mark(flow, 1),
              {.label = "gradient flow", .colour = 0, .marker = Marker::diamond, .size = 10})
      .points(mark(modified, 0), mark(modified, 1),
              {.label = "modified flow", .colour = 1, .marker = Marker::square, .size = 9});
}

}  // namespace

StudyReport run_shuffled_sgd(StudyContext& study) {
  const std::int64_t m = study.integer("batches");
  StudyReport report;
  Figure figure({.title = "What shuffling adds to the loss",
                 .caption =
                     "Left: four batches with minima of their own; the mean of all orders is where the modified flow "
                     "ends, not the gradient flow. Right: gaps after one epoch of the network, first draw."});
  draw_orders(figure);
  Panel& panel = figure.panel(fmt::format("one epoch of {} batches", m));
  panel.x({.label = "step $\\epsilon$", .scale = Scale::log}).y({.label = "gap", .scale = Scale::log});
  Orders orders;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("batches", s);
    const LossCase cases[] = {quadratic_case(4, m, random), log_cosh_case(4, m, random), network_case(m, random)};
    for (const LossCase& test : cases) {
      const Curves curves = measure(test, orders, study, s);
      if (s > 0 || &test != &cases[2]) continue;
      panel.line(curves.eps, curves.mean_flow,
                 {.label = "mean, gradient flow", .colour = 0, .marker = Marker::diamond, .size = 5});
      panel.line(curves.eps, curves.single,
                 {.label = "one order, modified flow", .colour = 2, .marker = Marker::circle, .size = 5});
      panel.line(curves.eps, curves.mean_modified,
                 {.label = "mean, modified flow", .colour = 1, .marker = Marker::square, .size = 5});
    }
  }
  report.checks.push_back(
      check_each_equal("T12", "mean of all orders to the modified flow: order", "", 3, orders.mean_modified, 0.15));
  report.checks.push_back(
      check_each_equal("T12", "mean of all orders to the gradient flow: order", "", 2, orders.mean_flow, 0.15));
  report.checks.push_back(check_each_equal("T12", "one order to the modified flow: order", "", 2, orders.single, 0.15));
  report.checks.push_back(check_each_equal("T12",
                                           "with replacement, to the flow of $C + \\epsilon/4 |\\nabla C|^2$: order",
                                           "", 3, orders.replaced_descent, 0.15));
  report.checks.push_back(check_each_equal("T12", "with replacement, to the shuffle's modified flow: order", "", 2,
                                           orders.replaced_sgd, 0.15));

  // Parabolas with one minimum: prod (1 - eps lambda_k), in whatever order.
  std::vector<double> cubes;
  double spread = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("parabolas", s);
    std::vector<Loss> batches;
    double sum = 0;
    for (std::int64_t k = 0; k < m; ++k) {
      const double lambda = random.uniform(0.5, 2);
      sum += std::pow(lambda, 3);
      batches.push_back([lambda](const Tensor& w) -> Tensor { return 0.5 * lambda * w.square().sum(); });
    }
    std::vector<double> eps, gap;
    for (int k = 0; k < 4; ++k) {
      eps.push_back(std::ldexp(0.01, -k));
      const Tensor ends = Epochs(batches, eps.back(), false).ends(at::ones({1}, at::kDouble));
      const Tensor flow = gradient_flow(modified_loss(batches, eps.back()), at::ones({1}, at::kDouble),
                                        static_cast<double>(m) * eps.back())
                              .value();
      spread = std::max(spread, (ends - ends[0]).abs().max().item<double>());
      gap.push_back((ends[0] - flow).item<double>() / std::pow(eps.back(), 3) / sum);
    }
    cubes.push_back(fit_line(eps, gap).intercept);
  }
  report.checks.push_back(check_each_equal("T12",
                                           "parabolas with one minimum: gap over $\\epsilon^3\\sum\\lambda_k^3$, limit",
                                           "", -1.0 / 3, cubes, 0.0033));
  report.checks.push_back(check_equal("T12", "parabolas with one minimum: orders apart", "", 0, spread, 1e-14));
  report.figures.push_back({"shuffled_sgd", figure});
  report.method.push_back(fmt::format(
      "Three losses a draw: quadratics and sums of $\\log\\cosh$ in four dimensions, a tanh network of 13 "
      "parameters on "
      "five noisy samples a batch; {} batches, so {} orders and {} sequences with replacement, every one "
      "walked. Flows by "
      "Dormand and Prince's pair at a relative tolerance of $10^{{-13}}$. Orders over five steps, halved from "
      "$0.1/(m\\lambda_{{\\max}})$.",
      m, std::llround(std::tgamma(static_cast<double>(m) + 1)),
      std::llround(std::pow(static_cast<double>(m), static_cast<double>(m)))));
  return report;
}

}  // namespace turnpike::studies
