// T13. Sharpness of the minima that descent and stochastic descent choose.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/operators/spectrum.h>
#include <turnpike/study/digits.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike::studies {
namespace {

// The product of two weights.
constexpr double first_u = 2, first_v = 0.5, sigma = 0.5;  // a minimum: u v = 1

// log(D_k / D_0) for D = u^2 - v^2 and k steps, by the averaged law D' = -eta^2 E r^2 D with S = sqrt(D^2 + 4).
double predicted_fall(double eta, double batch, std::int64_t steps) {
  double D = first_u * first_u - first_v * first_v, log_fall = 0;
  for (std::int64_t k = 0; k < steps; ++k) {
    const double S = std::sqrt(D * D + 4);
    const double rate = std::log1p(-eta * eta * 2 * sigma * sigma / batch / (2 - eta * S));
    log_fall += rate;
    D *= std::exp(rate);
  }
  return log_fall;
}

struct Walk {
  std::vector<double> steps, sharpness;  // mean over paths of sqrt(D^2 + 4)
  double log_fall = 0;                   // mean of log(D_k / D_0)
};

Walk walk(double eta, double batch, double noise, std::int64_t n_steps, std::int64_t paths, Random& random) {
  Tensor u = at::full({paths}, first_u, at::kDouble), v = at::full({paths}, first_v, at::kDouble);
  Walk result;
  for (std::int64_t k = 0; k <= n_steps; ++k) {
    const Tensor D = u.square() - v.square();
    if (k % std::max<std::int64_t>(1, n_steps / 60) == 0 || k == n_steps) {
      result.steps.push_back(static_cast<double>(k));
      result.sharpness.push_back((D.square() + 4).sqrt().mean().item<double>());
      result.log_fall = (D / (first_u * first_u - first_v * first_v)).log().mean().item<double>();
    }
    if (k == n_steps) break;
    Tensor y = at::ones_like(u);
    if (noise > 0) y = y + noise / std::sqrt(batch) * normal_tensor({paths}, random);
    const Tensor r = u * v - y, next = u - eta * r * v;
    v = v - eta * r * u;
    u = next;
  }
  return result;
}

struct Setting {
  double eta;
  std::int64_t batch;  // 0: all samples
};

Tensor train(const Ensemble& nets, Tensor theta, const Tensor& x, const Tensor& y, const Setting& setting,
             std::int64_t steps, Random& random, const std::function<void(std::int64_t)>& at_step) {
  const std::int64_t S = theta.size(0), n = x.size(0), batch = setting.batch == 0 ? n : setting.batch;
  Tensor bx = x, by = y;
  for (std::int64_t k = 0; k < steps; ++k) {
    if (k % 100 == 0) at_step(k);
    if (setting.batch > 0) {  // drawn with replacement, for each network its own
      std::vector<std::int64_t> rows(static_cast<std::size_t>(S * batch));
      for (std::int64_t& row : rows) row = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)));
      const Tensor index = at::tensor(rows, at::kLong);
      bx = x.index_select(0, index).view({S, batch, -1});
      by = y.index_select(0, index).view({S, batch, -1});
    }
    const Losses losses = [&](const Tensor& weights) {
      return (nets(weights, bx) - by).square().sum({1, 2}) / (2.0 * static_cast<double>(batch));
    };
    theta = theta - setting.eta * gradients(losses, theta);
  }
  if (!theta.isfinite().all().item<bool>())
    throw Error(fmt::format(
        "training with eta = {:g} and batches of {} left the finite numbers: fewer hidden neurons bear such "
        "a step",
        setting.eta, batch));
  return theta;
}

void product_of_two(StudyContext& study, StudyReport& report) {
  const std::int64_t paths = study.integer("paths");
  Figure figure({.title = "The product of two weights",
                 .caption =
                     "Left: mean sharpness $\\sqrt{D^2 + 4}$ of the minimum below the paths, $D = u^2 - v^2$, "
                     "against time times $\\eta/B$; the flattest minimum has 2. Right: where descent without noise "
                     "ends, against where the flow would: never above $2/\\eta$ (line)."});
  Panel& panel = figure.panel("noise in the labels");
  panel.x({.label = "$\\eta^2 k / B$"}).y({.label = "sharpness"});
  std::vector<double> ratios;
  int colour = 0;
  for (const Setting& setting : {Setting{0.05, 1}, {0.1, 1}, {0.2, 1}, {0.2, 4}}) {
    study.at("product of two weights", colour, 4);
    const auto B = static_cast<double>(setting.batch);
    const auto steps = static_cast<std::int64_t>(std::llround(B / (setting.eta * setting.eta * sigma * sigma)));
    Random random = study.random("labels", static_cast<std::uint64_t>(colour));
    const Walk path = walk(setting.eta, B, sigma, steps, paths, random);
    ratios.push_back(path.log_fall / predicted_fall(setting.eta, B, steps));
    std::vector<double> scaled;
    for (const double k : path.steps) scaled.push_back(k * setting.eta * setting.eta / B);
    panel.line(scaled, path.sharpness,
               {.label = fmt::format("$\\eta$ = {:g}, $B$ = {}", setting.eta, setting.batch), .colour = colour});
    ++colour;
  }
  panel.y_mark(2);
  // Averaged over the stationary noise: corrections of relative order eta.
  report.checks.push_back(
      check_each_equal("T13", "rate of $\\log|u^2 - v^2|$ over $\\eta^2 E r^2$", "", 1, ratios, 0.05));
  Random none = study.random("no noise");
  report.checks.push_back(check_at_most("T13", "$|\\log|u^2 - v^2||$ moves without noise", "", 0,
                                        std::abs(walk(0.1, 1, 0, 400, 1, none).log_fall), 1e-12));

  // Descent without noise: u v = 1 with sharpness u^2 + v^2 at most 2/eta.
  constexpr double eta = 0.5;
  Random random = study.random("starts");
  const Tensor start = 3 * normal_tensor({400, 2}, random);
  Tensor u = start.select(1, 0), v = start.select(1, 1);
  const Tensor flow = ((u.square() - v.square()).square() + 4).sqrt();  // D is conserved
  for (int k = 0; k < 20000; ++k) {
    const Tensor r = u * v - 1, next = u - eta * r * v;
    v = v - eta * r * u;
    u = next;
  }
  const Tensor rests = (u * v - 1).abs() < 1e-9;
  const std::vector<double> ends = numbers((u.square() + v.square()).masked_select(rests)),
                            would = numbers(flow.masked_select(rests));
  report.checks.push_back(check_each_at_most("T13", "sharpness where descent rests over $2/\\eta$", "", 1,
                                             numbers((u.square() + v.square()).masked_select(rests) * (eta / 2)),
                                             1e-6));
  const auto sharper =
      static_cast<double>(std::count_if(would.begin(), would.end(), [](double s) { return s > 2 / eta; }));
  report.checks.push_back(check_at_least("T13", "starts whose flow ends sharper than $2/\\eta$ and whose descent rests",
                                         fmt::format("of {}", ends.size()), 5, sharper));
  Panel& rest = figure.panel("no noise, $\\eta = 0.5$");
  rest.x({.label = "sharpness where the flow ends", .scale = Scale::log})
      .y({.label = "where descent rests"})
      .points(would, ends, {.colour = 4, .opacity = 0.7, .marker = Marker::circle, .size = 4})
      .y_mark(2 / eta, "$2/\\eta$");
  report.figures.push_back({"product", figure});
}

}  // namespace

StudyReport run_flat_minima(StudyContext& study) {
  StudyReport report;
  product_of_two(study, report);

  const std::int64_t n = study.integer("samples"), seeds = study.seeds(), steps = study.integer("steps");
  const DigitImages digits = digit_images(n, 10, study.seed());
  const Tensor x = at::avg_pool2d(digits.train_x.view({n, 1, 28, 28}), 4).view({n, 49});
  const Tensor y = at::one_hot(digits.train_y, 10).to(at::kDouble);
  const Ensemble nets{.widths = {49, study.integer("hidden"), 10}};
  const std::vector<Setting> settings = {{0.075, 0}, {0.15, 0}, {0.3, 0}, {0.075, 8}, {0.15, 8}, {0.3, 8}, {0.3, 32}};
  constexpr double largest_eta = 0.3;
  Random weights = study.random("weights");
  const Tensor start = nets.random(seeds, 0.7, weights);

  Table table{
      .head = {"$\\eta$", "$B$", "loss", "$\\lambda_{\\max}$", "$\\lambda_{\\max} \\eta / 2$", "trace",
               "share below 0"},
      .caption = fmt::format("Means over {} networks. Trace by Hutch++, share of negative eigenvalues by Lanczos "
                             "quadrature of the first network.",
                             seeds)};
  Figure figure({.title = "Sharpness of trained networks",
                 .caption = "Left: the largest Hessian eigenvalue, a mark for each network, against the step; line: "
                            "$2/\\eta$, where rest "
                            "becomes unstable. Right: the "
                            "density of Hessian eigenvalues of the first network, smoothed."});
  Panel& sharp_panel = figure.panel("largest eigenvalue");
  sharp_panel.x({.label = "step $\\eta$", .scale = Scale::log}).y({.label = "$\\lambda_{\\max}$", .scale = Scale::log});
  Panel& density_panel = figure.panel("density");
  density_panel.x({.label = "eigenvalue"}).y({.label = "density", .scale = Scale::log, .low = 1e-4, .high = 100});
  std::vector<double> over_limit;
  std::vector<std::vector<double>> traces, tops;
  int index = 0;
  for (const Setting& setting : settings) {
    const auto count = static_cast<std::int64_t>(std::llround(static_cast<double>(steps) * largest_eta / setting.eta));
    const std::string name = fmt::format("eta = {:g}, B = {}", setting.eta, setting.batch == 0 ? n : setting.batch);
    Random batches = study.random("batches", static_cast<std::uint64_t>(index));
    const Tensor theta = train(nets, start, x, y, setting, count, batches,
                               [&](std::int64_t k) { study.at("training, " + name, k, count); });
    std::vector<double> loss, top, trace;
    double below = 0;
    for (std::int64_t s = 0; s < seeds; ++s) {
      study.at("Hessians, " + name, s, seeds);
      const auto f = [&](const Tensor& w) {
        return (nets(w.unsqueeze(0), x) - y).square().sum() / (2.0 * static_cast<double>(n));
      };
      const LinearOperator H = hessian_operator(f, theta[s]);
      loss.push_back(f(theta[s]).item<double>());
      top.push_back(lanczos(H, 1, Extreme::largest, {.tolerance = 1e-4}).value().values[0].item<double>());
      trace.push_back(hutchpp_trace(H, {.products = 60}).value);
      if (s == 0) {
        const SpectralDensity density = spectral_density(H, {.probes = 6, .steps = 40});
        below = density.mean([](double lambda) { return lambda < -1e-6 ? 1.0 : 0.0; }).value;
        if (setting.eta == largest_eta) {
          std::vector<double> grid;
          for (int i = 0; i <= 300; ++i) grid.push_back(-0.5 + 0.02 * i);
          std::vector<double> drawn = smoothed(density, grid, 0.03);
          for (double& value : drawn) value = std::max(value, 1e-4);
          density_panel.line(grid, drawn, {.label = name, .colour = index});
        }
      }
    }
    if (setting.batch == 0)
      for (const double value : top) over_limit.push_back(value * setting.eta / 2);
    const int kind = setting.batch == 0 ? 0 : setting.batch == 32 ? 1 : 2;
    const bool first = setting.eta == 0.075 || kind == 1;
    sharp_panel.points(std::vector<double>(top.size(), setting.eta), top,
                       {.label = !first      ? ""
                                 : kind == 0 ? "all samples"
                                             : fmt::format("$B$ = {}", setting.batch),
                        .colour = kind,
                        .opacity = 0.8,
                        .marker = kind == 0   ? Marker::circle
                                  : kind == 1 ? Marker::square
                                              : Marker::triangle,
                        .size = 6});
    const Interval mean_top = mean_interval(top);
    table.rows.push_back({Cell(setting.eta), Cell(static_cast<long>(setting.batch == 0 ? n : setting.batch)),
                          Cell(mean_interval(loss).mean, 3), Cell(mean_top.mean),
                          Cell(mean_top.mean * setting.eta / 2, 3), Cell(mean_interval(trace).mean), Cell(below, 2)});
    traces.push_back(trace);
    tops.push_back(top);
    ++index;
  }
  std::vector<double> limit_x, limit_y;
  for (int i = 0; i <= 20; ++i) {
    limit_x.push_back(0.07 * std::pow(5, i / 20.0));
    limit_y.push_back(2 / limit_x.back());
  }
  sharp_panel.line(limit_x, limit_y, {.label = "$2/\\eta$", .colour = ink::text, .dash = Dash::dashed});

  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> result;
    for (std::size_t i = 0; i < a.size(); ++i) result.push_back(a[i] / b[i]);
    return result;
  };
  // At the edge of stability descent does not rest but moves to and fro across 2/eta: a fifth beside it.
  report.checks.push_back(
      check_each_at_most("T13", "networks, all samples: $\\lambda_{\\max}$ over $2/\\eta$", "", 1, over_limit, 0.2));
  report.checks.push_back(check_each_equal("T13", "networks, all samples, $\\eta = 0.3$: at the edge, over $2/\\eta$",
                                           "", 1, ratio(tops[2], std::vector<double>(tops[2].size(), 2 / 0.3)), 0.2));
  struct Pair {
    const char* what;
    std::size_t flat, sharp;
  };
  for (const Pair& pair : {Pair{"$B = 8$ over all samples, $\\eta = 0.075$", 3, 0},
                           {"$B = 8$ over all samples, $\\eta = 0.15$", 4, 1},
                           {"$B = 8$ over all samples, $\\eta = 0.3$", 5, 2},
                           {"$B = 8$ over $B = 32$, $\\eta = 0.3$", 5, 6},
                           {"$\\eta = 0.15$ over 0.075, $B = 8$", 4, 3},
                           {"$\\eta = 0.3$ over 0.15, $B = 8$", 5, 4}}) {
    report.checks.push_back(check_each_at_most("T13", fmt::format("networks, $\\lambda_{{\\max}}$: {}", pair.what), "",
                                               1, ratio(tops[pair.flat], tops[pair.sharp])));
    report.checks.push_back(check_each_at_most("T13", fmt::format("networks, trace: {}", pair.what), "", 1,
                                               ratio(traces[pair.flat], traces[pair.sharp])));
  }
  report.method.push_back(fmt::format(
      "Product: starts at $u = 2$, $v = 1/2$, label noise of deviation {:g}, {} paths, as many steps as let $\\eta^2 "
      "\\sigma^2 k / B$ reach 1; the predicted rate follows $S$ along the path. Networks: 49-{}-10 with tanh, {} "
      "digits "
      "({}), {} networks side by side, the same starts for all settings; {} steps at $\\eta = 0.3$ and more at smaller "
      "ones, to one time $\\eta k$. Eigenvalues by Lanczos, trace by Hutch++ with 60 products, density by Lanczos "
      "quadrature with 6 probes of 40 steps.",
      sigma, study.integer("paths"), study.integer("hidden"), n, digits.source, seeds, steps));
  report.figures.push_back({"networks", figure});
  report.tables.push_back(table);
  return report;
}

}  // namespace turnpike::studies
