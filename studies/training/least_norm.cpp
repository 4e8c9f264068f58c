// T4. Gradient descent on an underdetermined system: every iterate, the limit, and what the kernel keeps.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

constexpr double to_rounding = 1e-10;  // of row T4: sums of some hundred terms, thousands of steps

double norm_of(const Tensor& v) {
  return v.norm().item<double>();
}

// A = U diag(sigma) V_1', the last `n - rank` columns of V span the kernel.
struct Svd {
  Tensor U, sigma, V1, V2;
  Tensor pseudo_inverse(const Tensor& b) const { return V1.matmul(U.t().matmul(b) / sigma); }
};

Svd svd_of(const Tensor& A) {
  const auto [U, S, Vh] = at::linalg_svd(A, /*full_matrices=*/true);
  const std::int64_t rank = (S > 1e-12 * S[0]).sum().item<std::int64_t>();
  const Tensor V = Vh.t();
  return {U.narrow(1, 0, rank), S.narrow(0, 0, rank), V.narrow(1, 0, rank), V.narrow(1, rank, V.size(1) - rank)};
}

// x_k = V_1 ((1 - mu s^2)^k V_1'x_0 + (1 - (1 - mu s^2)^k)/s U'b) + V_2 V_2'x_0
Tensor closed_form(const Svd& svd, const Tensor& b, const Tensor& x0, double mu, std::int64_t k) {
  const Tensor remaining = (1 - mu * svd.sigma.square()).pow(static_cast<double>(k));
  const Tensor rows = remaining * svd.V1.t().mv(x0) + (1 - remaining) / svd.sigma * svd.U.t().mv(b);
  return svd.V1.mv(rows) + svd.V2.mv(svd.V2.t().mv(x0));
}

struct Descent {
  double iterates = 0;     // largest relative distance to the closed form, over all k
  double kernel_move = 0;  // largest change of V_2'x_k
  double limit = 0;        // distance to V_2V_2'x_0 + A^+b
  Tensor end;
  std::vector<double> residual, distance;  // |A^+(A x_k - b)| and |x_k - A^+ b|, over |A^+ b|
};

Descent descend(const Tensor& A, const Svd& svd, const Tensor& b, const Tensor& x0, double mu, std::int64_t steps) {
  Descent run;
  const Tensor least = svd.pseudo_inverse(b), kernel = svd.V2.t().mv(x0);
  const double scale = norm_of(least) + norm_of(x0);
  Tensor x = x0.clone();
  for (std::int64_t k = 0; k <= steps; ++k) {
    run.iterates = std::max(run.iterates, norm_of(x - closed_form(svd, b, x0, mu, k)) / scale);
    run.kernel_move = std::max(run.kernel_move, norm_of(svd.V2.t().mv(x) - kernel) / scale);
    run.residual.push_back(norm_of(svd.V1.t().mv(x - least)) / norm_of(least));
    run.distance.push_back(norm_of(x - least) / norm_of(least));
    x = x - mu * A.t().mv(A.mv(x) - b);
  }
  run.end = x;
  run.limit = norm_of(x - svd.V2.mv(kernel) - least) / scale;
  return run;
}

// Adam from zero, on the same loss: |A x - b| / |b| and the size of the kernel part where it ends.
std::pair<double, double> adam(const Tensor& A, const Svd& svd, const Tensor& b) {
  Tensor x = at::zeros({A.size(1)}, A.options());
  x.set_requires_grad(true);
  double rate = 0.02;
  const auto optimiser = make_optimiser({.kind = OptimiserKind::adam, .rate = rate}, {x});
  for (int k = 0; k < 3000; ++k) {
    optimiser->set_rate(rate *= 0.998);
    optimiser->step([&](bool gradient) -> Tensor {
      at::NoGradGuard none;
      const Tensor residual = A.mv(x) - b;
      if (gradient) x.mutable_grad() = A.t().mv(residual);
      return 0.5 * residual.square().sum();
    });
  }
  const Tensor end = x.detach();
  return {norm_of(A.mv(end) - b) / norm_of(b), norm_of(svd.V2.t().mv(end)) / norm_of(svd.pseudo_inverse(b))};
}

// One equation in the plane: all of its solutions are a line.
Panel& draw_plane(Figure& figure) {
  const Tensor A = at::tensor({2.0, 1.0}, at::kDouble).unsqueeze(0), b = at::tensor({2.0}, at::kDouble);
  const Svd svd = svd_of(A);
  const Tensor least = svd.pseudo_inverse(b);
  Panel& panel = figure.panel("one equation, two unknowns");
  panel.x({.label = "$x_1$", .low = -1.2, .high = 2.4}).y({.label = "$x_2$", .low = -1.4, .high = 2.2}).equal_aspect();
  panel.line({-0.1, 1.7}, {2.2, -1.4}, {.label = "$Ax = b$", .colour = ink::text, .width = 1.4});
  std::vector<std::vector<double>> xs, ys;
  const double starts[][2] = {{0, 0}, {-1, 0.6}, {1.6, 1.8}, {-0.6, -1.1}, {2.2, -0.4}, {-0.2, 1.8}};
  for (const auto& start : starts) {
    Tensor x = at::tensor({start[0], start[1]}, at::kDouble);
    xs.emplace_back();
    ys.emplace_back();
    for (int k = 0; k < 40; ++k) {
      xs.back().push_back(x[0].item<double>());
      ys.back().push_back(x[1].item<double>());
      x = x - 0.05 * A.t().mv(A.mv(x) - b);
    }
    const bool zero = start[0] == 0 && start[1] == 0;
    panel.line(xs.back(), ys.back(),
               {.label = zero ? "from zero" : (xs.size() == 2 ? "from elsewhere" : ""),
                .colour = zero ? 1 : 0,
                .marker = Marker::circle,
                .size = 4});
  }
  panel.points({least[0].item<double>()}, {least[1].item<double>()},
               {.label = "least norm $A^+b$", .colour = 2, .marker = Marker::diamond, .size = 10});
  return panel;
}

}  // namespace

StudyReport run_least_norm(StudyContext& study) {
  const std::int64_t m = study.integer("equations"), n = study.integer("unknowns");
  if (m >= n) throw InputError("least_norm needs fewer equations than unknowns");
  StudyReport report;
  Figure figure(
      {.title = "Gradient descent never leaves the rows of A",
       .caption =
           "Left: each path meets the line of solutions at a right angle; only the one from zero meets "
           "it at the solution of least norm. Right: first draw; solid, the distance to $A^+b$, dashed, its part in "
           "the rows of $A$, over $\\|A^+b\\|$."});
  draw_plane(figure);
  Panel& distances = figure.panel(fmt::format("{} equations, {} unknowns", m, n));
  distances.x({.label = "step $k$"}).y({.label = "distance", .scale = Scale::log, .low = 1e-14});

  std::vector<double> iterates, kernel_moves, from_rows, from_any, norms, deficient, adam_residual, adam_kernel, growth;
  double slide_rank = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds());
    Random random = study.random("system", s);
    const Tensor A = normal_tensor({m, n}, random), b = normal_tensor({m}, random);
    const Svd svd = svd_of(A);
    const double top = std::pow(svd.sigma[0].item<double>(), 2), least = std::pow(svd.sigma[m - 1].item<double>(), 2);
    const double mu = 2 / (top + least);  // the fastest
    // The slowest mode shrinks by (top - least)/(top + least) a step: below 1e-13 of its start.
    const auto steps = static_cast<std::int64_t>(std::ceil(std::log(1e-13) / std::log((top - least) / (top + least))));

    const Tensor rows = A.t().mv(normal_tensor({m}, random)), any = normal_tensor({n}, random);
    const Descent orthogonal = descend(A, svd, b, rows / norm_of(rows), mu, steps);
    const Descent general = descend(A, svd, b, any, mu, steps);
    const Tensor x_least = at::linalg_pinv(A).mv(b);
    for (const Descent* run : {&orthogonal, &general}) {
      iterates.push_back(run->iterates);
      kernel_moves.push_back(run->kernel_move);
    }
    from_rows.push_back(norm_of(orthogonal.end - x_least) / norm_of(x_least));
    from_any.push_back(general.limit);
    // |x|^2 = |A^+ b|^2 + |V_2'x_0|^2
    norms.push_back(general.end.square().sum().item<double>() /
                        (x_least.square().sum() + svd.V2.t().mv(any).square().sum()).item<double>() -
                    1);
    if (s == 0) {
      const std::vector<double> k = numbers(at::arange(static_cast<double>(steps + 1), at::kDouble));
      distances.line(k, orthogonal.distance, {.label = "start in the rows of $A$", .colour = 1});
      distances.line(k, general.distance, {.label = "any start", .colour = 0});
      distances.line(k, general.residual, {.label = "its part in the rows", .colour = 0, .dash = Dash::dashed});
    }

    // Dependent rows and a right side that has no solution.
    Tensor B = A.clone();
    B[m - 1].copy_(B[0]);
    const Svd lower = svd_of(B);
    const double top_b = std::pow(lower.sigma[0].item<double>(), 2),
                 least_b = std::pow(lower.sigma[-1].item<double>(), 2);
    const auto steps_b =
        static_cast<std::int64_t>(std::ceil(std::log(1e-13) / std::log((top_b - least_b) / (top_b + least_b))));
    const Descent dependent = descend(B, lower, b, at::zeros({n}, A.options()), 2 / (top_b + least_b), steps_b);
    deficient.push_back(norm_of(dependent.end - at::linalg_pinv(B, 1e-12).mv(b)) / norm_of(dependent.end));

    // Beyond the limit of steps the first mode grows by |1 - mu s^2| a step.
    Tensor x = svd.V1.select(1, 0) + svd.pseudo_inverse(b);
    for (int k = 0; k < 10; ++k) x = x - 2.1 / top * A.t().mv(A.mv(x) - b);
    growth.push_back(std::pow(norm_of(x - svd.pseudo_inverse(b)), 0.1));

    const auto [residual, kernel] = adam(A, svd, b);
    adam_residual.push_back(residual);
    adam_kernel.push_back(kernel);

    // The slide's m >> n: AA' of a tall matrix.
    slide_rank = std::max(slide_rank, at::linalg_matrix_rank(A.t().matmul(A)).item<double>());
  }

  report.checks.push_back(check_each_equal("T4", "every iterate against its closed form, largest difference",
                                           "relative", 0, iterates, to_rounding));
  report.checks.push_back(
      check_each_equal("T4", "limit from $x_0 \\perp$ ker $A$ against $A^+b$", "relative", 0, from_rows, to_rounding));
  report.checks.push_back(
      check_each_equal("T4", "limit from any $x_0$ against $V_2V_2'x_0 + A^+b$", "relative", 0, from_any, to_rounding));
  report.checks.push_back(
      check_each_equal("T4", "kernel part of the iterates, largest move", "relative", 0, kernel_moves, to_rounding));
  report.checks.push_back(
      check_each_equal("T4", "$|x_\\infty|^2$ over $|A^+b|^2 + |V_2'x_0|^2$, minus 1", "", 0, norms, to_rounding));
  report.checks.push_back(check_each_equal("T4", "dependent rows, no solution: limit from 0 against $A^+b$", "relative",
                                           0, deficient, to_rounding));
  report.checks.push_back(
      check_each_equal("T4", "$\\mu = 2.1/\\sigma_{max}^2$: growth of the first mode a step", "", 1.1, growth, 1e-9));
  report.checks.push_back(
      check_each_at_most("T4", "Adam from 0: $|Ax - b|/|b|$, it interpolates", "", 1e-3, adam_residual));
  report.checks.push_back(check_each_at_least(
      "T4", "Adam from 0: its kernel part over $|A^+b|$, it is not of least norm", "", 0.1, adam_kernel));
  report.checks.push_back(
      check_equal("T4", fmt::format("slide's $m \\gg n$ ({} by {}): rank of $AA'$, which is no inverse's", n, m), "",
                  static_cast<double>(m), slide_rank, 0));
  report.figures.push_back({"least_norm", figure});
  report.method.push_back(fmt::format(
      "{} draws of {} normal equations in {} unknowns; step $\\mu = 2/(\\sigma_{{\\max}}^2 + \\sigma_{{\\min}}^2)$ "
      "until the slowest mode is below $10^{{-13}}$. Each iterate is compared with the formula by the singular value "
      "decomposition, each limit with LAPACK's pseudo-inverse.",
      study.seeds(), m, n));
  report.method.push_back(
      "Adam: 3000 steps, rate $0.02 \\cdot 0.998^k$. Its steps weigh each coordinate for itself, so that they are no "
      "combinations of the rows of $A$; the check is there to fail if the effect were that of any method.");
  return report;
}

}  // namespace turnpike::studies
