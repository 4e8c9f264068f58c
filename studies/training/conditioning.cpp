// T10. What normalising the inputs does to the Hessian of the squared loss, and to the steps of descent.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/data/standardise.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/gradient_flow.h>

#include "losses.h"

namespace turnpike::studies {
namespace {

constexpr double tolerance = 1e-6;  // on the loss above its minimum, over that at the start

// [n, d] with mean 0 and covariance I, exactly.
Tensor white(std::int64_t n, std::int64_t d, Random& random) {
  const Tensor Z = normal_tensor({n, d}, random);
  return std::get<0>(at::linalg_qr(Z - Z.mean(0))) * std::sqrt(static_cast<double>(n));
}

Tensor with_bias(const Tensor& X) {
  return at::cat({X, at::ones({X.size(0), 1}, X.options())}, 1);
}

Loss squared_loss(const Tensor& X, const Tensor& y) {  // of w = (weights, bias), half the mean square
  return [A = with_bias(X), y](const Tensor& w) -> Tensor { return 0.5 * (A.mv(w) - y).square().mean(); };
}

double condition_of(const Tensor& symmetric) {
  const Tensor values = at::linalg_eigvalsh(symmetric);
  return (values[-1] / values[0]).item<double>();
}

struct Run {
  double condition = 0;
  std::int64_t steps = 0, predicted = 0;
  std::vector<double> excess;  // over that at the start
};

// Descent from 0 at the fastest rate until the excess loss is below the tolerance.
Run descend(const Tensor& X, const Tensor& y) {
  const Loss C = squared_loss(X, y);
  const Tensor start = at::zeros({X.size(1) + 1}, X.options());
  const Tensor H = to_dense(hessian_operator(C, start));
  const auto [lambda, Q] = at::linalg_eigh(0.5 * (H + H.t()));
  const Tensor best = -at::linalg_solve(H, gradient_of(C, start));
  const double eta = 2 / (lambda[0] + lambda[-1]).item<double>();
  Run run{.condition = (lambda[-1] / lambda[0]).item<double>()};

  // sum_i lambda_i c_i^2 (1 - eta lambda_i)^(2k) falls in k: the first k below the tolerance, by bisection.
  const Tensor weight = lambda * Q.t().mv(best).square();
  const auto left = [&](std::int64_t k) {
    return (weight.dot((1 - eta * lambda).pow(2.0 * static_cast<double>(k))) / weight.sum()).item<double>();
  };
  std::int64_t low = 0, high = 1;
  while (left(high) > tolerance) high *= 2;
  while (high - low > 1) (left((low + high) / 2) > tolerance ? low : high) = (low + high) / 2;
  run.predicted = high;

  // The rows of the data are met in every step, not the Hessian.
  const Tensor A = with_bias(X), At = A.t().contiguous() / X.size(0);
  const double floor = 0.5 * (A.mv(best) - y).square().mean().item<double>(),
               first = 0.5 * y.square().mean().item<double>() - floor;
  Tensor w = start;
  for (; run.steps <= 2 * run.predicted; ++run.steps) {
    const Tensor residual = A.mv(w) - y;
    // C(w) - C(best) = |A (w - best)|^2 / 2N, without cancellation.
    run.excess.push_back(0.5 * A.mv(w - best).square().mean().item<double>() / first);
    if (run.excess.back() <= tolerance) break;
    w = w - eta * At.mv(residual);
  }
  return run;
}

Tensor normalised(const Tensor& X) {
  const Dataset data{.x = X, .y = at::zeros({X.size(0), 1}, X.options()), .schema = {.task = Task::regress}};
  std::vector<std::int64_t> rows(static_cast<std::size_t>(X.size(0)));
  std::iota(rows.begin(), rows.end(), 0);
  return Standardiser::fit(data, rows).apply(X);
}

// Losses of tanh networks with 8 hidden units side by side, X [S, n, d], y [S, n] and start [S, P], after `steps` steps
// of length 1/lambda_max at their starts.
std::vector<double> trained_networks(const Tensor& X, const Tensor& y, std::int64_t steps, const Tensor& start) {
  const Ensemble nets{.widths = {X.size(2), 8, 1}};
  const Losses losses = [&](const Tensor& theta) -> Tensor { return (nets(theta, X).squeeze(2) - y).square().mean(1); };
  std::vector<double> rates;
  for (std::int64_t s = 0; s < X.size(0); ++s) {
    const Loss C = [&](const Tensor& w) -> Tensor {
      return (nets(w.unsqueeze(0), X[s]).flatten() - y[s]).square().mean();
    };
    rates.push_back(1 / largest_curvature(C, start[s]));
  }
  const Tensor eta = at::tensor(rates, at::kDouble).unsqueeze(1);
  Tensor theta = start;
  for (std::int64_t k = 0; k < steps; ++k) theta = theta - eta * gradients(losses, theta);
  at::NoGradGuard no_gradient;
  return numbers(losses(theta));
}

// Two inputs with deviations 1 and 4: the loss over their weights.
void draw_plane(Figure& figure, Random& random) {
  const Tensor Z = white(60, 2, random), scale = at::tensor({1.0, 4.0}, at::kDouble);
  const Tensor y = Z.mv(at::tensor({1.0, 1.0}, at::kDouble));
  for (const bool raw : {true, false}) {
    const Tensor X = raw ? Z * scale : Z;
    const Tensor H = X.t().matmul(X) / 60, best = at::linalg_solve(H, X.t().mv(y) / 60);
    const double b1 = best[0].item<double>(), b2 = best[1].item<double>();
    Panel& panel = figure.panel(raw ? "deviations 1 and 4" : "normalised");
    Grid grid{.x_low = b1 - 1.5, .x_high = b1 + 1.5, .y_low = b2 - 1.5, .y_high = b2 + 1.5, .n_x = 61, .n_y = 61};
    for (long j = 0; j < grid.n_y; ++j)
      for (long i = 0; i < grid.n_x; ++i) {
        const Tensor e = at::tensor({grid.x(i) - b1, grid.y(j) - b2}, at::kDouble);
        grid.values.push_back(0.5 * e.dot(H.mv(e)).item<double>());
      }
    panel.x({.label = "$w_1$", .low = grid.x_low, .high = grid.x_high})
        .y({.label = "$w_2$", .low = grid.y_low, .high = grid.y_high})
        .contours(grid, {0.05, 0.2, 0.5, 1, 2, 4, 8}, {.colour = ink::muted, .width = 1});
    Tensor w = best + at::tensor({-1.2, 0.6}, at::kDouble);
    const double eta = raw ? 1.9 / 16 : 0.6;
    std::vector<double> xs, ys;
    for (int k = 0; k < 25; ++k) {
      xs.push_back(w[0].item<double>());
      ys.push_back(w[1].item<double>());
      w = w - eta * H.mv(w - best);
    }
    panel.line(xs, ys, {.colour = raw ? 1 : 0, .marker = Marker::circle, .size = 4});
  }
}

}  // namespace

StudyReport run_conditioning(StudyContext& study) {
  const std::int64_t d = study.integer("features"), n = 200;
  constexpr double rho = 0.5;
  StudyReport report;
  Figure figure(
      {.title = "Normalised data make the loss round",
       .caption =
           "Left and middle: the squared loss of two inputs, before and after; descent zigzags in the valley. Right: "
           "excess loss of the first draw's linear model at the fastest rate of each.",
       .columns = 3});
  Random plane = study.random("plane");
  draw_plane(figure, plane);
  Panel& panel = figure.panel("steps to the minimum");
  panel.x({.label = "step", .scale = Scale::log}).y({.label = "excess loss", .scale = Scale::log, .low = 1e-7});
  Table table{.head = {"draw", "$\\kappa$ raw", "normalised", "whitened", "steps raw", "normalised", "whitened"},
              .caption = "Steps until the excess loss is a millionth of that at the start."};
  std::vector<double> raw_condition, corrected, whitened, steps_off, fewer, network, sluis;
  std::vector<Tensor> inputs, targets, starts;  // of the networks: raw and normalised of each draw
  double worse = 0, n_worse = 0, n_matrices = 0;
  const Tensor R = (1 - rho) * at::eye(d, at::kDouble) + rho * at::ones({d, d}, at::kDouble);
  const Tensor root = at::linalg_cholesky(R);
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds(), "linear model");
    Random random = study.random("data", s);
    const Tensor Z = white(n, d, random);
    std::vector<double> deviations, means;
    for (std::int64_t i = 0; i < d; ++i) {
      deviations.push_back(std::pow(8.0, random.uniform()));
      means.push_back(random.uniform(-4, 4));
    }
    const Tensor D = at::diag(at::tensor(deviations, at::kDouble)), mu = at::tensor(means, at::kDouble);
    const Tensor correlated = Z.matmul(root.t());
    const Tensor X = correlated.matmul(D) + mu;
    const Tensor y = correlated.mv(normal_tensor({d}, random)) + 0.3 * normal_tensor({n}, random) + 2;

    const Tensor block = at::cat({at::cat({D.matmul(R).matmul(D) + at::outer(mu, mu), mu.unsqueeze(1)}, 1),
                                  at::cat({mu.unsqueeze(0), at::ones({1, 1}, at::kDouble)}, 1)});
    const Tensor scaled = normalised(X);
    const Run raw = descend(X, y), round = descend(scaled, y),
              flat = descend(at::linalg_solve(root, scaled.t()).t().contiguous(), y);
    raw_condition.push_back(raw.condition / condition_of(block) - 1);
    corrected.push_back(round.condition * (1 - rho) / (1 + static_cast<double>(d - 1) * rho) - 1);
    whitened.push_back(flat.condition - 1);
    for (const Run* run : {&raw, &round}) steps_off.push_back(static_cast<double>(run->steps - run->predicted));
    fewer.push_back(static_cast<double>(raw.steps) / static_cast<double>(round.steps));
    table.rows.push_back({Cell(s), Cell(raw.condition), Cell(round.condition), Cell(flat.condition),
                          Cell(static_cast<long>(raw.steps)), Cell(static_cast<long>(round.steps)),
                          Cell(static_cast<long>(flat.steps))});
    if (s == 0) {
      int colour = 1;
      for (const auto& [run, name] : {std::pair{&raw, "raw"}, {&round, "normalised"}, {&flat, "whitened"}}) {
        std::vector<double> k;
        for (std::size_t i = 0; i < run->excess.size(); ++i) k.push_back(static_cast<double>(i + 1));
        panel.line(k, run->excess,
                   {.label = name, .colour = colour, .marker = colour == 3 ? Marker::circle : Marker::none});
        colour = colour == 1 ? 0 : 3;
      }
    }

    Random weights = study.random("network", s);
    const Tensor start = normal_tensor({8 * (d + 2) + 1}, weights) / std::sqrt(static_cast<double>(d));
    const Tensor target = at::sin(correlated.select(1, 0)) + 0.5 * correlated.select(1, 1);
    for (const Tensor& points : {X, scaled}) {
      inputs.push_back(points);
      targets.push_back(target);
      starts.push_back(start);
    }

    // Any positive definite matrix, its rows and columns scaled to a unit diagonal.
    Random matrices = study.random("matrices", s);
    for (int k = 0; k < 200; ++k) {
      const Tensor G = normal_tensor({3, 3}, matrices), H = G.matmul(G.t());
      const Tensor scale = H.diagonal().rsqrt();
      const double ratio = condition_of(scale.unsqueeze(1) * H * scale) / condition_of(H);
      sluis.push_back(ratio);
      worse = std::max(worse, ratio);
      n_worse += ratio > 1;
      n_matrices += 1;
    }
  }
  study.at("networks", 0, 1);
  const std::vector<double> trained =
      trained_networks(at::stack(inputs), at::stack(targets), study.integer("steps"), at::stack(starts));
  for (std::size_t i = 0; i < trained.size(); i += 2) network.push_back(trained[i] / trained[i + 1]);
  report.checks.push_back(check_each_equal("T10", "raw data: $\\kappa$ of the loss against that of its moments",
                                           "relative", 0, raw_condition, 1e-8));
  report.checks.push_back(check_each_equal("T10", "normalised: $\\kappa$ against $(1 + (d-1)\\rho)/(1 - \\rho)$",
                                           "relative", 0, corrected, 1e-8));
  report.checks.push_back(check_each_equal("T10", "whitened: $\\kappa - 1$", "", 0, whitened, 1e-8));
  report.checks.push_back(check_each_equal("T10", "steps to a millionth minus those predicted, raw and normalised",
                                           "steps", 0, steps_off, 1));
  report.checks.push_back(check_each_at_least("T10", "steps raw over normalised, least", "", 2, fewer));
  report.checks.push_back(
      check_each_at_least("T10", "tanh network, same steps: loss raw over normalised, least", "", 1, network));
  report.checks.push_back(check_each_at_most(
      "T10", "any 3 by 3 matrix: growth of $\\kappa$ by a unit diagonal, at most $d$", "", 3, sluis));
  report.checks.push_back(
      check_at_least("T10", "the largest such growth: normalising can also make it worse", "", 1.01, worse));
  report.figures.push_back({"conditioning", figure});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("Linear model of {} inputs and a bias on {} samples whose means (up to 4), deviations (1 to 8) and "
                  "correlations (0.5) are exact by "
                  "construction; normalised by the engine's standardiser, whitened by the Cholesky factor of the "
                  "correlations. Descent from zero at "
                  "$2/(\\lambda_{{\\max}} + \\lambda_{{\\min}})$; the predicted number of steps follows from "
                  "eigenvalues and start. The networks: 8 tanh units, side by side, step "
                  "$1/\\lambda_{{\\max}}$ of the Hessian at the start.",
                  d, n));
  report.findings.push_back(
      fmt::format("Of {} random positive definite 3 by 3 matrices {:.0f} % are worse conditioned with a unit diagonal, "
                  "the worst by a factor of {:.2f}: the slide's "
                  "picture is the rule, not a law.",
                  static_cast<int>(n_matrices), 100 * n_worse / n_matrices, worse));
  return report;
}

}  // namespace turnpike::studies
