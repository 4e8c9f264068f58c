// T21. Thresholds and best rates of gradient descent; what noise leaves; schedules.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/schedule.h>

#include "losses.h"

namespace turnpike::studies {
namespace {

// One in 150 000 of a normal variable, in either direction.
constexpr double standard_errors = 4.5;

double norm_of(const Tensor& v) {
  return v.norm().item<double>();
}

// (|e_2k| / |e_k|)^(1/k) of e <- e - eta H e, from e_0: the factor of a step once the slowest mode is alone.
double factor_of(const Tensor& H, const Tensor& e0, double eta, int k) {
  Tensor e = e0;
  double middle = 0;
  for (int i = 0; i < 2 * k; ++i) {
    e = e - eta * H.mv(e);
    if (i + 1 == k) {
      middle = norm_of(e);
      e = e / middle;
    }
  }
  return std::pow(norm_of(e), 1.0 / k);
}

// The rate where `grows` turns true, by bisection.
double threshold(double low, double high, int halvings, const std::function<bool(double)>& grows) {
  for (int i = 0; i < halvings; ++i) {
    const double eta = (low + high) / 2;
    (grows(eta) ? high : low) = eta;
  }
  return (low + high) / 2;
}

// The minimum of a function that falls and then rises, by golden sections.
double lowest(double low, double high, const std::function<double(double)>& f) {
  constexpr double golden = 0.6180339887498949;
  double a = high - golden * (high - low), b = low + golden * (high - low), fa = f(a), fb = f(b);
  for (int i = 0; i < 26; ++i) {
    if (fa < fb) {
      high = b, b = a, fb = fa;
      a = high - golden * (high - low), fa = f(a);
    } else {
      low = a, a = b, fa = fb;
      b = low + golden * (high - low), fb = f(b);
    }
  }
  return (low + high) / 2;
}

double standard_score(const Tensor& samples, double predicted) {
  const double error = samples.std().item<double>() / std::sqrt(static_cast<double>(samples.size(0)));
  return (samples.mean().item<double>() - predicted) / error;
}

struct Thresholds {
  std::vector<double> threshold, best, factor, nonlinear;
};

void measure_thresholds(StudyContext& study, std::int64_t s, Thresholds& out, Panel& panel) {
  constexpr std::int64_t n = 12;
  constexpr double condition = 30;
  Random random = study.random("quadratic", s);
  const Tensor Q = std::get<0>(at::linalg_qr(normal_tensor({n, n}, random)));
  std::vector<double> spectrum{1, condition};
  while (spectrum.size() < n) spectrum.push_back(std::pow(condition, random.uniform()));
  const Tensor H = Q.matmul(at::diag(at::tensor(spectrum, at::kDouble))).matmul(Q.t());
  const Tensor e0 = Q.sum(1);  // all modes alike
  study.at("draws", s, study.seeds(), "thresholds");
  const double limit =
      threshold(0.5 / condition, 4 / condition, 24, [&](double eta) { return factor_of(H, e0, eta, 150) > 1; });
  const double best = lowest(0.5 / condition, 2.5 / condition, [&](double eta) { return factor_of(H, e0, eta, 600); });
  out.threshold.push_back(limit * condition / 2);
  out.best.push_back(best * (condition + 1) / 2);
  out.factor.push_back(factor_of(H, e0, best, 600) * (condition + 1) / (condition - 1));

  const LossCase test = log_cosh_case(4, 1, random);
  const Loss C = test.whole();
  const Tensor minimum = minimum_of(C, test.start), push = 1e-6 * normal_tensor({4}, random);
  const double top = largest_curvature(C, minimum);
  study.at("draws", s, study.seeds(), "near a minimum");
  const double local = threshold(1 / top, 4 / top, 10, [&](double eta) {
    Tensor w = minimum + push;
    for (int k = 0; k < 400; ++k) w = w - eta * gradient_of(C, w);
    return norm_of(w - minimum) > norm_of(push);
  });
  out.nonlinear.push_back(local * top / 2);

  if (s > 0) return;
  std::vector<double> rates, predicted, at, measured;
  for (double eta = 0; eta <= 2.4 / condition; eta += 0.01 / condition) {
    rates.push_back(eta * condition);
    double largest = 0;
    for (const double lambda : spectrum) largest = std::max(largest, std::abs(1 - eta * lambda));
    predicted.push_back(largest);
  }
  for (double eta = 0.1 / condition; eta <= 2.4 / condition; eta += 0.1 / condition) {
    at.push_back(eta * condition);
    measured.push_back(factor_of(H, e0, eta, 150));
  }
  panel.x({.label = "$\\eta\\lambda_{max}$"})
      .y({.label = "factor of a step"})
      .line(rates, predicted, {.label = "max $|1 - \\eta\\lambda_i|$", .colour = 0})
      .points(at, measured, {.label = "measured", .colour = 1, .marker = Marker::circle, .size = 5})
      .y_mark(1)
      .x_mark(2, "$2/\\lambda_{max}$");
}

// e <- (1 - eta_k lambda) e + eta_k s xi, from e_0: E e^2 by its recursion and measured over many paths.
struct Noisy {
  std::vector<double> predicted, measured;
  double score = 0;  // of the end
};

Noisy run_noisy(const std::vector<double>& rates, double lambda, double noise, double start, std::int64_t paths,
                Random& random) {
  Noisy run;
  Tensor e = at::full({paths}, start, at::kDouble);
  double mean = start, variance = 0;
  for (const double eta : rates) {
    run.predicted.push_back(mean * mean + variance);
    run.measured.push_back(e.square().mean().item<double>());
    const double keep = 1 - eta * lambda;
    e = keep * e + eta * noise * normal_tensor({paths}, random);
    mean *= keep;
    variance = keep * keep * variance + eta * eta * noise * noise;
  }
  run.score = standard_score(e.square(), mean * mean + variance);
  return run;
}

// Least squares in the plane, C(w) = mean (x_i'w - y_i)^2 / 2, by batches of b drawn with replacement.
struct PlaneProblem {
  Tensor X, y, H, best, R2, A2;  // best: the minimum; A2 = E (xx') kron (xx'), R2 = E r kron r, r = x (y - x'best)

  explicit PlaneProblem(Random& random) {
    constexpr std::int64_t n = 40;
    const Tensor mix = at::tensor({1.3, 0.5, 0.0, 0.6}, at::kDouble).view({2, 2});
    X = normal_tensor({n, 2}, random).matmul(mix);
    y = X.mv(at::tensor({1.0, -0.5}, at::kDouble)) + 0.5 * normal_tensor({n}, random);
    H = X.t().matmul(X) / n;
    best = at::linalg_solve(H, X.t().mv(y) / n);
    const Tensor r = X * (y - X.mv(best)).unsqueeze(1);
    A2 = at::zeros({4, 4}, at::kDouble);
    R2 = at::zeros({4}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) {
      const Tensor A = at::outer(X[i], X[i]);
      A2 += at::kron(A, A) / n;
      R2 += at::kron(r[i], r[i]) / n;
    }
  }

  // E C - C(best) after `steps` steps from the minimum. The error e = w - best obeys e <- (I - eta A_b) e + eta r_b
  // with E A_b = H, E r_b = 0, so M = E e kron e obeys
  //   M <- ((I - eta H) kron (I - eta H) + eta^2/b (E A kron A - H kron H)) M + eta^2/b E r kron r.
  double predicted(double eta, std::int64_t batch, std::int64_t steps) const {
    const Tensor keep = at::eye(2, at::kDouble) - eta * H;
    const double weight = eta * eta / static_cast<double>(batch);
    const Tensor K = at::kron(keep, keep) + weight * (A2 - at::kron(H, H));
    Tensor M = at::zeros({4}, at::kDouble);
    for (std::int64_t k = 0; k < steps; ++k) M = K.mv(M) + weight * R2;
    return 0.5 * (H * M.view({2, 2})).sum().item<double>();
  }

  // One step of many paths w [paths, 2].
  Tensor step(const Tensor& w, double eta, std::int64_t batch, Random& random) const {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(w.size(0) * batch));
    for (std::int64_t& row : rows) row = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(X.size(0))));
    const Tensor drawn = at::tensor(rows, at::kLong);
    const Tensor x = X.index_select(0, drawn).view({w.size(0), batch, 2});
    const Tensor t = y.index_select(0, drawn).view({w.size(0), batch});
    const Tensor residual = (x * w.unsqueeze(1)).sum(2) - t;
    return w - eta * (residual.unsqueeze(2) * x).mean(1);
  }

  Tensor excess(const Tensor& w) const {  // [paths]
    const Tensor e = w - best;
    return 0.5 * (e.matmul(H) * e).sum(1);
  }
};

void draw_paths(const PlaneProblem& problem, double eta, Random& random, Figure& figure) {
  const double x0 = problem.best[0].item<double>(), y0 = problem.best[1].item<double>();
  Grid grid{.x_low = x0 - 2.2, .x_high = x0 + 1, .y_low = y0 - 1, .y_high = y0 + 2, .n_x = 81, .n_y = 76};
  std::vector<double> nodes;
  for (long j = 0; j < grid.n_y; ++j)
    for (long i = 0; i < grid.n_x; ++i) nodes.insert(nodes.end(), {grid.x(i), grid.y(j)});
  grid.values = numbers(problem.excess(at::tensor(nodes, at::kDouble).view({-1, 2})));
  const std::pair<std::int64_t, const char*> kinds[] = {{0, "batch"}, {8, "mini-batch of 8"}, {1, "SGD"}};
  int colour = 0;
  for (const auto& [batch, name] : kinds) {
    Panel& panel = figure.panel(name);
    panel.x({.label = "$w_1$", .low = grid.x_low, .high = grid.x_high})
        .y({.label = "$w_2$", .low = grid.y_low, .high = grid.y_high})
        .contours(grid, {0.1, 0.4, 1, 2}, {.colour = ink::muted, .width = 1});
    Tensor w = at::tensor({x0 - 1.9, y0 + 1.7}, at::kDouble).unsqueeze(0);
    std::vector<double> xs, ys;
    for (int k = 0; k <= 80; ++k) {
      xs.push_back(w[0][0].item<double>());
      ys.push_back(w[0][1].item<double>());
      w = batch > 0 ? problem.step(w, eta, batch, random) : w - eta * (w - problem.best).matmul(problem.H);
    }
    panel.line(xs, ys, {.colour = colour++, .width = 1.2, .marker = Marker::circle, .size = 3});
    panel.points({x0}, {y0}, {.colour = ink::text, .marker = Marker::diamond, .size = 9});
  }
}

}  // namespace

StudyReport run_learning_rate(StudyContext& study) {
  const std::int64_t paths = study.integer("paths");
  StudyReport report;
  Figure rates({.title = "How long a step may be",
                .caption =
                    "Left: the factor by which a step shrinks the error of a quadratic with condition number 30, "
                    "predicted and measured. Right: mean square error of noisy descent under five schedules, "
                    "lines by the recursion, marks measured; all begin at the same rate but $1/(\\lambda k)$."});
  Panel& factors = rates.panel("without noise");
  Thresholds thresholds;
  for (int s = 0; s < study.seeds(); ++s) measure_thresholds(study, s, thresholds, factors);
  report.checks.push_back(check_each_equal("T21", "rate where descent stops to converge, over $2/\\lambda_{max}$", "",
                                           1, thresholds.threshold, 1e-3));
  report.checks.push_back(
      check_each_equal("T21", "fastest rate over $2/(\\lambda_{max} + \\lambda_{min})$", "", 1, thresholds.best, 1e-3));
  report.checks.push_back(
      check_each_equal("T21", "its factor over $(\\kappa - 1)/(\\kappa + 1)$", "", 1, thresholds.factor, 1e-3));
  report.checks.push_back(check_each_equal("T21",
                                           "near a minimum of $\\Sigma$ log cosh: threshold over $2/\\lambda_{max}$",
                                           "", 1, thresholds.nonlinear, 0.02));

  // Noise of size s at every step.
  constexpr double lambda = 1, noise = 1, start = 3, rate = 0.5;
  constexpr std::int64_t steps = 120;
  Panel& schedules = rates.panel("with noise");
  schedules.x({.label = "step $k$", .scale = Scale::log}).y({.label = "E $e_k^2$", .scale = Scale::log});
  struct Row {
    const char* name;
    Schedule schedule;
  };
  const Row rows[] = {{"constant", {}},
                      {"cosine", {.kind = ScheduleKind::cosine}},
                      {"step", {.kind = ScheduleKind::step, .decay = 0.3, .every = 30}},
                      {"exponential", {.kind = ScheduleKind::exponential, .decay = 0.96}}};
  std::vector<double> scores, floors, harmonic;
  for (int i = 0; i < 5; ++i) {
    study.at("schedules", i, 5);
    std::vector<double> eta;
    for (std::int64_t k = 0; k < steps; ++k)
      eta.push_back(i < 4 ? rows[i].schedule.rate(rate, k, steps) : 1 / (lambda * static_cast<double>(k + 1)));
    Random random = study.random("noise", i);
    const Noisy run = run_noisy(eta, lambda, noise, start, paths, random);
    scores.push_back(std::abs(run.score));
    if (i == 0) floors.push_back(run.predicted.back() * lambda * (2 - rate * lambda) / (rate * noise * noise));
    if (i == 4)
      for (std::int64_t k = 1; k < steps; ++k)
        harmonic.push_back(run.predicted[k] * lambda * lambda * static_cast<double>(k) / (noise * noise));
    std::vector<double> k, marks_x, marks_y;
    for (std::int64_t j = 0; j < steps; ++j) k.push_back(static_cast<double>(j + 1));
    for (const std::int64_t j : {0, 1, 2, 4, 7, 12, 20, 35, 60, 90, 119}) {
      marks_x.push_back(k[j]);
      marks_y.push_back(run.measured[j]);
    }
    schedules.line(k, run.predicted, {.label = i < 4 ? rows[i].name : "$1/(\\lambda k)$", .colour = i})
        .points(marks_x, marks_y, {.colour = i, .marker = Marker::circle, .size = 4});
  }
  report.checks.push_back(
      check_each_at_most("T21", "schedules: standard errors from the recursion, largest", "", standard_errors, scores));
  report.checks.push_back(check_each_equal(
      "T21", "constant rate: the recursion's end over $\\eta s^2/(\\lambda(2 - \\eta\\lambda))$", "", 1, floors, 1e-9));
  report.checks.push_back(check_each_equal(
      "T21", "rate $1/(\\lambda k)$: the recursion over $s^2/(\\lambda^2k)$, every step", "", 1, harmonic, 1e-9));

  // Batches.
  constexpr double eta = 0.15;
  constexpr std::int64_t run_length = 150;
  Random random = study.random("plane");
  const PlaneProblem problem(random);
  Table table{.head = {"batch", "predicted", "measured", "standard errors apart"},
              .caption = "Mean loss above the minimum after 150 steps from it, rate 0.15."};
  std::vector<double> batch_scores;
  const std::int64_t batches[] = {1, 2, 8, 32};
  for (int i = 0; i < 4; ++i) {
    study.at("batches", i, 4);
    Tensor w = problem.best.expand({paths / 4, 2}).clone();
    for (std::int64_t k = 0; k < run_length; ++k) w = problem.step(w, eta, batches[i], random);
    const Tensor excess = problem.excess(w);
    const double predicted = problem.predicted(eta, batches[i], run_length);
    batch_scores.push_back(std::abs(standard_score(excess, predicted)));
    table.rows.push_back({Cell(static_cast<long>(batches[i])), Cell(predicted), Cell(excess.mean().item<double>()),
                          Cell(batch_scores.back(), 2)});
  }
  report.checks.push_back(check_each_at_most(
      "T21", "batches of 1, 2, 8, 32: standard errors from the recursion, largest", "", standard_errors, batch_scores));
  const Tensor rested =
      problem.best.unsqueeze(0) - eta * (problem.X.t().mv(problem.X.mv(problem.best) - problem.y)) / 40;
  report.checks.push_back(
      check_equal("T21", "whole batch: the minimum stays", "", 0, norm_of(rested - problem.best), 1e-12));
  Figure paths_figure({.title = "Batch, mini-batch, one sample",
                       .caption = "Eighty steps of the same rate on the same loss, from the same start.",
                       .columns = 3});
  draw_paths(problem, eta, random, paths_figure);
  report.figures.push_back({"learning_rate", rates});
  report.figures.push_back({"paths", paths_figure});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "Thresholds by bisection and the fastest rate by golden sections, both on the factor that the iterates show over "
      "the last half of their steps. Near the minimum of a sum of $\\log\\cosh$ (by L-BFGS and Newton's method): "
      "whether a push of "
      "$10^{{-6}}$ grows in 400 steps. "
      "Noise: {} runs of 120 steps with unit curvature and noise. Batches: {} runs on a least squares problem of 40 "
      "points in the "
      "plane; their second moments obey a linear recursion that is exact.",
      paths, paths / 4));
  return report;
}

}  // namespace turnpike::studies
