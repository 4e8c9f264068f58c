// T20. The logistic loss with a vanishing l_p penalty against the largest l_p margin.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

#include "margin_data.h"

namespace turnpike::studies {
namespace {

constexpr double general_position = 0.1;

double norm_of(const Tensor& w, int p) {
  return p == 1 ? w.abs().sum().item<double>() : w.norm().item<double>();
}

// |w|_p^p
NonSmooth penalty(int p) {
  if (p == 1)
    return {.value = [](const Tensor& w) { return w.abs().sum().item<double>(); },
            .prox = [](const Tensor& w, double s) -> Tensor { return w.sign() * (w.abs() - s).clamp_min(0); }};
  return {.value = [](const Tensor& w) { return w.square().sum().item<double>(); },
          .prox = [](const Tensor& w, double s) -> Tensor { return w / (1 + 2 * s); }};
}

struct Solution {
  Tensor w;
  double residual = 0;  // of the optimality conditions of the objective over lambda, in the largest entry
};

// argmin sum_i log(1 + exp(-z_i'w)) / lambda + |w|_p^p: over lambda all terms are of moderate size, however small it
// is.
Solution solve(const Tensor& z, double lambda, int p, const Tensor& start) {
  Tensor w = start.clone().requires_grad_();
  const Tensor zt = z.t().contiguous();
  const auto weights = [&](const Tensor& margins) -> Tensor {
    return at::exp(at::log_sigmoid(-margins) - std::log(lambda));
  };
  const double curvature = (weights(z.mv(start)).sum() * z.square().sum(1).max()).item<double>();
  const auto optimiser =
      make_optimiser({.kind = OptimiserKind::proximal, .rate = 1 / curvature, .iterations = 20000, .tolerance = 1e-9},
                     {w}, penalty(p));
  optimiser->step([&](bool gradient) -> Tensor {
    const Tensor margins = z.mv(w.detach());
    if (gradient) w.mutable_grad() = -zt.mv(weights(margins));
    return at::exp(at::log(at::softplus(-margins)) - std::log(lambda)).sum();
  });
  Solution out{.w = w.detach().clone()};
  const Tensor pull = zt.mv(weights(z.mv(out.w)));
  const Tensor violation = p == 2 ? (pull - 2 * out.w).abs() / pull.norm()
                                  : at::where(out.w == 0, (pull.abs() - 1).clamp_min(0), (pull - out.w.sign()).abs());
  out.residual = violation.max().item<double>();
  return out;
}

}  // namespace

StudyReport run_regularisation_path(StudyContext& study) {
  const std::int64_t n = study.integer("points"), d = study.integer("features"), decades = study.integer("decades");
  StudyReport report;
  Figure figure({.title = "A vanishing penalty leaves the widest margin",
                 .caption =
                     ""
                     "The margin still missing in each draw, over its predicted limit, against $1/\\|\\hat w\\|$."});
  Panel& missing = figure.panel("margin missing, over its limit");
  missing.x({.label = "$1/|w|$", .scale = Scale::log})
      .y({.label = "$|w|(\\gamma - margin)$, relative", .low = 0.8, .high = 1.2});
  Table table{.head = {"draw", "$p$", "margin $\\gamma$", "gap", "residual", "$|w|$", "margin at the end"},
              .caption = "The solved programs with their duality gaps, and the path's end."};
  std::vector<double> limits, residuals, gaps, ends, wrong, mirrored, angle;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const auto all = static_cast<std::size_t>(d);
    const Tensor z = separable_points(n, d, 0.3, {groups_of(all, 1), groups_of(all, all)}, general_position, random);
    Tensor directions[2];
    for (const int p : {1, 2}) {
      const Margin best = largest_margin(z, groups_of(all, p == 1 ? 1 : all));
      gaps.push_back(best.gap / best.margin);
      directions[p - 1] = best.w;
      const double limit = missing_margin(best.alpha);
      Tensor w = at::zeros({d}, at::kDouble);
      std::vector<double> inverse, scaled;
      Solution last;
      // |w| grows with the number of decades.
      double before = 0;
      for (double k = 1; k <= static_cast<double>(decades); before = k, k = std::ceil(1.25 * k)) {
        study.at("draws", s, study.seeds(), fmt::format("p = {}, lambda = 1e-{:g}", p, k));
        last = solve(z, std::pow(10.0, -k), p, k > 2 ? w * (k / before) : w);
        w = last.w;
        residuals.push_back(last.residual);
        const double size = norm_of(w, p);
        if (size == 0 || k < 4) continue;
        inverse.push_back(1 / size);
        scaled.push_back((best.margin * size - z.mv(w).min().item<double>()) / limit);
      }
      // What is left at the end is of first order in 1/|w|: a line through the last four.
      const std::size_t from = inverse.size() - 4;
      limits.push_back(fit_line(std::span(inverse).subspan(from), std::span(scaled).subspan(from)).intercept);
      const double end = z.mv(w).min().item<double>() / norm_of(w, p);
      ends.push_back(end / best.margin);
      missing.line(inverse, scaled, {.label = s == 0 ? fmt::format("$p = {}$", p) : "", .colour = p - 1, .width = 1.2});
      table.rows.push_back({Cell(s), Cell(p), Cell(best.margin), Cell(best.gap, 1), Cell(last.residual, 1),
                            Cell(norm_of(w, p)), Cell(end)});

      // The slide's loss, without the minus: that of the data with all labels turned.
      const Tensor slide = solve(-z, 1e-3, p, at::zeros({d}, at::kDouble)).w,
                   right = solve(z, 1e-3, p, at::zeros({d}, at::kDouble)).w;
      wrong.push_back((z.mv(slide) < 0).to(at::kDouble).mean().item<double>());
      mirrored.push_back((slide + right).abs().max().item<double>() / right.abs().max().item<double>());
    }
    const Tensor one = directions[0] / directions[0].norm(), two = directions[1];
    angle.push_back(std::acos(std::min(1.0, one.dot(two).item<double>())) * 180 / M_PI);
  }
  missing.y_mark(1);
  report.checks.push_back(
      check_each_equal("T20", "solved programs: duality gap over the margin, largest", "relative", 0, gaps, 1e-6));
  report.checks.push_back(
      check_each_at_most("T20", "path: optimality conditions violated, largest", "relative", 1e-8, residuals));
  report.checks.push_back(check_each_equal(
      "T20", "$|w|(\\gamma - margin)$ over $H(\\alpha) + $ log max $\\alpha$, limit", "", 1, limits, 0.02));
  report.checks.push_back(
      check_each_at_least("T20", "margin at the path's end over the largest, least", "", 0.9, ends));
  report.checks.push_back(
      check_each_at_least("T20", "angle between the directions of $p = 1$ and 2, least", "degrees", 1, angle));
  report.checks.push_back(check_each_equal(
      "T20", "slide's $\\log(1 + e^{xy})$: share of points on the wrong side, least", "", 1, wrong, 0));
  report.checks.push_back(check_each_equal("T20", "its minimum plus the right one", "relative", 0, mirrored, 1e-8));
  report.figures.push_back({"regularisation_path", figure});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("{} points in dimension {}, labelled by a random direction, none closer to it than 0.3. The largest "
                  "margin by a barrier method, its multipliers the certificate; "
                  "the path by the engine's accelerated proximal gradient on the objective over $\\lambda$, from "
                  "$\\lambda = 0.1$ down {} decades, each from the one before. Of the programs' certificates the "
                  "multipliers predict the missing margin; points that do not hold the margin, and "
                  "coordinates that are not used, enter it like powers of $\\lambda$.",
                  n, d, decades));
  return report;
}

}  // namespace turnpike::studies
