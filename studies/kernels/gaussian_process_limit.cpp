// K7. Wide random networks as Gaussian processes, before and after data; networks of particles.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/infinite_width.h>

namespace turnpike::studies {
namespace {

constexpr double pi = std::numbers::pi;
constexpr int deepest = 3;

// A check of the mean over repetitions; the tolerance widens its 95 % interval to twice that: with eight repetitions
// P(|t| > 4.7) = 0.2 %.
Check agrees(const std::string& quantity, double predicted, const std::vector<double>& samples) {
  const Interval mean = mean_interval(samples);
  return check_agrees("K7", quantity, "", predicted, mean.mean, mean.high - mean.mean).with(mean.low, mean.high);
}

// The variances V_1, .., V_3 of the outputs of random networks of 1 to 3 hidden layers, given all but the readout.
std::vector<Tensor> output_variances(std::int64_t n_networks, std::int64_t width, Random& random) {
  std::vector<Tensor> V(deepest);
  for (Tensor& v : V) v = at::empty({n_networks}, at::kDouble);
  for (std::int64_t s = 0; s < n_networks; ++s) {
    double variance = 1;
    for (int l = 0; l < deepest; ++l) {
      double squares = 0;
      for (std::int64_t i = 0; i < width; ++i) {
        const double g = random.normal();
        if (g > 0) squares += g * g;
      }
      variance *= 2 * squares / static_cast<double>(width);
      V[l].data_ptr<double>()[s] = variance;
    }
  }
  return V;
}

double excess_kurtosis(std::int64_t width, int hidden_layers) {
  return 3 * (std::pow(1 + 5.0 / static_cast<double>(width), hidden_layers) - 1);
}

// W_1 between the mixture of N(0, V_i) and N(0, 1): the integral of the distance of their distribution functions. The
// mean of V is 1 exactly, so the sample's is set to it: its noise would be the largest term.
double wasserstein(const Tensor& V) {
  const Tensor deviation = (V - V.mean() + 1).clamp_min(1e-6).sqrt();
  constexpr double far = 7;
  constexpr int n_points = 281;
  double sum = 0;
  for (int i = 0; i < n_points; ++i) {
    const double t = far * i / (n_points - 1);
    const double tail = (at::special_erfc(t / std::numbers::sqrt2 / deviation) / 2).mean().item<double>();
    sum += std::abs(tail - std::erfc(t / std::numbers::sqrt2) / 2) * (i == 0 || i == n_points - 1 ? 0.5 : 1);
  }
  return 2 * sum * far / (n_points - 1);
}

void prior(const StudyContext& study, StudyReport& report) {
  const std::int64_t n_networks = study.integer("networks"), widest = study.full() ? 1024 : 512;
  // int |t^3 - 3t| phi(t) dt = 2 (phi(0) + 4 phi(sqrt 3))
  const auto phi = [](double t) { return std::exp(-t * t / 2) / std::sqrt(2 * pi); };
  const double constant = 2 * (phi(0) + 4 * phi(std::sqrt(3))) / 24;
  std::vector<double> widths;
  std::vector<std::vector<double>> kurtosis(deepest), distance(deepest), predicted(deepest);
  std::vector<std::vector<double>> kurtosis_ratio(deepest), distance_ratio(deepest);  // a repetition each
  for (auto* ratios : {&kurtosis_ratio, &distance_ratio})
    for (auto& ratio : *ratios) ratio.assign(study.seeds(), 0.0);
  std::vector<Tensor> narrow;
  int n_widths = 0;
  for (std::int64_t n = 64; n <= widest; n *= 2) ++n_widths;
  for (std::int64_t n = 64; n <= widest; n *= 2) {
    widths.push_back(static_cast<double>(n));
    std::vector<std::vector<Tensor>> all(deepest);
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("prior", s, study.seeds(), fmt::format("width {}", n));
      Random random = study.random(fmt::format("prior/{}", n), s);
      const std::vector<Tensor> V = output_variances(n_networks, n, random);
      for (int l = 0; l < deepest; ++l) {
        all[l].push_back(V[l]);
        kurtosis_ratio[l][s] += 3 * (V[l].square().mean().item<double>() - 1 - 2 * (V[l].mean().item<double>() - 1)) /
                                excess_kurtosis(n, l + 1) / n_widths;
      }
    }
    for (int l = 0; l < deepest; ++l) {
      const Tensor V = at::cat(all[l]);
      // E[V^2] - 1 as var V about the known mean: E(V - 1)^2.
      kurtosis[l].push_back(3 * (V - 1).square().mean().item<double>());
      distance[l].push_back(wasserstein(V));
      predicted[l].push_back(excess_kurtosis(n, l + 1));
    }
  }

  Figure figure({.title = "How Gaussian a random network is",
                 .caption = fmt::format("{} networks of each width. Dashed: $3((1 + 5/n)^L - 1)$ and that times "
                                        "$\\int|t^3 - 3t|\\varphi/24 = {:.4f}$.",
                                        n_networks * study.seeds(), constant)});
  Panel& left = figure.panel("excess kurtosis");
  left.x({.label = "width $n$", .scale = Scale::log}).y({.label = "$\\kappa$", .scale = Scale::log});
  Panel& right = figure.panel("Wasserstein distance");
  right.x({.label = "width $n$", .scale = Scale::log}).y({.label = "$W_1$", .scale = Scale::log});
  for (int l = 0; l < deepest; ++l) {
    const std::string layers = fmt::format("{} hidden", l + 1);
    // The slope between the ends that the exact formula has over these widths: -1 at one layer, and near it beyond.
    const LineFit exact = fit_order(widths, predicted[l]), measured = fit_order(widths, kurtosis[l]);
    report.checks.push_back(
        check_equal("K7", "rate of the excess kurtosis, " + layers, "", exact.slope, measured.slope, 0.05)
            .with(measured.slope_low, measured.slope_high));
    report.checks.push_back(agrees("excess kurtosis over its prediction, " + layers, 1, kurtosis_ratio[l]));
    const LineFit fall = fit_order(widths, distance[l]);
    report.checks.push_back(check_equal("K7", "rate of the Wasserstein distance, " + layers, "", -1, fall.slope, 0.07)
                                .with(fall.slope_low, fall.slope_high));
    // At the widest: second order is some per cent, and the variance of V is known to sqrt(2/N) and more.
    report.checks.push_back(check_equal("K7", fmt::format("$W_1$ over its first order, {}, width {}", layers, widest),
                                        "", 1, distance[l].back() / (constant * predicted[l].back()), 0.12));
    left.points(widths, kurtosis[l], {.label = layers, .colour = l, .marker = Marker::circle});
    left.line(widths, predicted[l], {.colour = l, .dash = Dash::dashed});
    right.points(widths, distance[l], {.label = layers, .colour = l, .marker = Marker::circle});
    std::vector<double> first_order;
    for (const double kappa : predicted[l]) first_order.push_back(constant * kappa);
    right.line(widths, first_order, {.colour = l, .dash = Dash::dashed});
  }
  report.figures.push_back({"prior", figure});
}

// Points of the unit circle.
Tensor circle(const std::vector<double>& angles) {
  const Tensor t = at::tensor(angles, at::kDouble);
  return at::stack({at::cos(t), at::sin(t)}, 1);
}

// Kernels (2/n) sum_i relu(w_i.x) relu(w_i.z) of random hidden layers, [count, M, M].
Tensor random_kernels(const Tensor& x, std::int64_t count, std::int64_t width, Random& random) {
  const Tensor W = normal_tensor({count, width, x.size(1)}, random);
  const Tensor A = W.matmul(x.t()).clamp_min_(0);
  return A.transpose(1, 2).matmul(A) * (2.0 / static_cast<double>(width));
}

struct Moments {
  Tensor mean, variance;  // [tests]
};

// The Bayesian posterior of networks of finite width. Given the hidden layer, f is a Gaussian process of its kernel,
// which has a posterior in closed form and an evidence p(y | hidden layer): the weight of this layer among others.
class FinitePosterior {
 public:
  FinitePosterior(const Tensor& y, double noise) : y_(y), noise_(noise) {}
  void add(const Tensor& K) {  // [count, M, M], the data first
    const std::int64_t n = y_.size(0), m = K.size(1) - n;
    const Tensor own = K.narrow(1, 0, n).narrow(2, 0, n) + noise_ * at::eye(n, at::kDouble);
    const Tensor cross = K.narrow(1, n, m).narrow(2, 0, n);
    const Tensor L = at::linalg_cholesky(own);
    const Tensor z = at::linalg_solve_triangular(L, y_.view({1, n, 1}).expand({K.size(0), n, 1}).contiguous(), false);
    const Tensor v = at::linalg_solve_triangular(L, cross.transpose(1, 2).contiguous(), false);  // [count, n, m]
    const Tensor mean = v.transpose(1, 2).matmul(z).squeeze(2);
    const Tensor variance = K.diagonal(0, 1, 2).narrow(1, n, m) - v.square().sum(1);
    const Tensor log_evidence = -z.square().sum({1, 2}) / 2 - L.diagonal(0, 1, 2).log().sum(1);
    const Tensor w = at::exp(log_evidence).unsqueeze(1);
    weight_ += w.sum().item<double>();
    mean_ = mean_ + (w * mean).sum(0);
    square_ = square_ + (w * (variance + mean.square())).sum(0);
  }
  Moments result() const {
    const Tensor mean = mean_ / weight_;
    return {mean, square_ / weight_ - mean.square()};
  }

 private:
  Tensor y_;
  double noise_, weight_ = 0;
  Tensor mean_ = at::zeros({1}, at::kDouble), square_ = at::zeros({1}, at::kDouble);
};

void posterior(const StudyContext& study, StudyReport& report) {
  constexpr double noise = 0.1;
  const std::vector<double> data = {0, 0.9, 1.7, 2.9, 4.4};
  std::vector<double> tests;
  for (int i = 0; i < 16; ++i) tests.push_back(2 * pi * (i + 0.5) / 16);
  const Tensor x = circle(data), z = circle(tests), y = at::tensor({1.0, -0.5, 0.3, 0.9, -1.0}, at::kDouble);
  const KernelFunction kernel = nngp_kernel({.hidden_layers = 1});
  const GaussianProcess process(kernel, x, y, noise);
  const Posterior limit = process.posterior(z);
  const Tensor both = at::cat({x, z});

  const std::int64_t count = study.integer("networks") * 4;
  std::vector<double> widths, mean_distance, variance_distance;
  Moments widest;
  for (std::int64_t n = 8; n <= (study.full() ? 128 : 64); n *= 2) {
    FinitePosterior finite(y, noise);
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("posterior", s, study.seeds(), fmt::format("width {}", n));
      Random random = study.random(fmt::format("posterior/{}", n), s);
      for (std::int64_t left = count; left > 0; left -= 1000)
        finite.add(random_kernels(both, std::min<std::int64_t>(left, 1000), n, random));
    }
    widest = finite.result();
    widths.push_back(static_cast<double>(n));
    mean_distance.push_back((widest.mean - limit.mean).square().mean().sqrt().item<double>());
    variance_distance.push_back((widest.variance - limit.variance).square().mean().sqrt().item<double>());
  }
  const LineFit mean_fit = fit_order(widths, mean_distance), variance_fit = fit_order(widths, variance_distance);
  // Second order in 1/n is felt at the narrowest.
  report.checks.push_back(
      check_equal("K7", "rate of the posterior mean's distance to the process", "", -1, mean_fit.slope, 0.2)
          .with(mean_fit.slope_low, mean_fit.slope_high));
  report.checks.push_back(
      check_equal("K7", "rate of the posterior variance's distance", "", -1, variance_fit.slope, 0.2)
          .with(variance_fit.slope_low, variance_fit.slope_high));

  // Networks drawn, observed with noise: do the process's intervals hold them?
  std::vector<double> coverage, half_coverage;
  const std::int64_t drawn = study.integer("networks") / 4;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("coverage", s, study.seeds());
    Random random = study.random("coverage", s);
    const Tensor K = random_kernels(both, drawn, 512, random);
    // Given the hidden layer the outputs are N(0, K): f = K^(1/2) g.
    const Tensor root = at::linalg_cholesky(K + 1e-12 * at::eye(both.size(0), at::kDouble));
    const Tensor f = root.matmul(normal_tensor({drawn, both.size(0), 1}, random)).squeeze(2).t();  // [M, drawn]
    const Tensor observed = f.narrow(0, 0, x.size(0)) + std::sqrt(noise) * normal_tensor({x.size(0), drawn}, random);
    const Posterior p = GaussianProcess(kernel, x, observed, noise).posterior(z);
    const Tensor error = (f.narrow(0, x.size(0), z.size(0)) - p.mean).abs(), half = p.high - p.mean;
    coverage.push_back((error <= half).to(at::kDouble).mean().item<double>());
    half_coverage.push_back((error <= half / 2).to(at::kDouble).mean().item<double>());
  }
  report.checks.push_back(
      agrees("95 % intervals of the process: share of networks of width 512 inside", 0.95, coverage));
  // Null case: intervals of half the width must be caught. P(|Z| < 1.96 / 2) = 0.673.
  report.checks.push_back(
      agrees("intervals of half the width: share inside", std::erf(1.959964 / 2 / std::numbers::sqrt2), half_coverage));

  std::vector<double> angles;
  for (int i = 0; i <= 200; ++i) angles.push_back(2 * pi * i / 200);
  const Posterior curve = process.posterior(circle(angles));
  Figure figure(
      {.title = "The posterior of wide networks",
       .caption = fmt::format(
           "Left: the process's posterior after five noisy data (squares), with 95 % of its values; dots: mean "
           "and 95 % of Bayesian networks of width {:g} by importance sampling. Right: root mean square "
           "distances of the two against the width.",
           widths.back())});
  Panel& left = figure.panel("posterior");
  left.x({.label = "angle"}).y({.label = "$f$"});
  left.band(angles, numbers(curve.low), numbers(curve.high), {.label = "process, 95 %", .colour = 0, .opacity = 0.25});
  left.line(angles, numbers(curve.mean), {.label = "process, mean", .colour = 0});
  const Tensor half = 1.959964 * widest.variance.sqrt();
  left.intervals(tests, numbers(widest.mean - half), numbers(widest.mean + half), {.colour = 1});
  left.points(tests, numbers(widest.mean), {.label = "networks", .colour = 1, .marker = Marker::circle, .size = 4});
  left.points(data, numbers(y), {.label = "data", .colour = ink::text, .marker = Marker::square});
  Panel& right = figure.panel("distance to the process");
  right.x({.label = "width $n$", .scale = Scale::log}).y({.label = "distance", .scale = Scale::log});
  right.points(widths, mean_distance,
               {.label = fmt::format("mean: slope {:.2f}", mean_fit.slope), .colour = 0, .marker = Marker::circle});
  right.points(
      widths, variance_distance,
      {.label = fmt::format("variance: slope {:.2f}", variance_fit.slope), .colour = 1, .marker = Marker::square});
  right.line({widths.front(), widths.back()},
             {mean_distance.back() * widths.back() / widths.front(), mean_distance.back()},
             {.label = "slope -1", .colour = ink::text, .dash = Dash::dashed});
  report.figures.push_back({"posterior", figure});
}

// f(x) = (1/n) sum_i v_i tanh(w_i x + b_i), every particle (v, w, b) by its own gradient flow:
//   v_dot = -mean_x r tanh(a),   w_dot = -mean_x r v tanh'(a) x,   b_dot = -mean_x r v tanh'(a),   r = f - y.
// Euler steps; R networks side by side.
struct Particles {
  Tensor v, w, b;  // [R, n, 1]
  Particles(std::int64_t repetitions, std::int64_t n, Random& random) {
    for (Tensor* part : {&v, &w, &b}) *part = normal_tensor({repetitions, n, 1}, random);
  }
  Tensor outputs(const Tensor& x) const { return (v * at::tanh(w * x + b)).mean(1); }  // [R, N]
  void step(const Tensor& x, const Tensor& y, double h) {
    const Tensor t = at::tanh(w * x + b);          // [R, n, N]
    const Tensor r = ((v * t).mean(1, true) - y);  // [R, 1, N]
    const Tensor inner = r * (1 - t.square()) * v;
    v = v - h * (r * t).mean(2, true);
    w = w - h * (inner * x).mean(2, true);
    b = b - h * inner.mean(2, true);
  }
};

void particles(const StudyContext& study, StudyReport& report) {
  constexpr double h = 0.5;
  constexpr int steps = 100, repetitions = 48;
  const Tensor x = at::linspace(-1, 1, 16, at::kDouble), y = at::sin(pi * x);
  const auto train = [&](Particles& network, const std::string& what) {
    for (int k = 0; k < steps; ++k) {
      if (k % 20 == 0) study.at("particles", k, steps, what);
      network.step(x, y, h);
    }
  };
  Random random = study.random("particles");
  Particles many(1, study.integer("particles"), random);
  const Tensor start = many.outputs(x);
  const Particles many_at_start = many;
  train(many, "limit");
  const Tensor end = many.outputs(x);
  const double fall = ((end - y).square().mean() / (start - y).square().mean()).item<double>();

  std::vector<double> widths, at_start, at_end, moved;
  for (std::int64_t n = 64; n <= (study.full() ? 4096 : 1024); n *= 2) {
    Random draw = study.random(fmt::format("particles/{}", n));
    Particles network(repetitions, n, draw);
    const Particles before = network;
    widths.push_back(static_cast<double>(n));
    // At the start the limit is zero.
    at_start.push_back(network.outputs(x).square().mean().sqrt().item<double>());
    train(network, fmt::format("{} particles", n));
    at_end.push_back((network.outputs(x) - end).square().mean().sqrt().item<double>());
    moved.push_back(
        ((network.v - before.v).square() + (network.w - before.w).square() + (network.b - before.b).square())
            .mean()
            .sqrt()
            .item<double>());
  }
  // Var (v tanh(w x + b)) = E tanh^2, the NNGP variance of tanh at (x, 1).
  const Tensor with_bias = at::stack({x, at::ones_like(x)}, 1);
  const KernelFunction unit = nngp_kernel({.activation = Activation::tanh, .weight_variance = 1});
  const double deviation = std::sqrt(unit.diagonal(with_bias).mean().item<double>());
  double log_ratio = 0;
  std::vector<double> predicted;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    predicted.push_back(deviation / std::sqrt(widths[i]));
    log_ratio += std::log(at_start[i] / predicted[i]) / static_cast<double>(widths.size());
  }
  const LineFit start_fit = fit_order(widths, at_start), end_fit = fit_order(widths, at_end),
                moved_fit = fit_order(widths, moved);
  // 48 networks tell a spread to 10 %, since the values at 16 points move together as one or two.
  report.checks.push_back(
      check_equal("K7", "particles before training: distance over its prediction", "", 1, std::exp(log_ratio), 0.2));
  report.checks.push_back(
      check_equal("K7", "particles before training: rate in their number", "", -0.5, start_fit.slope, 0.12)
          .with(start_fit.slope_low, start_fit.slope_high));
  report.checks.push_back(
      check_equal("K7", "particles after training: rate in their number", "", -0.5, end_fit.slope, 0.12)
          .with(end_fit.slope_low, end_fit.slope_high));
  report.checks.push_back(check_at_most("K7", "loss of the limit after training over before", "", 0.2, fall));
  report.checks.push_back(
      check_equal("K7", "how far a particle moves: power of their number (lazy: -1/2)", "", 0, moved_fit.slope, 0.1)
          .with(moved_fit.slope_low, moved_fit.slope_high));

  Figure figure({.title = "Networks of particles",
                 .caption = fmt::format("Left: distance to the limit ({} particles), root mean square over {} networks "
                                        "and 16 points. Right: particles $(w, v)$ of the limit before and after "
                                        "training: they move by distances of order one.",
                                        study.integer("particles"), repetitions)});
  Panel& left = figure.panel("distance to the limit");
  left.x({.label = "particles $n$", .scale = Scale::log}).y({.label = "distance", .scale = Scale::log});
  left.points(widths, at_start,
              {.label = fmt::format("before: slope {:.2f}", start_fit.slope), .colour = 0, .marker = Marker::circle});
  left.line(widths, predicted, {.label = "predicted", .colour = 0, .dash = Dash::dashed});
  left.points(widths, at_end,
              {.label = fmt::format("after: slope {:.2f}", end_fit.slope), .colour = 1, .marker = Marker::square});
  Panel& right = figure.panel("particles");
  right.x({.label = "$w$"}).y({.label = "$v$"});
  const auto some = [](const Tensor& part) { return numbers(part.flatten().narrow(0, 0, 600)); };
  right.points(some(many_at_start.w), some(many_at_start.v),
               {.label = "before", .colour = 0, .opacity = 0.5, .marker = Marker::circle, .size = 3});
  right.points(some(many.w), some(many.v),
               {.label = "after", .colour = 1, .opacity = 0.5, .marker = Marker::circle, .size = 3});
  report.figures.push_back({"particles", figure});
}

}  // namespace

StudyReport run_gaussian_process_limit(StudyContext& study) {
  StudyReport report;
  prior(study, report);
  posterior(study, report);
  particles(study, report);
  report.method.push_back(
      "Prior: given all layers but the readout the output is $N(0, V)$, so kurtosis and distribution function are "
      "means "
      "over sampled $V$, with far less noise than of sampled outputs. The mean of $V$, known to be 1, is used.");
  report.method.push_back(
      "Posterior: ReLU, one hidden layer, five data on the unit circle with noise variance 0.1. Hidden layers are "
      "drawn "
      "from the prior and weighted by their evidence, the readout is integrated out: the exact posterior of finite "
      "networks, up to sampling.");
  report.method.push_back(
      "Particles: $f = \\frac1n \\sum_i v_i \\tanh(w_i x + b_i)$, standard normal at the start, $y = \\sin \\pi x$ at "
      "16 "
      "points, gradient flow by Euler steps of 1/2 until $t = 50$.");
  return report;
}

}  // namespace turnpike::studies
