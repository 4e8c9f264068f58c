// C2. Optima of the problem with terminal cost alone, on longer and longer horizons.
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

struct Curve {
  std::vector<double> T, J, phi, scaled;  // scaled: T times the root mean square of |u^T|
  double residual = 0;                    // largest |grad J|
};

// The optimum of T = 1 carried to T = 2, 4, .. by the time scaling, polished at each.
Curve along_horizons(Model model, double lambda, const Dataset& data, double longest, const StudyContext& study) {
  const Objective objective = terminal_cost(lambda);
  Curve curve;
  for (double T = 1; T <= longest; T *= 2) {
    study.at("optima", std::llround(std::log2(T)), std::llround(std::log2(longest)), fmt::format("T = {:g}", T));
    model = with_horizon(model, T, model.spec.layers, Stretch::rescale);
    const PolishReport report = polish(model, objective, data, {.iterations = 6000, .tolerance = 1e-14});
    const OptimumProfile profile = optimum_profile(model, objective, data);
    const double l2 = model.flow.grid.l2_squared(model.control).item<double>();
    curve.T.push_back(T);
    curve.J.push_back(report.objective);
    curve.phi.push_back(profile.phi.back());
    curve.scaled.push_back(T * std::sqrt(l2 / T));
    curve.residual = std::max(curve.residual, report.residual);
  }
  return curve;
}

// (max |u| - min |u|) / mean |u| over depth.
double unevenness(const std::vector<double>& u) {
  const auto [low, high] = std::minmax_element(u.begin(), u.end());
  double mean = 0;
  for (const double value : u) mean += value / static_cast<double>(u.size());
  return (*high - *low) / mean;
}

}  // namespace

StudyReport run_long_horizon(StudyContext& study) {
  const double lambda = study.real("lambda"), longest = 64;
  const std::int64_t n = study.integer("samples"), layers = study.integer("layers");
  StudyReport report;
  Figure figure(
      {.title = "The error that depth leaves",
       .caption =
           "Left: training error at the optimum against depth, a colour for each draw of points; "
           "dashed, what the multipliers of the least interpolating control predict; dotted, the "
           "lecture's bound for the first draw. Right: the size of the scaled control approaches that of $u^*$."});
  Panel& errors = figure.panel("training error");
  errors.x({.label = "depth $T$", .scale = Scale::log}).y({.label = "$\\varphi(x^T(T))$", .scale = Scale::log});
  Panel& sizes = figure.panel("scaled control");
  sizes.x({.label = "depth $T$", .scale = Scale::log}).y({.label = "$T\\,|u^T| / |u^*|$"});
  Figure even({.title = "The optimal control does not tire",
               .caption = "Left: $|u(t)|$ along the depth for more and more layers. Right: its variation against the "
                          "step, a colour for each draw of points."});
  Panel& profile_panel = even.panel("$|u|$ along depth, first draw");
  profile_panel.x({.label = "fraction of the depth"}).y({.label = "$T\\,|u^T(t)|$"});
  Panel& order_panel = even.panel("variation of $|u|$");
  order_panel.x({.label = "step $h/T$", .scale = Scale::log}).y({.label = "(max - min) / mean", .scale = Scale::log});
  Table table{.head = {"draw", "slope of $\\varphi$", "$T^2\\varphi$ at $T = 64$", "predicted", "$|u^*|$",
                       "spread of $J$ over starts", "largest $|\\nabla J|$"},
              .caption = "One line for each draw of points."};

  std::vector<double> slopes, orders, bounds, growths, residuals, interpolations, ratios, costs;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(n, study.integer("features"), random);
    ModelSpec spec = task.spec;
    spec.layers = layers;
    study.at("draws", s, study.seeds());
    const Optimum first = optimum(spec, terminal_cost(lambda), task.data,
                                  {.starts = study.integer("starts"), .seed = seed_for(study.seed(), "starts", s)});
    const Curve curve = along_horizons(first.model, lambda, task.data, longest, study);

    Model star = first.model.clone();
    const LeastNorm least = least_norm_control(star, task.data);
    const double norm = std::sqrt(least.norm_squared);
    interpolations.push_back(least.error);
    const double constant =
        lambda * lambda * static_cast<double>(n) / 4 * least.multipliers.square().sum().item<double>();

    std::vector<double> log_T, log_phi, predicted, lecture, relative;
    for (std::size_t i = 0; i < curve.T.size(); ++i) {
      const double T = curve.T[i];
      bounds.push_back(curve.J[i] * T / (lambda * least.norm_squared));
      if (i > 0) growths.push_back(curve.scaled[i] / curve.scaled[i - 1]);
      if (T >= 8) {
        log_T.push_back(std::log(T));
        log_phi.push_back(std::log(curve.phi[i]));
      }
      predicted.push_back(constant / (T * T));
      lecture.push_back(lambda * least.norm_squared / T);
      relative.push_back(curve.scaled[i] / norm);
    }
    residuals.push_back(curve.residual);
    const double slope = fit_line(log_T, log_phi).slope, ratio = curve.phi.back() * longest * longest / constant;
    slopes.push_back(slope);
    ratios.push_back(ratio);
    // J = epsilon |u*|^2 - epsilon^2 N/4 sum |p_i|^2, epsilon = lambda / T.
    const double epsilon = lambda / longest;
    costs.push_back(curve.J.back() / (epsilon * least.norm_squared - epsilon * epsilon / (lambda * lambda) * constant));

    // |u(t)| = const + O(h): layers doubled at T = 8.
    Model fine = with_horizon(first.model, 8, layers, Stretch::rescale);
    const OrderMeasurement order = measure_order(
        [&](double h) {
          fine = with_horizon(fine, 8, std::llround(1 / h), Stretch::rescale);
          const Objective objective = terminal_cost(lambda);
          residuals.push_back(polish(fine, objective, task.data, {.iterations = 6000, .tolerance = 1e-14}).residual);
          std::vector<double> u = optimum_profile(fine, objective, task.data).u;
          if (s == 0) {
            for (double& value : u) value *= 8;
            std::vector<double> edges = fine.flow.grid.knots();
            for (double& edge : edges) edge /= 8;
            if (u.size() <= 40) profile_panel.steps(edges, u, {.label = fmt::format("{} layers", u.size())});
          }
          return unevenness(u);
        },
        0.1, study.full() ? 7 : 6);
    orders.push_back(order.fit.slope);
    order_panel.line(order.h, order.error, {.colour = s, .marker = Marker::circle, .size = 4});

    errors.points(curve.T, curve.phi, {.label = s == 0 ? "optimum" : "", .colour = s, .marker = Marker::circle});
    errors.line(curve.T, predicted,
                {.label = s == 0 ? "predicted" : "", .colour = s, .dash = Dash::dashed, .width = 1.2});
    if (s == 0)
      errors.line(curve.T, lecture, {.label = "bound $\\lambda|u^*|^2/T$", .colour = ink::muted, .dash = Dash::dotted});
    sizes.line(curve.T, relative, {.colour = s, .marker = Marker::circle, .size = 4});
    const auto [best, worst] = std::minmax_element(first.starts.begin(), first.starts.end());
    table.rows.push_back({Cell(s), Cell(slope, 5), Cell(curve.phi.back() * longest * longest), Cell(constant),
                          Cell(norm, 6), Cell(*worst - *best, 2), Cell(curve.residual, 2)});
  }
  sizes.y_mark(1, "$|u^*|$");

  report.checks.push_back(
      check_each_equal("C2", "slope of $\\log\\varphi$ against $\\log T$, $T \\ge 8$", "", -2, slopes, 0.15));
  report.checks.push_back(
      check_each_at_most("C2", "$J_T$ over $\\lambda|u^*|^2/T$, largest over $T$ and draws", "", 1, bounds));
  report.checks.push_back(check_each_at_least("C2", "growth of $T|u^T|$ as $T$ doubles, least", "", 1, growths));
  report.checks.push_back(
      check_each_equal("C2", "order at which the variation of $|u(t)|$ vanishes", "", 1, orders, 0.15));
  report.checks.push_back(
      check_each_equal("C2", "$\\varphi$ at $T = 64$ over its prediction from the multipliers", "", 1, ratios, 0.05));
  report.checks.push_back(check_each_equal(
      "C2", "$J_T$ at $T = 64$ over $\\lambda|u^*|^2/T - (\\lambda/T)^2 N/4 \\sum|p_i|^2$", "", 1, costs, 1e-3));
  report.checks.push_back(check_each_at_most("C2", "distance of $u^*$ to interpolation", "", 1e-11, interpolations));
  report.checks.push_back(check_each_at_most("C2", "$|\\nabla J|$ at the optima, largest", "", 1e-10, residuals));

  // The null case: two equal points with labels +1 and -1, of which none can lose its error: phi >= 2 / N.
  Random random = study.random("null");
  Steering twins = few_points(n, study.integer("features"), random);
  twins.data.x[1] = twins.data.x[0];
  ModelSpec spec = twins.spec;
  spec.layers = layers;
  const Optimum start =
      optimum(spec, terminal_cost(lambda), twins.data, {.starts = 1, .seed = seed_for(study.seed(), "null")});
  const Curve stuck = along_horizons(start.model, lambda, twins.data, longest, study);
  report.checks.push_back(check_at_least("C2",
                                         "two equal points with two labels: $\\varphi$ at $T = 64$ is not below $2/N$",
                                         "", 2.0 / static_cast<double>(n), stuck.phi.back(), 1e-12));
  errors.line(stuck.T, stuck.phi, {.label = "not interpolable", .colour = ink::text, .marker = Marker::cross});

  report.figures.push_back({"error_against_depth", figure});
  report.figures.push_back({"constant_control", even});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("{} draws of {} normal points in dimension {}, a zero coordinate appended that is to reach $\\pm 1$; "
                  "{} Euler layers, "
                  "$\\lambda = {:g}$. At $T = 1$ the best of {} random starts by L-BFGS, then $T = 2, 4, \\ldots, 64$, "
                  "each from the one before by "
                  "time scaling. $u^*$ by the method of multipliers, from the same optimum.",
                  study.seeds(), n, study.integer("features"), layers, lambda, study.integer("starts")));
  report.method.push_back(
      "The tolerance 0.05 on the predicted constant is for the next order, $\\lambda/T$ times the curvature of the "
      "least norm.");
  return report;
}

}  // namespace turnpike::studies
