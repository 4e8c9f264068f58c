// T9. Dropout as the mean over all masks: linear models in closed form, the ensemble of subnetworks against scaled
// weights.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// All masks of n units [2^n, n] of 0 and 1, and their probabilities when a unit is kept with probability p.
Tensor all_masks(std::int64_t n) {
  const Tensor codes = at::arange(std::int64_t{1} << n, at::kLong).unsqueeze(1);
  return at::bitwise_and(at::bitwise_right_shift(codes, at::arange(n, at::kLong).unsqueeze(0)), 1).to(at::kDouble);
}

Tensor probabilities(const Tensor& masks, double p) {
  return (masks * p + (1 - masks) * (1 - p)).prod(1);
}

double largest(const Tensor& v) {
  return v.abs().max().item<double>();
}

// x [N, 3] -> two layers of n/2 tanh units, each of which may be dropped -> readout with k outputs.
struct Net {
  Tensor W1, b1, W2, b2, V, c;
  std::int64_t n = 0;

  Net(std::int64_t units, std::int64_t outputs, Random& random) : n(units) {
    const std::int64_t first = n / 2, second = n - first;
    W1 = normal_tensor({first, 3}, random);
    b1 = normal_tensor({first}, random);
    W2 = normal_tensor({second, first}, random) * 1.5 / std::sqrt(static_cast<double>(first));
    b2 = normal_tensor({second}, random);
    V = normal_tensor({outputs, second}, random);
    c = normal_tensor({outputs}, random);
  }

  // mask [..., n], multiplied onto the units of both layers: outputs [..., N, k].
  Tensor operator()(const Tensor& x, const Tensor& mask) const {
    const std::int64_t first = W1.size(0);
    const Tensor h1 = at::tanh(x.matmul(W1.t()) + b1) * mask.narrow(-1, 0, first).unsqueeze(-2);
    const Tensor h2 = at::tanh(h1.matmul(W2.t()) + b2) * mask.narrow(-1, first, n - first).unsqueeze(-2);
    return h2.matmul(V.t()) + c;
  }
};

// One layer of n tanh units that may be dropped, then a readout.
struct Shallow {
  Tensor W, b, V, c;

  Shallow(std::int64_t n, std::int64_t outputs, Random& random)
      : W(normal_tensor({n, 3}, random)),
        b(normal_tensor({n}, random)),
        V(normal_tensor({outputs, n}, random)),
        c(normal_tensor({outputs}, random)) {}

  Tensor operator()(const Tensor& x, const Tensor& mask) const {
    return (at::tanh(x.matmul(W.t()) + b) * mask.unsqueeze(-2)).matmul(V.t()) + c;
  }
};

Tensor mean_of(const Tensor& outputs, const Tensor& weights) {  // [masks, N, k] -> [N, k]
  return at::tensordot(weights, outputs, {0}, {0});
}

}  // namespace

StudyReport run_dropout(StudyContext& study) {
  const std::int64_t n = study.integer("units");
  const Tensor masks = all_masks(n), one = at::ones({n}, at::kDouble);
  StudyReport report;
  Figure figure({.title = "Dropout trains every subnetwork at once",
                 .caption = fmt::format("First draw, two dropped layers. Left: the outputs of all {} subnetworks at "
                                        "one input, weighed alike; their mean and the network "
                                        "with half the weights. Right: the gap between the two at every keep "
                                        "probability, with its predicted slope at $p = 1$.",
                                        std::int64_t{1} << n)});
  std::vector<double> linear, minimum, standardised, readout, geometric, arithmetic, slopes, deep_gap, orders;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds());
    Random random = study.random("linear", s);
    for (const double p : {0.5, 0.8}) {
      constexpr std::int64_t samples = 30;
      const Tensor X = normal_tensor({samples, n}, random) * (0.3 + normal_tensor({n}, random).abs());
      const Tensor w = normal_tensor({n}, random), y = normal_tensor({samples}, random);
      const Tensor weights = probabilities(masks, p);
      const Tensor errors = (y.unsqueeze(1) - X.matmul((masks * w).t())).square().sum(0);  // of each mask
      const Tensor diagonal = X.square().sum(0);
      const double closed =
          ((y - p * X.mv(w)).square().sum() + p * (1 - p) * (diagonal * w.square()).sum()).item<double>();
      linear.push_back(weights.dot(errors).item<double>() / closed - 1);
      // Where the mean over all masks has no slope: E (m o X'X o m) w = p X'y.
      const Tensor second = at::matmul(masks.t() * weights, masks);  // E m m'
      const Tensor direct = at::linalg_solve(X.t().matmul(X) * second, p * X.t().mv(y));
      const Tensor ridge =
          at::linalg_solve(p * p * X.t().matmul(X) + p * (1 - p) * at::diag(diagonal), p * X.t().mv(y));
      minimum.push_back(largest(direct - ridge) / largest(ridge));
      // With columns of one length the penalty on p w is plain: alpha = N (1 - p)/p.
      const Tensor unit = X / diagonal.sqrt() * std::sqrt(static_cast<double>(samples));
      const Tensor dropped = at::linalg_solve(unit.t().matmul(unit) * second, p * unit.t().mv(y)) * p;
      const Tensor plain =
          at::linalg_solve(unit.t().matmul(unit) + samples * (1 - p) / p * at::eye(n, at::kDouble), unit.t().mv(y));
      standardised.push_back(largest(dropped - plain) / largest(plain));
    }

    Random nets = study.random("networks", s);
    const Tensor x = normal_tensor({8, 3}, nets);
    const Shallow shallow(n, 4, nets);
    const Tensor outputs = shallow(x, masks);  // [masks, N, 4]
    for (const double p : {0.3, 0.5, 0.8})
      readout.push_back(largest(mean_of(outputs, probabilities(masks, p)) - shallow(x, p * one)));
    const Tensor half = probabilities(masks, 0.5), scaled = at::softmax(shallow(x, 0.5 * one), 1);
    const Tensor logs = at::log_softmax(outputs, 2);
    geometric.push_back(largest(at::softmax(mean_of(logs, half), 1) - scaled));
    arithmetic.push_back(largest(mean_of(logs.exp(), half) - scaled));

    // Two dropped layers: the ensemble's mean minus the scaled network is, with q = 1 - p,
    //   q sum_i [f(1 - e_i) - f(1) + d_i f(1)] + O(q^2),   d_i the derivative for the i-th mask's entry.
    study.at("draws", s, study.seeds(), "two layers");
    const Net net(n, 1, nets);
    const Tensor all = net(x, masks);
    const auto gap = [&](double p) -> Tensor {
      return (mean_of(all, probabilities(masks, p)) - net(x, p * one)).squeeze(1);
    };
    Tensor slope = at::zeros({x.size(0)}, at::kDouble);
    const double step = 1e-3;  // of central differences of order 4: error about 1e-13
    for (std::int64_t i = 0; i < n; ++i) {
      Tensor e = at::zeros({n}, at::kDouble);
      e[i] = 1;
      const auto f = [&](double r) -> Tensor { return net(x, one + r * e).squeeze(1); };
      const Tensor derivative = (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step);
      slope += f(-1) - f(0) + derivative;
    }
    orders.push_back(
        measure_order([&](double q) { return (gap(1 - q) - q * slope).norm().item<double>(); }, 0.02, 6, 1e-11)
            .fit.slope);
    slopes.push_back(((gap(1 - 1e-4) / 1e-4 - slope).norm() / slope.norm()).item<double>());
    deep_gap.push_back(largest(gap(0.5)) / all.std().item<double>());
    if (s > 0) continue;
    figure.panel("all subnetworks at one input")
        .x({.label = "output"})
        .y({.label = "subnetworks"})
        .histogram(numbers(all.select(1, 0)), {.colour = 0})
        .x_mark(mean_of(all, half)[0][0].item<double>(), "mean", {.colour = ink::text, .width = 1.6})
        .x_mark(net(x, 0.5 * one)[0][0].item<double>(), "rule", {.colour = 1, .dash = Dash::dashed, .width = 1.6});
    std::vector<double> ps, gaps, lines;
    for (double p = 0; p <= 1.0001; p += 0.02) {
      ps.push_back(p);
      gaps.push_back(gap(p)[0].item<double>());
      if (p >= 0.6) lines.push_back((1 - p) * slope[0].item<double>());
    }
    figure.panel("ensemble minus rule")
        .x({.label = "keep probability $p$"})
        .y({.label = "gap of the output"})
        .line(ps, gaps, {.label = "measured", .colour = 0})
        .line(std::vector<double>(ps.end() - static_cast<std::ptrdiff_t>(lines.size()), ps.end()), lines,
              {.label = "first order in $1 - p$", .colour = 1, .dash = Dash::dashed})
        .y_mark(0);
  }
  report.checks.push_back(
      check_each_equal("T9", "linear: mean over all masks against the closed form", "relative", 0, linear, 1e-12));
  report.checks.push_back(check_each_equal("T9", "linear: its minimum against $p^2X'X + p(1-p)$ diag$(X'X)$",
                                           "relative", 0, minimum, 1e-10));
  report.checks.push_back(check_each_equal("T9",
                                           "columns of one length: $pw$ against plain ridge, $\\alpha = N(1-p)/p$",
                                           "relative", 0, standardised, 1e-10));
  report.checks.push_back(check_each_equal(
      "T9", "one dropped layer, linear readout: ensemble mean against scaled weights", "", 0, readout, 1e-12));
  report.checks.push_back(check_each_equal(
      "T9", "soft-max, $p = 1/2$: normalised geometric mean against scaled weights", "", 0, geometric, 1e-12));
  report.checks.push_back(check_each_at_least(
      "T9", "soft-max: arithmetic mean of probabilities, largest gap: the rule is not exact", "", 1e-3, arithmetic));
  report.checks.push_back(
      check_each_equal("T9", "two dropped layers: gap over $1 - p$ against its prediction, $1 - p = 10^{-4}$",
                       "relative", 0, slopes, 0.01));
  report.checks.push_back(check_each_equal("T9", "two dropped layers: order in $1 - p$ of what the prediction leaves",
                                           "", 2, orders, 0.15));
  report.checks.push_back(check_equal("T9", "masks of 4096 units: powers of ten (slide: 1233)", "", 1233,
                                      std::floor(4096 * std::log10(2.0)), 0));
  report.figures.push_back({"dropout", figure});
  report.method.push_back(
      fmt::format("All {} masks of {} units, weighed by their probability: nothing is sampled. Linear: {} inputs, 30 "
                  "samples. Networks: tanh units, eight inputs of dimension three; "
                  "soft-max over four classes; two layers of {} and {} units that may be dropped.",
                  std::int64_t{1} << n, n, n, n / 2, n - n / 2));
  report.findings.push_back(fmt::format(
      "At $p = 1/2$ with two dropped layers the rule misses the ensemble's mean by {:.2g} to {:.2g} of the "
      "subnetworks' spread.",
      *std::min_element(deep_gap.begin(), deep_gap.end()), *std::max_element(deep_gap.begin(), deep_gap.end())));
  return report;
}

}  // namespace turnpike::studies
