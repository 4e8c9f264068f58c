// K3. How far weights and kernel move while wide networks train, and the Taylor model of a network on digits.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/digits.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/dynamics.h>

#include "studies/kernels/wide.h"

namespace turnpike::studies {
namespace {

constexpr double step_size = 0.5;

// What moves, by seed, relative to the start.
struct Moves {
  std::vector<double> first, inner, last, kernel, loss;
};

// Labels are the outputs at the start less `error`, so that all networks have the same way to go.
Moves train(std::int64_t width, Activation activation, const Tensor& x, const Tensor& error, std::int64_t steps,
            const StudyContext& study) {
  const WideNets wide =
      wide_nets({x.size(1), width, width, 1}, activation, activation == Activation::relu ? 2 : 1, study);
  const Tensor y = wide.all(x) - error;
  const ParameterCurve path =
      network_descent(wide.all, x, y, {}, {.step = step_size, .steps = steps, .every = steps}, wide.rates).value();
  const Tensor end = path.theta[-1];
  const auto loss = [&](const Tensor& theta) -> Tensor {
    return (wide.all.f(x, theta) - y).square().mean(at::IntArrayRef{0});  // [S]
  };
  Moves moves;
  moves.loss = numbers(loss(end) / loss(wide.all.theta));
  for (std::int64_t s = 0; s < wide.n(); ++s) {
    const FeedForward before = wide.at(wide.all.theta, s), after = wide.at(end, s);
    const auto relative = [](const Tensor& a, const Tensor& b) {
      return (b - a).norm().item<double>() / a.norm().item<double>();
    };
    moves.first.push_back(relative(before.weights[0], after.weights[0]));
    moves.inner.push_back(relative(before.weights[1], after.weights[1]));
    moves.last.push_back(relative(before.weights[2], after.weights[2]));
    moves.kernel.push_back(relative(wide.kernel(wide.all.theta, s, x), wide.kernel(end, s, x)));
  }
  return moves;
}

// One quantity over the widths: geometric means over the seeds, since a change has a long tail.
struct Curve {
  std::vector<double> mean, low, high;

  void add(std::vector<double> by_seed) {
    for (double& change : by_seed) change = std::log(change);
    const Interval interval = mean_interval(by_seed);
    mean.push_back(std::exp(interval.mean));
    low.push_back(std::exp(interval.low));
    high.push_back(std::exp(interval.high));
  }
};

// The Taylor model on digits, all seeds in one batched call.
struct DigitsRun {
  std::vector<double> steps;
  std::vector<std::vector<double>> network, taylor;  // losses by seed and step
  double kernel_error = 0;                           // of the kernel's formula against explicit gradients, relative
  std::string source;
};

constexpr double bias_variance = 0.0025;

// K((i, k), (j, m)) of f = V phi(y) + c, y = U x + b, with rates 1/d, 1/n for U, V and bias_variance for b, c:
//   (x_i.x_j / d + r) sum_u V_ku phi'(y_iu) V_mu phi'(y_ju) + delta_km (phi(y_i).phi(y_j) / n + r)
Tensor kernel_of(const FeedForward& net, const Tensor& x) {
  const std::int64_t N = x.size(0), o = net.weights[1].size(0);
  const double d = static_cast<double>(x.size(1)), n = static_cast<double>(net.weights[1].size(1));
  const Tensor y = at::addmm(net.biases[0], x, net.weights[0].t()), phi = at::erf(y);
  const Tensor slopes =
      (net.weights[1].unsqueeze(0) * (M_2_SQRTPI * at::exp(-y.square())).unsqueeze(1)).reshape({N * o, -1});
  const Tensor inner = at::mm(x, x.t()) / d + bias_variance, outer = at::mm(phi, phi.t()) / n + bias_variance;
  Tensor K = at::mm(slopes, slopes.t()).view({N, o, N, o}) * inner.view({N, 1, N, 1});
  K.diagonal(0, 1, 3).add_(outer.unsqueeze(2));
  return K.view({N * o, N * o});
}

DigitsRun digits_run(const StudyContext& study) {
  const std::int64_t N = study.integer("digits"), n = study.integer("hidden"), steps = study.integer("digit_steps"),
                     o = 10;
  const DigitImages digits = digit_images(N, 0, seed_for(study.seed(), "lazy digits"));
  const Tensor x = (digits.train_x - digits.train_x.mean()) / digits.train_x.std();
  const Tensor y = at::one_hot(digits.train_y, o).to(at::kDouble) - 0.1;
  const auto d = x.size(1);
  DigitsRun run{.source = digits.source};
  std::vector<FeedForward> nets;
  for (std::int64_t s = 0; s < study.integer("starts"); ++s) {
    Random random = study.random("biases", static_cast<std::uint64_t>(s));
    nets.push_back(FeedForward::make({.widths = {d, n, o}}, at::kDouble,
                                     seed_for(study.seed(), "digits network", static_cast<std::uint64_t>(s))));
    for (Tensor& bias : nets.back().biases) bias = std::sqrt(bias_variance) * normal_tensor({bias.size(0)}, random);
  }
  const Ensemble ensemble{.widths = {d, n, o}, .sigma = [](const Tensor& z) { return at::erf(z); }};
  const ParametricMap all = map_of(ensemble, ensemble.stacked(nets));
  const Tensor rates = layer_rates(nets[0], {1.0 / static_cast<double>(d), 1.0 / static_cast<double>(n)},
                                   {bias_variance, bias_variance});

  // 1/2 mean over images and outputs: weight 1/2 over the number of outputs.
  const TrainingLoss loss{make_cost("mean_square"), 0.5 / static_cast<double>(o)};
  const auto losses = [&](const Tensor& z) { return 0.5 * (z - y).square().mean().item<double>(); };
  Tensor theta = all.theta;
  const std::int64_t every = std::max<std::int64_t>(1, steps / 30);
  std::vector<std::vector<double>> network(nets.size()), taylor(nets.size());
  ParametricMap now = all;
  for (std::int64_t k = 0;; k += every) {
    run.steps.push_back(static_cast<double>(k));
    const Tensor z = all.f(x, now.theta);
    for (std::size_t s = 0; s < nets.size(); ++s)
      network[s].push_back(losses(z.narrow(1, static_cast<std::int64_t>(s) * o, o)));
    if (k == steps) break;
    study.at("digits", k, steps);
    const std::int64_t stretch = std::min(every, steps - k);
    now.theta = network_descent(now, x, y.repeat({1, static_cast<std::int64_t>(nets.size())}), loss,
                                {.step = 1, .steps = stretch, .every = stretch},
                                rates.repeat({static_cast<std::int64_t>(nets.size())}))
                    .value()
                    .theta[-1];
    if (stretch < every) k = steps - every;
  }
  const Tensor z0 = all(x);
  for (std::size_t s = 0; s < nets.size(); ++s) {
    const Tensor K = kernel_of(nets[s], x);
    const KernelProblem problem{
        .K = K, .z0 = z0.narrow(1, static_cast<std::int64_t>(s) * o, o), .y = y, .K_star = {}, .z0_star = {}};
    const OutputCurve curve = kernel_descent(problem, loss, {.step = 1, .steps = steps, .every = every}).value();
    for (std::int64_t k = 0; k < curve.train.size(0); ++k) taylor[s].push_back(losses(curve.train[k]));
    if (s > 0) continue;
    // The kernel's formula against gradients, on the first three images.
    const Tensor few = x.narrow(0, 0, 3), explicit_kernel = tangent_kernel(
                                              map_of(ensemble, ensemble.stacked({nets[0]})), few, {}, {.rates = rates});
    run.kernel_error = (K.narrow(0, 0, 3 * o).narrow(1, 0, 3 * o) - explicit_kernel).norm().item<double>() /
                       explicit_kernel.norm().item<double>();
  }
  run.network = std::move(network);
  run.taylor = std::move(taylor);
  return run;
}

}  // namespace

StudyReport run_lazy_training(StudyContext& study) {
  const std::int64_t n = study.integer("points"), count = study.integer("widths"), steps = study.integer("steps");
  Random random = study.random("points");
  const Tensor x = sphere_points(n, study.integer("features"), random), error = normal_tensor({n, 1}, random);
  std::vector<double> widths;
  Curve first, inner, last, smooth, relu;
  std::vector<double> final_loss;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t width = study.integer("widest") >> (count - 1 - i);
    study.at("widths", i, count, fmt::format("width {}", width));
    widths.push_back(static_cast<double>(width));
    const Moves tanh = train(width, Activation::tanh, x, error, steps, study);
    first.add(tanh.first);
    inner.add(tanh.inner);
    last.add(tanh.last);
    smooth.add(tanh.kernel);
    relu.add(train(width, Activation::relu, x, error, steps, study).kernel);
    final_loss = tanh.loss;
  }
  StudyReport report;
  const auto fit_of = [&](const Curve& curve) { return fit_order(widths, curve.mean); };
  const LineFit fits[] = {fit_of(first), fit_of(inner), fit_of(last), fit_of(smooth), fit_of(relu)};
  const auto rate_check = [&](const char* what, double predicted, const LineFit& fit, double tolerance) {
    report.checks.push_back(
        check_equal("K3", fmt::format("rate of the change of {}", what), "", predicted, fit.slope, tolerance)
            .with(fit.slope_low, fit.slope_high));
  };
  rate_check("the first weights", -0.5, fits[0], 0.1);
  rate_check("the inner weights", -1, fits[1], 0.1);
  rate_check("the last weights", -0.5, fits[2], 0.1);
  rate_check("the kernel, tanh", -1, fits[3], 0.2);
  if (study.full())
    report.checks.push_back(
        check_at_least("K3", "rate of the kernel's change: ReLU less tanh", "", 0.1, fits[4].slope - fits[3].slope));
  else
    report.not_run.push_back(
        "that ReLU's kernel settles slower than tanh's: at these widths its rate still depends on the points");
  report.checks.push_back(check_at_most("K3", "widest network: share of the loss that is left", "", 0.6,
                                        *std::max_element(final_loss.begin(), final_loss.end())));

  const DigitsRun digits = digits_run(study);
  std::vector<double> gap, network, taylor;
  for (std::size_t s = 0; s < digits.network.size(); ++s) {
    network.push_back(digits.network[s].back());
    taylor.push_back(digits.taylor[s].back());
    gap.push_back(std::abs(taylor[s] - network[s]) / network[s]);
  }
  report.checks.push_back(check_at_most("K3", "kernel formula of 784-512-10 against explicit gradients, relative", "",
                                        1e-12, digits.kernel_error));
  report.checks.push_back(check_each_at_most(
      "K3", fmt::format("Taylor model on digits: gap of the loss at step {:g}", digits.steps.back()), "", 0.05, gap));
  const Interval of_network = mean_interval(network), of_taylor = mean_interval(taylor);
  report.findings.push_back(
      fmt::format("ReLU's kernel changes at the rate ${:.2f}$ [{:.2f}, {:.2f}]; published runs find about $-0.66$.",
                  fits[4].slope, fits[4].slope_low, fits[4].slope_high));
  report.findings.push_back(fmt::format(
      "On {} images of {} the loss at step {:g} is {:.4f} (network) and {:.4f} (Taylor model), means over {} starts. "
      "The reference on 64 other images of MNIST is .0239 and .0229 at step 900.",
      study.integer("digits"), digits.source, digits.steps.back(), of_network.mean, of_taylor.mean,
      study.integer("starts")));

  Figure rates({.title = "Change against width",
                .caption = fmt::format(
                    "Relative change after {} steps, geometric means over {} starts with 95 % intervals; lines "
                    "are least squares.",
                    steps, study.seeds()),
                .columns = 2});
  const auto draw = [&](Panel& panel, const Curve& curve, const LineFit& fit, const char* label, int colour,
                        Marker marker) {
    panel.intervals(widths, curve.low, curve.high, {.colour = colour})
        .points(widths, curve.mean,
                {.label = fmt::format("{}: ${:.2f}$", label, fit.slope), .colour = colour, .marker = marker});
    std::vector<double> line;
    for (double w : widths) line.push_back(std::exp(fit.intercept) * std::pow(w, fit.slope));
    panel.line(widths, line, {.colour = colour, .width = 1.2});
  };
  Panel& weights = rates.panel("weights");
  weights.x({.label = "width", .scale = Scale::log}).y({.label = "relative change", .scale = Scale::log});
  draw(weights, first, fits[0], "first", 0, Marker::circle);
  draw(weights, inner, fits[1], "inner", 1, Marker::square);
  draw(weights, last, fits[2], "last", 2, Marker::triangle);
  Panel& kernels = rates.panel("tangent kernel");
  kernels.x({.label = "width", .scale = Scale::log}).y({.label = "relative change", .scale = Scale::log});
  draw(kernels, smooth, fits[3], "tanh", 0, Marker::circle);
  draw(kernels, relu, fits[4], "ReLU", 3, Marker::diamond);
  Figure curves({.title = "The Taylor model trains like the network",
                 .caption = fmt::format(
                     "Loss on {} images ({}) of 784-{}-10 with erf under gradient descent of step 1, one "
                     "curve for each of {} starts.",
                     study.integer("digits"), digits.source, study.integer("hidden"), study.integer("starts"))});
  Panel& panel = curves.panel();
  panel.x({.label = "step"}).y({.label = "loss", .scale = Scale::log});
  for (std::size_t s = 0; s < digits.network.size(); ++s) {
    panel.line(digits.steps, digits.network[s], {.label = s == 0 ? "network" : "", .colour = 0, .opacity = 0.7});
    panel.line(digits.steps, digits.taylor[s],
               {.label = s == 0 ? "Taylor model" : "", .colour = 1, .dash = Dash::dashed, .opacity = 0.7});
  }
  report.figures.push_back({"rates", rates});
  report.figures.push_back({"taylor", curves});
  report.method.push_back(fmt::format(
      "{} points on the sphere of radius $\\sqrt d$, $d = {}$, normal errors at the start, {} steps of size {}. All "
      "starts of a width "
      "are one batched map. A rate is the least-squares slope through the logarithms of the geometric means; the "
      "tolerances cover "
      "the next order, one over the square root of the width, over the widths used.",
      n, x.size(1), steps, step_size));
  report.method.push_back(
      "The Taylor model is trained as its outputs move, $f_{k+1} = f_k - K \\nabla L$, which is gradient descent on "
      "its "
      "weights.");
  return report;
}

}  // namespace turnpike::studies
