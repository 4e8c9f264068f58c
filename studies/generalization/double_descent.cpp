// G5. Double descent: a Gaussian model in closed form, random features of digits, and trained networks.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/least_squares.h>
#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/study/digits.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

constexpr std::int64_t n_classes = 10, n_pixels = 16;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::size_t peak_of(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// ---- the Gaussian model ----

constexpr std::int64_t gauss_n = 40;
constexpr double sigma = 0.5, r = 1;

// E |w^ - w|^2 and E |w^|^2, finite for p < n - 1 and p > n + 1; w^ is the least squares solution of least norm.
struct Law {
  double excess, norm;
};
Law gaussian_law(double p) {
  const double n = gauss_n, s2 = sigma * sigma;
  if (std::abs(p - n) <= 1) return {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  if (p < n) return {s2 * p / (n - p - 1), r * r + s2 * p / (n - p - 1)};
  return {s2 * n / (p - n - 1) + r * r * (1 - n / p), r * r * n / p + s2 * n / (p - n - 1)};
}

void gaussian_model(StudyContext& study, StudyReport& report) {
  std::vector<std::int64_t> counts = {2, 5, 10, 15, 20, 25, 30};
  for (std::int64_t p = 34; p <= 46; ++p) counts.push_back(p);
  for (const std::int64_t p : {50, 55, 60, 70, 80, 100, 120}) counts.push_back(p);
  const std::int64_t draws = study.integer("draws");
  Random random = study.random("gaussian model");
  std::vector<double> ps, excess_median, norm_median, excess_z, norm_z, far, mean, low, high, norm_mean;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const std::int64_t p = counts[k];
    study.at("Gaussian model", static_cast<std::int64_t>(k), static_cast<std::int64_t>(counts.size()),
             fmt::format("p = {}", p));
    // All data sets at once; w = r e_1, since the features have no direction.
    const Tensor X = normal_tensor({draws, gauss_n, p}, random);
    const Tensor y = r * X.select(2, 0) + sigma * normal_tensor({draws, gauss_n}, random);
    const Tensor w = minimum_norm(X, y.unsqueeze(2)).squeeze(2);
    const std::vector<double> norm = numbers(w.square().sum(1));
    const std::vector<double> excess = numbers(w.square().sum(1) - 2 * r * w.select(1, 0) + r * r);
    ps.push_back(static_cast<double>(p));
    excess_median.push_back(median(excess));
    norm_median.push_back(median(norm));
    if (std::abs(p - gauss_n) < 10) continue;
    const Law law = gaussian_law(static_cast<double>(p));
    const Interval e = mean_interval(excess), w2 = mean_interval(norm);
    const double root = std::sqrt(static_cast<double>(draws));
    excess_z.push_back((e.mean - law.excess) / (e.deviation / root));
    norm_z.push_back((w2.mean - law.norm) / (w2.deviation / root));
    far.push_back(static_cast<double>(p));
    mean.push_back(e.mean);
    low.push_back(e.low);
    high.push_back(e.high);
    norm_mean.push_back(w2.mean);
    if (p == 30 || p == 50)
      report.checks.push_back(check_equal("G5", fmt::format("Gaussian model, excess error at $p = {}$", p), "",
                                          law.excess, e.mean, 5 * e.deviation / root)
                                  .with(e.low, e.high));
  }
  report.checks.push_back(check_each_equal("G5", "Gaussian model: error off its law, $|p - n| \\ge 10$, farthest",
                                           "std. errors", 0, excess_z, 5));
  report.checks.push_back(check_each_equal(
      "G5", "Gaussian model: $|\\hat w|^2$ off its law, $|p - n| \\ge 10$, farthest", "std. errors", 0, norm_z, 5));
  report.checks.push_back(
      check_equal("G5", "Gaussian model: $p$ of the largest median error", "", gauss_n, ps[peak_of(excess_median)], 0));
  report.checks.push_back(check_equal("G5", "Gaussian model: $p$ of the largest median $|\\hat w|^2$", "", gauss_n,
                                      ps[peak_of(norm_median)], 0));

  Figure figure({.title = "Forty samples, p parameters",
                 .caption =
                     "Lines: the closed forms. Filled marks: means with intervals, where $|p - n| \\ge 10$; crosses: "
                     "medians, which stay finite at the peak."});
  std::vector<double> grid, curve, norm;
  for (int p = 1; p <= 125; ++p) {
    grid.push_back(p);
    const Law law = gaussian_law(p);
    curve.push_back(std::isinf(law.excess) ? std::nan("") : law.excess);
    norm.push_back(std::isinf(law.norm) ? std::nan("") : law.norm);
  }
  figure.panel("error $|\\hat w - w|^2$")
      .x({.label = "parameters $p$"})
      .y({.label = "error", .scale = Scale::log})
      .x_mark(gauss_n, "$n$")
      .line(grid, curve, {.label = "law", .colour = ink::text})
      .intervals(far, low, high, {.colour = 0})
      .points(far, mean, {.label = "mean", .colour = 0, .marker = Marker::circle})
      .points(ps, excess_median, {.label = "median", .colour = 1, .marker = Marker::cross, .size = 5});
  figure.panel("norm $|\\hat w|^2$")
      .x({.label = "parameters $p$"})
      .y({.label = "squared norm", .scale = Scale::log})
      .x_mark(gauss_n, "$n$")
      .line(grid, norm, {.label = "law", .colour = ink::text})
      .points(far, norm_mean, {.label = "mean", .colour = 0, .marker = Marker::circle})
      .points(ps, norm_median, {.label = "median", .colour = 1, .marker = Marker::cross, .size = 5});
  report.figures.push_back({"gaussian", figure});
  report.method.push_back(
      fmt::format("Gaussian model: $n = {}$, $r = {:g}$, $\\sigma = {:g}$, {} data sets for each $p$, solved in one "
                  "batched call by QR.",
                  gauss_n, r, sigma, draws));
}

// ---- random features of digits ----

// Phi [n, N]: (x R_1)^2 + (x R_2)^2, columns first .. first + N of one long draw
struct Features {
  std::int64_t inputs;
  std::uint64_t seed;
  Tensor R1{}, R2{};
  void draw(std::int64_t N) {
    Random random(seed);
    R1 = normal_tensor({inputs, N}, random);
    R2 = normal_tensor({inputs, N}, random);
  }
  Tensor operator()(const Tensor& x, std::int64_t first, std::int64_t N) const {
    return at::matmul(x, R1.narrow(1, first, N)).square_().add_(at::matmul(x, R2.narrow(1, first, N)).square_());
  }
};

struct FeatureCurve {
  std::vector<double> loss, error, norm, residual;  // by number of features
};

// Least squares of least norm for every count of nested features at once. With n features or fewer the leading blocks
// of one QR hold all solutions; with more, the kernel matrix Phi Phi' grows by its new columns, a tile at a time, and
// each count costs one Cholesky of it.
FeatureCurve feature_curve(const DigitImages& digits, const std::vector<std::int64_t>& counts, std::uint64_t seed,
                           const std::function<void(std::size_t done)>& progress) {
  const std::int64_t n = digits.train_x.size(0), n_test = digits.test_x.size(0);
  Features features{.inputs = digits.train_x.size(1), .seed = seed};
  features.draw(counts.back());
  const Tensor Y = at::one_hot(digits.train_y, n_classes).to(at::kDouble);
  const Tensor Y_test = at::one_hot(digits.test_y, n_classes).to(at::kDouble);
  FeatureCurve curve;
  const auto score = [&](const Tensor& z, double norm, double residual) {
    curve.loss.push_back((z - Y_test).square().sum(1).mean().item<double>());
    curve.error.push_back((z.argmax(1) != digits.test_y).to(at::kDouble).mean().item<double>());
    curve.norm.push_back(norm);
    curve.residual.push_back(residual);
    progress(curve.loss.size());
  };

  Tensor K = at::zeros({n, n}, at::kDouble), K_test = at::zeros({n_test, n}, at::kDouble);
  const std::int64_t tile = std::max<std::int64_t>(n / 8, 1);
  const auto grow = [&](const Tensor& train, const Tensor& test) {
    for (std::int64_t i = 0; i < n; i += tile) {  // the lower triangle, which is all that Cholesky reads
      const std::int64_t rows = std::min(tile, n - i);
      K.narrow(0, i, rows).narrow(1, 0, i + rows).addmm_(train.narrow(0, i, rows), train.narrow(0, 0, i + rows).t());
    }
    K_test.addmm_(test, train.t());
  };
  std::size_t k = 0;
  {
    const Tensor Phi = features(digits.train_x, 0, n), Phi_test = features(digits.test_x, 0, n);
    grow(Phi, Phi_test);
    const auto [factor, tau] = at::geqrf(Phi);
    const Tensor Qy = at::ormqr(factor, tau, Y, /*left=*/true, /*transpose=*/true);
    for (; k < counts.size() && counts[k] <= n; ++k) {
      const std::int64_t N = counts[k];
      const Tensor w =
          at::linalg_solve_triangular(factor.narrow(0, 0, N).narrow(1, 0, N).triu(), Qy.narrow(0, 0, N), true);
      const double residual = (at::matmul(Phi.narrow(1, 0, N), w) - Y).norm().item<double>() / Y.norm().item<double>();
      score(at::matmul(Phi_test.narrow(1, 0, N), w), w.square().sum().item<double>(), residual);
    }
  }
  for (std::int64_t have = n; k < counts.size(); ++k) {
    for (; have < counts[k]; have += std::min(counts[k] - have, n / 4)) {
      const std::int64_t columns = std::min(counts[k] - have, n / 4);
      grow(features(digits.train_x, have, columns), features(digits.test_x, have, columns));
    }
    // w = Phi' a, K a = Y; one step of refinement takes out what the condition number costs. |w|^2 = a' K a
    const Tensor L = at::linalg_cholesky(K), full = K.tril() + K.tril(-1).t();
    Tensor a = at::cholesky_solve(Y, L);
    a = a + at::cholesky_solve(Y - at::matmul(full, a), L);
    const Tensor fitted = at::matmul(full, a);
    score(at::matmul(K_test, a), (a * fitted).sum().item<double>(), ((fitted - Y).norm() / Y.norm()).item<double>());
  }
  return curve;
}

void random_features(StudyContext& study, StudyReport& report) {
  const std::int64_t n = study.integer("n"), trials = study.integer("trials");
  std::vector<std::int64_t> counts;
  for (const double share : {0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1, 1.5, 2.0})
    counts.push_back(std::llround(share * static_cast<double>(n)));
  std::vector<std::vector<double>> loss(counts.size()), error(counts.size()), norm(counts.size());
  std::vector<double> peak_loss, peak_norm, below, residuals;
  std::string source;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const auto t = static_cast<std::uint64_t>(trial);
    const DigitImages digits =
        digit_images(n, std::min<std::int64_t>(1000, 2 * n), seed_for(study.seed(), "digits", t));
    source = digits.source;
    const FeatureCurve curve =
        feature_curve(digits, counts, seed_for(study.seed(), "features", t), [&](std::size_t done) {
          const auto total = static_cast<std::int64_t>(counts.size());
          study.at("random features", trial * total + static_cast<std::int64_t>(done), trials * total);
        });
    for (std::size_t k = 0; k < counts.size(); ++k) {
      loss[k].push_back(curve.loss[k]);
      error[k].push_back(curve.error[k]);
      norm[k].push_back(curve.norm[k]);
      if (counts[k] >= n) residuals.push_back(curve.residual[k]);
    }
    peak_loss.push_back(static_cast<double>(counts[peak_of(curve.loss)]));
    peak_norm.push_back(static_cast<double>(counts[peak_of(curve.norm)]));
    below.push_back(*std::min_element(curve.loss.begin(), curve.loss.begin() + 8) / curve.loss.back());
  }
  const auto at_n = static_cast<double>(n);
  report.checks.push_back(
      check_each_equal("G5", "random features: $N$ of the largest test loss", "", at_n, peak_loss, 0));
  std::vector<double> median_error;  // of a share one trial knows too little
  for (const std::vector<double>& trials_at_N : error) median_error.push_back(median(trials_at_N));
  report.checks.push_back(check_equal("G5", "random features: $N$ of the largest median test error", "", at_n,
                                      static_cast<double>(counts[peak_of(median_error)]), 0));
  report.checks.push_back(
      check_each_equal("G5", "random features: $N$ of the largest $|w|^2$", "", at_n, peak_norm, 0));
  report.checks.push_back(
      check_each_at_most("G5", "random features: residual of the interpolants, $N \\ge n$: solved in double precision",
                         "relative", 1e-6, residuals));

  Figure figure({.title = "Random features of digits",
                 .caption = fmt::format("{} training digits ({}); a line a trial. Vertical: $N = n$.", n, source)});
  std::vector<double> N(counts.begin(), counts.end());
  Table table{.head = {"$N/n$", "test loss", "test error", "$|w|^2$"},
              .caption = "Random features: medians over the trials."};
  Panel& loss_panel = figure.panel("test loss");
  loss_panel.x({.label = "features $N$"}).y({.label = "squared loss", .scale = Scale::log}).x_mark(at_n, "$n$");
  Panel& error_panel = figure.panel("test error");
  error_panel.x({.label = "features $N$"}).y({.label = "share wrong", .low = 0}).x_mark(at_n, "$n$");
  Panel& norm_panel = figure.panel("norm");
  norm_panel.x({.label = "features $N$"}).y({.label = "$|w|^2$", .scale = Scale::log}).x_mark(at_n, "$n$");
  for (std::size_t trial = 0; trial < static_cast<std::size_t>(trials); ++trial) {
    std::vector<double> l, e, w;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      l.push_back(loss[k][trial]);
      e.push_back(error[k][trial]);
      w.push_back(norm[k][trial]);
    }
    const Look look{.colour = static_cast<int>(trial), .width = 1.2, .marker = Marker::circle, .size = 3};
    loss_panel.line(N, l, look);
    error_panel.line(N, e, look);
    norm_panel.line(N, w, look);
  }
  for (std::size_t k = 0; k < counts.size(); ++k)
    table.rows.push_back({Cell(N[k] / at_n), Cell(median(loss[k])), Cell(median(error[k])), Cell(median(norm[k]), 3)});
  report.figures.push_back({"features", figure});
  report.tables.push_back(table);
  report.findings.push_back(
      fmt::format("Random features: twice as many features as digits have {:.3g} of the loss of the best smaller model "
                  "(median); the "
                  "interpolants' largest relative residual is {:.1e}.",
                  1 / median(below), *std::max_element(residuals.begin(), residuals.end())));
  report.method.push_back(
      fmt::format("Random features: $(x'r_1)^2 + (x'r_2)^2$ of {} digits ({}), normal $r$, one-hot targets, no "
                  "penalty, {} trials with "
                  "new digits and features, in double precision. $N \\le n$: leading blocks of one QR; $N > n$: "
                  "Cholesky of the kernel "
                  "matrix.",
                  n, source, trials));
}

// ---- trained networks ----

// tanh networks d - h - K, one hidden layer, several at once: a bias is a last row, of ones at its input.
struct Networks {
  Tensor V, W;  // [E, d + 1, h], [E, h + 1, K]
  static Tensor with_one(const Tensor& x) { return at::cat({x, at::ones({x.size(0), x.size(1), 1}, at::kDouble)}, 2); }
  Tensor hidden(const Tensor& x) const { return at::tanh(at::bmm(with_one(x), V)); }
  Tensor operator()(const Tensor& x) const { return at::bmm(with_one(hidden(x)), W); }
};

struct LabelledDigits {
  Tensor x, Y;            // [E, n, d], [E, n, K]; labels partly wrong
  Tensor x_test, Y_test;  // [E, m, d], [E, m, K]; right
};

// Digits as 4 x 4 means, centred; a share of the training labels replaced at random.
LabelledDigits labelled_digits(std::int64_t n, std::int64_t members, double wrong, const StudyContext& study) {
  std::vector<Tensor> x, Y, x_test, Y_test;
  for (std::int64_t e = 0; e < members; ++e) {
    const auto index = static_cast<std::uint64_t>(e);
    const DigitImages digits = digit_images(n, 1000, seed_for(study.seed(), "small digits", index));
    Random random = study.random("wrong labels", index);
    const auto small = [](const Tensor& images) {
      const Tensor pooled = at::avg_pool2d(images.view({-1, 1, 28, 28}), 7).view({-1, n_pixels});
      return (pooled - 0.13) / 0.25;
    };
    Tensor labels = digits.train_y.clone();
    for (std::int64_t i = 0; i < n; ++i)
      if (random.uniform() < wrong) labels[i] = static_cast<std::int64_t>(random.below(n_classes));
    x.push_back(small(digits.train_x));
    x_test.push_back(small(digits.test_x));
    Y.push_back(at::one_hot(labels, n_classes).to(at::kDouble));
    Y_test.push_back(at::one_hot(digits.test_y, n_classes).to(at::kDouble));
  }
  return {at::stack(x), at::stack(Y), at::stack(x_test), at::stack(Y_test)};
}

Networks start(std::int64_t members, std::int64_t d, std::int64_t h, Random& random) {
  return {normal_tensor({members, d + 1, h}, random) / std::sqrt(static_cast<double>(d + 1)),
          normal_tensor({members, h + 1, n_classes}, random) / std::sqrt(static_cast<double>(h + 1))};
}

// Levenberg and Marquardt, in the dual: step = -J' (J J' + mu)^-1 r, r the residuals of n samples and K outputs. J J'
// needs no Jacobian: with s = sigma'(z) and x, a extended by one,
//   (J J')_{(i,k),(j,l)} = (x_i.x_j) sum_m s_im s_jm W_mk W_ml + [k = l] a_i.a_j
// mu shrinks for a member whose loss falls and grows otherwise.
Tensor train_to_the_end(Networks& nets, const Tensor& x, const Tensor& Y, std::int64_t iterations) {
  const std::int64_t E = x.size(0), n = x.size(1), K = n_classes, h = nets.V.size(2);
  const Tensor x1 = Networks::with_one(x), xx = at::bmm(x1, x1.mT());
  const Tensor eye = at::eye(n * K, at::kDouble), eye_K = at::eye(K, at::kDouble);
  Tensor mu = at::ones({E, 1, 1}, at::kDouble), residual = nets(x) - Y;
  Tensor loss = residual.square().sum({1, 2});
  for (std::int64_t it = 0; it < iterations; ++it) {
    const Tensor a = nets.hidden(x), a1 = Networks::with_one(a), s = 1 - a.square(), W = nets.W.narrow(1, 0, h);
    const Tensor B = (s.unsqueeze(2) * W.mT().unsqueeze(1)).reshape({E, n * K, h});  // row (i, k)
    Tensor JJ = at::bmm(B, B.mT()).view({E, n, K, n, K}) * xx.view({E, n, 1, n, 1});
    JJ = (JJ + at::bmm(a1, a1.mT()).view({E, n, 1, n, 1}) * eye_K.view({1, 1, K, 1, K})).view({E, n * K, n * K});
    const Tensor v =
        at::cholesky_solve(residual.reshape({E, n * K, 1}), at::linalg_cholesky(JJ + mu * eye)).view({E, n, K});
    const Networks next{nets.V - at::bmm(x1.mT(), s * at::bmm(v, W.mT())), nets.W - at::bmm(a1.mT(), v)};
    const Tensor there = next(x) - Y, value = there.square().sum({1, 2});
    const Tensor better = value < loss, pick = better.view({E, 1, 1});  // NaN is not better
    nets = {at::where(pick, next.V, nets.V), at::where(pick, next.W, nets.W)};
    residual = at::where(pick, there, residual);
    loss = at::where(better, value, loss);
    mu = at::where(pick, mu / 3, mu * 4).clamp(1e-7, 1e7);
  }
  return loss / static_cast<double>(n);  // [E]
}

std::int64_t n_parameters(std::int64_t d, std::int64_t h) {
  return (d + 1) * h + (h + 1) * n_classes;
}

void trained_networks(StudyContext& study, StudyReport& report) {
  const std::int64_t n = study.integer("digits"), members = study.seeds(), d = n_pixels;
  if (n == 0) {
    report.not_run.push_back("trained networks of several sizes: some minutes, and too noisy with fewer digits");
    return;
  }
  const LabelledDigits data = labelled_digits(n, members, 0.2, study);
  const auto threshold = static_cast<double>(n * n_classes);
  std::vector<double> parameters, test_median, train_median, error_median;
  std::vector<std::vector<double>> tests, errors;
  Random random = study.random("networks");
  const std::vector<double> shares = {0.2, 0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 3, 5, 8};
  for (std::size_t k = 0; k < shares.size(); ++k) {
    const auto h = std::max<std::int64_t>(1, std::llround((shares[k] * threshold - n_classes) / (d + 1 + n_classes)));
    study.at("trained networks", static_cast<std::int64_t>(k), static_cast<std::int64_t>(shares.size()),
             fmt::format("width {}", h));
    Networks nets = start(members, d, h, random);
    const std::vector<double> train = numbers(train_to_the_end(nets, data.x, data.Y, study.integer("iterations")));
    const Tensor z = nets(data.x_test);
    tests.push_back(numbers((z - data.Y_test).square().sum(2).mean(1)));
    errors.push_back(numbers((z.argmax(2) != data.Y_test.argmax(2)).to(at::kDouble).mean(1)));
    parameters.push_back(static_cast<double>(n_parameters(d, h)));
    test_median.push_back(median(tests.back()));
    train_median.push_back(median(train));
    error_median.push_back(median(errors.back()));
  }
  const std::size_t peak = peak_of(error_median);
  // How much lower the error is elsewhere, network by network.
  const auto fall = [&](std::size_t end) {
    std::vector<double> falls;
    for (std::size_t e = 0; e < errors[peak].size(); ++e) falls.push_back(errors[peak][e] - errors[end][e]);
    return mean_interval(falls);
  };
  // The first descent ends at the least error before the peak.
  const auto valley = static_cast<std::size_t>(
      std::min_element(error_median.begin(), error_median.begin() + static_cast<std::ptrdiff_t>(peak) + 1) -
      error_median.begin());
  const Interval left = fall(valley), right = fall(parameters.size() - 1);
  // The centre of the peak: log2 of parameters over nK, weighted by how far the error lies above that at both ends.
  const double base = std::max(error_median.front(), error_median.back());
  double weights = 0, centre = 0;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const double above = std::max(0.0, error_median[k] - base);
    weights += above;
    centre += above * std::log2(parameters[k] / threshold);
  }
  report.checks.push_back(check_equal("G5", "trained networks: centre of the test error's peak over $nK$, log$_2$", "",
                                      0, centre / weights, 1));
  report.checks.push_back(
      check_at_least("G5", "trained networks: error at the peak less that at $8nK$, lower end", "", 0, right.low)
          .with(right.low, right.high));
  report.checks.push_back(
      check_at_least("G5", "trained networks: error at the peak less that in the valley before, lower end", "", 0,
                     left.low)
          .with(left.low, left.high));
  report.findings.push_back(fmt::format(
      "Trained networks: the test error is largest at {:.2f} $nK$ parameters, the squared test loss at {:.2f} "
      "$nK$. Below the "
      "threshold a network trained to the end takes any weights to lower its training loss, and the "
      "squared loss, which has "
      "no bound, shows it most.",
      parameters[peak] / threshold, parameters[peak_of(test_median)] / threshold));
  Figure figure(
      {.title = "Networks trained to the end",
       .caption = fmt::format("Medians of {} networks 16-h-10, dots each network's test loss, {} digits of which a "
                              "fifth have a random label. Vertical: $nK$ parameters.",
                              members, n)});
  Panel& panel = figure.panel("squared loss");
  panel.x({.label = "parameters", .scale = Scale::log})
      .y({.label = "loss", .scale = Scale::log, .low = 1e-4})
      .x_mark(threshold, "$nK$");
  panel.line(parameters, test_median, {.label = "test", .colour = 1, .marker = Marker::circle, .size = 4});
  panel.line(parameters, train_median, {.label = "training", .colour = 0, .marker = Marker::circle, .size = 4});
  for (std::size_t k = 0; k < tests.size(); ++k)
    panel.points(std::vector<double>(tests[k].size(), parameters[k]), tests[k],
                 {.colour = 1, .opacity = 0.5, .marker = Marker::circle, .size = 3});
  figure.panel("test error")
      .x({.label = "parameters", .scale = Scale::log})
      .y({.label = "share wrong", .low = 0})
      .x_mark(threshold, "$nK$")
      .line(parameters, error_median, {.colour = 1, .marker = Marker::circle, .size = 4});
  report.figures.push_back({"networks", figure});
  Table table{.head = {"parameters", "over $nK$", "training loss", "test loss", "test error"},
              .caption = "Trained networks: medians."};
  for (std::size_t k = 0; k < parameters.size(); ++k)
    table.rows.push_back({Cell(static_cast<long>(parameters[k])), Cell(parameters[k] / threshold, 3),
                          Cell(train_median[k], 2), Cell(test_median[k]), Cell(error_median[k], 3)});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("Trained networks: {} digits of 4 x 4 means, 20 % random labels, {} networks of each width in one "
                  "batched call, {} steps "
                  "of Levenberg and Marquardt on the squared loss from a random start: gradient descent would still be "
                  "on its way at "
                  "the threshold, where the smallest modes decide the peak.",
                  n, members, study.integer("iterations")));
}

// The same digits along training: gradient descent (Adam, full batch) of a network of twice nK parameters.
void along_training(StudyContext& study, StudyReport& report) {
  const std::int64_t n = study.integer("digits"), epochs = study.integer("epochs"), d = n_pixels;
  if (epochs == 0) {
    report.not_run.push_back("the peak along training (epoch-wise): it takes tens of thousands of steps");
    return;
  }
  const LabelledDigits data = labelled_digits(n, study.seeds(), 0.2, study);
  const auto h = std::max<std::int64_t>(1, 2 * n * n_classes / (d + 1 + n_classes));
  const Ensemble nets{.widths = {d, h, n_classes}};
  Random random = study.random("along training");
  const Tensor theta = nets.random(study.seeds(), 1, random).requires_grad_();
  const auto adam = make_optimiser({.kind = OptimiserKind::adam, .rate = 1e-3}, {theta});
  std::vector<double> steps, test, train, wrong;
  for (std::int64_t step = 0, next = 1; step < epochs; ++step) {
    if (step + 1 == next || step + 1 == epochs) {
      study.at("along training", step, epochs);
      at::NoGradGuard no_gradient;
      const Tensor z = nets(theta, data.x_test);
      steps.push_back(static_cast<double>(step + 1));
      test.push_back(median(numbers((z - data.Y_test).square().sum(2).mean(1))));
      wrong.push_back(median(numbers((z.argmax(2) != data.Y_test.argmax(2)).to(at::kDouble).mean(1))));
      train.push_back(median(numbers((nets(theta, data.x) - data.Y).square().sum(2).mean(1))));
      next = std::max(next + 1, next * 5 / 4);
    }
    adam->step([&](bool) {
      const Tensor loss = (nets(theta, data.x) - data.Y).square().sum(2).mean(1).sum();
      theta.mutable_grad() = torch::autograd::grad({loss}, {theta})[0];
      return loss.detach();
    });
  }
  // The first descent ends at the least loss before the largest one after it.
  std::size_t valley = 0, peak = 0;
  for (std::size_t i = 0, lowest = 0; i < test.size(); ++i) {
    if (test[i] < test[lowest]) lowest = i;
    if (test[i] / test[lowest] > test[peak] / test[valley]) valley = lowest, peak = i;
  }
  const double last = *std::min_element(test.begin() + static_cast<std::ptrdiff_t>(peak), test.end());
  report.checks.push_back(check_at_least("G5", "along training: test loss at its peak over the valley before", "", 1.05,
                                         test[peak] / test[valley]));
  report.checks.push_back(check_at_most("G5", "along training: least test loss after the peak over the peak's", "",
                                        0.95, last / test[peak]));
  report.findings.push_back(fmt::format(
      "Along training: the test loss is least after {:g} steps ({:.3g}), largest after {:g} ({:.3g}), and {:.3g} at "
      "best from there on; the training loss at the end is {:.1e}. It rises as the wrong labels are fitted.",
      steps[valley], test[valley], steps[peak], test[peak], last, train.back()));
  Figure figure({.title = "Along training", .caption = "Medians over the networks, twice $nK$ parameters, Adam."});
  figure.panel("squared loss")
      .x({.label = "steps", .scale = Scale::log})
      .y({.label = "loss", .scale = Scale::log, .low = 1e-4})
      .line(steps, test, {.label = "test", .colour = 1})
      .line(steps, train, {.label = "training", .colour = 0})
      .x_mark(steps[peak], "peak");
  figure.panel("test error")
      .x({.label = "steps", .scale = Scale::log})
      .y({.label = "share wrong", .low = 0})
      .line(steps, wrong, {.colour = 1});
  report.figures.push_back({"along_training", figure});
}

}  // namespace

StudyReport run_double_descent(StudyContext& study) {
  StudyReport report;
  gaussian_model(study, report);
  random_features(study, report);
  trained_networks(study, report);
  along_training(study, report);
  return report;
}

}  // namespace turnpike::studies
