// D3. |dL/dx_0| against depth: along x = 0, and from random starts.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/math/fit.h>
#include <turnpike/operators/jacobian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

struct Field {
  const char* title;
  std::vector<double> W;
  bool jordan;  // (I + hW)^K carries a factor K
};

// |dL/dx_0| of L = g . x(T), g = (0.6, 0.8), for every start, [N], through the exact discrete adjoint.
Tensor gradient_sizes(const Field& field, double h, std::int64_t layers, const Tensor& starts) {
  const Flow flow = Flow::uniform(outer_field({.dimension = 2}), "euler", h * layers, layers, ControlKind::shared);
  const Tensor u = at::tensor({field.W[0], field.W[1], field.W[2], field.W[3], 0.0, 0.0}, at::kDouble).unsqueeze(0);
  const Tensor x0 = starts.detach().clone().requires_grad_();
  at::matmul(flow.roll(x0, u).end, at::tensor({0.6, 0.8}, at::kDouble)).sum().backward();
  return x0.grad().norm(2, {1});
}

double spectral_radius(const Field& field, double h) {
  const Tensor layer = at::eye(2, at::kDouble) + h * at::tensor(field.W, at::kDouble).view({2, 2});
  return at::linalg_eigvals(layer).abs().max().item<double>();
}

double middle_of(const Tensor& values) {
  return values.median().item<double>();
}

}  // namespace

StudyReport run_gradients(StudyContext& study) {
  const double h = study.real("h");
  const std::int64_t deepest = study.integer("depth");
  const Field fields[] = {
      {"rotation", {0, -1, 1, 0}, false}, {"sinking", {-2, 0, 2, -2}, true}, {"exploding", {2, -2, 0, 2}, true}};
  std::vector<std::int64_t> depths;
  for (double K = 10; K < 0.99 * static_cast<double>(deepest); K *= std::pow(10.0, 0.125))
    depths.push_back(std::llround(K));
  depths.push_back(deepest);
  Random random = study.random("starts");
  Tensor starts = at::empty({study.integer("starts"), 2}, at::kDouble);
  for (std::int64_t i = 0; i < starts.size(0); ++i)
    for (int j = 0; j < 2; ++j) starts[i][j] = random.uniform(-2, 2);

  StudyReport report;
  Figure figure({.title = "Gradients against depth",
                 .caption = "Left: along the resting state, with the predicted rates dashed. Right: median over random "
                            "starts; the band holds all of them."});
  Panel& rest = figure.panel("along $x = 0$");
  Panel& away = figure.panel("from random starts");
  rest.x({.label = "time $T = Kh$"}).y({.label = "$|dL/dx_0|$", .scale = Scale::log});
  away.x({.label = "time $T = Kh$"}).y({.label = "$|dL/dx_0|$", .scale = Scale::log});
  double outside = 0;

  for (int f = 0; f < 3; ++f) {
    const Field& field = fields[f];
    std::vector<double> time, size, rate_of, low, middle, high;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      study.at(field.title, static_cast<std::int64_t>(i), static_cast<std::int64_t>(depths.size()));
      const double K = static_cast<double>(depths[i]);
      time.push_back(K * h);
      size.push_back(gradient_sizes(field, h, depths[i], at::zeros({1, 2}, at::kDouble)).item<double>());
      rate_of.push_back(std::log(size.back()) - (field.jordan ? std::log(K) : 0));
      const Tensor sizes = gradient_sizes(field, h, depths[i], starts);
      low.push_back(sizes.min().item<double>());
      middle.push_back(middle_of(sizes));
      high.push_back(sizes.max().item<double>());
    }
    const double predicted = std::log(spectral_radius(field, h)) / h;
    const LineFit fit = fit_line(time, rate_of);
    const double tolerance = f == 0 ? 0.05 : 0.05 * std::abs(predicted);
    report.checks.push_back(check_equal("D3", fmt::format("rate of $|dL/dx_0|$ along 0, {}", field.title), "1/time",
                                        predicted, fit.slope, tolerance)
                                .with(fit.slope_low, fit.slope_high));
    rest.line(time, size, {.label = field.title, .colour = f, .marker = Marker::circle, .size = 4});
    std::vector<double> law;
    for (std::size_t i = 0; i < time.size(); ++i)
      law.push_back(std::exp(fit.intercept + predicted * time[i]) * (field.jordan ? time[i] / h : 1));
    rest.line(time, law, {.colour = f, .dash = Dash::dashed, .width = 1.2});
    away.line(time, middle, {.label = field.title, .colour = f});
    away.band(time, low, high, {.colour = f, .opacity = 0.2});

    // Finite-time exponents: |J'g| lies between the singular values of J, |g| = 1.
    const std::int64_t K = std::min<std::int64_t>(deepest, 100);
    const Flow flow = Flow::uniform(outer_field({.dimension = 2}), "euler", h * K, K, ControlKind::shared);
    const Tensor u = at::tensor({field.W[0], field.W[1], field.W[2], field.W[3], 0.0, 0.0}, at::kDouble).unsqueeze(0);
    const Tensor sigma = at::linalg_svdvals(jacobians(flow, u, starts).detach());
    const Tensor exponent = gradient_sizes(field, h, K, starts).log() / (h * K);
    const Tensor above = exponent - sigma.select(1, 0).log() / (h * K),
                 below = sigma.select(1, 1).log() / (h * K) - exponent;
    outside = std::max({outside, above.max().item<double>(), below.max().item<double>()});

    // The late rate from random starts: a line through the last three quarters of the depth, since medians waver.
    std::vector<double> late_time, late_size;
    for (std::int64_t k = 4; k <= 16; ++k) {
      const std::int64_t layers = deepest * k / 16;
      late_time.push_back(h * static_cast<double>(layers));
      late_size.push_back(std::log(middle_of(gradient_sizes(field, h, layers, starts))));
    }
    const double late = fit_line(late_time, late_size).slope;
    if (f == 0)
      report.checks.push_back(check_at_most("D3", "late rate from random starts, rotation (sub-exponential)", "1/time",
                                            0.5 * predicted, std::abs(late)));
    if (f == 1)
      report.checks.push_back(check_equal("D3", "late rate from random starts, sinking: they end at 0", "1/time",
                                          predicted, late, 0.05 * std::abs(predicted)));
    if (f == 2) {
      report.checks.push_back(
          check_equal("D3", "late rate from random starts, exploding: saturated", "1/time", 0, late, 0.01));
      report.findings.push_back(
          fmt::format("The exploding field's gradients from random starts stop at {:.3g} (median; {:.3g} to {:.3g}): "
                      "once $|Wx|$ is large "
                      "tanh is flat, and what is flat neither amplifies nor forgets.",
                      middle.back(), low.back(), high.back()));
    }
  }
  report.checks.push_back(check_at_most(
      "D3", "largest distance of $\\log|dL/dx_0|/T$ outside the finite-time exponents", "1/time", 0, outside, 1e-9));
  report.figures.push_back({"gradients", figure});
  report.method.push_back(
      fmt::format("Depths {} to {} at fixed $h = {:g}$; $L = g \\cdot x(T)$ with $|g| = 1$; gradients by the discrete "
                  "adjoint. {} starts "
                  "uniform in $[-2, 2]^2$.",
                  depths.front(), depths.back(), h, starts.size(0)));
  return report;
}

}  // namespace turnpike::studies
