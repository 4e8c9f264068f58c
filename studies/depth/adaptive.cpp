// D14. Error and evaluations against tolerance; x -> -x by flows of one and two dimensions.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/objective.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

// ---- tolerance ----

struct Solved {
  Tensor end;  // [N, d]
  double evaluations = 0;
  std::vector<double> mesh;
};

Solved solve(const FieldPtr& field, const ControlGrid& grid, const Tensor& control, const char* scheme,
             const Tensor& x0, const IntegrateOptions& options) {
  Outcome<Trajectory> run = integrate({field, grid, make_scheme(scheme)}, control, x0, options);
  const Trajectory& trajectory = run.value();
  return {trajectory.states[-1], static_cast<double>(trajectory.evaluations), trajectory.mesh};
}

struct Problem {
  FieldPtr field;  // without control: it reads smooth weights
  Tensor x0;
  double horizon;

  Solved adaptive(const char* scheme, double tolerance) const {
    return solve(field, grid(), control(), scheme, x0,
                 {.controller = {.rtol = tolerance, .atol = tolerance}, .save_times = {horizon}});
  }
  Solved fixed(const char* scheme, std::int64_t steps) const {
    return solve(field, grid(), control(), scheme, x0,
                 {.mesh = Mesh::uniform(horizon, steps), .save_times = {horizon}});
  }
  ControlGrid grid() const { return ControlGrid::uniform(ControlKind::shared, horizon, 1); }
  static Tensor control() { return at::zeros({1, 1}, at::kDouble); }
};

Problem smooth_problem(std::int64_t d, Random& random) {
  const FieldPtr layer = outer_field({.dimension = d});
  const double horizon = 4;
  return {controlled(layer, smooth_control(*layer, horizon, 2.0, random)), normal_tensor({8, d}, random), horizon};
}

// The same with a burst: weights 30 times as large around t = 2, for a time of 0.1.
Problem burst_problem(std::int64_t d, Random& random) {
  const FieldPtr layer = outer_field({.dimension = d});
  const double horizon = 4;
  const auto calm = smooth_control(*layer, horizon, 1.0, random);
  const auto field = make_field("burst", d, 1, [layer, calm](double t, const Tensor& x, const Tensor&) -> Tensor {
    const double s = (t - 2) / 0.05;
    return (1 + 30 * std::exp(-s * s)) * (*layer)(t, x, calm(t));
  });
  return {field, normal_tensor({3, d}, random), horizon};
}

struct Solver {
  const char *scheme, *title;
  int order;             // = q + 1
  double loosest, step;  // tolerances loosest, loosest / step, ...
};
constexpr Solver solvers[] = {{"dopri5", "Dormand-Prince 5(4)", 5, 1e-8, 2.5},
                              {"bosh3", "Bogacki-Shampine 3(2)", 3, 1e-5, 2.0}};

void check_tolerance(StudyContext& study, StudyReport& report) {
  Figure figure({.title = "What a tolerance costs",
                 .caption = "Left: error at $T$ against tolerance, every seed; dashed, error = tolerance. Right: "
                            "evaluations of the field, with the predicted slopes $-1/5$ and $-1/3$."});
  Panel& errors = figure.panel("error");
  Panel& costs = figure.panel("field evaluations");
  errors.x({.label = "tolerance", .scale = Scale::log}).y({.label = "$|x(T) - x^*(T)|$", .scale = Scale::log});
  costs.x({.label = "tolerance", .scale = Scale::log}).y({.label = "evaluations", .scale = Scale::log});
  const int points = 10;
  int colour = 0;
  for (const Solver& solver : solvers) {
    std::vector<double> error_slopes, cost_slopes;
    std::vector<double> all_tolerances, all_errors, all_costs, mean_cost(points, 0.0), tolerances;
    for (int k = 0; k < points; ++k) tolerances.push_back(solver.loosest * std::pow(solver.step, -k));
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("tolerances", s, study.seeds(), solver.title);
      Random random = study.random("tolerance", s);
      const Problem problem = smooth_problem(study.integer("width"), random);
      const Tensor exact = problem.fixed("dopri5", 1000).end;
      std::vector<double> error, cost;
      for (int k = 0; k < points; ++k) {
        const Solved run = problem.adaptive(solver.scheme, tolerances[k]);
        error.push_back((run.end - exact).norm().item<double>());
        cost.push_back(run.evaluations);
        mean_cost[k] += run.evaluations / study.seeds();
      }
      error_slopes.push_back(fit_order(tolerances, error).slope);
      cost_slopes.push_back(fit_order(tolerances, cost).slope);
      all_tolerances.insert(all_tolerances.end(), tolerances.begin(), tolerances.end());
      all_errors.insert(all_errors.end(), error.begin(), error.end());
      all_costs.insert(all_costs.end(), cost.begin(), cost.end());
    }
    const Interval error = mean_interval(error_slopes), cost = mean_interval(cost_slopes);
    const double predicted = -1.0 / solver.order;
    report.checks.push_back(check_equal("D14", fmt::format("exponent of the error in the tolerance, {}", solver.title),
                                        "", 1, error.mean, 0.15)
                                .with(error.low, error.high));
    report.checks.push_back(check_equal("D14", fmt::format("exponent of field evaluations, {}", solver.title), "",
                                        predicted, cost.mean, 0.15 * std::abs(predicted))
                                .with(cost.low, cost.high));
    errors.points(
        all_tolerances, all_errors,
        {.label = solver.title, .colour = colour, .marker = colour ? Marker::square : Marker::circle, .size = 5});
    costs.points(
        all_tolerances, all_costs,
        {.label = solver.title, .colour = colour, .marker = colour ? Marker::square : Marker::circle, .size = 5});
    std::vector<double> law;
    const double middle = mean_cost[points / 2] * std::pow(tolerances[points / 2], -predicted);
    for (double tolerance : tolerances) law.push_back(middle * std::pow(tolerance, predicted));
    costs.line(tolerances, law, {.colour = ink::text, .dash = Dash::dashed, .width = 1.2});
    if (colour == 0) errors.line(tolerances, tolerances, {.colour = ink::text, .dash = Dash::dashed, .width = 1.2});
    ++colour;
  }
  report.figures.push_back({"tolerance", figure});

  // A burst: the same error by fixed steps.
  std::vector<double> ratios;
  Figure burst({.title = "Steps where they are needed",
                .caption = "Step sizes of Dormand-Prince 5(4) at tolerance $10^{-7}$ through a burst of the weights at "
                           "$t = 2$, first seed; dashed, the fixed step that reaches the same error."});
  Panel& sizes = burst.panel();
  sizes.x({.label = "time $t$"}).y({.label = "step $h$", .scale = Scale::log});
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("burst", s, study.seeds());
    Random random = study.random("burst", s);
    const Problem problem = burst_problem(study.integer("width"), random);
    const Tensor exact = problem.fixed("dopri5", 3000).end;
    const Solved adaptive = problem.adaptive("dopri5", 1e-7);
    const double error = (adaptive.end - exact).norm().item<double>();
    std::int64_t steps = 64;
    Solved fixed = problem.fixed("dopri5", steps);
    while ((fixed.end - exact).norm().item<double>() > error) {
      steps = steps * 5 / 4;
      fixed = problem.fixed("dopri5", steps);
    }
    ratios.push_back(std::log(fixed.evaluations / adaptive.evaluations));
    if (s > 0) continue;
    std::vector<double> h;
    for (std::size_t k = 0; k + 1 < adaptive.mesh.size(); ++k) h.push_back(adaptive.mesh[k + 1] - adaptive.mesh[k]);
    sizes.steps(adaptive.mesh, h, {.label = "adaptive"});
    sizes.y_mark(problem.horizon / static_cast<double>(steps), "fixed");
  }
  const Interval ratio = mean_interval(ratios);  // of logarithms: ratios are skewed
  report.checks.push_back(
      check_at_least(
          "D14",
          "burst: evaluations of fixed steps over adaptive ones at equal error, lower end of the interval of "
          "the geometric mean",
          "", 1, std::exp(ratio.low))
          .with(std::exp(ratio.low), std::exp(ratio.high)));
  report.figures.push_back({"burst", burst});
}

// ---- x -> -x ----

struct Fit {
  Flow flow;
  Tensor control;
};

Tensor line_points(std::int64_t n) {
  return at::linspace(-1, 1, n, at::kDouble).unsqueeze(1);
}

// x as a state of the field: zeros appended.
Tensor state_of(const Tensor& x, std::int64_t dimension) {
  return at::constant_pad_nd(x, {0, dimension - 1});
}

// Least squares on 41 points of [-1, 1], the output is the first coordinate; L-BFGS from a random start.
Fit fit_reflection(StudyContext& study, const FieldPtr& field, const char* title, std::uint64_t repetition) {
  Random random = study.random(title, repetition);
  const std::int64_t d = field->dimension(), layers = study.integer("layers");
  Fit fit{Flow::uniform(field, "rk4", 4, layers), field->initial_control(layers, 0.5, random).requires_grad_()};
  const Tensor x = line_points(41);
  const Readout first{at::eye(1, d, at::kDouble), {}};
  const Objective objective{.cost = make_cost("mean_square"), .running = 0, .terminal = 1, .penalty = {.weight = 1e-7}};
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = 20}, {fit.control});
  for (std::int64_t k = 0; k < study.integer("iterations") && !optimiser->stalled(); k += 20) {
    study.at("fits of the reflection", k, study.integer("iterations"), title);
    optimiser->step([&](bool gradient) {
      fit.control.mutable_grad() = Tensor();
      const Tensor total = objective(fit.flow, state_of(x, d), fit.control, first, -x).total;
      if (gradient) total.backward();
      return total.detach();
    });
  }
  fit.control = fit.control.detach();
  return fit;
}

// The flow itself, not its mesh: solved to 1e-9 on n points of [-1, 1].
Solved exact_flow(const Fit& fit, std::int64_t n, double tolerance = 1e-9) {
  return solve(fit.flow.field, fit.flow.grid, fit.control, "dopri5",
               state_of(line_points(n), fit.flow.field->dimension()),
               {.controller = {.rtol = tolerance, .atol = tolerance}, .save_times = {fit.flow.grid.horizon()}});
}

double sup_error(const Tensor& output, const Tensor& x) {
  return (output + x).abs().max().item<double>();
}

void draw_trajectories(Panel& panel, const Fit& fit) {
  const Tensor x = line_points(17);
  const Roll roll = fit.flow.roll(state_of(x, fit.flow.field->dimension()), fit.control, {.save = Save::all});
  std::vector<std::vector<double>> times, values;
  std::vector<int> sign;
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    times.push_back(roll.times);
    values.push_back(numbers(roll.states.select(1, i).select(1, 0)));
    sign.push_back(x[i].item<double>() < 0 ? 0 : 1);
  }
  panel.x({.label = "time $t$"}).y({.label = "first coordinate", .low = -1.4, .high = 1.4});
  panel.trajectories(times, values, sign, {"start $x < 0$", "start $x \\ge 0$"},
                     {.width = 1.2, .opacity = 0.8, .size = 4});
}

void check_reflection(StudyContext& study, StudyReport& report) {
  struct Family {
    const char* title;
    FieldPtr field;
  };
  const Family line[] = {
      {"$\\tanh(wx+b)$, one dimension", outer_field({.dimension = 1})},
      {"$w\\tanh(x)+b$, one dimension", inner_field({.dimension = 1})},
      {"$W_2\\tanh(W_1x+b_1)+b_2$, one dimension, 8 inner", bottleneck_field({.dimension = 1, .hidden = 8})}};
  const Family plane = {"$\\tanh(Wx+b)$, two dimensions", outer_field({.dimension = 2})};
  const std::int64_t n = 2001;
  const Tensor grid = line_points(n);
  Figure figure({.title = "A line cannot be turned round",
                 .caption =
                     "Trajectories of flows fitted to $x \\mapsto -x$. On the line they cannot cross: the best is "
                     "to squeeze all to 0, a sup error of 1. With a second coordinate they pass around each "
                     "other."});
  Table table{.head = {"field", "sup error on $[-1, 1]$, each seed", "smallest gap between neighbours", "evaluations"},
              .caption =
                  "Flows fitted to $x \\mapsto -x$, solved to $10^{-9}$ on 2001 points; evaluations at tolerance "
                  "$10^{-6}$, mean."};
  double least_error = 1e300, least_gap = 1e300;
  for (const Family& family : line) {
    std::string errors;
    double gap = 1e300, evaluations = 0;
    for (int s = 0; s < study.seeds(); ++s) {
      const Fit fit = fit_reflection(study, family.field, family.title, static_cast<std::uint64_t>(s));
      const Tensor output = exact_flow(fit, n).end;
      const double error = sup_error(output, grid);
      gap = std::min(gap, (output.slice(0, 1) - output.slice(0, 0, n - 1)).min().item<double>());
      evaluations += exact_flow(fit, 41, 1e-6).evaluations / study.seeds();
      least_error = std::min(least_error, error);
      errors += fmt::format("{}{:.4f}", s ? ", " : "", error);
      if (s == 0 && &family == &line[2]) draw_trajectories(figure.panel("one dimension"), fit);
    }
    least_gap = std::min(least_gap, gap);
    table.rows.push_back({family.title, errors, Cell(gap), Cell(evaluations)});
  }
  // The solver's error on top of the theorem.
  report.checks.push_back(
      check_at_least("D14", "one dimension: least sup error of all fitted flows", "", 1, least_error, 1e-6));
  report.checks.push_back(
      check_at_least("D14", "one dimension: smallest $x(T; b) - x(T; a)$ of neighbours $a < b$ (order preserved)", "",
                     0, least_gap, 1e-8));

  std::string errors;
  double worst = 0, evaluations = 0, crossing = 1e300;
  for (int s = 0; s < study.seeds(); ++s) {
    const Fit fit = fit_reflection(study, plane.field, plane.title, static_cast<std::uint64_t>(s));
    const Tensor output = exact_flow(fit, n).end.slice(1, 0, 1);
    const double error = sup_error(output, grid);
    worst = std::max(worst, error);
    crossing = std::min(crossing, (output.slice(0, 1) - output.slice(0, 0, n - 1)).max().item<double>());
    evaluations += exact_flow(fit, 41, 1e-6).evaluations / study.seeds();
    errors += fmt::format("{}{:.2g}", s ? ", " : "", error);
    if (s == 0) draw_trajectories(figure.panel("two dimensions"), fit);
  }
  table.rows.push_back({plane.title, errors, Cell(crossing), Cell(evaluations)});
  report.checks.push_back(
      check_at_most("D14", "two dimensions: largest sup error of the fitted flows", "", 0.01, worst));

  // Exactly: half a turn, x_dot = pi (0 -1; 1 0) x on [0, 1].
  const FieldPtr linear = outer_field({.dimension = 2, .activation = Activation::identity});
  const double pi = std::numbers::pi;
  const Fit turn{Flow::uniform(linear, "rk4", 1, 1),
                 at::tensor({0.0, -pi, pi, 0.0, 0.0, 0.0}, at::kDouble).unsqueeze(0)};
  report.checks.push_back(check_equal("D14", "two dimensions, half a turn: sup error", "", 0,
                                      sup_error(exact_flow(turn, 101, 1e-11).end.slice(1, 0, 1), line_points(101)),
                                      1e-9));
  // One residual layer x - 2x: not a flow's step.
  const Flow layer = Flow::uniform(outer_field({.dimension = 1, .activation = Activation::identity}), "euler", 1, 1);
  const Tensor minus_two = at::tensor({-2.0, 0.0}, at::kDouble).unsqueeze(0);
  report.checks.push_back(check_equal("D14", "one dimension, one residual layer $x - 2x$: sup error", "", 0,
                                      sup_error(layer.roll(grid, minus_two).end, grid), 0));
  report.tables.push_back(table);
  report.figures.push_back({"reflection", figure});
}

}  // namespace

StudyReport run_adaptive(StudyContext& study) {
  StudyReport report;
  check_tolerance(study, report);
  check_reflection(study, report);
  report.method.push_back(fmt::format(
      "Tolerances (relative and absolute alike; small enough for the leading error to rule) on $\\dot x = \\tanh(W(t)x "
      "+ b(t))$, width {}, $T = 4$, against 1000 "
      "fixed steps of Dormand-Prince, {} seeds; the burst multiplies the field by 31 at $t = 2$. The reflection: {} "
      "RK4 "
      "layers, $T = 4$, least squares on 41 points, L-BFGS for {} iterations from {} random starts; the sup error is "
      "that of the differential equation, not of its mesh.",
      study.integer("width"), study.seeds(), study.integer("layers"), study.integer("iterations"), study.seeds()));
  report.findings.push_back(
      "The one-dimensional bound is the fact that a monotone map has errors at $-1$ and $1$ that sum to at least 2. It "
      "speaks of the flow: a residual network whose steps are larger than the field allows can fold the line.");
  return report;
}

}  // namespace turnpike::studies
