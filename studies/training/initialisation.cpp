// T15. Var(y) / Var(x) against depth for linear, ReLU and tanh networks with normal weights of several gains.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/activation.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// E g(z), z ~ N(0, 1), by the trapezoidal rule, which is exact to rounding for such smooth integrands.
double gaussian_mean(const std::function<double(double)>& g) {
  constexpr double h = 0.02;
  double sum = 0;
  for (int i = -450; i <= 450; ++i) {
    const double z = i * h;
    sum += h * g(z) * std::exp(-z * z / 2);
  }
  return sum / std::sqrt(2 * std::numbers::pi);
}

// What is predicted of s_l = |y_l|^2 / n at layer l = 1 .. L, for |x|^2 = n.
struct Prediction {
  std::vector<double> mean;       // E s_l
  std::vector<double> deviation;  // of one network
};

// Given s_{l-1}, the entries of y_l are independent normal numbers of variance g^2 mean(sigma(y_{l-1})^2): exact
// moments where sigma is homogeneous.
Prediction homogeneous(double gain, bool relu, std::int64_t n, std::int64_t depth) {
  Prediction result;
  const double width = static_cast<double>(n);
  for (std::int64_t l = 1; l <= depth; ++l) {
    const auto layers = static_cast<double>(l);
    const double mean = gain * gain * std::pow(relu ? gain * gain / 2 : gain * gain, layers - 1);
    const double square = (1 + 2 / width) * std::pow(1 + (relu ? 5 : 2) / width, layers - 1);  // E s^2 / (E s)^2
    result.mean.push_back(mean);
    result.deviation.push_back(mean * std::sqrt(square - 1));
  }
  return result;
}

// The variance v_l of an entry of y_l, given the layers before: v_{l+1} = g^2 mean_i tanh(sqrt(v_l) z_i)^2 with n
// independent z. To first order in 1/n, with F(v) = g^2 E tanh(sqrt(v) z)^2:
//   mean m' = F(m) + F''(m)/2 Var,   Var' = F'(m)^2 Var + g^4 Var(tanh^2)/n
// and s_l = v_l mean z^2 has mean m and variance Var + 2 m^2 / n.
Prediction mean_field(double gain, std::int64_t n, std::int64_t depth) {
  const auto moment = [](double v, int power) {
    return gaussian_mean([=](double z) { return std::pow(std::tanh(std::sqrt(v) * z), power); });
  };
  const auto F = [&](double v) { return gain * gain * moment(v, 2); };
  Prediction result;
  double limit = gain * gain, shift = 0, variance = 0;  // m = limit + shift
  const auto width = static_cast<double>(n);
  for (std::int64_t l = 1; l <= depth; ++l) {
    const double m = limit + shift;
    result.mean.push_back(m);
    result.deviation.push_back(std::sqrt(variance + 2 * m * m / width));
    const double h = 1e-3 * limit;
    const double slope = (F(limit + h) - F(limit - h)) / (2 * h);
    const double curvature = (F(limit + h) - 2 * F(limit) + F(limit - h)) / (h * h);
    const double spread = std::pow(gain, 4) * (moment(limit, 4) - std::pow(moment(limit, 2), 2)) / width;
    shift = slope * shift + curvature / 2 * variance;
    variance = slope * slope * variance + spread;
    limit = F(limit);
  }
  return result;
}

constexpr double standard_errors = 4.5;
constexpr const char* titles[] = {"linear", "ReLU", "tanh"};

struct Case {
  Activation activation;
  double gain;
  const char* label;
  int panel, colour;
};

}  // namespace

StudyReport run_initialisation(StudyContext& study) {
  const std::int64_t n = study.integer("width"), depth = study.integer("depth"), networks = study.integer("networks");
  const std::int64_t count = networks * study.seeds();
  const double root2 = std::numbers::sqrt2;
  const Case cases[] = {
      {Activation::identity, 1, "$g = 1$ (Xavier)", 0, 0}, {Activation::identity, 0.9, "$g = 0.9$", 0, 1},
      {Activation::identity, 1.1, "$g = 1.1$", 0, 2},      {Activation::relu, root2, "$g = \\sqrt{2}$ (He)", 1, 0},
      {Activation::relu, 1, "$g = 1$ (Xavier)", 1, 1},     {Activation::relu, 1.6, "$g = 1.6$", 1, 2},
      {Activation::tanh, 1, "$g = 1$ (Xavier)", 2, 0},     {Activation::tanh, 0.8, "$g = 0.8$", 2, 1},
      {Activation::tanh, 1.5, "$g = 1.5$", 2, 2}};
  constexpr int n_cases = 9;

  // Every case reads the same normal numbers, scaled by its gain; rows of `state` are the cases.
  Tensor measured = at::empty({n_cases, depth, count}, at::kDouble);
  for (std::int64_t network = 0; network < count; ++network) {
    study.at("networks", network, count);
    Random random = study.random("weights", static_cast<std::uint64_t>(network));
    Tensor state = normal_tensor({1, n}, random);
    state = (state * std::sqrt(static_cast<double>(n)) / state.norm()).repeat({n_cases, 1});
    for (std::int64_t l = 0; l < depth; ++l) {
      const Tensor W = normal_tensor({n, n}, random) / std::sqrt(static_cast<double>(n));
      if (l > 0) {
        std::vector<Tensor> rows;
        for (int c = 0; c < n_cases; ++c) rows.push_back(activate(cases[c].activation, state[c]));
        state = at::stack(rows);
      }
      state = state.mm(W.t());
      for (int c = 0; c < n_cases; ++c) state[c] *= cases[c].gain;
      measured.select(1, l).select(1, network).copy_(state.square().mean(1));
    }
  }

  StudyReport report;
  Figure figure({.title = "The variance through depth",
                 .caption = fmt::format("Mean of $|y_l|^2/|x|^2$ over {} networks of width {} (marks), the prediction "
                                        "(lines), and one standard deviation of a single network (bands).",
                                        count, n),
                 .columns = 3});
  std::vector<Panel*> panels;
  for (const char* title : titles) {
    panels.push_back(&figure.panel(title));
    panels.back()->x({.label = "layer $l$"}).y({.label = "$|y_l|^2 / |x|^2$", .scale = Scale::log});
  }
  Table table{.head = {"network", "gain", "predicted", "measured", "standard error", "worst layer"},
              .caption = fmt::format("$|y_L|^2/|x|^2$ at layer $L = {}$, its predicted standard error, and the largest "
                                     "distance of a layer's mean to its prediction, in standard errors.",
                                     depth)};
  std::vector<double> layers, worst;
  for (std::int64_t l = 1; l <= depth; ++l) layers.push_back(static_cast<double>(l));
  for (int c = 0; c < n_cases; ++c) {
    const Case& one = cases[c];
    const Prediction predicted = one.activation == Activation::tanh
                                     ? mean_field(one.gain, n, depth)
                                     : homogeneous(one.gain, one.activation == Activation::relu, n, depth);
    const std::vector<double> mean = numbers(measured[c].mean(1));
    std::vector<double> low, high;
    double largest = 0;
    for (std::size_t l = 0; l < mean.size(); ++l) {
      const double error = predicted.deviation[l] / std::sqrt(static_cast<double>(count));
      largest = std::max(largest, std::abs(mean[l] - predicted.mean[l]) / error);
      const double spread = 1 + predicted.deviation[l] / predicted.mean[l];
      low.push_back(predicted.mean[l] / spread);
      high.push_back(predicted.mean[l] * spread);
    }
    worst.push_back(largest);
    const char* name = titles[one.panel];
    const double error = predicted.deviation.back() / std::sqrt(static_cast<double>(count));
    report.checks.push_back(check_equal("T15", fmt::format("$|y_L|^2/|x|^2$, {}, {}", name, one.label), "",
                                        predicted.mean.back(), mean.back(), standard_errors * error));
    table.rows.push_back(
        {name, Cell(one.gain, 4), Cell(predicted.mean.back()), Cell(mean.back()), Cell(error, 2), Cell(largest, 2)});
    panels[static_cast<std::size_t>(one.panel)]
        ->band(layers, low, high, {.colour = one.colour, .opacity = 0.15})
        .line(layers, predicted.mean, {.label = one.label, .colour = one.colour})
        .points(layers, mean, {.colour = one.colour, .marker = Marker::circle, .size = 4});
  }
  report.checks.push_back(check_each_at_most("T15", "distance of a mean to its prediction, worst layer of each network",
                                             "standard errors", standard_errors, worst));
  report.figures.push_back({"variance", figure});
  report.tables.push_back(table);
  report.findings.push_back(
      "The lecture's derivation holds layer by layer for inputs of mean zero. ReLU's outputs have not: it is their "
      "second "
      "moment, half of the variance before, that counts, so that Xavier loses $2^{1-L}$. And for tanh the variance of "
      "Xavier's networks does not stay: at $g = 1$ it falls like $1/(2l)$.");
  report.method.push_back(fmt::format(
      "{} networks of {} layers, width {}; one random input of $|x|^2 = n$ each. All gains and activations of a "
      "network "
      "share its normal numbers. Tolerances are {:g} predicted standard errors of the mean, from the variance of one "
      "network and the number of networks: they are known before the measurement.",
      count, depth, n, standard_errors));
  return report;
}

}  // namespace turnpike::studies
