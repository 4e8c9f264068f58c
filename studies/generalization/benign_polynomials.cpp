// G6. Lecture L0's polynomials: degrees 2, 10 and 20, with and without the penalty sum n a_n^2.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/least_squares.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr int largest_degree = 20;

// y = sum_n a_n b_n(x): the slide's powers x^n, or Legendre's polynomials, b_n(1) = 1
enum class Basis { powers, legendre };

// [points, M + 1] of b_n(x)
Tensor columns(Basis basis, const Tensor& x, int M) {
  std::vector<Tensor> b = {at::ones_like(x), x};
  for (int n = 1; n < M; ++n) {
    const Tensor next = x * b.back();
    b.push_back(basis == Basis::powers ? next
                                       : ((2 * n + 1) * next - n * b[b.size() - 2]) / static_cast<double>(n + 1));
  }
  b.resize(static_cast<std::size_t>(M) + 1);
  return at::stack(b, 1);
}

// A fit is linear in the data: a = S y.
struct Smoother {
  Basis basis;
  Tensor S;  // [M + 1, N]

  Tensor operator()(const Tensor& x) const { return at::matmul(columns(basis, x, static_cast<int>(S.size(0)) - 1), S); }
};

// argmin |V a - y|^2, of all minimisers the one with the least |a|
Smoother plain(Basis basis, const Tensor& x, int M) {
  return {basis, minimum_norm(columns(basis, x, M), at::eye(x.size(0), at::kDouble))};
}

// argmin |V a - y|^2 + weight sum n a_n^2, as least squares of (V; (weight n)^(1/2)) a = (y; 0)
Smoother penalised(Basis basis, const Tensor& x, int M, double weight) {
  const std::int64_t N = x.size(0);
  const Tensor root = at::diag(at::sqrt(weight * at::arange(M + 1, at::kDouble)));
  return {basis, minimum_norm(at::cat({columns(basis, x, M), root}),
                              at::cat({at::eye(N, at::kDouble), at::zeros({M + 1, N}, at::kDouble)}))};
}

// argmin sum n a_n^2 with V a = y, N <= M + 1. a_0 is free: it takes up the mean of what the rest leaves, and the rest
// is the n^(1/2) a_n of least norm that interpolates all differences of the data.
Smoother interpolant(Basis basis, const Tensor& x, int M) {
  const std::int64_t N = x.size(0);
  const Tensor V = columns(basis, x, M).narrow(1, 1, M);
  const Tensor root = at::sqrt(at::arange(1, M + 1, at::kDouble));
  const Tensor centred = at::eye(N, at::kDouble) - 1.0 / static_cast<double>(N);
  const Tensor differences = std::get<0>(at::linalg_qr(centred.narrow(1, 0, N - 1))).t();  // [N - 1, N], rows sum to 0
  const Tensor rest = minimum_norm(at::matmul(differences, V / root), differences) / root.unsqueeze(1);
  const Tensor first = (at::eye(N, at::kDouble) - at::matmul(V, rest)).mean(0, true);
  return {basis, at::cat({first, rest})};
}

struct Task {
  const char* name;
  std::function<Tensor(const Tensor&)> f;
};

std::vector<Task> tasks() {
  return {{"$\\sin 3x$", [](const Tensor& x) { return at::sin(3 * x); }},
          {"$x/2$", [](const Tensor& x) { return x / 2; }},
          {"$\\cos 8x$", [](const Tensor& x) { return at::cos(8 * x); }},
          {"$|x|$", [](const Tensor& x) { return at::abs(x); }}};
}

struct Setting {
  Tensor x, grid;       // the points; where errors are measured
  Tensor clean, truth;  // f there
  double noise;
};

// Mean over the grid of E (fit - f)^2: squared bias and variance.
struct Expected {
  double bias = 0, variance = 0;
  double error() const { return bias + variance; }
};
Expected expected(const Setting& task, const Smoother& fit) {
  const Tensor A = fit(task.grid);  // [grid, N]
  return {.bias = (at::matmul(A, task.clean) - task.truth).square().mean().item<double>(),
          .variance = task.noise * task.noise * A.square().sum(1).mean().item<double>()};
}

// The same for each draw of the noise, e [draws, N].
std::vector<double> measured(const Setting& task, const Smoother& fit, const Tensor& e) {
  return numbers((at::matmul(task.clean + e, fit(task.grid).t()) - task.truth).square().mean(1));
}

double degrees_of_freedom(const Tensor& x, const Smoother& fit) {
  return fit(x).trace().item<double>();
}

std::string degree_text(int M) {
  return fmt::format("$M = {}$", M);
}

}  // namespace

StudyReport run_benign_polynomials(StudyContext& study) {
  const std::int64_t N = study.integer("points"), draws = study.integer("draws");
  const double noise = study.real("noise");
  const int interpolates = static_cast<int>(N) - 1;
  const std::vector<Task> all = tasks();
  const Tensor x = at::linspace(-1, 1, N, at::kDouble), grid = at::linspace(-1, 1, 401, at::kDouble);
  const auto setting = [&](const Task& task) {
    return Setting{.x = x, .grid = grid, .clean = task.f(x), .truth = task.f(grid), .noise = noise};
  };
  const Setting task = setting(all[0]);
  StudyReport report;

  // ---- what is expected, exactly ----
  using enum Basis;
  std::vector<double> degrees, without, with, least, least_powers;
  for (int M = 0; M <= largest_degree; ++M) {
    degrees.push_back(M);
    without.push_back(expected(task, plain(legendre, x, M)).error());
    with.push_back(expected(task, penalised(legendre, x, M, 1)).error());
    least.push_back(M >= interpolates ? expected(task, interpolant(legendre, x, M)).error() : std::nan(""));
    least_powers.push_back(M >= interpolates ? expected(task, interpolant(powers, x, M)).error() : std::nan(""));
  }
  const auto best = std::min_element(without.begin(), without.begin() + interpolates + 1) - without.begin();
  const Smoother at_peak = plain(legendre, x, interpolates), least_penalty = interpolant(legendre, x, largest_degree);
  const Smoother with_penalty = penalised(legendre, x, largest_degree, 1);
  struct Fit {
    const char* name;
    Smoother fit;
    double degree;
    std::vector<double> errors = {};
  };
  Fit fits[] = {{"$M = 2$", plain(legendre, x, 2), 2},
                {"best classical degree", plain(legendre, x, static_cast<int>(best)), static_cast<double>(best)},
                {"the peak, $M = N - 1$", at_peak, static_cast<double>(interpolates)},
                {"$M = 20$, least $\\sum n a_n^2$", least_penalty, 20},
                {"$M = 20$, penalised", with_penalty, 20},
                {"$M = 20$, powers, least $\\sum n a_n^2$", interpolant(powers, x, largest_degree), 20},
                {"$M = 20$, powers, penalised", penalised(powers, x, largest_degree, 1), 20}};

  // ---- what is measured ----
  std::vector<double> df_measured, ratio, ratio_powers;
  Tensor first;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws of the noise", s, study.seeds());
    Random random = study.random("noise", s);
    const Tensor e = noise * normal_tensor({draws, N}, random);
    if (s == 0) first = task.clean + e[0];
    std::vector<double> means;
    for (Fit& fit : fits) {
      const std::vector<double> errors = measured(task, fit.fit, e);
      fit.errors.insert(fit.errors.end(), errors.begin(), errors.end());
      means.push_back(mean_interval(errors).mean);
    }
    ratio.push_back(means[3] / means[2]);
    ratio_powers.push_back(means[5] / means[2]);
    // degrees of freedom = sum_i cov(fitted y_i, y_i) / noise^2; e has mean 0
    const Tensor fitted = at::matmul(task.clean + e, with_penalty(x).t());
    df_measured.push_back(((fitted - fitted.mean(0)) * e).sum().item<double>() /
                          (noise * noise * static_cast<double>(draws)));
  }

  // The peak: of all degrees, least squares below and least penalty above.
  std::vector<double> along(without.begin(), without.begin() + interpolates);
  for (int M = interpolates; M <= largest_degree; ++M) along.push_back(least[static_cast<std::size_t>(M)]);
  const auto peak = std::max_element(along.begin() + 1, along.end()) - along.begin();
  report.checks.push_back(check_equal("G6", "degree of the largest expected error, $M \\ge 1$", "", interpolates,
                                      static_cast<double>(peak), 0));
  Table table{
      .head = {"fit", "bias$^2$", "variance", "expected", "measured", "degrees"},
      .caption = fmt::format("Mean squared distance to {} on $[-1, 1]$, noise {:g}; the last column is the trace "
                             "of the fit at the points. Legendre's polynomials, unless powers are named.",
                             all[0].name, noise)};
  for (Fit& fit : fits) {
    const Expected want = expected(task, fit.fit);
    const Interval got = mean_interval(fit.errors);
    // 2.55 times the 95 % interval: five deviations of the mean.
    report.checks.push_back(check_equal("G6", fmt::format("error of {}: measured against expected", fit.name), "",
                                        want.error(), got.mean, 2.55 * (got.high - got.mean))
                                .with(got.low, got.high));
    table.rows.push_back({fit.name, Cell(want.bias), Cell(want.variance), Cell(want.error()), Cell(got.mean),
                          Cell(degrees_of_freedom(x, fit.fit))});
  }
  report.checks.push_back(
      check_each_at_most("G6", "interpolant of degree 20 over the peak, largest of the repetitions", "", 1, ratio));
  report.checks.push_back(
      check_each_at_least("G6", "the same in the slide's powers $x^n$, least: not benign", "", 1, ratio_powers));
  const double df = degrees_of_freedom(x, with_penalty);
  report.checks.push_back(
      check_at_most("G6", "effective degrees of freedom, penalised: a quarter of 21", "", 21.0 / 4, df));
  report.checks.push_back(check_at_most("G6", "the same in powers", "", 21.0 / 4, degrees_of_freedom(x, fits[6].fit)));
  // e' H e / noise^2 has the mean tr H and the variance 2 tr H'H <= 2 df; five deviations.
  report.checks.push_back(check_each_equal("G6", "effective degrees of freedom by covariance of fit and data", "", df,
                                           df_measured, 5 * std::sqrt(2 * df / static_cast<double>(draws))));

  // The interpolant's optimality: V a = y, and n a_n orthogonal to what does not move the fit.
  const Tensor V = columns(legendre, x, largest_degree), a = at::matmul(least_penalty.S, first);
  const double miss = (at::matmul(V, a) - first).abs().max().item<double>();
  const Tensor slope = at::arange(largest_degree + 1, at::kDouble) * a;
  const Tensor Q = std::get<0>(at::linalg_qr(V.t()));
  const double loose = ((slope - at::matmul(Q, at::matmul(Q.t(), slope))).norm() / slope.norm()).item<double>();
  report.checks.push_back(check_equal("G6", "interpolant of degree 20: largest residual", "", 0, miss, 1e-9));
  report.checks.push_back(check_equal("G6", "its penalty's gradient off the row space, relative", "", 0, loose, 1e-9));
  // The penalised fit becomes it as the weight goes to 0: linearly, with a factor that the data's smallest scale sets.
  const Tensor near = at::matmul(penalised(legendre, x, largest_degree, 1e-10).S, first);
  report.checks.push_back(
      check_equal("G6", "penalised fit of weight $10^{-10}$ against the interpolant, on $[-1, 1]$", "", 0,
                  at::matmul(columns(legendre, grid, largest_degree), near - a).abs().max().item<double>(), 1e-6));
  // Null: without noise nothing peaks, the interpolating degree is the best of all.
  Setting clean = task;
  clean.noise = 0;
  double quiet = std::numeric_limits<double>::infinity();
  for (int M = 0; M < interpolates; ++M) quiet = std::min(quiet, expected(clean, plain(legendre, x, M)).error());
  report.checks.push_back(check_at_most("G6", "null: error at $M = N - 1$ without noise over the best below it", "", 1,
                                        expected(clean, at_peak).error() / quiet));

  // ---- figures ----
  Figure curves({.title = "Degrees 2, 10 and 20, without and with the penalty",
                 .caption =
                     "One draw of the noise. Above: least squares; at degree 20 the interpolants of least $\\sum n "
                     "a_n^2$ in both bases. Below: penalised, Legendre's polynomials. Dashed: the function.",
                 .columns = 3});
  for (const bool penalty : {false, true}) {
    for (const int M : {2, 10, 20}) {
      Panel& panel = curves.panel(degree_text(M) + (penalty ? ", penalised" : ""));
      panel.x({.label = "$x$"}).y({.label = "$y$", .low = -2.5, .high = 2.5});
      const auto draw = [&](const Smoother& fit, const char* label, int colour) {
        panel.line(numbers(grid), numbers(at::matmul(fit(grid), first)), {.label = label, .colour = colour});
      };
      panel.line(numbers(grid), numbers(task.truth), {.colour = ink::muted, .dash = Dash::dashed});
      if (penalty) {
        draw(penalised(legendre, x, M, 1), "", 1);
      } else if (M < largest_degree) {
        draw(plain(legendre, x, M), "", 0);
      } else {
        draw(fits[5].fit, "powers", 3);
        draw(least_penalty, "Legendre", 2);
      }
      panel.points(numbers(x), numbers(first), {.colour = ink::text, .marker = Marker::circle, .size = 5});
    }
  }
  report.figures.push_back({"curves", curves});

  Figure errors({.title = "The error peaks where interpolation begins",
                 .caption =
                     "Expected mean squared distance to the function, exactly; marks with intervals are measured. "
                     "Vertical: the degree that first interpolates. Horizontal: the best classical degree."});
  Panel& panel = errors.panel();
  panel.x({.label = "degree $M$"}).y({.label = "error", .scale = Scale::log});
  panel.line(degrees, without,
             {.label = "least squares, then least $|a|$", .colour = 0, .marker = Marker::circle, .size = 4});
  panel.line(degrees, least, {.label = "interpolant, Legendre", .colour = 2, .marker = Marker::circle, .size = 4});
  panel.line(degrees, least_powers, {.label = "interpolant, powers", .colour = 3, .marker = Marker::circle, .size = 4});
  panel.line(degrees, with, {.label = "penalised, Legendre", .colour = 1, .marker = Marker::circle, .size = 4});
  const int colours[] = {0, 0, 0, 2, 1, 3, ink::muted};
  for (std::size_t i = 0; i < std::size(fits); ++i) {
    const Interval got = mean_interval(fits[i].errors);
    panel.intervals({fits[i].degree}, {got.low}, {got.high}, {.colour = colours[i], .width = 3});
  }
  panel.x_mark(interpolates, "$N - 1$");
  panel.y_mark(without[static_cast<std::size_t>(best)], "best degree");
  report.figures.push_back({"errors", errors});

  Figure spanned({.title = "The space is barely spanned",
                  .caption =
                      "Left: degrees of freedom of the penalised fit of degree 20 against the penalty's weight; the "
                      "slide's is 1. Right: size of the coefficients for the draw above."});
  std::vector<double> weight, freedom;
  for (double w = 1e-8; w < 2e2; w *= std::sqrt(10)) {
    const Smoother S = penalised(legendre, x, largest_degree, w);
    weight.push_back(w);
    freedom.push_back(degrees_of_freedom(x, S));
  }
  spanned.panel("degrees of freedom")
      .x({.label = "weight", .scale = Scale::log})
      .y({.label = "trace", .low = 0, .high = 21})
      .line(weight, freedom, {.colour = 1})
      .y_mark(21, "21 coefficients")
      .y_mark(static_cast<double>(N), "points")
      .x_mark(1, "");
  Panel& sizes = spanned.panel("coefficients");
  sizes.x({.label = "$n$"}).y({.label = "$|a_n|$", .scale = Scale::log, .low = 1e-3});
  sizes.points(degrees, numbers(a.abs()), {.label = "interpolant", .colour = 2, .marker = Marker::circle});
  sizes.points(degrees, numbers(at::matmul(with_penalty.S, first).abs()),
               {.label = "penalised", .colour = 1, .marker = Marker::square});
  report.figures.push_back({"spanned", spanned});
  report.tables.push_back(table);

  // ---- reported, not assumed ----
  Table others{.head = {"function", "best degree", "its error", "peak", "interpolant", "penalised", "interpolant wins"},
               .caption =
                   "Expected errors for other functions: does the interpolant of degree 20 beat the best classical "
                   "degree?"};
  int wins = 0;
  for (const Task& other : all) {
    const Setting here = setting(other);
    std::vector<double> classical;
    for (int M = 0; M <= interpolates; ++M) classical.push_back(expected(here, plain(legendre, x, M)).error());
    const auto champion = std::min_element(classical.begin(), classical.end());
    const double ours = expected(here, least_penalty).error();
    wins += ours < *champion;
    others.rows.push_back({other.name, Cell(static_cast<long>(champion - classical.begin())), Cell(*champion),
                           Cell(classical.back()), Cell(ours), Cell(expected(here, with_penalty).error()),
                           ours < *champion ? "yes" : "no"});
  }
  report.tables.push_back(others);
  report.findings.push_back(fmt::format(
      "Is it benign? In Legendre's polynomials the interpolant of degree 20 has {:.3g} times the error of the peak, "
      "and {:.3g} "
      "times that of the best classical degree, {}. Over the {} functions of the last table it beats the best "
      "classical "
      "degree {} times. The penalised fit has {:.3g} times the error of the best degree, with {:.3g} of 21 degrees of "
      "freedom; every interpolant has {}, one a point.",
      expected(task, least_penalty).error() / expected(task, at_peak).error(),
      expected(task, least_penalty).error() / without[static_cast<std::size_t>(best)], best, all.size(), wins,
      expected(task, with_penalty).error() / without[static_cast<std::size_t>(best)], df, N));
  report.findings.push_back(
      fmt::format("In the slide's own powers $x^n$ the interpolant of least $\\sum n a_n^2$ is not benign: its error "
                  "is {:.3g} times the "
                  "peak's, and grows with $M$. High powers are small but near the ends of the interval, so that they "
                  "are a bad place to "
                  "put noise; the penalised fit alone does not need them.",
                  expected(task, fits[5].fit).error() / expected(task, at_peak).error()));
  report.method.push_back(fmt::format(
      "{} equidistant points on $[-1, 1]$, {}, normal noise of deviation {:g}, {} draws in each of {} repetitions. "
      "Least "
      "squares and interpolants by QR. Errors are mean squared distances to the function over 401 points of $[-1, 1]$.",
      N, all[0].name, noise, draws, study.seeds()));
  return report;
}

}  // namespace turnpike::studies
