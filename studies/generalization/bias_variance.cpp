// G4. Bias and variance of polynomial fits, and what early stopping, cross-validation and L2 make of an overfit.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/least_squares.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// [points, degree + 1]: Legendre's polynomials, orthonormal for x uniform on [-1, 1]
Tensor legendre(const Tensor& x, std::int64_t degree) {
  std::vector<Tensor> P = {at::ones_like(x), x};
  for (std::int64_t n = 1; n < degree; ++n)
    P.push_back(((2 * n + 1) * x * P.back() - n * P[P.size() - 2]) / static_cast<double>(n + 1));
  for (std::size_t n = 0; n < P.size(); ++n) P[n] = P[n] * std::sqrt(2.0 * static_cast<double>(n) + 1);
  P.resize(static_cast<std::size_t>(degree) + 1);
  return at::stack(P, 1);
}

Tensor truth(const Tensor& x) {
  return at::sin(std::numbers::pi * x) + 0.5 * at::cos(2 * std::numbers::pi * x);
}

// A family of fits of growing complexity, each linear in the data: w = S y.
//   degrees: least squares of degree c;  steps: gradient descent on |Phi w - y|^2 / 2n from 0, tau steps of size eps;
//   penalty: argmin |Phi w - y|^2 / n + alpha |w|^2
enum class Path { degrees, steps, penalty };

constexpr double step_size = 0.9;  // times 2 / the largest eigenvalue of Phi'Phi/n, over 2: eps = 0.9 / lambda_max

struct Complexity {
  Path path;
  std::vector<double> values;
};

std::vector<Complexity> complexities(std::int64_t degree) {
  Complexity degrees{Path::degrees, {}}, steps{Path::steps, {}}, penalty{Path::penalty, {}};
  for (std::int64_t c = 0; c <= degree; ++c) degrees.values.push_back(static_cast<double>(c));
  for (int k = 0; k <= 25; ++k) steps.values.push_back(std::round(std::pow(10.0, k / 5.0)));
  steps.values.erase(std::unique(steps.values.begin(), steps.values.end()), steps.values.end());
  for (int k = 0; k <= 40; ++k) penalty.values.push_back(std::pow(10.0, 2 - k / 4.0));
  return {degrees, steps, penalty};
}

// S [degree + 1, n] for each complexity, from the points x.
Tensor fits(const Complexity& complexity, const Tensor& x, std::int64_t degree) {
  const std::int64_t n = x.size(0);
  const Tensor Phi = legendre(x, degree);
  std::vector<Tensor> all;
  if (complexity.path == Path::degrees) {
    for (const double c : complexity.values) {
      const auto columns = static_cast<std::int64_t>(c) + 1;
      const Tensor S = minimum_norm(Phi.narrow(1, 0, columns), at::eye(n, at::kDouble));
      all.push_back(at::constant_pad_nd(S, {0, 0, 0, degree + 1 - columns}));
    }
    return at::stack(all);
  }
  const auto [U, s, Vh] = at::linalg_svd(Phi, /*full_matrices=*/false);
  const Tensor lambda = s.square() / static_cast<double>(n);
  const double eps = step_size / lambda.max().item<double>();
  for (const double c : complexity.values) {
    // share of each mode that is fitted: 1 - (1 - eps lambda)^tau, or lambda / (lambda + alpha)
    const Tensor share =
        complexity.path == Path::steps ? -at::expm1(c * at::log1p(-eps * lambda)) : lambda / (lambda + c);
    all.push_back(at::matmul(Vh.t() * (share / s), U.t()));
  }
  return at::stack(all);
}

// Exactly: mean over the grid of squared bias and of variance, for each complexity.
struct Exact {
  std::vector<double> bias, variance, error;  // error: their sum, to the function
};
Exact exact(const Tensor& S, const Tensor& grid, const Tensor& f_points, const Tensor& f_grid, double noise) {
  const Tensor A = at::matmul(legendre(grid, S.size(1) - 1), S);  // [complexities, grid, n]
  const Tensor bias = (at::matmul(A, f_points) - f_grid).square().mean(1);
  const Tensor variance = noise * noise * A.square().sum(2).mean(1);
  return {numbers(bias), numbers(variance), numbers(bias + variance)};
}

// [complexities, data sets]: mean over the grid of (fit - f)^2; y [data sets, n].
Tensor errors(const Tensor& S, const Tensor& grid, const Tensor& f_grid, const Tensor& y) {
  const Tensor A = at::matmul(legendre(grid, S.size(1) - 1), S);
  std::vector<Tensor> all;
  for (std::int64_t c = 0; c < S.size(0); ++c) all.push_back((at::matmul(y, A[c].t()) - f_grid).square().mean(1));
  return at::stack(all);
}

// Mean squared error on the points `out` of fits made from the others, summed over the folds: [complexities, data sets]
Tensor validation(const Complexity& complexity, const Tensor& x, std::int64_t degree, const Tensor& y,
                  std::int64_t n_folds, std::int64_t folds_used) {
  const Tensor fold = at::arange(x.size(0), at::kLong).remainder(n_folds);
  Tensor total;
  for (std::int64_t k = 0; k < folds_used; ++k) {
    const Tensor in = at::nonzero(fold != k).squeeze(1), out = at::nonzero(fold == k).squeeze(1);
    const Tensor A =
        at::matmul(legendre(x.index_select(0, out), degree), fits(complexity, x.index_select(0, in), degree));
    const Tensor miss =
        at::matmul(y.index_select(1, in), A.mT()) - y.index_select(1, out);  // [complexities, sets, out]
    const Tensor score = miss.square().sum(2);
    total = total.defined() ? total + score : score;
  }
  return total;
}

struct Mitigation {
  const char* name;
  int path;                          // of complexities()
  std::int64_t n_folds, folds_used;  // a hold-out set is one fold
  std::vector<double> chosen{};      // test error of every data set
  std::vector<double> oracle{};      // at the complexity that is best in expectation
  double best_exact = 0;             // its exact error, mean over repetitions
};

}  // namespace

StudyReport run_bias_variance(StudyContext& study) {
  const std::int64_t n = study.integer("points"), degree = std::min(study.integer("degree"), n * 4 / 5 - 2);
  const std::int64_t draws = study.integer("draws");
  const double noise = study.real("noise");
  const Tensor grid = at::linspace(-1, 1, 201, at::kDouble), f_grid = truth(grid);
  const std::vector<Complexity> paths = complexities(degree);
  Mitigation mitigations[] = {{"early stopping, a fifth held out", 1, 5, 1},
                              {"cross-validated degree, 5 folds", 0, 5, 5},
                              {"L2, cross-validated weight", 2, 5, 5}};
  StudyReport report;
  std::vector<double> unmitigated, z_scores, left, right, descent, quiet_degree, quiet_steps;
  Exact first[3];
  std::vector<double> measured[3];

  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws of the data", s, study.seeds());
    Random random = study.random("data", s);
    // Points a cell each, at random within it, in random order so that every fold spans the interval.
    std::vector<double> places;
    for (const std::int64_t i : random.permutation(n))
      places.push_back(-1 + 2 * (static_cast<double>(i) + random.uniform()) / static_cast<double>(n));
    const Tensor x = at::tensor(places, at::kDouble), f_points = truth(x);
    const Tensor y = f_points + noise * normal_tensor({draws, n}, random);
    Tensor all_errors[3];
    Exact law[3];
    for (std::size_t p = 0; p < 3; ++p) {
      const Tensor S = fits(paths[p], x, degree);
      law[p] = exact(S, grid, f_points, f_grid, noise);
      all_errors[p] = errors(S, grid, f_grid, y);
      const Tensor mean = all_errors[p].mean(1),
                   deviation = all_errors[p].std(1) / std::sqrt(static_cast<double>(draws));
      const std::vector<double> z = numbers((mean - at::tensor(law[p].error, at::kDouble)) / deviation);
      z_scores.insert(z_scores.end(), z.begin(), z.end());
      if (s == 0) {
        first[p] = law[p];
        measured[p] = numbers(mean);
      }
    }
    const std::vector<double> U = numbers(all_errors[0].mean(1));
    const double bottom = *std::min_element(U.begin(), U.end());
    left.push_back(U.front() / bottom);
    right.push_back(U.back() / bottom);
    const std::vector<double> overfit = numbers(all_errors[0][degree]);
    unmitigated.insert(unmitigated.end(), overfit.begin(), overfit.end());

    for (Mitigation& m : mitigations) {
      const auto p = static_cast<std::size_t>(m.path);
      const Tensor choice = validation(paths[p], x, degree, y, m.n_folds, m.folds_used).argmin(0, true);
      const std::vector<double> chosen = numbers(all_errors[p].gather(0, choice));
      const auto best = std::min_element(law[p].error.begin(), law[p].error.end());
      const std::vector<double> oracle = numbers(all_errors[p][best - law[p].error.begin()]);
      m.chosen.insert(m.chosen.end(), chosen.begin(), chosen.end());
      m.oracle.insert(m.oracle.end(), oracle.begin(), oracle.end());
      m.best_exact += *best / study.seeds();
    }

    // Gradient descent itself, step by step, all data sets at once, against its closed form.
    const Tensor Phi = legendre(x, degree);
    const double eps = step_size / (at::linalg_matrix_norm(Phi, 2).square() / static_cast<double>(n)).item<double>();
    Tensor w = at::zeros({degree + 1, draws}, at::kDouble);
    for (int k = 0; k < 1000; ++k)
      w = w - eps / static_cast<double>(n) * at::matmul(Phi.t(), at::matmul(Phi, w) - y.t());
    const Tensor closed = at::matmul(fits({Path::steps, {1000}}, x, degree)[0], y.t());
    descent.push_back(((w - closed).norm() / closed.norm()).item<double>());

    // Null: no noise, no U, where the function is one of the polynomials. The mean squared error over [-1, 1] is then
    // |w - w*|^2: gone at the largest degree, and falling in every mode of a descent.
    Tensor goal = at::zeros({degree + 1}, at::kDouble);
    goal.narrow(0, 3, 3).fill_(1);
    const auto clean_error = [&](std::size_t p) {
      const Tensor w = at::matmul(fits(paths[p], x, degree), at::matmul(legendre(x, degree), goal));
      return numbers((w - goal).square().sum(1));
    };
    const std::vector<double> clean = clean_error(0), falling = clean_error(1);
    quiet_degree.push_back(clean.back() / clean.front());
    double rise = 0;
    for (std::size_t k = 1; k < falling.size(); ++k) rise = std::max(rise, (falling[k] - falling[k - 1]) / falling[0]);
    quiet_steps.push_back(rise);
  }

  // Five standard errors; over some hundred complexities and five repetitions less than one in a thousand goes beyond.
  report.checks.push_back(check_each_equal(
      "G4", "error measured less bias$^2$ + variance, farthest over all complexities", "std. errors", 0, z_scores, 5));
  report.checks.push_back(check_each_at_least("G4", "U: error of degree 0 over the least, least", "", 2, left));
  report.checks.push_back(
      check_each_at_least("G4", fmt::format("U: error of degree {} over the least, least", degree), "", 2, right));
  report.checks.push_back(
      check_each_equal("G4", "gradient descent, 1000 steps, against its closed form", "relative", 0, descent, 1e-10));
  const Interval overfit = mean_interval(unmitigated);
  Table table{.head = {"fit", "test error", "95 % interval", "best possible", "exact"},
              .caption =
                  "Mean squared distance to the function, over all data sets and repetitions. Best possible: at the "
                  "one complexity whose expected error is least."};
  table.rows.push_back({fmt::format("degree {}, unmitigated", degree), Cell(overfit.mean),
                        fmt::format("{:.4f} … {:.4f}", overfit.low, overfit.high), "", ""});
  std::vector<Bars> bars(1);
  std::vector<std::string> names = {"none"};
  bars[0].colour = 0;
  bars[0].values = {overfit.mean};
  bars[0].low = {overfit.low};
  bars[0].high = {overfit.high};
  const char* short_names[] = {"early stopping", "cross-validation", "L2"};
  for (std::size_t k = 0; k < 3; ++k) {
    const Mitigation& m = mitigations[k];
    const Interval chosen = mean_interval(m.chosen), oracle = mean_interval(m.oracle);
    report.checks.push_back(check_at_most("G4", fmt::format("{}: error over the unmitigated, upper ends", m.name), "",
                                          1, chosen.high / overfit.low));
    report.checks.push_back(check_equal("G4",
                                        fmt::format("{}: at the best complexity, against its exact error", m.name), "",
                                        m.best_exact, oracle.mean, 2.55 * (oracle.high - oracle.mean))
                                .with(oracle.low, oracle.high));
    table.rows.push_back({m.name, Cell(chosen.mean), fmt::format("{:.4f} … {:.4f}", chosen.low, chosen.high),
                          Cell(oracle.mean), Cell(m.best_exact)});
    names.emplace_back(short_names[k]);
    bars[0].values.push_back(chosen.mean);
    bars[0].low.push_back(chosen.low);
    bars[0].high.push_back(chosen.high);
  }
  report.checks.push_back(check_each_at_most("G4", "null, no noise: error of the largest degree over that of degree 0",
                                             "", 0, quiet_degree, 1e-12));
  report.checks.push_back(check_each_at_most("G4", "null, no noise: largest rise of the error along the descent",
                                             "relative", 0, quiet_steps, 1e-12));

  Figure curves(
      {.title = "One U, three axes",
       .caption = "Exact squared bias, variance and their sum for the first repetition; marks are means over its data "
                  "sets. Complexity grows to the right."});
  const char* titles[] = {"degree", "steps of gradient descent", "L2 weight"};
  for (std::size_t p = 0; p < 3; ++p) {
    std::vector<double> at = paths[p].values;
    if (p == 2)
      for (double& value : at) value = 1 / value;
    Panel& panel = curves.panel(titles[p]);
    panel
        .x({.label = p == 0   ? "degree"
                     : p == 1 ? "steps"
                              : "1 / weight",
            .scale = p == 0 ? Scale::linear : Scale::log})
        .y({.label = "error", .scale = Scale::log, .low = 1e-3, .high = 3});
    panel.line(at, first[p].bias, {.label = "bias$^2$", .colour = 0});
    panel.line(at, first[p].variance, {.label = "variance", .colour = 1});
    panel.line(at, first[p].error, {.label = "sum", .colour = ink::text});
    panel.points(at, measured[p], {.label = "measured", .colour = ink::text, .marker = Marker::circle, .size = 4});
  }
  curves.panel("chosen from the data").y({.label = "test error", .scale = Scale::log, .low = 0.01}).bars(names, bars);
  report.figures.push_back({"u_curves", curves});
  report.tables.push_back(table);
  report.findings.push_back(fmt::format(
      "What choosing from the data costs: early stopping, cross-validation and L2 end at {:.3g}, {:.3g} and {:.3g} "
      "times "
      "the error of their best complexity, and at {:.2g}, {:.2g} and {:.2g} of the unmitigated one. Early stopping is "
      "chosen on six points alone.",
      mean_interval(mitigations[0].chosen).mean / mitigations[0].best_exact,
      mean_interval(mitigations[1].chosen).mean / mitigations[1].best_exact,
      mean_interval(mitigations[2].chosen).mean / mitigations[2].best_exact,
      mean_interval(mitigations[0].chosen).mean / overfit.mean,
      mean_interval(mitigations[1].chosen).mean / overfit.mean,
      mean_interval(mitigations[2].chosen).mean / overfit.mean));
  report.method.push_back(fmt::format(
      "$f = \\sin \\pi x + 0.5 \\cos 2\\pi x$ on $[-1, 1]$, {} points, one at random in each of as many cells, "
      "noise {:g}, "
      "{} data sets on the same points in each of {} repetitions with new points. Legendre polynomials up to degree "
      "{}. "
      "Errors are mean squared distances to $f$ over 201 points; the noise's own $\\sigma^2 = {:.3g}$ adds to all. "
      "Early "
      "stopping descends on four fifths of the points and stops where the error on the other fifth is least.",
      n, noise, draws, study.seeds(), degree, noise * noise));
  return report;
}

}  // namespace turnpike::studies
