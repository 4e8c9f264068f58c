// G10. Minimum-norm interpolation of noise: what it costs, against the effective ranks of the spectrum.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/effective_rank.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr std::size_t n_spikes = 5;

// ---- spectra ----

// Five eigenvalues of 1, then p = n^(3/2) equal ones that sum to 1.
std::vector<double> spiked(std::int64_t n) {
  const auto p = static_cast<std::size_t>(std::llround(std::pow(static_cast<double>(n), 1.5)));
  std::vector<double> spectrum(n_spikes + p, 1.0 / static_cast<double>(p));
  std::fill_n(spectrum.begin(), n_spikes, 1.0);
  return spectrum;
}

// i^-2, i <= 20 n: what is cut off is 1/20 of the tail behind n.
std::vector<double> inverse_squares(std::int64_t n) {
  std::vector<double> spectrum;
  for (std::int64_t i = 1; i <= 20 * n; ++i) spectrum.push_back(std::pow(static_cast<double>(i), -2.0));
  return spectrum;
}

// ---- designs: Z [n, p] whose columns are orthonormal functions of a random point ----

// The first p of 1, 2^(1/2) cos(2 pi k.x), 2^(1/2) sin(2 pi k.x), k in Z^3 by length, one of each pair k, -k; x uniform
// in [0, 1)^3.
Tensor torus(std::int64_t n, std::int64_t p, Random& random) {
  std::vector<std::array<int, 3>> frequencies;
  const int reach = static_cast<int>(std::ceil(std::cbrt(static_cast<double>(p)))) + 1;
  for (int a = 0; a <= reach; ++a)
    for (int b = a > 0 ? -reach : 0; b <= reach; ++b)
      for (int c = a > 0 || b > 0 ? -reach : 1; c <= reach; ++c) frequencies.push_back({a, b, c});
  std::stable_sort(frequencies.begin(), frequencies.end(), [](const auto& u, const auto& v) {
    return u[0] * u[0] + u[1] * u[1] + u[2] * u[2] < v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
  });
  const auto pairs = static_cast<std::size_t>(p / 2);
  Tensor k = at::empty({static_cast<std::int64_t>(pairs), 3}, at::kDouble), x = at::empty({n, 3}, at::kDouble);
  for (std::size_t i = 0; i < pairs; ++i)
    for (int c = 0; c < 3; ++c)
      k.data_ptr<double>()[3 * i + static_cast<std::size_t>(c)] = frequencies[i][static_cast<std::size_t>(c)];
  for (std::int64_t i = 0; i < 3 * n; ++i) x.data_ptr<double>()[i] = random.uniform();
  const Tensor phase = 2 * std::numbers::pi * at::matmul(x, k.t());
  const Tensor waves = std::numbers::sqrt2 * at::stack({at::cos(phase), at::sin(phase)}, 2).reshape({n, -1});
  return at::cat({at::ones({n, 1}, at::kDouble), waves}, 1).narrow(1, 0, p);
}

// ---- what interpolation costs, given the design ----

struct Cost {
  double bias = 0, variance = 0;  // for signal theta and noise 1
  double excess() const { return bias + variance; }
};

// With G = Z L Z' (the kernel matrix) and the interpolant Z L^(1/2) w = y of least |w|:
//   variance = tr(G^-1 Z L^2 Z' G^-1),   bias = |L^(1/2) (theta - L^(1/2) Z' G^-1 Z L^(1/2) theta)|^2
Cost cost_of(const Tensor& Z, const Tensor& L, const Tensor& theta) {
  const Tensor X = Z * L.sqrt(), G = at::matmul(X, X.t()), C = at::matmul(X * L, X.t());
  const Tensor factor = at::linalg_cholesky(G);
  const Tensor GC = at::cholesky_solve(C, factor);
  const Tensor left =
      theta - at::matmul(X.t(), at::cholesky_solve(at::matmul(X, theta).unsqueeze(1), factor).squeeze(1));
  return {.bias = (L * left.square()).sum().item<double>(),
          .variance = at::cholesky_solve(GC.t(), factor).trace().item<double>()};
}

// Designs at n samples: more where they are small and cheap, since there their costs differ most.
std::int64_t designs(std::int64_t n, std::int64_t largest, std::int64_t repetitions) {
  return repetitions * std::clamp<std::int64_t>(largest / n, 2, 8);
}

// The kernel 1/2 B_2(x - x') = sum_f 2 cos(2 pi f (x - x')) / (2 pi f)^2 on the circle and a free constant, one
// point in the first half of each of n cells, so that no two are closer than half a cell: the variance of the
// interpolant of noise 1, exactly. Weights of the data at x: u + M k(x), with u = K^-1 1 / (1' K^-1 1), M = K^-1 - (1'
// K^-1 1) u u', and int k k' = -B_4 / 24.
double circle_variance(std::int64_t n, Random& random) {
  Tensor x = at::empty({n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i)
    x.data_ptr<double>()[i] = (static_cast<double>(i) + 0.5 * random.uniform()) / static_cast<double>(n);
  const Tensor d = (x.unsqueeze(1) - x).abs();
  const Tensor K = 0.5 * (d * d - d + 1.0 / 6);
  const Tensor C = -(d.pow(4) - 2 * d.pow(3) + d.square() - 1.0 / 30) / 24;
  const Tensor inverse = at::linalg_inv(K);
  const Tensor ones = inverse.sum(1);
  const double total = ones.sum().item<double>();
  const Tensor u = ones / total, M = inverse - total * at::outer(u, u);
  return (u.square().sum() + at::matmul(at::matmul(M, C), M).trace()).item<double>();
}

// ---- a family of spectra, over n ----

struct Family {
  const char* name;
  bool kernel, benign;
};
constexpr Family families[] = {{"linear, spikes and flat tail", false, true},
                               {"kernel, spikes and flat tail", true, true},
                               {"linear, $i^{-2}$", false, false},
                               {"kernel, $i^{-2}$", true, false}};

struct Curve {
  std::vector<double> n, predicted, limit, mean, low, high, bias;
};

LineFit slope(const std::vector<double>& n, const std::vector<double>& y) {
  return fit_order(n, y);
}

}  // namespace

StudyReport run_benign_overfitting(StudyContext& study) {
  const std::int64_t smallest = study.integer("smallest"), doublings = study.integer("doublings");
  StudyReport report;
  Figure figure({.title = "Benign or not, by the spectrum",
                 .caption = "Excess risk for noise 1, mean and interval over the draws of the design; dashed, $k^*/n + "
                            "n/R_{k^*}$; dotted, the limit of random matrices."});
  Table table{.head = {"design", "$n$", "$k^*$", "$R_{k^*}$", "$k^*/n + n/R_{k^*}$", "limit", "variance", "bias"},
              .caption = "Means over the draws of the design."};

  for (std::size_t f = 0; f < std::size(families); ++f) {
    const Family& family = families[f];
    Curve curve;
    for (std::int64_t k = 0; k <= doublings; ++k) {
      const std::int64_t n = smallest << k;
      const std::vector<double> spectrum = family.benign ? spiked(n) : inverse_squares(n);
      const auto p = static_cast<std::int64_t>(spectrum.size());
      const EffectiveRanks ranks = effective_ranks(spectrum, static_cast<double>(n));
      curve.n.push_back(static_cast<double>(n));
      curve.predicted.push_back(ranks.cost);
      curve.limit.push_back(interpolation_variance(spectrum, static_cast<double>(n)));
      const Tensor L = at::tensor(spectrum, at::kDouble);
      Tensor theta = at::zeros({p}, at::kDouble);
      theta.narrow(0, 0, n_spikes).fill_(1 / std::sqrt(static_cast<double>(n_spikes)));
      std::vector<double> excess, bias, variance;
      const std::int64_t repetitions = designs(n, smallest << doublings, study.seeds());
      for (std::int64_t s = 0; s < repetitions; ++s) {
        study.at(fmt::format("{}, n = {}", family.name, n), s, repetitions);
        Random random = study.random(family.name, static_cast<std::uint64_t>(1000 * k + s));
        const Cost cost = cost_of(family.kernel ? torus(n, p, random) : normal_tensor({n, p}, random), L, theta);
        excess.push_back(cost.excess());
        bias.push_back(cost.bias);
        variance.push_back(cost.variance);
      }
      const Interval mean = mean_interval(excess);
      curve.mean.push_back(mean.mean);
      curve.low.push_back(mean.low);
      curve.high.push_back(mean.high);
      curve.bias.push_back(mean_interval(bias).mean);
      table.rows.push_back({family.name, Cell(static_cast<long>(n)), Cell(static_cast<long>(ranks.k)), Cell(ranks.R),
                            Cell(ranks.cost), Cell(curve.limit.back()), Cell(mean_interval(variance).mean),
                            Cell(curve.bias.back(), 2)});
    }

    const LineFit predicted = slope(curve.n, curve.predicted), measured = slope(curve.n, curve.mean);
    std::vector<double> ratios, off_limit;
    for (std::size_t i = 0; i < curve.n.size(); ++i) {
      ratios.push_back(std::log(curve.mean[i] / curve.predicted[i]));
      off_limit.push_back((curve.mean[i] - curve.bias[i]) / curve.limit[i] - 1);
    }
    report.checks.push_back(check_equal("G10", fmt::format("{}: slope of log excess risk", family.name), "per log $n$",
                                        family.benign ? predicted.slope : 0, measured.slope, 0.15)
                                .with(measured.slope_low, measured.slope_high));
    report.checks.push_back(
        check_each_equal("G10", fmt::format("{}: log of excess risk over $k^*/n + n/R_{{k^*}}$, farthest", family.name),
                         "", 0, ratios, std::log(3.0)));
    if (family.benign) {
      report.checks.push_back(
          check_at_most("G10", fmt::format("{}: excess risk at the largest over the smallest $n$", family.name), "", 1,
                        curve.mean.back() / curve.mean.front()));
    } else {
      report.checks.push_back(
          check_each_at_least("G10", fmt::format("{}: excess risk, least over $n$", family.name), "", 0.5, curve.mean));
    }
    if (!family.kernel)
      report.checks.push_back(check_each_equal(
          "G10", fmt::format("{}: variance over its limit, less one, farthest", family.name), "", 0, off_limit, 0.1));

    Panel& panel = figure.panel(family.name);
    panel.x({.label = "samples $n$", .scale = Scale::log})
        .y({.label = "excess risk", .scale = Scale::log, .low = 0.02, .high = 3});
    panel.line(curve.n, curve.predicted, {.label = "$k^*/n + n/R_{k^*}$", .colour = ink::text, .dash = Dash::dashed});
    panel.line(curve.n, curve.limit, {.label = "limit", .colour = ink::muted, .dash = Dash::dotted});
    panel.intervals(curve.n, curve.low, curve.high, {.colour = family.benign ? 2 : 1});
    panel.points(curve.n, curve.mean, {.label = "measured", .colour = family.benign ? 2 : 1, .marker = Marker::circle});
  }

  // The interpolant of the circle's kernel: exactly two thirds.
  std::vector<double> thirds, sizes;
  for (std::int64_t k = 0; k <= doublings; ++k) {
    for (int s = 0; s < study.seeds(); ++s) {
      Random random = study.random("circle", static_cast<std::uint64_t>(1000 * k + s));
      thirds.push_back(circle_variance(smallest << k, random));
      sizes.push_back(static_cast<double>(smallest << k));
    }
  }
  // The inverse of the kernel matrix is of size n^2: five to seven digits are lost.
  report.checks.push_back(
      check_each_equal("G10", "kernel of linear interpolation: variance, any $n$", "", 2.0 / 3, thirds, 1e-6));
  report.figures.push_back({"spectra", figure});
  report.tables.push_back(table);
  report.findings.push_back(
      "The sharp limit says what the theorem leaves to constants: eigenvalues $i^{-2}$ cost the whole noise, once "
      "($i^{-\\alpha}$: $\\alpha - 1$ times), while a flat tail of $p$ directions costs $n/p$ and each spike $1/n$.");
  report.method.push_back(fmt::format(
      "$n$ from {} to {}, {} designs of the largest, up to {} of the smaller; spikes: five eigenvalues 1, then "
      "$n^{{3/2}}$ equal ones of sum 1; "
      "$i^{{-2}}$ up to "
      "$i = 20 n$. Signal of length 1 spread over the five leading directions. Given the design, variance and bias "
      "over "
      "noise and new points are exact: $\\operatorname{{tr}}(G^{{-1}} Z \\Lambda^2 Z' G^{{-1}})$ with the kernel "
      "matrix $G = Z "
      "\\Lambda Z'$. Limit: Hastie, Montanari, Rosset & Tibshirani (2022), corrections of order $1/n$; tolerance 10 %.",
      smallest, smallest << doublings, designs(smallest << doublings, smallest << doublings, study.seeds()),
      designs(smallest, smallest << doublings, study.seeds())));
  return report;
}

}  // namespace turnpike::studies
