// K1. The same ridge regression in features and in kernels; kernels as limits of random features.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/kernels.h>

namespace turnpike::studies {
namespace {

constexpr double pi = std::numbers::pi;

// Two rings of radius 1 and 2, labels -1 and 1.
struct Rings {
  Tensor x, y;  // [N, 2], [N]
};
Rings rings(std::int64_t n, Random& random) {
  Rings data{at::empty({n, 2}, at::kDouble), at::empty({n}, at::kDouble)};
  for (std::int64_t i = 0; i < n; ++i) {
    const double radius = 1 + static_cast<double>(i % 2) + 0.15 * random.normal(), angle = random.uniform(0, 2 * pi);
    data.x[i][0] = radius * std::cos(angle);
    data.x[i][1] = radius * std::sin(angle);
    data.y[i] = i % 2 ? 1 : -1;
  }
  return data;
}

double accuracy(const Tensor& prediction, const Tensor& y) {
  return (prediction * y > 0).to(at::kDouble).mean().item<double>();
}

// (1 + x.z)^3 = Phi(x).Phi(z) in the plane: monomials x_1^a x_2^b, a + b <= 3, times the root of 3! / (a! b! (3-a-b)!).
Tensor cubic_features(const Tensor& x) {
  constexpr double factorial[] = {1, 1, 2, 6};
  std::vector<Tensor> columns;
  for (int a = 0; a <= 3; ++a)
    for (int b = 0; a + b <= 3; ++b)
      columns.push_back(std::sqrt(6 / (factorial[a] * factorial[b] * factorial[3 - a - b])) * x.select(1, 0).pow(a) *
                        x.select(1, 1).pow(b));
  return at::stack(columns, 1);
}

// Random features of a kernel, and the variance of one feature's product about K.
//   Gaussian, Laplace: (cos w.x, sin w.x), w normal or Cauchy: the product is cos w.(x - z), of mean K and variance
//   (1 + K(2 (x - z))) / 2 - K^2.
//   Arc-cosine of order q: sqrt 2 s(w.x), w normal; the product has variance 2 K_{2q} - K_q^2, K_0 in place of K_{2q}
//   for q = 0.
struct RandomFeatures {
  const char* name;
  KernelFunction kernel;
  std::function<Tensor(const Tensor& x, const Tensor& w)> features;  // w [p, d]
  bool cauchy = false;
  std::function<Tensor(const Tensor& x)> variance;
};

Tensor waves(const Tensor& x, const Tensor& w) {
  const Tensor phase = x.mm(w.t());
  return at::cat({at::cos(phase), at::sin(phase)}, 1) / std::sqrt(static_cast<double>(w.size(0)));
}

std::vector<RandomFeatures> random_features() {
  const auto wave_variance = [](const KernelFunction& kernel) {
    return [kernel](const Tensor& x) -> Tensor { return (1 + kernel(2 * x)) / 2 - kernel(x).square(); };
  };
  const auto steps = [](int order) {
    return [order](const Tensor& x, const Tensor& w) -> Tensor {
      const Tensor phase = x.mm(w.t());
      return std::sqrt(2.0 / static_cast<double>(w.size(0))) *
             (order == 0 ? (phase > 0).to(at::kDouble) : phase.clamp_min(0));
    };
  };
  return {{"Gaussian", gaussian_kernel(1), waves, false, wave_variance(gaussian_kernel(1))},
          {"Laplace", laplace_kernel(1), waves, true, wave_variance(laplace_kernel(1))},
          {"arc-cosine 0", arc_cosine_kernel(0), steps(0), false,
           [](const Tensor& x) -> Tensor { return 2 * arc_cosine_kernel(0)(x) - arc_cosine_kernel(0)(x).square(); }},
          {"arc-cosine 1", arc_cosine_kernel(1), steps(1), false,
           [](const Tensor& x) -> Tensor { return 2 * arc_cosine_kernel(2)(x) - arc_cosine_kernel(1)(x).square(); }}};
}

// Frequencies: normal, or divided by one more normal number a row, which makes them Cauchy.
Tensor frequencies(std::int64_t p, std::int64_t d, bool cauchy, Random& random) {
  const Tensor w = normal_tensor({p, d}, random);
  return cauchy ? w / normal_tensor({p, 1}, random).abs() : w;
}

void two_forms(const StudyContext& study, StudyReport& report) {
  constexpr double ridge = 0.1;
  std::map<std::string, std::vector<double>> gaps;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("two forms", s, study.seeds());
    Random random = study.random("two forms", s);
    const Rings train = rings(100, random), test = rings(50, random);
    const Tensor w = frequencies(100, 2, false, random);
    const auto compare = [&](const std::string& name, const FeatureMap& features, const KernelFunction& kernel) {
      const Tensor primal = fit_feature_ridge(features, train.x, train.y, ridge)(test.x);
      const Tensor dual = fit_kernel_ridge(kernel, train.x, train.y, ridge)(test.x);
      gaps[name].push_back((primal - dual).abs().max().item<double>());
    };
    const FeatureMap waves_of_w = [w](const Tensor& x) { return waves(x, w); };
    const FeatureMap landmarks = nystroem_features(gaussian_kernel(1), train.x.narrow(0, 0, 40));
    compare(
        "linear, 2 features", [](const Tensor& x) { return x; }, linear_kernel());
    compare("cubic, 10 features", cubic_features, polynomial_kernel(3, 1));
    compare("200 random features", waves_of_w, feature_kernel("waves", waves_of_w));
    compare("Nyström, 40 landmarks", landmarks, feature_kernel("Nyström", landmarks));
    // The features of all landmarks span the kernel's own functions: here the kernel itself is the dual.
    compare("Laplace, its 100 points as landmarks", nystroem_features(laplace_kernel(1), train.x), laplace_kernel(1));
  }
  for (const auto& [name, gap] : gaps)
    report.checks.push_back(
        check_each_at_most("K1", fmt::format("primal against dual, {}: largest difference", name), "", 1e-10, gap));
}

void limits(const StudyContext& study, StudyReport& report) {
  const std::int64_t most = study.integer("features");
  // The entries of a draw go up and down together, so that a draw tells a spread to about 40 %: a hundred, to 4 %.
  const int draws = 12 * study.seeds();
  Random random = study.random("points");
  const Rings train = rings(40, random), test = rings(40, random);
  Figure figure(
      {.title = "Random features tend to their kernel",
       .caption = fmt::format("Root mean square distance over {} draws, lines of slope -1/2 as predicted from "
                              "the variance of one feature. Left: entries of the matrix. Right: predictions "
                              "by ridge regression in the features against the kernel's.",
                              draws)});
  Panel& entries = figure.panel("kernel matrix");
  entries.x({.label = "features $p$", .scale = Scale::log}).y({.label = "distance", .scale = Scale::log});
  Panel& predictions = figure.panel("predictions");
  predictions.x({.label = "features $p$", .scale = Scale::log}).y({.label = "distance", .scale = Scale::log});
  int colour = 0;
  for (const RandomFeatures& kind : random_features()) {
    const Tensor K = kind.kernel(train.x);
    const Tensor dual = fit_kernel_ridge(kind.kernel, train.x, train.y, 1)(test.x);
    const double unit = std::sqrt(kind.variance(train.x).mean().item<double>());
    std::vector<double> p, distance, predicted, prediction_distance;
    for (std::int64_t n = 128; n <= most; n *= 2) {
      double squares = 0, prediction_squares = 0;
      for (int s = 0; s < draws; ++s) {
        study.at(kind.name, s, draws, fmt::format("{} features", n));
        Random draw = study.random(fmt::format("{}/{}", kind.name, n), s);
        const Tensor w = frequencies(n, 2, kind.cauchy, draw);
        const Tensor phi = kind.features(train.x, w), approximate = phi.mm(phi.t());
        squares += (approximate - K).square().mean().item<double>();
        // The dual form of the features' own kernel, equal to the primal and cheaper where p > N.
        const KernelFunction own = feature_kernel(kind.name, [&](const Tensor& x) { return kind.features(x, w); });
        prediction_squares +=
            (fit_kernel_ridge(own, train.x, train.y, 1)(test.x) - dual).square().mean().item<double>();
      }
      p.push_back(static_cast<double>(n));
      distance.push_back(std::sqrt(squares / draws));
      predicted.push_back(unit / std::sqrt(static_cast<double>(n)));
      prediction_distance.push_back(std::sqrt(prediction_squares / draws));
    }
    const LineFit fit = fit_order(p, distance);
    report.checks.push_back(
        check_equal("K1", fmt::format("rate of {} features in their number", kind.name), "", -0.5, fit.slope, 0.05)
            .with(fit.slope_low, fit.slope_high));
    // The constant, from all numbers of features: their logarithms' mean.
    double log_ratio = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      log_ratio += std::log(distance[i] / predicted[i]) / static_cast<double>(p.size());
    report.checks.push_back(check_equal("K1", fmt::format("distance over its prediction, {}", kind.name), "", 1,
                                        std::exp(log_ratio), 0.15));
    const LineFit last = fit_order(p, prediction_distance);
    report.checks.push_back(
        check_equal("K1", fmt::format("rate of the predictions, {}", kind.name), "", -0.5, last.slope, 0.1)
            .with(last.slope_low, last.slope_high));
    entries.points(p, distance, {.label = kind.name, .colour = colour, .marker = Marker::circle});
    entries.line(p, predicted, {.colour = colour, .dash = Dash::dashed});
    predictions.points(p, prediction_distance, {.label = kind.name, .colour = colour, .marker = Marker::circle});
    ++colour;
  }
  report.figures.push_back({"limits", figure});
}

void separation(const StudyContext& study, StudyReport& report) {
  const std::int64_t n = study.integer("points");
  const std::pair<const char*, KernelFunction> models[] = {{"linear", linear_kernel()},
                                                           {"polynomial, degree 3", polynomial_kernel(3, 1)},
                                                           {"Gaussian, length 1/2", gaussian_kernel(0.5)},
                                                           {"Laplace, length 1", laplace_kernel(1)},
                                                           {"arc-cosine, order 1", arc_cosine_kernel(1)},
                                                           {"arc-cosine, order 2", arc_cosine_kernel(2)}};
  Figure figure({.title = "What separates two rings",
                 .caption = "Ridge regression of the labels -1 and 1 with six kernels; black: where it is zero. The "
                            "arc-cosine kernels are homogeneous, so without a constant coordinate they see directions "
                            "and lengths only as products; with one they separate.",
                 .columns = 3});
  std::map<std::string, std::vector<double>> accuracies;
  std::vector<double> shuffled;
  Table table{.head = {"kernel", "test accuracy"}, .caption = "Mean over the draws, with its 95 % interval."};
  // A constant coordinate stands for the bias.
  const auto with_constant = [](const Tensor& x) { return at::cat({x, at::ones({x.size(0), 1}, x.options())}, 1); };
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("separation", s, study.seeds());
    Random random = study.random("separation", s);
    const Rings train = rings(n, random), test = rings(1000, random);
    for (const auto& [name, kernel] : models) {
      const KernelRidge model = fit_kernel_ridge(kernel, with_constant(train.x), train.y, 0.1);
      accuracies[name].push_back(accuracy(model(with_constant(test.x)), test.y));
      if (s > 0) continue;
      Grid grid{.x_low = -2.6, .x_high = 2.6, .y_low = -2.6, .y_high = 2.6, .n_x = 61, .n_y = 61};
      Tensor nodes = at::empty({61 * 61, 2}, at::kDouble);
      for (long j = 0; j < 61; ++j)
        for (long i = 0; i < 61; ++i) {
          nodes[j * 61 + i][0] = grid.x(i);
          nodes[j * 61 + i][1] = grid.y(j);
        }
      grid.values = numbers(model(with_constant(nodes)));
      std::vector<int> labels;
      for (const double y : numbers(train.y)) labels.push_back(y > 0);
      figure.panel(name)
          .equal_aspect()
          .heat(grid, {.label = "$f$", .map = ColourMap::diverging, .low = -1.5, .high = 1.5})
          .contours(grid, {0})
          .classes(numbers(train.x.select(1, 0).contiguous()), numbers(train.x.select(1, 1).contiguous()), labels, {},
                   {.opacity = 0.7, .size = 3});
    }
    // Null case: labels in random order.
    const Tensor order = at::tensor(random.permutation(n), at::kLong);
    const KernelRidge chance =
        fit_kernel_ridge(gaussian_kernel(0.5), with_constant(train.x), train.y.index_select(0, order), 0.1);
    shuffled.push_back(accuracy(chance(with_constant(test.x)), test.y));
  }
  for (const auto& [name, kernel] : models) {
    const std::vector<double>& values = accuracies[name];
    const Interval mean = mean_interval(values);
    table.rows.push_back({name, fmt::format("{:.3f} ({:.3f} to {:.3f})", mean.mean, mean.low, mean.high)});
    // A line puts at most half of one ring on each side of it: with both rings round, 1/2 + 1/6 at best (a tangent to
    // the inner ring cuts a third off the outer one).
    if (name == std::string("linear"))
      report.checks.push_back(check_each_at_most("K1", "two rings, linear: test accuracy", "", 2.0 / 3, values, 0.03));
    else
      report.checks.push_back(
          check_each_at_least("K1", fmt::format("two rings, {}: test accuracy", name), "", 0.95, values));
  }
  const Interval chance = mean_interval(shuffled);
  report.checks.push_back(check_agrees("K1", "null case, shuffled labels: test accuracy", "", 0.5, chance.mean,
                                       // interval of 8 draws widened from 95 % to 99.9 %
                                       chance.high - chance.mean)
                              .with(chance.low, chance.high));
  report.figures.push_back({"separation", figure});
  report.tables.push_back(table);
}

}  // namespace

StudyReport run_kernel_models(StudyContext& study) {
  StudyReport report;
  two_forms(study, report);
  limits(study, report);
  separation(study, report);
  report.method.push_back(
      "Primal: QR of the features with rows of the ridge's root. Dual: Cholesky of $K + \\lambda I$. Data: two noisy "
      "rings in the plane, labels -1 and 1.");
  report.method.push_back(
      "Random features: waves $(\\cos w \\cdot x, \\sin w \\cdot x)$ with normal frequencies for the Gaussian and "
      "Cauchy ones for the Laplace kernel; steps and ramps of $w \\cdot x$ for the arc-cosine kernels. The spread of "
      "an entry is predicted from the variance of one feature.");
  return report;
}

}  // namespace turnpike::studies
