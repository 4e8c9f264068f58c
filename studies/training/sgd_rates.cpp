// T1. Stochastic gradient descent with steps c/n: how fast paths converge, and how fast expectations do.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// f'(theta) = mu theta + kappa tanh(theta - b); a step sees it less mu x_i, x_i = +-1: variance mu^2.
struct Setup {
  double mu, kappa, b, c, start;

  double slope(double theta) const { return mu * theta + kappa * std::tanh(theta - b); }
  double minimum() const {  // f' increases: bisection
    double low = -10, high = 10;
    for (int i = 0; i < 200; ++i) (slope((low + high) / 2) < 0 ? low : high) = (low + high) / 2;
    return (low + high) / 2;
  }
  double lambda() const { return mu + kappa / std::pow(std::cosh(minimum() - b), 2); }
  double third() const { return -2 * kappa * std::tanh(minimum() - b) / std::pow(std::cosh(minimum() - b), 2); }
  // n E(theta_n - theta_*)^2 -> V and n E(theta_n - theta_*) -> M:
  //   v_n = (1 - c lambda / n)^2 v_{n-1} + c^2 s^2 / n^2,   m_n = (1 - c lambda / n) m_{n-1} - c f''' v_{n-1} / (2 n)
  double V() const { return c * c * mu * mu / (2 * c * lambda() - 1); }
  double M() const { return -c * third() * V() / (2 * (c * lambda() - 1)); }
};

// +-1 with equal chances, 62 of each word.
void fill_signs(Tensor& signs, Random& random) {
  double* entry = signs.data_ptr<double>();
  const std::int64_t n = signs.numel();
  for (std::int64_t from = 0; from < n; from += 62) {
    std::uint64_t bits = random.below(std::uint64_t{1} << 62);
    for (std::int64_t i = from; i < std::min(from + 62, n); ++i, bits >>= 1) entry[i] = bits & 1 ? 1.0 : -1.0;
  }
}

struct Errors {                                   // at each mark n
  std::vector<double> strong, weak, plain, flat;  // E|e|, E psi(theta) - psi(theta_*) (with and without control
                                                  // variate), E e^2
};

// psi(theta) = e^theta, or theta itself. Control variate: the chain linearised at theta_*, driven by the same data,
//   l_n = (1 - c lambda / n) l_{n-1} + (c / n) mu x_i,   E l_n = l_0 prod (1 - c lambda / k)
Errors run(const Setup& setup, bool exponential, std::int64_t n_paths, const std::vector<std::int64_t>& marks,
           Random& random) {
  constexpr std::int64_t chunk = 16384;  // of paths, so that a step stays in cache
  const double minimum = setup.minimum(), lambda = setup.lambda();
  const double psi = exponential ? std::exp(minimum) : minimum, psi_slope = exponential ? psi : 1;
  Errors sums;
  for (auto* column : {&sums.strong, &sums.weak, &sums.plain, &sums.flat}) column->assign(marks.size(), 0);
  for (std::int64_t done = 0; done < n_paths; done += chunk) {
    const std::int64_t n = std::min(chunk, n_paths - done);
    Tensor theta = at::full({n}, setup.start, at::kDouble), linear = theta - minimum, signs = at::empty_like(theta);
    double linear_mean = setup.start - minimum;
    std::size_t next = 0;
    for (std::int64_t k = 1; k <= marks.back(); ++k) {
      const double step = setup.c / static_cast<double>(k);
      fill_signs(signs, random);
      if (setup.kappa != 0) {
        const Tensor bend = (theta - setup.b).tanh_();
        theta.mul_(1 - step * setup.mu).sub_(bend, step * setup.kappa).add_(signs, step * setup.mu);
      } else {
        theta.mul_(1 - step * setup.mu).add_(signs, step * setup.mu);
      }
      linear.mul_(1 - step * lambda).add_(signs, step * setup.mu);
      linear_mean *= 1 - step * lambda;
      if (k != marks[next]) continue;
      const Tensor e = theta - minimum, value = (exponential ? theta.exp() : theta) - psi;
      const auto weight = static_cast<double>(n) / static_cast<double>(n_paths);
      sums.strong[next] += weight * e.abs().mean().item<double>();
      sums.flat[next] += weight * e.square().mean().item<double>();
      sums.plain[next] += weight * value.mean().item<double>();
      sums.weak[next] += weight * (value - psi_slope * (linear - linear_mean)).mean().item<double>();
      ++next;
    }
  }
  return sums;
}

}  // namespace

StudyReport run_sgd_rates(StudyContext& study) {
  const std::int64_t paths = study.integer("paths");
  std::vector<std::int64_t> marks;
  for (std::int64_t n = 32; n <= study.integer("steps"); n *= 2) marks.push_back(n);
  std::vector<double> n(marks.begin(), marks.end());
  const Setup good{.mu = 1, .kappa = 1, .b = -1, .c = 1.5, .start = 1.5};
  const Setup slow{.mu = 1, .kappa = 0, .b = 0, .c = 0.25, .start = 2};
  const double V = good.V(), psi = std::exp(good.minimum());
  const double strong_constant = std::sqrt(2 * V / std::numbers::pi), weak_constant = psi * (good.M() + V / 2);

  std::vector<Errors> runs, slow_runs;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("repetitions", s, study.seeds());
    Random data = study.random("data", static_cast<std::uint64_t>(s));
    runs.push_back(run(good, true, paths, marks, data));
    Random again = study.random("small steps", static_cast<std::uint64_t>(s));
    slow_runs.push_back(run(slow, false, paths, marks, again));
  }
  const auto orders = [&n](const std::vector<Errors>& all, std::vector<double> Errors::*column) {
    std::vector<double> result;
    for (const Errors& one : all) result.push_back(-fit_order(n, one.*column).slope);
    return result;
  };
  const auto at_end = [&n](const std::vector<Errors>& all, std::vector<double> Errors::*column, double power) {
    std::vector<double> result;
    for (const Errors& one : all) result.push_back((one.*column).back() * std::pow(n.back(), power));
    return mean_interval(result);
  };

  StudyReport report;
  report.checks.push_back(check_each_equal("T1", "strong exponent", "", 0.5, orders(runs, &Errors::strong), 0.15));
  report.checks.push_back(check_each_equal("T1", "weak exponent", "", 1, orders(runs, &Errors::weak), 0.15));
  const Interval strong = at_end(runs, &Errors::strong, 0.5), weak = at_end(runs, &Errors::weak, 1);
  report.checks.push_back(check_agrees("T1", "$\\sqrt{n}\\,E|\\theta_n - \\theta_*|$ at the last $n$", "",
                                       strong_constant, strong.mean, 0.05 * strong_constant)
                              .with(strong.low, strong.high));
  report.checks.push_back(check_agrees("T1", "$n\\,(E\\psi(\\theta_n) - \\psi(\\theta_*))$ at the last $n$", "",
                                       weak_constant, weak.mean, 0.05 * weak_constant)
                              .with(weak.low, weak.high));
  report.checks.push_back(check_each_equal("T1",
                                           "strong exponent of $(\\theta - \\theta_*)^2$: $\\psi'(\\theta_*) = 0$", "",
                                           1, orders(runs, &Errors::flat), 0.15));
  report.checks.push_back(
      check_each_equal("T1", "weak exponent at $c\\mu = 1/4$", "", 0.25, orders(slow_runs, &Errors::weak), 0.02));
  report.checks.push_back(
      check_each_equal("T1", "strong exponent at $c\\mu = 1/4$", "", 0.25, orders(slow_runs, &Errors::strong), 0.02));

  Figure figure({.title = "Paths and expectations",
                 .caption = fmt::format("Means over {} repetitions of {} paths, with intervals; lines: the predicted "
                                        "constants and rates. Right: steps too small, $c\\mu = 1/4$, where both errors "
                                        "fall like $n^{{-1/4}}$.",
                                        study.seeds(), paths)});
  Table table{.head = {"$n$", "strong", "predicted", "weak", "interval", "predicted", "weak, plain mean"},
              .caption =
                  "Errors at $n$ steps; the interval is that of the mean over repetitions. The plain mean is "
                  "without the control variate."};
  const auto draw = [&](Panel& panel, const std::vector<Errors>& all, std::vector<double> Errors::*column,
                        const char* label, int colour) {
    std::vector<double> mean, low, high;
    for (std::size_t i = 0; i < n.size(); ++i) {
      std::vector<double> each;
      for (const Errors& one : all) each.push_back((one.*column)[i]);
      const Interval interval = mean_interval(each);
      mean.push_back(interval.mean);
      low.push_back(interval.low);
      high.push_back(interval.high);
    }
    panel.intervals(n, low, high, {.colour = colour});
    panel.points(n, mean, {.label = label, .colour = colour, .marker = Marker::circle, .size = 5});
    return std::tuple(mean, low, high);
  };
  Panel& panel = figure.panel("$c\\mu = 1.5$");
  panel.x({.label = "steps $n$", .scale = Scale::log}).y({.label = "error", .scale = Scale::log});
  const auto [strong_mean, strong_low, strong_high] =
      draw(panel, runs, &Errors::strong, "$E|\\theta_n - \\theta_*|$", 0);
  const auto [weak_mean, weak_low, weak_high] =
      draw(panel, runs, &Errors::weak, "$E\\psi(\\theta_n) - \\psi(\\theta_*)$", 1);
  std::vector<double> strong_law, weak_law, slow_law, plain;
  for (std::size_t i = 0; i < n.size(); ++i) {
    strong_law.push_back(strong_constant / std::sqrt(n[i]));
    weak_law.push_back(weak_constant / n[i]);
    // prod_{k <= n} (1 - c mu / k) = Gamma(n + 1 - c mu) / (Gamma(1 - c mu) n!)
    const double a = slow.c * slow.mu;
    slow_law.push_back(slow.start * std::exp(std::lgamma(n[i] + 1 - a) - std::lgamma(1 - a) - std::lgamma(n[i] + 1)));
    double sum = 0;
    for (const Errors& one : runs) sum += one.plain[i] / static_cast<double>(runs.size());
    table.rows.push_back({Cell(n[i]), Cell(strong_mean[i]), Cell(strong_law[i]), Cell(weak_mean[i]),
                          fmt::format("{:.3g} to {:.3g}", weak_low[i], weak_high[i]), Cell(weak_law[i]), Cell(sum)});
  }
  panel.line(n, strong_law, {.colour = 0, .dash = Dash::dashed, .width = 1.2});
  panel.line(n, weak_law, {.colour = 1, .dash = Dash::dashed, .width = 1.2});
  Panel& slow_panel = figure.panel("$c\\mu = 1/4$");
  slow_panel.x({.label = "steps $n$", .scale = Scale::log}).y({.label = "error", .scale = Scale::log});
  draw(slow_panel, slow_runs, &Errors::strong, "$E|\\theta_n - \\theta_*|$", 0);
  draw(slow_panel, slow_runs, &Errors::weak, "$E\\theta_n - \\theta_*$", 1);
  slow_panel.line(n, slow_law, {.colour = 1, .dash = Dash::dashed, .width = 1.2});
  report.figures.push_back({"rates", figure});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "{} repetitions of {} paths, {} steps each. $\\theta_* = {:.4f}$, $\\lambda = {:.4f}$, $c\\lambda = {:.3f}$, $V "
      "= "
      "{:.4f}$, $M = {:.4f}$. The weak error is far below the deviation of a path; the mean of the linearised chain on "
      "the same data, which is known, is taken off as a control variate. Constants hold up to terms of order $1/n$ and "
      "$n^{{1 - c\\lambda}}$: a tolerance of 5 % beside the interval.",
      study.seeds(), paths, marks.back(), good.minimum(), good.lambda(), good.c * good.lambda(), V, good.M()));
  return report;
}

}  // namespace turnpike::studies
