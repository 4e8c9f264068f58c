// K4. Wide networks under gradient flow against the closed form of their kernel at the start.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/dynamics.h>

#include "studies/kernels/wide.h"

namespace turnpike::studies {
namespace {

constexpr int n_modes = 4;   // that are measured one by one
constexpr int n_times = 13;  // at which outputs are compared

// All seeds at one width.
struct Run {
  std::vector<double> times;
  std::vector<double> gap;            // by seed: largest over time of |f_t - formula| / |f_0 - y|
  std::vector<double> rate[n_modes];  // by seed: measured decay rate over lambda_i / n
  std::vector<double> first_error[n_modes], first_formula[n_modes];  // of seed 0, by time
  double without_start = 0, without_n = 0;  // of the slides' formulas, seed 0: distance over |f_0 - y|
};

Run run_width(std::int64_t width, const Tensor& x, const StudyContext& study) {
  const std::int64_t n = x.size(0);
  const WideNets wide = wide_nets({x.size(1), width, width, 1}, Activation::tanh, 1, study);
  const Tensor z0 = wide.all(x);  // [n, S]
  std::vector<SquareLossFlow> kernels;
  std::vector<Tensor> labels;
  double horizon = 0;
  for (std::int64_t s = 0; s < wide.n(); ++s) {
    kernels.emplace_back(wide.kernel(wide.all.theta, s, x));
    // y = f_0 - sum_i +-q_i
    Random random = study.random("signs of the modes", static_cast<std::uint64_t>(s));
    Tensor signs = at::empty({n}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) signs[i] = random.below(2) == 0 ? 1.0 : -1.0;
    labels.push_back(z0.select(1, s) - at::mv(kernels.back().eigenvectors(), signs));
    horizon = std::max(horizon, 2 * static_cast<double>(n) / kernels.back().eigenvalues()[n - n_modes].item<double>());
  }
  const Tensor y = at::stack(labels, 1);

  Run run;
  for (int k = 0; k < n_times; ++k) run.times.push_back(horizon * k / (n_times - 1));
  const ParameterCurve path =
      network_flow(wide.all, x, y, {},
                   {.horizon = horizon, .times = run.times, .controller = {.rtol = 1e-7, .atol = 1e-10}}, wide.rates)
          .value();
  std::vector<Tensor> outputs;
  for (int k = 0; k < n_times; ++k) outputs.push_back(wide.all.f(x, path.theta[k]));
  for (std::int64_t s = 0; s < wide.n(); ++s) {
    const SquareLossFlow& kernel = kernels[static_cast<std::size_t>(s)];
    const Tensor r0 = (z0 - y).narrow(1, s, 1);
    double gap = 0;
    std::vector<double> amplitude[n_modes];
    for (int k = 0; k < n_times; ++k) {
      const Tensor r = (outputs[static_cast<std::size_t>(k)] - y).narrow(1, s, 1);
      const Tensor formula = kernel.residual(r0, run.times[static_cast<std::size_t>(k)]);
      gap = std::max(gap, (r - formula).norm().item<double>() / r0.norm().item<double>());
      for (int i = 0; i < n_modes; ++i) {
        const Tensor q = kernel.eigenvectors().select(1, n - 1 - i);
        amplitude[i].push_back(std::abs(at::dot(q, r.squeeze(1)).item<double>()));
        if (s > 0) continue;
        run.first_error[i].push_back(amplitude[i].back());
        run.first_formula[i].push_back(std::abs(at::dot(q, formula.squeeze(1)).item<double>()));
      }
    }
    run.gap.push_back(gap);
    for (int i = 0; i < n_modes; ++i) {
      // One e-fold of the mode, or the first time after it.
      const double lambda = kernel.eigenvalues()[n - 1 - i].item<double>() / static_cast<double>(n);
      int k = 1;
      while (k + 1 < n_times && lambda * run.times[static_cast<std::size_t>(k)] < 1) ++k;
      const double t = run.times[static_cast<std::size_t>(k)];
      run.rate[i].push_back(-std::log(amplitude[i][static_cast<std::size_t>(k)] / amplitude[i][0]) / (lambda * t));
    }
  }
  // The slides: f_t = (I - e^{-Kt}) y with f_0 left out, at the first time; and with f_0, but t in place of t/n.
  const Tensor r0 = (z0 - y).narrow(1, 0, 1), target = y.narrow(1, 0, 1), f1 = outputs[1].narrow(1, 0, 1);
  const double scale = r0.norm().item<double>();
  run.without_start = (f1 - (target + kernels[0].residual(-target, run.times[1]))).norm().item<double>() / scale;
  run.without_n =
      (f1 - (target + kernels[0].residual(r0, run.times[1] * static_cast<double>(n)))).norm().item<double>() / scale;
  return run;
}

}  // namespace

StudyReport run_mode_decay(StudyContext& study) {
  const std::int64_t n = study.integer("points");
  Random random = study.random("points");
  const Tensor x = sphere_points(n, study.integer("features"), random);
  std::vector<double> widths, gaps, low, high;
  const std::int64_t count = study.integer("widths");
  StudyReport report;
  Run widest;
  Table table{.head = {"width", "distance to the formula", "low", "high"},
              .caption = "Largest distance over time, relative to the error at the start: mean and its 95 % interval."};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t width = study.integer("widest") >> (count - 1 - i);
    study.at("widths", i, count, fmt::format("width {}", width));
    widest = run_width(width, x, study);
    const Interval gap = mean_interval(widest.gap);
    widths.push_back(static_cast<double>(width));
    gaps.push_back(gap.mean);
    low.push_back(gap.low);
    high.push_back(gap.high);
    table.rows.push_back({Cell(static_cast<long>(width)), Cell(gap.mean, 3), Cell(gap.low, 3), Cell(gap.high, 3)});
  }
  const LineFit fit = fit_order(widths, gaps);
  report.checks.push_back(check_equal("K4", "rate of the distance to the formula against width", "", -1, fit.slope, 0.2)
                              .with(fit.slope_low, fit.slope_high));
  for (int i = 0; i < n_modes; ++i) {
    const Interval rate = mean_interval(widest.rate[i]);
    report.checks.push_back(check_agrees("K4", fmt::format("decay rate of mode {} over $\\lambda_{}/n$", i + 1, i + 1),
                                         "", 1, rate.mean, 0.05)
                                .with(rate.low, rate.high));
  }

  // Null case: the first Taylor polynomial of a narrow network has no width to wait for.
  study.at("linearised network", count, count + 1);
  const FeedForward narrow = FeedForward::make({.widths = {x.size(1), 12, 1}}, at::kDouble, study.seed());
  const ParametricMap line = linearised(map_of(narrow));
  const Tensor z0 = line(x), y = z0 - at::ones_like(z0);
  const SquareLossFlow kernel(tangent_kernel(map_of(narrow), x));
  const double t = 2 * static_cast<double>(n) / kernel.eigenvalues()[n - 2].item<double>();
  const ParameterCurve path =
      network_flow(line, x, y, {}, {.horizon = t, .times = {t}, .controller = {.rtol = 1e-9, .atol = 1e-11}}).value();
  report.checks.push_back(check_at_most(
      "K4", "linearised network of width 12: distance to the formula", "", 1e-6,
      (line.f(x, path.theta[0]) - kernel.train(z0, y, t)).norm().item<double>() / (z0 - y).norm().item<double>()));
  const double formula = widest.gap[0];
  report.checks.push_back(check_at_least("K4", "slide without $f_0$: its distance over the formula's", "", 5,
                                         widest.without_start / formula));
  report.checks.push_back(
      check_at_least("K4", "slide without $n$: its distance over the formula's", "", 5, widest.without_n / formula));

  Figure decay({.title = "Error by modes",
                .caption = fmt::format("Width {}, the first network: the error along the four leading eigenvectors of "
                                       "the kernel at the start (marks) and $e^{{-\\lambda_i t/n}}$ (lines).",
                                       study.integer("widest"))});
  Panel& panel = decay.panel();
  panel.x({.label = "time $t$"}).y({.label = "$|q_i \\cdot (f_t - y)|$", .scale = Scale::log});
  for (int i = 0; i < n_modes; ++i) {
    panel.line(widest.times, widest.first_formula[i], {.colour = i});
    panel.points(widest.times, widest.first_error[i],
                 {.label = fmt::format("mode {}", i + 1), .colour = i, .marker = Marker::circle});
  }
  Figure rates({.title = "The formula's error falls with the width",
                .caption = fmt::format("Largest distance of the outputs to the formula, relative to the error at the "
                                       "start, over {} networks a width: means with 95 % intervals.",
                                       study.seeds())});
  rates.panel()
      .x({.label = "width", .scale = Scale::log})
      .y({.label = "distance to the formula", .scale = Scale::log})
      .intervals(widths, low, high, {.colour = 0})
      .points(widths, gaps, {.colour = 0, .marker = Marker::circle})
      .fit(fit, widths.front(), widths.back());
  report.figures.push_back({"modes", decay});
  report.figures.push_back({"width", rates});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "{} points on the sphere of radius $\\sqrt d$ in $d = {}$ dimensions. All {} networks of a width are one batched "
      "map, trained by adaptive Dormand-Prince steps at relative tolerance $10^{{-7}}$. The rate of a mode is taken at "
      "the first of {} times by which the formula has it below $1/e$; 5 % covers the first correction in one over the "
      "width, which the fit of the distances measures.",
      n, x.size(1), study.seeds(), n_times));
  return report;
}

}  // namespace turnpike::studies
