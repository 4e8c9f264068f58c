// T8. Noise at the inputs against penalties: linear models exactly, networks to first order in the variance.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/seed.h>
#include <turnpike/net/feed_forward.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr double standard_errors = 4.5;  // one in 150 000 of a normal variable

// A rule for the mean over N(0, I) in the plane: nodes [n^2, 2], weights [n^2], exact up to degree 2n - 1. Nodes are
// the eigenvalues of the Jacobi matrix with sqrt(k) beside its diagonal (Golub & Welsch 1969,
// doi:10.1090/S0025-5718-69-99647-1).
struct Rule {
  Tensor nodes, weights;
};

Rule gauss_hermite(std::int64_t n) {
  const Tensor beside = at::arange(1, n, at::kDouble).sqrt();
  const auto [x, V] = at::linalg_eigh(at::diag(beside, 1) + at::diag(beside, -1));
  const Tensor w = V[0].square();
  return {at::stack({x.repeat_interleave(n), x.repeat({n})}, 1), at::outer(w, w).reshape({-1})};
}

// E (f(x_i + sigma e) - t_i)^2 by the rule, [N].
Tensor noisy_losses(const FeedForward& net, const Tensor& x, const Tensor& t, double sigma, const Rule& rule) {
  const Tensor moved = x.unsqueeze(1) + sigma * rule.nodes.unsqueeze(0);  // [N, nodes, 2]
  const Tensor f = net.forward(moved.reshape({-1, 2})).view({x.size(0), -1});
  return (f - t.unsqueeze(1)).square().mv(rule.weights);
}

double noisy_loss(const FeedForward& net, const Tensor& x, const Tensor& t, double sigma, const Rule& rule) {
  return noisy_losses(net, x, t, sigma, rule).mean().item<double>();
}

// |grad_x f|^2 + (f - t) Laplace f at each sample, [N].
Tensor penalties(const FeedForward& net, const Tensor& x, const Tensor& t) {
  at::AutoGradMode with_gradient(true);
  const Tensor input = x.detach().clone().requires_grad_();
  const Tensor f = net.forward(input).squeeze(1);
  const Tensor slope = torch::autograd::grad({f.sum()}, {input}, {}, true, true)[0];  // [N, 2]
  Tensor total = slope.square().sum(1);
  for (std::int64_t i = 0; i < x.size(1); ++i) {
    const Tensor bend = torch::autograd::grad({slope.select(1, i).sum()}, {input}, {}, true, false, true)[0];
    if (bend.defined()) total = total + (f - t) * bend.select(1, i);
  }
  return total.detach();
}

double penalty(const FeedForward& net, const Tensor& x, const Tensor& t) {
  return penalties(net, x, t).mean().item<double>();
}

double weights_squared(const FeedForward& net) {
  double sum = 0;
  for (const Tensor& W : net.weights) sum += W.square().sum().item<double>();
  return sum;
}

FeedForward network(std::vector<std::int64_t> widths, Activation activation, std::uint64_t seed, Random& random) {
  FeedForward net = FeedForward::make({.widths = std::move(widths), .activation = activation}, at::kDouble, seed);
  for (Tensor& b : net.biases) b = 0.5 * normal_tensor({b.size(0)}, random);
  return net;
}

}  // namespace

StudyReport run_input_noise(StudyContext& study) {
  constexpr std::int64_t samples = 40, features = 6;
  const std::int64_t draws = study.integer("draws");
  const Rule rule = gauss_hermite(24);
  StudyReport report;
  Figure figure({.title = "Noise at the inputs is a penalty",
                 .caption = "What noise adds to the squared error, over $\\sigma^2$, first draw. A linear model pays "
                            "$\\|w\\|^2$ at every size of noise; networks begin at $\\|\\nabla f\\|^2 + (f - t)\\Delta "
                            "f$ (dashed), not at their "
                            "weights' norm."});
  Panel& panel = figure.panel("what noise adds");
  panel.x({.label = "$\\sigma$", .scale = Scale::log}).y({.label = "added error $/\\sigma^2$"});
  Table table{.head = {"model", "noise penalty $/\\sigma^2$", "$\\|\\nabla f\\|^2$", "$\\sum_l \\|W_l\\|^2$"},
              .caption = "First draw: the noise penalty is not the weights' norm."};

  std::vector<double> scores, exact, ridge, products, orders, paid_by, rescaled, norms;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds());
    Random random = study.random("linear", s);
    // Each input with a noise of its own.
    const Tensor X = normal_tensor({samples, features}, random), w = normal_tensor({features}, random);
    const Tensor t = X.mv(w) + normal_tensor({samples}, random);
    const Tensor deviation = 0.1 + 0.9 * normal_tensor({features}, random).abs();
    const double predicted =
        (X.mv(w) - t).square().mean().item<double>() + (w * deviation).square().sum().item<double>();
    const Tensor rows = normal_tensor({draws, features}, random) * deviation;
    const Tensor i = at::arange(draws, at::kLong).remainder(samples);
    const Tensor errors = ((X.index_select(0, i) + rows).mv(w) - t.index_select(0, i)).square();
    // The rows are taken in turn, so that only the noise is random.
    const Tensor by_row = errors.narrow(0, 0, draws / samples * samples).view({-1, samples}).mean(1);
    scores.push_back(std::abs(by_row.mean().item<double>() - predicted) /
                     (by_row.std().item<double>() / std::sqrt(static_cast<double>(by_row.size(0)))));

    // +- sigma_i sqrt(d) e_i, each with probability 1/(2d): the mean and the covariance of the noise, so the same
    // penalty.
    const Tensor corners = at::diag(deviation) * std::sqrt(static_cast<double>(features));
    const Tensor noise = at::cat({corners, -corners});
    const Tensor moved = X.unsqueeze(1) + noise.unsqueeze(0);  // [N, 2d, d]
    exact.push_back((moved.matmul(w) - t.unsqueeze(1)).square().mean().item<double>() / predicted - 1);
    // Least squares over all corners of the noise is ridge regression.
    const Tensor all = moved.reshape({-1, features}), targets = t.repeat_interleave(2 * features);
    const Tensor least = at::linalg_solve(all.t().matmul(all), all.t().mv(targets));
    const Tensor penalised = at::linalg_solve(X.t().matmul(X) + samples * at::diag(deviation.square()), X.t().mv(t));
    ridge.push_back((least - penalised).norm().item<double>() / penalised.norm().item<double>());

    // Deeper: in the plane, where the mean over the noise is a quadrature.
    Random more = study.random("networks", s);
    const Tensor x = normal_tensor({samples / 2, 2}, more), y = normal_tensor({samples / 2}, more);
    const auto seed = [&](const char* what) { return seed_for(study.seed(), what, s); };
    FeedForward chain = network({2, 5, 4, 1}, Activation::identity, seed("chain"), more);
    const Tensor product = chain.weights[2].matmul(chain.weights[1]).matmul(chain.weights[0]);
    const double clean = (chain.forward(x).squeeze(1) - y).square().mean().item<double>();
    const double paid = (noisy_loss(chain, x, y, 0.7, rule) - clean) / 0.49;
    products.push_back(paid / product.square().sum().item<double>() - 1);
    norms.push_back(weights_squared(chain) / paid);

    struct Net {
      const char* name;
      std::vector<std::int64_t> widths;
    };
    int colour = 1;
    std::vector<double> sigmas, flat;
    for (double sigma = 1; sigma > 0.02; sigma /= 1.25) sigmas.push_back(sigma);
    for (const Net& kind :
         {Net{"tanh, one hidden layer", {2, 8, 1}}, {"tanh, two", {2, 8, 8, 1}}, {"tanh, four", {2, 8, 8, 8, 8, 1}}}) {
      study.at("draws", s, study.seeds(), kind.name);
      const FeedForward net = network(kind.widths, Activation::tanh, seed(kind.name), more);
      const Tensor clean_losses = (net.forward(x).squeeze(1) - y).square(), first_order = penalties(net, x, y);
      const double loss = clean_losses.mean().item<double>(), limit = first_order.mean().item<double>();
      // Of the samples' remainders the norm: their mean may nearly cancel.
      orders.push_back(measure_order(
                           [&](double sigma) {
                             return (noisy_losses(net, x, y, sigma, rule) - clean_losses - sigma * sigma * first_order)
                                 .norm()
                                 .item<double>();
                           },
                           0.1, 6, 1e-13)
                           .fit.slope);
      const double slopes = penalty(net, x, net.forward(x).squeeze(1).detach());
      paid_by.push_back(weights_squared(net) / std::abs(limit));
      if (s > 0) continue;
      std::vector<double> added;
      for (const double sigma : sigmas) added.push_back((noisy_loss(net, x, y, sigma, rule) - loss) / (sigma * sigma));
      panel.line(sigmas, added, {.label = kind.name, .colour = colour, .marker = Marker::circle, .size = 4});
      panel.line({sigmas.back(), 1}, {limit, limit}, {.colour = colour++, .dash = Dash::dashed, .width = 1.2});
      table.rows.push_back({kind.name, Cell(limit), Cell(slopes), Cell(weights_squared(net))});
    }
    if (s == 0) {
      const double size = product.square().sum().item<double>();
      std::vector<double> added;
      for (const double sigma : sigmas)
        added.push_back((noisy_loss(chain, x, y, sigma, rule) - clean) / (sigma * sigma));
      panel.line(sigmas, added, {.label = "linear, three layers", .colour = 0, .marker = Marker::square, .size = 4});
      panel.line({sigmas.back(), 1}, {size, size}, {.colour = 0, .dash = Dash::dashed, .width = 1.2});
      table.rows.push_back({"linear, three layers", Cell(paid), Cell(size), Cell(weights_squared(chain))});
    }

    // A ReLU net with its first layer times 10 and its second over 10 is the same function.
    FeedForward relu = network({2, 8, 1}, Activation::relu, seed("relu"), more);
    const double before = noisy_loss(relu, x, y, 0.5, rule), size_before = weights_squared(relu);
    relu.weights[0] = 10 * relu.weights[0];
    relu.biases[0] = 10 * relu.biases[0];
    relu.weights[1] = relu.weights[1] / 10;
    rescaled.push_back(noisy_loss(relu, x, y, 0.5, rule) / before - 1);
    norms.push_back(weights_squared(relu) / size_before);
  }
  report.checks.push_back(check_each_at_most(
      "T8", "linear: Monte Carlo mean from $\\sum\\sigma_i^2w_i^2$, in standard errors", "", standard_errors, scores));
  report.checks.push_back(
      check_each_equal("T8", "linear: exact mean over the corners of the noise", "relative", 0, exact, 1e-12));
  report.checks.push_back(
      check_each_equal("T8", "linear: minimum with noise against ridge regression", "relative", 0, ridge, 1e-11));
  report.checks.push_back(check_each_equal(
      "T8", "deep linear: noise penalty over $\\sigma^2\\|W_3W_2W_1\\|^2$, minus 1", "", 0, products, 1e-11));
  report.checks.push_back(check_each_equal(
      "T8", "tanh nets: order in $\\sigma$ of what $\\sigma^2(|\\nabla f|^2 + (f - t)\\Delta f)$ leaves", "", 4, orders,
      0.15));
  report.checks.push_back(check_each_equal("T8", "ReLU net, layers rescaled by 10: change of the noisy error",
                                           "relative", 0, rescaled, 1e-12));
  report.checks.push_back(check_each_at_least(
      "T8", "is it $\\sum|W_l|^2$ for deeper nets? weights' norm over what is paid, least of deep linear and rescaled",
      "", 1.1, norms));
  report.figures.push_back({"input_noise", figure});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("Linear: {} samples of {} inputs, a noise of its own for each input, {} draws. Networks: {} samples "
                  "in the plane, where the mean over "
                  "Gaussian noise is a product rule of 24 by 24 nodes, exact to degree 47; slopes and curvatures by "
                  "automatic differentiation.",
                  samples, features, draws, samples / 2));
  std::sort(paid_by.begin(), paid_by.end());
  report.findings.push_back(
      fmt::format("In the median of {} tanh networks the sum of squared weights is {:.2g} times the size of what noise "
                  "costs; and it can save: "
                  "$(f - t)\\Delta f$ may be negative.",
                  paid_by.size(), paid_by[paid_by.size() / 2]));
  return report;
}

}  // namespace turnpike::studies
