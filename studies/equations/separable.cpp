// P8. y' = y/x + y^2/x^3 and dr/ds = r^2 are one law; sparse discovery sees two terms and one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/study/study.h>

#include "studies/equations/data.h"

namespace turnpike::studies {
namespace {

constexpr double constants[] = {-0.25, -0.1, 0.3, 1.0, 3.0};
constexpr int points = 400;

double solution(double x, double c) {
  return x * x / (1 + c * x);
}

// One experiment for each constant: `value`(abscissa, C) on equal steps.
std::vector<Measurement> experiments(const std::string& abscissa, double low, double high, const std::string& field,
                                     double (*value)(double, double)) {
  std::vector<Measurement> all;
  for (const double c : constants) {
    Measurement m = {.source = fmt::format("C = {:g}", c), .axes = {{abscissa, {}}}, .fields = {{.name = field}}};
    for (int i = 0; i < points; ++i) {
      const double at = low + (high - low) * i / (points - 1);
      m.axes[0].points.push_back(at);
      m.fields[0].values.push_back(value(at, c));
    }
    all.push_back(std::move(m));
  }
  return all;
}

// All a^-p b^q with p and q up to 3.
DiscoveryOptions power_library(const std::string& a, const std::string& b) {
  DiscoveryOptions options = {.polynomial_degree = 0, .derivative_order = 0, .time_order = 1, .resamples = 0};
  for (int p = 0; p <= 3; ++p)
    for (int q = 0; q <= 3; ++q)
      if (p || q) options.formulas.push_back(fmt::format("{}^(-{})*{}^{}", a, p, b, q));
  return options;
}

struct Variables {
  std::string name;
  std::vector<Measurement> data;
  DiscoveryOptions options;
  std::map<std::string, Terms> truth;
};

}  // namespace

StudyReport run_separable(StudyContext& study) {
  StudyReport report;
  // r(s) = y/x at x = -1/s
  const auto r_of_s = [](double s, double c) { return solution(-1 / s, c) * -s; };
  const Variables cases[] = {
      {"y(x)",
       experiments("x", 1, 3, "y", solution),
       power_library("x", "y"),
       {{"y_x", {{"x^(-1)*y^1", 1}, {"x^(-3)*y^2", 1}}}}},
      {"r(s)", experiments("s", -1, -1.0 / 3, "r", r_of_s), power_library("s", "r"), {{"r_s", {{"s^(-0)*r^2", 1}}}}}};
  Figure figure({.title = "One law in two pairs of variables",
                 .caption = "Solutions for C = -0.25, -0.1, 0.3, 1 and 3: 1/r is a straight line in s, whatever C."});
  for (const Variables& variables : cases) {
    const std::size_t n_terms = variables.truth.begin()->second.size();
    const Discovery clean = discover(variables.data, variables.options);
    const Score result = score(clean, variables.truth);
    report.checks.push_back(check_equal("P8", fmt::format("terms found in {}, clean", variables.name), "",
                                        static_cast<double>(n_terms),
                                        static_cast<double>(clean.equations.at(0).terms.size()), 0));
    report.checks.push_back(check_equal("P8", fmt::format("the right ones among them, {}, clean", variables.name), "",
                                        static_cast<double>(n_terms), result.right, 0));
    report.checks.push_back(check_at_most("P8",
                                          fmt::format("largest error of a coefficient in {}, clean", variables.name),
                                          "", 1e-6, result.worst_error()));
    const int runs = study.full() ? study.seeds() : std::min(study.seeds(), 5);
    int exact = 0;
    for (int s = 0; s < runs; ++s) {
      study.at("noisy " + variables.name, s, runs);
      std::vector<Measurement> noisy = variables.data;
      for (std::size_t i = 0; i < noisy.size(); ++i)
        add_noise(noisy[i], 0.01, study.random("noise", static_cast<std::uint64_t>(s)).below(1u << 30) + i);
      exact += score(discover(noisy, variables.options), variables.truth).exact();
    }
    report.checks.push_back(
        check_at_least("P8", fmt::format("share of runs with the right terms in {}, 1 % noise", variables.name), "",
                       0.95, static_cast<double>(exact) / runs));
    report.findings.push_back(fmt::format("Found in {}: ${}$.", variables.name, clean.equations.at(0).latex()));
  }
  // The solution, in both pairs of variables, by central differences of step 1e-5.
  double worst_y = 0, worst_r = 0;
  for (const double c : constants)
    for (double x = 1; x <= 3; x += 0.01) {
      constexpr double h = 1e-5;
      const double y = solution(x, c), rate = (solution(x + h, c) - solution(x - h, c)) / (2 * h);
      worst_y = std::max(worst_y, std::abs(rate - y / x - y * y / (x * x * x)) / std::abs(rate));
      const double s = -1 / x, r = r_of_s(s, c), rate_r = (r_of_s(s + h, c) - r_of_s(s - h, c)) / (2 * h);
      worst_r = std::max(worst_r, std::abs(rate_r - r * r) / (r * r));
    }
  report.checks.push_back(
      check_equal("P8", "$y = x^2/(1+Cx)$ in $y' = y/x + y^2/x^3$: residual", "relative", 0, worst_y, 1e-6));
  report.checks.push_back(check_equal("P8", "the same in $dr/ds = r^2$: residual", "relative", 0, worst_r, 1e-6));
  report.method.push_back(
      fmt::format("{} points of the exact solution for each of {} constants, as experiments of one system; weak form; "
                  "the 16 candidates "
                  "$x^{{-p}} y^q$, the same in $s$ and $r$.",
                  points, std::size(constants)));

  Panel& left = figure.panel("two terms");
  left.x({.label = "$x$"}).y({.label = "$y$"});
  Panel& right = figure.panel("one term");
  right.x({.label = "$s = -1/x$"}).y({.label = "$1/r = x/y$"});
  for (std::size_t i = 0; i < std::size(constants); ++i) {
    const Look look = {.label = fmt::format("C = {:g}", constants[i]), .colour = static_cast<int>(i)};
    left.line(cases[0].data[i].axes[0].points, cases[0].data[i].fields[0].values, look);
    std::vector<double> inverse;
    for (const double r : cases[1].data[i].fields[0].values) inverse.push_back(1 / r);
    right.line(cases[1].data[i].axes[0].points, inverse, look);
  }
  report.figures.push_back({"variables", std::move(figure)});
  return report;
}

}  // namespace turnpike::studies
