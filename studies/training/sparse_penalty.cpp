// T19. l_p penalties with p = 1 and 2 on least squares: thresholds, zeros, optimality conditions.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

constexpr double to_rounding = 1e-10;

Tensor soft_threshold(const Tensor& w, double threshold) {
  return w.sign() * (w.abs() - threshold).clamp_min(0);
}

double largest(const Tensor& v) {
  return v.abs().max().item<double>();
}

std::int64_t zeros_of(const Tensor& w) {
  return (w == 0).sum().item<std::int64_t>();
}

// argmin |y - X w|^2 / 2 + h(w), by the engine's accelerated proximal gradient, from `start`.
Tensor minimise(const Tensor& X, const Tensor& y, const NonSmooth& h, double tolerance, const Tensor& start) {
  Tensor w = start.clone().requires_grad_();
  const Tensor Xt = X.t().contiguous();
  const double curvature = std::pow(at::linalg_matrix_norm(X, 2).item<double>(), 2);
  const auto optimiser = make_optimiser(
      {.kind = OptimiserKind::proximal, .rate = 1 / curvature, .iterations = 20000, .tolerance = tolerance}, {w}, h);
  optimiser->step([&](bool gradient) -> Tensor {
    const Tensor residual = X.mv(w.detach()) - y;
    if (gradient) w.mutable_grad() = Xt.mv(residual);
    return 0.5 * residual.square().sum();
  });
  return w.detach();
}

NonSmooth l1(double lambda) {
  return {.value = [=](const Tensor& w) { return lambda * w.abs().sum().item<double>(); },
          .prox = [=](const Tensor& w, double step) -> Tensor { return soft_threshold(w, step * lambda); }};
}

NonSmooth l2_squared(double lambda) {
  return {.value = [=](const Tensor& w) { return 0.5 * lambda * w.square().sum().item<double>(); },
          .prox = [=](const Tensor& w, double step) -> Tensor { return w / (1 + step * lambda); }};
}

NonSmooth l2(double lambda) {
  return {.value = [=](const Tensor& w) { return lambda * w.norm().item<double>(); },
          .prox = [=](const Tensor& w, double step) -> Tensor {
            const double size = w.norm().item<double>();
            return size > step * lambda ? w * (1 - step * lambda / size) : at::zeros_like(w);
          }};
}

// Largest violation of X'(y - Xw) = lambda sign(w) where w != 0, |X'(y - Xw)| <= lambda where w = 0; over lambda.
double lasso_residual(const Tensor& X, const Tensor& y, const Tensor& w, double lambda) {
  const Tensor slope = X.t().mv(y - X.mv(w));
  const Tensor violation = at::where(w == 0, (slope.abs() - lambda).clamp_min(0), (slope - lambda * w.sign()).abs());
  return largest(violation) / lambda;
}

// Primal minus dual, over the primal: theta = r min(1, lambda/|X'r|), D = |y|^2/2 - |y - theta|^2/2.
double lasso_gap(const Tensor& X, const Tensor& y, const Tensor& w, double lambda) {
  const Tensor r = y - X.mv(w);
  const Tensor theta = r * std::min(1.0, lambda / largest(X.t().mv(r)));
  const double primal = (0.5 * r.square().sum() + lambda * w.abs().sum()).item<double>();
  return (primal - (0.5 * y.square().sum() - 0.5 * (y - theta).square().sum()).item<double>()) / primal;
}

// |w - c|^2 weighed, plus the penalty: where its minimum lies.
void draw_surfaces(Figure& figure) {
  const double a = 1.0, b = 0.45, cross = 0.5;  // C = ((w1-a)^2 + (w2-b)^2 + 2 cross (w1-a)(w2-b)) / 2
  const auto loss = [=](double x, double y) {
    return 0.5 * ((x - a) * (x - a) + (y - b) * (y - b) + 2 * cross * (x - a) * (y - b));
  };
  const double lambda = 0.8;
  for (const int p : {1, 2}) {
    Panel& panel = figure.panel(p == 1 ? "loss $+ \\lambda|w|_1$" : "loss $+ \\lambda|w|_2^2/2$");
    Grid grid{.x_low = -0.7, .x_high = 1.5, .y_low = -0.7, .y_high = 1.1, .n_x = 111, .n_y = 91};
    double lowest = 1e9, x = 0, y = 0;
    for (long j = 0; j < grid.n_y; ++j)
      for (long i = 0; i < grid.n_x; ++i) {
        const double u = grid.x(i), v = grid.y(j);
        grid.values.push_back(loss(u, v) + lambda * (p == 1 ? std::abs(u) + std::abs(v) : (u * u + v * v) / 2));
        if (grid.values.back() < lowest) {
          lowest = grid.values.back();
          x = u;
          y = v;
        }
      }
    panel.x({.label = "$w_1$", .low = grid.x_low, .high = grid.x_high})
        .y({.label = "$w_2$", .low = grid.y_low, .high = grid.y_high})
        .heat(grid, {.high = lowest + 1.2})
        .line({grid.x_low, grid.x_high}, {0, 0}, {.colour = ink::text, .width = 0.8})
        .line({0, 0}, {grid.y_low, grid.y_high}, {.colour = ink::text, .width = 0.8})
        .points({x}, {y}, {.label = "minimum", .colour = 1, .marker = Marker::diamond, .size = 10})
        .points({a}, {b}, {.label = "without penalty", .colour = 3, .marker = Marker::cross, .size = 9});
  }
}

}  // namespace

StudyReport run_sparse_penalty(StudyContext& study) {
  const std::int64_t d = study.integer("unknowns"), n = d / 2;
  StudyReport report;
  Figure surfaces({.title = "What a penalty does to the surface",
                   .caption = "One loss with the two penalties. The absolute value has a crease along each axis, in "
                              "which the minimum lies."});
  draw_surfaces(surfaces);
  Figure paths({.title = "From large penalties to small ones",
                .caption = fmt::format("First draw, {} samples and {} unknowns: every coefficient against the penalty. "
                                       "The lasso's enter one by one; ridge's are all there from the start.",
                                       n, d)});
  Panel& lasso_panel = paths.panel("lasso");
  Panel& ridge_panel = paths.panel("ridge");
  std::vector<double> lasso, zeros, ridge, ridge_zeros, block, block_zeros, conditions, gaps, none, one,
      ridge_conditions, general_zeros;
  std::int64_t most_entered = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds(), "orthonormal");
    Random random = study.random("design", s);
    const Tensor Q = std::get<0>(at::linalg_qr(normal_tensor({d, n}, random)));  // [d, n], Q'Q = I
    const Tensor y = normal_tensor({d}, random), b = Q.t().mv(y), start = normal_tensor({n}, random);
    for (const double share : {0.1, 0.4, 0.8}) {
      const double lambda = share * largest(b);
      const Tensor w1 = minimise(Q, y, l1(lambda), 1e-13, start);
      lasso.push_back(largest(w1 - soft_threshold(b, lambda)));
      zeros.push_back(static_cast<double>(zeros_of(w1) - (b.abs() <= lambda).sum().item<std::int64_t>()));
      const Tensor w2 = minimise(Q, y, l2_squared(lambda), 1e-13, start);
      ridge.push_back(largest(w2 - b / (1 + lambda)));
      ridge_zeros.push_back(static_cast<double>(zeros_of(w2)));
      // (1 - lambda/|b|)_+ b
      const double size = b.norm().item<double>(), cut = share * 1.5 * size;
      const Tensor w3 = minimise(Q, y, l2(cut), 1e-13, start);
      block.push_back(largest(w3 - b * std::max(0.0, 1 - cut / size)));
      block_zeros.push_back(static_cast<double>(zeros_of(w3) - (cut >= size ? n : 0)));
    }

    // More unknowns than samples, neighbours correlated.
    study.at("draws", s, study.seeds(), "general design");
    const Tensor white = normal_tensor({n, d}, random);
    const Tensor X = white + 0.6 * white.roll(1, 1), t = normal_tensor({n}, random);
    const double top = largest(X.t().mv(t));
    none.push_back(largest(minimise(X, t, l1(top * 1.0001), 1e-12 * top, at::zeros({d}, at::kDouble))));
    one.push_back(
        static_cast<double>(d - zeros_of(minimise(X, t, l1(top * 0.9999), 1e-12 * top, at::zeros({d}, at::kDouble)))));
    Tensor w = at::zeros({d}, at::kDouble);
    std::vector<double> shares;
    std::vector<Tensor> lasso_path, ridge_path;
    for (double share = 1; share > 0.01; share *= s == 0 ? 0.85 : 0.4) {
      const double lambda = share * top;
      w = minimise(X, t, l1(lambda), 2e-12 * lambda, w);
      conditions.push_back(lasso_residual(X, t, w, lambda));
      gaps.push_back(lasso_gap(X, t, w, lambda));
      most_entered = std::max(most_entered, d - zeros_of(w));
      const Tensor v = at::linalg_solve(X.t().matmul(X) + lambda * at::eye(d, at::kDouble), X.t().mv(t));
      ridge_conditions.push_back(largest(X.t().mv(t - X.mv(v)) - lambda * v) / lambda);
      general_zeros.push_back(static_cast<double>((v.abs() < 1e-12).sum().item<std::int64_t>()));
      shares.push_back(share);
      lasso_path.push_back(w);
      ridge_path.push_back(v);
    }
    if (s > 0) continue;
    const Tensor l = at::stack(lasso_path), r = at::stack(ridge_path);
    for (const auto& [panel, path] : {std::pair{&lasso_panel, &l}, {&ridge_panel, &r}}) {
      panel->x({.label = "$\\lambda$ over its largest", .scale = Scale::log}).y({.label = "coefficients"});
      for (std::int64_t i = 0; i < d; ++i)
        panel->line(shares, numbers(path->select(1, i)), {.colour = static_cast<int>(i), .width = 1.1});
    }
  }
  report.checks.push_back(
      check_each_equal("T19", "orthonormal, $p = 1$: against the soft threshold", "", 0, lasso, to_rounding));
  report.checks.push_back(
      check_each_equal("T19", "exact zeros minus those predicted, $|b_i| \\le \\lambda$", "", 0, zeros, 0));
  report.checks.push_back(
      check_each_equal("T19", "orthonormal, $p = 2$: against $b/(1 + \\lambda)$", "", 0, ridge, to_rounding));
  report.checks.push_back(check_each_equal("T19", "its exact zeros", "", 0, ridge_zeros, 0));
  report.checks.push_back(check_each_equal(
      "T19", "slide's $\\lambda|w|_2$ without a square: against $(1 - \\lambda/|b|)_+b$", "", 0, block, to_rounding));
  report.checks.push_back(check_each_equal(
      "T19", "its zeros minus those predicted: all at $\\lambda \\ge |b|$, else none", "", 0, block_zeros, 0));
  report.checks.push_back(check_each_equal("T19", "general design, lasso: optimality conditions violated, largest",
                                           "of $\\lambda$", 0, conditions, to_rounding));
  report.checks.push_back(check_each_equal("T19", "its duality gap, largest", "relative", 0, gaps, to_rounding));
  report.checks.push_back(
      check_each_equal("T19", "just above $\\lambda = |X'y|_\\infty$: largest coefficient", "", 0, none, 0));
  report.checks.push_back(check_each_equal("T19", "just below: coefficients that are not zero", "", 1, one, 0));
  report.checks.push_back(check_at_most("T19", "most coefficients of the lasso at any $\\lambda$: no more than samples",
                                        "", static_cast<double>(n), static_cast<double>(most_entered)));
  report.checks.push_back(check_each_equal("T19", "general design, ridge: conditions violated, largest",
                                           "of $\\lambda$", 0, ridge_conditions, to_rounding));
  report.checks.push_back(check_each_equal("T19", "its coefficients below $10^{-12}$", "", 0, general_zeros, 0));
  report.figures.push_back({"surfaces", surfaces});
  report.figures.push_back({"paths", paths});
  report.method.push_back(
      fmt::format("Orthonormal design: {} unknowns, {} samples, penalties 0.1, 0.4 and 0.8 of the largest coefficient. "
                  "General design: {} unknowns, {} samples, neighbouring columns "
                  "correlated, penalties down to a hundredth of $|X'y|_\\infty$. The lasso by the engine's accelerated "
                  "proximal gradient until its residual is below "
                  "$2 \\cdot 10^{{-12}}\\lambda$; the gap to its dual is a bound that needs no solver. Ridge by "
                  "elimination on the general design.",
                  n, d, d, n));
  return report;
}

}  // namespace turnpike::studies
