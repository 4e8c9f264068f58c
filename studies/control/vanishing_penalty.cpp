// C3. Optima at equal lambda / T, and at fixed T as lambda falls.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/steering.h>
#include <turnpike/study/study.h>
#include <turnpike/train/continuation.h>
#include <turnpike/train/least_norm.h>

namespace turnpike::studies {
namespace {

Objective terminal_cost(double lambda) {
  return {.cost = make_cost("mean_square"), .running = 0, .terminal = 1, .penalty = {.weight = lambda}};
}

double distance(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace

StudyReport run_vanishing_penalty(StudyContext& study) {
  const double T = study.real("T"), lambda = study.real("lambda");
  const std::int64_t n = study.integer("samples"), layers = study.integer("layers"), starts = study.integer("starts");
  constexpr int n_prices = 9;  // lambda 2^-k
  StudyReport report;
  Figure figure(
      {.title = "What is left as the price falls",
       .caption =
           "A colour for each draw of points. Left: how far the control's norm is from the least "
           "interpolating one's; dashed, the prediction from the multipliers. Right: distance of the scaled control "
           "to $u^*$."});
  Panel& gaps = figure.panel("norm");
  gaps.x({.label = "$\\lambda$", .scale = Scale::log})
      .y({.label = "$1 - T\\|u^T\\|^2/\\|u^*\\|^2$", .scale = Scale::log});
  Panel& distances = figure.panel("control");
  distances.x({.label = "$\\lambda$", .scale = Scale::log})
      .y({.label = "$\\|T u^T(T\\cdot) - u^*\\| / \\|u^*\\|$", .scale = Scale::log});
  Figure clocks({.title = "Equal price over depth, equal network",
                 .caption = "Three weights of the first draw along the fraction of the depth: networks of three depths "
                            "whose $\\lambda/T$ is equal, "
                            "each trained from its own random starts, weights times depth."});
  Panel& weights = clocks.panel();
  weights.x({.label = "fraction of the depth"}).y({.label = "$T\\,u^T(Tt)$"});
  Table table{.head = {"draw", "equal ratio", "twice", "order", "gap over prediction", "$\\|u^*\\|$", "$|\\nabla J|$"},
              .caption =
                  "One line for each draw of points: relative distance of the scaled optima at equal $\\lambda/T$ and "
                  "at twice it, "
                  "order of the gap of the norm, that gap at the least $\\lambda$ over its prediction, largest "
                  "gradient so far."};

  std::vector<double> orders, control_orders, agree, differ, residuals, ratios, unscaled;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(n, study.integer("features"), random);
    const auto solve = [&](double horizon, double price, const char* purpose) {
      ModelSpec spec = task.spec;
      spec.horizon = horizon;
      spec.layers = layers;
      Optimum best = optimum(spec, terminal_cost(price), task.data,
                             {.starts = starts, .seed = seed_for(study.seed(), purpose, s)});
      residuals.push_back(best.polish.residual);
      return best;
    };

    // Equal lambda / T, and twice it. Starts of different sizes and seeds.
    study.at("draws", s, study.seeds(), "equal ratios");
    const double depths[] = {T, 4 * T, T / 4};
    std::vector<Tensor> scaled;
    for (const double depth : depths)
      scaled.push_back(depth *
                       solve(depth, lambda * depth / T, fmt::format("depth {:g}", depth).c_str()).model.control);
    for (int i = 1; i < 3; ++i) agree.push_back(distance(scaled[i], scaled[0]));
    const double unequal = distance(T * solve(T, 2 * lambda, "twice").model.control, scaled[0]);
    differ.push_back(unequal);
    if (s == 0) {
      std::vector<double> middles;
      for (std::int64_t k = 0; k < layers; ++k)
        middles.push_back((static_cast<double>(k) + 0.5) / static_cast<double>(layers));
      const std::int64_t width = task.spec.width, rows = (width - 1) * width;  // the row of W that drives the output
      const Marker markers[] = {Marker::none, Marker::circle, Marker::cross};
      for (int i = 0; i < 3; ++i)
        for (int d = 0; d < 3; ++d) {
          Look look{.label = d == 0 ? fmt::format("$T = {:g}$", depths[i]) : "",
                    .colour = i,
                    .marker = markers[i],
                    .size = 4};
          const std::vector<double> values = numbers(scaled[i].select(1, rows + d));
          if (i == 0)
            weights.line(middles, values, look);
          else
            weights.points(middles, values, look);
        }
    }

    // lambda -> 0 at fixed T.
    Model model = solve(T, lambda, "falling").model;
    Model star = with_horizon(model, 1, layers, Stretch::rescale);
    const LeastNorm least = least_norm_control(star, task.data);
    const double square = least.norm_squared, multipliers = least.multipliers.square().sum().item<double>();
    std::vector<double> price, gap, away, predicted;
    double last = 0;
    for (int k = 0; k < n_prices; ++k) {
      study.at("draws", s, study.seeds(), "falling price");
      const double weight = std::ldexp(lambda, -k);
      residuals.push_back(
          polish(model, terminal_cost(weight), task.data, {.iterations = 6000, .tolerance = 1e-14}).residual);
      last = model.flow.grid.l2_squared(model.control).item<double>();
      price.push_back(weight);
      gap.push_back(1 - T * last / square);
      away.push_back(distance(T * model.control, star.control));
      predicted.push_back(weight / T * static_cast<double>(n) / 2 * multipliers / square);
    }
    const auto order_of = [&](const std::vector<double>& values) {
      return fit_order(std::span(price).last(6), std::span(values).last(6)).slope;
    };
    orders.push_back(order_of(gap));
    control_orders.push_back(order_of(away));
    const double ratio = gap.back() / predicted.back();
    ratios.push_back(ratio);
    // What the slide claims to be 1, extrapolated to lambda = 0.
    unscaled.push_back(std::sqrt(last / square) * (1 + predicted.back() / 2));
    gaps.points(price, gap, {.label = s == 0 ? "optimum" : "", .colour = s, .marker = Marker::circle});
    gaps.line(price, predicted, {.label = s == 0 ? "predicted" : "", .colour = s, .dash = Dash::dashed, .width = 1.2});
    distances.line(price, away, {.colour = s, .marker = Marker::circle, .size = 4});
    table.rows.push_back({Cell(s), Cell(std::max(agree.end()[-1], agree.end()[-2]), 2), Cell(unequal, 3),
                          Cell(orders.back(), 5), Cell(ratio, 5), Cell(std::sqrt(square), 6),
                          Cell(*std::max_element(residuals.begin(), residuals.end()), 2)});
  }

  report.checks.push_back(
      check_each_equal("C3", "scaled optima at equal $\\lambda/T$: distance", "relative", 0, agree, 1e-6));
  report.checks.push_back(
      check_each_at_least("C3", "the same at twice the $\\lambda/T$: they differ", "relative", 1e-2, differ));
  report.checks.push_back(
      check_each_equal("C3", "order in $\\lambda$ at which $T\\|u^T\\|^2 \\to \\|u^*\\|^2$", "", 1, orders, 0.15));
  report.checks.push_back(
      check_each_equal("C3", "order in $\\lambda$ at which $T u^T(T\\cdot) \\to u^*$", "", 1, control_orders, 0.15));
  report.checks.push_back(check_each_equal(
      "C3", "gap of the norm at the least $\\lambda$ over its prediction from the multipliers", "", 1, ratios, 0.02));
  report.checks.push_back(check_each_equal("C3", "the slide's limit $\\|u^T\\|/\\|u^*\\|$ is not 1 but $1/\\sqrt T$",
                                           "", 1 / std::sqrt(T), unscaled, 1e-3));
  report.checks.push_back(check_each_at_most("C3", "$|\\nabla J|$ at the optima, largest", "", 1e-10, residuals));
  report.figures.push_back({"falling_price", figure});
  report.figures.push_back({"equal_ratio", clocks});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("{} draws of {} normal points in dimension {}, a zero coordinate appended that is to reach $\\pm 1$; "
                  "{} Euler layers. Equal "
                  "ratios: depths {:g}, {:g} and {:g} with $\\lambda/T = {:g}$, each the best of {} starts of its own, "
                  "by L-BFGS; their distance is "
                  "relative to the tolerance of the polish times the conditioning of the problem. Falling price: $T = "
                  "{:g}$, $\\lambda = {:g} \\cdot 2^{{-k}}$ "
                  "for $k = 0, \\ldots, {}$, orders over the last six.",
                  study.seeds(), n, study.integer("features"), layers, T, 4 * T, T / 4, lambda / T, starts, T, lambda,
                  n_prices - 1));
  return report;
}

}  // namespace turnpike::studies
