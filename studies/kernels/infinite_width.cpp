// K2. The recursion for the kernels of infinitely wide networks against closed values and against random networks.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/infinite_width.h>

namespace turnpike::studies {
namespace {

constexpr double pi = std::numbers::pi;
// Of some hundred entries none should lie outside by chance: with 23 degrees of freedom P(|t| > 6) = 4e-6.
constexpr double most_errors = 6;

Tensor circle(const std::vector<double>& angles) {
  const Tensor t = at::tensor(angles, at::kDouble);
  return at::stack({at::cos(t), at::sin(t)}, 1);
}

double tangent(std::int64_t hidden_layers, double angle) {
  return wide_kernels({.hidden_layers = hidden_layers}, circle({0}), circle({angle})).tangent.item<double>();
}

// Tangent kernels of random networks [count, N, N].
Tensor sampled(const StudyContext& study, const WideNet& net, const Tensor& x, std::int64_t width,
               const std::string& purpose, int count) {
  std::vector<Tensor> kernels;
  for (int s = 0; s < count; ++s) {
    study.at(purpose, s, count, fmt::format("width {}", width));
    kernels.push_back(
        sample_kernels(net, x, width, seed_for(study.seed(), fmt::format("{}/{}", purpose, width), s)).tangent);
  }
  return at::stack(kernels);
}

// max over entries of |mean - limit| / standard error.
double worst_error(const Tensor& samples, const Tensor& limit) {
  const double root = std::sqrt(static_cast<double>(samples.size(0)));
  // Entries without spread (zero inputs) must agree to rounding.
  const Tensor standard = samples.std(0) / root + 1e-13 * limit.abs().max();
  return ((samples.mean(0) - limit).abs() / standard).max().item<double>();
}

// The entries' spread at one hidden layer: T is the mean over n units of
//   t = 2 (r r' + v^2 h h' rho),  r = relu(w.x), h = [w.x > 0],  so n var T = E[t^2] - T^2 with
//   E[r^2 r'^2] = K_2 / 2,  E[r r' h h'] = K_1 / 2,  E[h h'] = K_0 / 2 (arc-cosine kernels),  E v^4 = 3.
Tensor variance_of_a_unit(const Tensor& x) {
  const Tensor rho = x.mm(x.t()), T = wide_kernels({.hidden_layers = 1}, x).tangent;
  const Tensor K0 = arc_cosine_kernel(0)(x), K1 = arc_cosine_kernel(1)(x), K2 = arc_cosine_kernel(2)(x);
  return 2 * (K2 + 2 * rho * K1 + 3 * rho.square() * K0) - T.square();
}

void closed_values(StudyReport& report) {
  struct Row {
    const char* rho;
    double angle, tangent[3];
  };
  const Row rows[] = {{"1", 0, {2, 3, 4}},
                      {"\\cos \\pi/4", pi / 4, {1.285739250819, 1.785487042959, 2.233323719299}},
                      {"1/2", pi / 3, {.942331114378, 1.351479561123, 1.737844679215}},
                      {"0", pi / 2, {1 / pi, .685708636283, 1.060388106803}},
                      {"-1/2", 2 * pi / 3, {-.057668885622, .343862246273, .742249322561}},
                      {"-1", pi, {0, 1 / pi, .685708636283}}};
  Table table{.head = {"$\\rho$", "1 hidden", "2 hidden", "3 hidden"},
              .caption = "$T$ of ReLU networks, unit inputs of correlation $\\rho$, $\\sigma_w^2 = 2$, no bias."};
  double worst[3] = {};
  for (const Row& row : rows) {
    std::vector<Cell> cells = {fmt::format("${}$", row.rho)};
    for (int L = 1; L <= 3; ++L) {
      const double T = tangent(L, row.angle);
      worst[L - 1] = std::max(worst[L - 1], std::abs(T - row.tangent[L - 1]));
      cells.push_back(Cell(T, 12));
    }
    table.rows.push_back(cells);
  }
  report.tables.push_back(table);
  for (int L = 1; L <= 3; ++L) {
    report.checks.push_back(check_equal("K2", fmt::format("$T(1)$, {} hidden", L), "", L + 1, tangent(L, 0), 1e-12));
    report.checks.push_back(
        check_equal("K2", fmt::format("$T(0)$, {} hidden", L), "", rows[3].tangent[L - 1], tangent(L, pi / 2), 1e-12));
    report.checks.push_back(
        check_at_most("K2", fmt::format("largest error at six angles, {} hidden", L), "", 1e-12, worst[L - 1]));
  }
  double shifted = 0;
  for (int L = 1; L <= 20; ++L) shifted = std::max(shifted, std::abs(tangent(L + 1, pi) - tangent(L, pi / 2)));
  report.checks.push_back(check_at_most("K2", "$|T_{L+1}(-1) - T_L(0)|$, largest of $L = 1..20$", "", 1e-12, shifted));

  Figure figure({.title = "Depth flattens the tangent kernel",
                 .caption = "$T_L/(L + 1)$ of ReLU networks against the angle between two inputs. With depth the cusp "
                            "at equal inputs sharpens and all other pairs come to look alike, at a quarter."});
  Panel& panel = figure.panel();
  panel.x({.label = "angle"}).y({.label = "$T_L/(L + 1)$", .low = -0.1});
  std::vector<double> angles;
  for (int i = 0; i <= 200; ++i) angles.push_back(pi * i / 200);
  for (const int L : {1, 2, 3, 10, 100}) {
    const Tensor T = wide_kernels({.hidden_layers = L}, circle({0}), circle(angles)).tangent / (L + 1);
    panel.line(angles, numbers(T), {.label = fmt::format("$L = {}$", L)});
  }
  report.figures.push_back({"depth", figure});
}

void against_networks(const StudyContext& study, StudyReport& report) {
  const std::int64_t width = study.integer("width");
  const Tensor x = circle({0, pi / 4, pi / 3, pi / 2, 2 * pi / 3, pi});
  Figure figure({.title = "Random networks and their limit",
                 .caption = fmt::format("Left: root mean square over entries and networks of the distance to the "
                                        "recursion, over $L + 1$. Right: entries of networks of width "
                                        "{} (dots) and the recursion (lines).",
                                        width)});
  Panel& rates = figure.panel("distance to the limit");
  rates.x({.label = "width $n$", .scale = Scale::log}).y({.label = "relative distance", .scale = Scale::log});
  Panel& entries = figure.panel("entries");
  entries.x({.label = "angle"}).y({.label = "$T(\\rho)$"});
  std::vector<double> fine;
  for (int i = 0; i <= 200; ++i) fine.push_back(pi * i / 200);

  for (int L = 1; L <= 3; ++L) {
    const WideNet net{.hidden_layers = L};
    const Tensor limit = wide_kernels(net, x).tangent;
    std::vector<double> widths, distances;
    Tensor samples;
    for (std::int64_t n = 64; n <= width; n *= 2) {
      // Narrow networks are cheap: more of them, for the fit.
      samples = sampled(study, net, x, n, fmt::format("ReLU, {} hidden", L), (n <= width / 4 ? 4 : 1) * study.seeds());
      widths.push_back(static_cast<double>(n));
      distances.push_back((samples - limit).square().mean().sqrt().item<double>() / (L + 1));
    }
    const LineFit fit = fit_order(widths, distances);
    report.checks.push_back(
        check_equal("K2", fmt::format("rate of the distance in $n$, {} hidden", L), "", -0.5, fit.slope, 0.05)
            .with(fit.slope_low, fit.slope_high));
    rates.points(
        widths, distances,
        {.label = fmt::format("{} hidden: slope {:.3f}", L, fit.slope), .colour = L, .marker = Marker::circle});
    if (L == 1) {
      const double unit = variance_of_a_unit(x).mean().sqrt().item<double>() / (L + 1);
      std::vector<double> predicted;
      double log_ratio = 0;
      for (std::size_t i = 0; i < widths.size(); ++i) {
        predicted.push_back(unit / std::sqrt(widths[i]));
        log_ratio += std::log(distances[i] / predicted[i]) / static_cast<double>(widths.size());
      }
      rates.line(widths, predicted, {.label = "1 hidden, predicted", .colour = L, .dash = Dash::dashed});
      // A distance of 96 networks is known to about 7 %, the mean over seven widths to 3 %: four of these.
      report.checks.push_back(check_equal("K2", "distance at 1 hidden over its prediction, mean over widths", "", 1,
                                          std::exp(log_ratio), 0.12));
    }
    // Entries at width `width`, now the last: equal, orthogonal and opposite inputs.
    const double root = std::sqrt(static_cast<double>(study.seeds()));
    for (const auto& [i, j, what] : {std::tuple{0, 0, "T(1)"}, {0, 3, "T(0)"}, {0, 2, "T(1/2)"}, {0, 4, "T(-1/2)"}}) {
      const std::vector<double> entry = numbers(samples.select(1, i).select(1, j).contiguous());
      const Interval mean = mean_interval(entry);
      // The 95 % interval, widened to six standard errors.
      const double tolerance = most_errors * mean.deviation / root - (mean.high - mean.mean);
      report.checks.push_back(check_agrees("K2", fmt::format("${}$ of networks of width {}, {} hidden", what, width, L),
                                           "", limit[i][j].item<double>(), mean.mean, tolerance)
                                  .with(mean.low, mean.high));
    }
    report.checks.push_back(check_at_most("K2", fmt::format("21 entries, {} hidden: largest distance of the mean", L),
                                          "standard errors", most_errors, worst_error(samples, limit)));
    entries.line(fine, numbers(wide_kernels(net, circle({0}), circle(fine)).tangent),
                 {.label = fmt::format("{} hidden", L), .colour = L});
    const std::vector<double> angles = {0, pi / 4, pi / 3, pi / 2, 2 * pi / 3, pi};
    for (int s = 0; s < study.seeds(); ++s)
      entries.points(angles, numbers(samples[s][0].contiguous()),
                     {.colour = L, .opacity = 0.5, .marker = Marker::circle, .size = 3});
  }
  report.figures.push_back({"networks", figure});
}

void other_networks(const StudyContext& study, StudyReport& report) {
  const std::int64_t width = study.integer("width");
  const Tensor x = at::cat({circle({0, 0.5, pi / 2, pi}), 2 * circle({1}), at::zeros({1, 2}, at::kDouble)});
  const WideActivation activations[] = {Activation::leaky_relu, Activation::sine, WideActivation::erf(),
                                        Activation::tanh,       Activation::gelu, Activation::softplus};
  for (const WideActivation& activation : activations) {
    double worst = 0;
    for (const bool residual : {false, true}) {
      const WideNet net{.hidden_layers = 2,
                        .activation = activation,
                        .weight_variance = 1.5,
                        .bias_variance = 0.1,
                        .residual = residual};
      const Tensor samples =
          sampled(study, net, x, width, activation.name + (residual ? ", residual" : ""), study.seeds());
      worst = std::max(worst, worst_error(samples, wide_kernels(net, x).tangent));
    }
    report.checks.push_back(
        check_at_most("K2", fmt::format("{}, biases, with and without skips: largest distance", activation.name),
                      "standard errors", most_errors, worst));
  }

  // Null case: a recursion with the wrong slope factor (that of S in place of E[sigma' sigma']) must be told apart.
  const Tensor wrong = 2 * wide_kernels({.hidden_layers = 1}, x).nngp;
  const Tensor samples = sampled(study, {.hidden_layers = 1}, x, width, "null case", study.seeds());
  report.checks.push_back(check_at_least("K2", "a wrong recursion ($T = 2S$) is told apart: distance",
                                         "standard errors", 3 * most_errors, worst_error(samples, wrong)));

  // The lecture's sum without the factor: its kernel is n/2 times the one with it.
  std::vector<double> widths, sizes;
  for (std::int64_t n = 256; n <= width; n *= 4) {
    widths.push_back(static_cast<double>(n));
    const WideNet plain{.hidden_layers = 1, .weight_variance = static_cast<double>(n)};
    sizes.push_back(
        sampled(study, plain, x, n, "no scale", study.seeds()).select(1, 0).select(1, 0).mean().item<double>());
  }
  const LineFit growth = fit_order(widths, sizes);
  report.checks.push_back(
      check_equal("K2", "without the factor $\\sqrt{2/n}$ the kernel grows: power of $n$", "", 1, growth.slope, 0.02)
          .with(growth.slope_low, growth.slope_high));

  // Never indefinite, at inputs that break arc cosines of cosines.
  Random random = study.random("hard inputs");
  Tensor hard = normal_tensor({40, 3}, random);
  hard.narrow(0, 10, 10).copy_(hard.narrow(0, 0, 10));
  hard.narrow(0, 20, 10).copy_(-hard.narrow(0, 0, 10));
  hard.narrow(0, 30, 9).copy_(hard.narrow(0, 0, 9) * (1 + 1e-9));
  hard[39] = 0;
  double indefinite = 0;
  for (const WideActivation& activation : {WideActivation(Activation::relu), WideActivation(Activation::leaky_relu),
                                           WideActivation(Activation::sine), WideActivation::erf()}) {
    const Tensor T = wide_kernels({.hidden_layers = 5, .activation = activation}, hard).tangent;
    const Tensor eigenvalues = at::linalg_eigvalsh(T);
    indefinite = std::max(indefinite, (-eigenvalues.min() / eigenvalues.max()).item<double>());
  }
  // 40 eigenvalues to rounding.
  report.checks.push_back(
      check_at_most("K2", "equal, opposite, nearly equal and zero inputs: $-\\lambda_{\\min}/\\lambda_{\\max}$", "",
                    1e-14, indefinite));
}

}  // namespace

StudyReport run_infinite_width(StudyContext& study) {
  StudyReport report;
  closed_values(report);
  against_networks(study, report);
  other_networks(study, report);
  report.method.push_back(
      "The recursion in double precision: closed forms for rectifiers, erf and sine, quadrature in polar coordinates "
      "for the rest (`tangent/infinite_width.h`). Closed values are those printed with twelve decimals.");
  report.method.push_back(fmt::format(
      "{} random networks for each row. Their kernels are drawn exactly in law at any width, without matrices of $n^2$ "
      "entries: given the forward products $WA = Z$, a backward product is $W'B = A(A'A)^+Z'B$ plus independent normal "
      "columns. Distances are those of the mean over the networks in units of its standard error; the bound is {:g}.",
      study.seeds(), most_errors));
  return report;
}

}  // namespace turnpike::studies
