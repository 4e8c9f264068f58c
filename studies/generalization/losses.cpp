// G1. Losses against the likelihoods that they stand for, the 0-1 loss against its surrogates, and a soft-max by hand.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/core/least_squares.h>
#include <turnpike/flow/cost.h>
#include <turnpike/net/feed_forward.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

using Scalar = std::function<Tensor(const Tensor&)>;

// ---- densities, as they stand in a book ----

Tensor gaussian_density(const Tensor& r, const Tensor& sigma) {
  return at::exp(-r.square() / (2 * sigma.square())) / (std::sqrt(2 * std::numbers::pi) * sigma);
}
Tensor laplace_density(const Tensor& r, double b) {
  return at::exp(-r.abs() / b) / (2 * b);
}
// P(Y = y) for each row of z: exp z_y / sum_k exp z_k
Tensor class_probability(const Tensor& z, const Tensor& y) {
  const Tensor weights = at::exp(z);
  return weights.gather(1, y.unsqueeze(1)).squeeze(1) / weights.sum(1);
}

Tensor gradient(const Scalar& f, const Tensor& point) {
  const Tensor x = point.detach().clone().requires_grad_();
  return torch::autograd::grad({f(x)}, {x})[0];
}

double gap(const Tensor& measured, const Tensor& claimed) {
  return ((measured - claimed).norm() / claimed.norm()).item<double>();
}

// argmin of a convex function by Newton's steps, halved until it falls.
Tensor newton(const Scalar& f, Tensor x) {
  for (int i = 0; i < 60; ++i) {
    const Tensor g = gradient(f, x), H = to_dense(hessian_operator(f, x));
    const Tensor step = at::linalg_solve(H, g);
    double length = 1;
    const double before = f(x).item<double>();
    while (length > 1e-9 && !(f(x - length * step).item<double>() <= before)) length /= 2;
    x = x - length * step;
    if (step.norm().item<double>() < 1e-12 * (1 + x.norm().item<double>())) break;
  }
  return x;
}

// ---- argmins: the loss by one method, the likelihood by another ----

struct Line {
  Tensor X;  // [n, 2] of 1 and x
  Tensor y;  // [n]
};

Line line_data(std::int64_t n, const Tensor& noise, Random& random) {
  const Tensor x = normal_tensor({n}, random);
  return {at::stack({at::ones_like(x), x}, 1), 0.5 - 1.5 * x + noise};
}

Tensor laplace_tensor(std::vector<std::int64_t> shape, Random& random) {
  Tensor tensor = at::empty(shape, at::kDouble);
  double* values = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const double u = random.uniform(-1, 1);
    values[i] = u < 0 ? std::log1p(u) : -std::log1p(-u);
  }
  return tensor;
}

// The line of least absolute errors passes through two of the points: all pairs are tried.
Tensor least_absolute(const Line& data) {
  const std::int64_t n = data.y.size(0);
  const Tensor pairs = at::combinations(at::arange(n, at::kLong), 2);  // [n(n-1)/2, 2]
  const Tensor theta =
      at::linalg_solve(data.X.index_select(0, pairs.reshape({-1})).view({-1, 2, 2}), data.y.take(pairs).unsqueeze(2))
          .squeeze(2);
  const Tensor loss =
      make_cost("absolute")->operator()(0, at::matmul(theta, data.X.t()), data.y.expand({theta.size(0), n}));
  return theta[loss.argmin()];
}

// The same optimum by the likelihood: a Laplace variable is a normal one of random variance, and expectation
// maximisation over those variances is least squares with weights 1 / |residual|.
Tensor laplace_likelihood(const Line& data) {
  Tensor theta = at::zeros({2, 1}, at::kDouble);
  for (int i = 0; i < 5000; ++i) {
    const Tensor r = (data.y.unsqueeze(1) - at::matmul(data.X, theta)).abs().clamp_min(1e-13);
    const Tensor weighted = data.X / r;
    const Tensor next =
        at::linalg_solve(at::matmul(weighted.t(), data.X), at::matmul(weighted.t(), data.y.unsqueeze(1)));
    const double moved = (next - theta).norm().item<double>();
    theta = next;
    if (moved < 1e-13) break;
  }
  return theta.squeeze(1);
}

struct Argmins {
  std::vector<double> gaussian, scale, laplace, wrong_loss, categorical;
};

void compare_argmins(std::int64_t n, std::uint64_t seed, Random& random, Argmins& gaps) {
  // Gaussian: by Newton on the likelihood, against QR. In q = (theta / sigma, 1 / sigma) it is concave.
  const Line normal = line_data(n, normal_tensor({n}, random), random);
  const Tensor q = newton(
      [&](const Tensor& q) {
        return -at::log(gaussian_density(normal.y - at::matmul(normal.X, q.narrow(0, 0, 2) / q[2]), 1 / q[2])).sum();
      },
      at::tensor({0.0, 0.0, 0.5}, at::kDouble));
  const Tensor theta = q.narrow(0, 0, 2) / q[2];
  const Tensor least = minimum_norm(normal.X, normal.y.unsqueeze(1)).squeeze(1);
  gaps.gaussian.push_back(gap(theta, least));
  const double mean_square = (normal.y - at::matmul(normal.X, least)).square().mean().item<double>();
  gaps.scale.push_back(1 / (mean_square * q[2].square().item<double>()) - 1);

  // Laplace; and what the square would have made of it.
  const Line heavy = line_data(n, laplace_tensor({n}, random), random);
  const Tensor absolute = least_absolute(heavy);
  gaps.laplace.push_back(gap(laplace_likelihood(heavy), absolute));
  const auto log_likelihood = [&](const Tensor& theta) {
    return at::log(laplace_density(heavy.y - at::matmul(heavy.X, theta), 1)).sum().item<double>();
  };
  gaps.wrong_loss.push_back(log_likelihood(absolute) -
                            log_likelihood(minimum_norm(heavy.X, heavy.y.unsqueeze(1)).squeeze(1)));

  // Three classes, overlapping: Newton on the product of probabilities, L-BFGS on the cost. The last class's weights
  // are zero, since soft-max does not see a common shift.
  const Tensor X = at::cat({at::ones({3 * n, 1}, at::kDouble), normal_tensor({3 * n, 2}, random)}, 1);
  const Tensor scores = at::matmul(X, normal_tensor({3, 3}, random));
  Tensor y = at::empty({3 * n}, at::kLong);
  const Tensor cumulative = at::softmax(scores, 1).cumsum(1);
  for (std::int64_t i = 0; i < 3 * n; ++i)
    y[i] = std::min<std::int64_t>(2, (cumulative[i] < random.uniform()).sum().item<std::int64_t>());
  const auto outputs = [&](const Tensor& w) {
    return at::cat({at::matmul(X, w.view({3, 2})), at::zeros({3 * n, 1}, at::kDouble)}, 1);
  };
  const Tensor likely = newton([&](const Tensor& w) { return -at::log(class_probability(outputs(w), y)).sum(); },
                               at::zeros({6}, at::kDouble));
  const CostPtr cost = make_cost("cross_entropy");
  Tensor w = at::zeros({6}, at::kDouble).requires_grad_();
  const auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = 400, .tolerance = 1e-13}, {w});
  for (int i = 0; i < 5 && !optimiser->stalled(); ++i) {
    optimiser->step([&](bool with_gradient) {
      at::AutoGradMode mode(with_gradient);
      const Tensor value = (*cost)(0, outputs(w), y).mean();
      if (with_gradient) w.mutable_grad() = torch::autograd::grad({value}, {w})[0];
      return value.detach();
    });
  }
  gaps.categorical.push_back(gap(w.detach(), likely));
}

// ---- gradients through a network ----

struct GradientGaps {
  double gaussian = 0, laplace = 0, categorical = 0, coins_two = 0, coins_four = 0;
};

// -1/K sum_k y_k log s_k + (1 - y_k) log(1 - s_k), the slide's loss of the soft-max s.
Tensor coins(const Tensor& z, const Tensor& y) {
  const Tensor s = at::softmax(z, 1), Y = at::one_hot(y, z.size(1)).to(at::kDouble);
  return -(Y * at::log(s) + (1 - Y) * at::log(1 - s)).mean(1);
}

GradientGaps compare_gradients(std::uint64_t seed, Random& random) {
  GradientGaps gaps;
  const std::int64_t n = 16;
  const auto with = [&](std::int64_t classes, const std::function<Tensor(const Tensor& z)>& loss) {
    FeedForward net = FeedForward::make({.widths = {3, 8, classes}}, at::kDouble, seed);
    Random points(seed_for(seed, "points"));
    const Tensor x = normal_tensor({n, 3}, points);
    return gradient(
        [&](const Tensor& u) {
          std::int64_t at = 0;
          const auto take = [&](Tensor& part) {
            const std::int64_t size = part.numel();
            part = u.narrow(0, at, size).view(part.sizes());
            at += size;
          };
          for (std::size_t l = 0; l < 2; ++l) {
            take(net.weights[l]);
            take(net.biases[l]);
          }
          return loss(net.forward(x)).sum();
        },
        at::cat({net.weights[0].reshape({-1}), net.biases[0], net.weights[1].reshape({-1}), net.biases[1]}).detach());
  };
  const Tensor target = normal_tensor({n, 4}, random);
  const Tensor four = at::arange(n, at::kLong).remainder(4), two = four.remainder(2);
  for (const double scale : {0.3, 1.0, 2.0}) {
    const Tensor sigma = at::scalar_tensor(scale, at::kDouble);
    gaps.gaussian = std::max(
        gaps.gaussian, gap(with(4, [&](const Tensor& z) { return -at::log(gaussian_density(z - target, sigma)); }),
                           with(4, [&](const Tensor& z) {
                             return make_cost("mean_square")->operator()(0, z, target);
                           }) / (2 * scale * scale)));
    gaps.laplace = std::max(
        gaps.laplace,
        gap(with(4, [&](const Tensor& z) { return -at::log(laplace_density(z - target, scale)); }),
            with(4, [&](const Tensor& z) { return make_cost("absolute")->operator()(0, z, target); }) / scale));
  }
  const auto entropy = [](const Tensor& y) {
    return [y](const Tensor& z) { return make_cost("cross_entropy")->operator()(0, z, y); };
  };
  gaps.categorical =
      gap(with(4, [&](const Tensor& z) { return -at::log(class_probability(z, four)); }), with(4, entropy(four)));
  gaps.coins_two = gap(with(2, [&](const Tensor& z) { return coins(z, two); }), with(2, entropy(two)));
  const Tensor a = with(4, [&](const Tensor&z) { return coins(z, four); }), b = with(4, entropy(four));
  gaps.coins_four = 1 - (a.dot(b) / (a.norm() * b.norm())).item<double>();
  return gaps;
}

// ---- what the right likelihood buys ----

// Variance of the median of n = 2 m + 1 Laplace variables of scale 1 or of normal ones: with F the distribution
// function, the median has the density n! / (m!)^2 (F (1 - F))^m f.
double median_variance(std::int64_t n, bool laplace) {
  const double m = static_cast<double>(n / 2), scale = std::lgamma(n + 1.0) - 2 * std::lgamma(m + 1);
  const int steps = 40000;
  const double reach = 8, h = reach / steps;
  double sum = 0;
  for (int i = 0; i < steps; ++i) {  // the midpoint rule on x > 0, twice
    const double x = (i + 0.5) * h;
    const double upper = laplace ? 0.5 * std::exp(-x) : 0.5 * std::erfc(x / std::numbers::sqrt2);
    const double f = laplace ? 0.5 * std::exp(-x) : std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    sum += x * x * std::exp(scale + m * (std::log(upper) + std::log1p(-upper))) * f * h;
  }
  return 2 * sum;
}

// Var(mean) / Var(median) over many data sets, both unbiased.
double mean_over_median(const Tensor& draws) {
  const Tensor mean = draws.mean(1), median = std::get<0>(draws.median(1));
  return (mean.square().mean() / median.square().mean()).item<double>();
}

// ---- surrogates of the 0-1 loss, as functions of the margin m = y z ----

struct Surrogate {
  const char* label;
  std::function<double(double m)> loss;       // scaled so that it is at least 1 for m <= 0
  std::function<double(double eta)> optimum;  // argmin_z eta phi(z) + (1 - eta) phi(-z)
  std::function<double(double theta)> psi;    // psi(R - R*) <= R_phi - R*_phi
};

double entropy(double eta) {
  const auto part = [](double p) { return p > 0 ? -p * std::log(p) : 0.0; };
  return part(eta) + part(1 - eta);
}

std::vector<Surrogate> surrogates() {
  using std::numbers::ln2;
  return {
      {"logistic", [](double m) { return std::log1p(std::exp(-m)) / ln2; },
       [](double eta) { return std::log(eta / (1 - eta)); },
       [](double theta) { return 1 - entropy((1 + theta) / 2) / ln2; }},
      {"hinge", [](double m) { return std::max(0.0, 1 - m); }, [](double eta) { return eta > 0.5 ? 1.0 : -1.0; },
       [](double theta) { return theta; }},
      {"square", [](double m) { return (1 - m) * (1 - m); }, [](double eta) { return 2 * eta - 1; },
       [](double theta) { return theta * theta; }},
      {"exponential", [](double m) { return std::exp(-m); }, [](double eta) { return 0.5 * std::log(eta / (1 - eta)); },
       [](double theta) { return 1 - std::sqrt(1 - theta * theta); }}};
}

// argmin over z by golden sections of a convex function on [-4, 4].
double minimise(const std::function<double(double)>& f) {
  double low = -4, high = 4;
  const double ratio = (std::sqrt(5) - 1) / 2;
  double a = high - ratio * (high - low), b = low + ratio * (high - low), fa = f(a), fb = f(b);
  while (high - low > 1e-9) {
    if (fa <= fb) {
      high = b, b = a, fb = fa, a = high - ratio * (high - low), fa = f(a);
    } else {
      low = a, a = b, fa = fb, b = low + ratio * (high - low), fb = f(b);
    }
  }
  return (low + high) / 2;
}

constexpr std::array etas = {0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95};

void check_surrogates(StudyReport& report, Random& random) {
  Figure figure({.title = "Convex stand-ins for the 0-1 loss",
                 .caption =
                     "Left: each surrogate lies above the 0-1 loss. Right: the score that is best for a point whose "
                     "class is $+1$ with probability $\\eta$: lines are formulas, marks are minima found. All have "
                     "the sign of $\\eta - 1/2$; the perceptron's loss, which bounds nothing, has none."});
  Panel& losses = figure.panel("losses");
  losses.x({.label = "margin $m = yz$"}).y({.label = "loss", .low = 0, .high = 5});
  Panel& optima = figure.panel("optima");
  optima.x({.label = "$\\eta$"}).y({.label = "best score"});
  losses.line({-2, 0, 0, 3}, {1, 1, 0, 0}, {.label = "0-1", .colour = ink::text, .width = 2.4});

  std::vector<double> slack, regret, apart;
  double signs = 1;
  int colour = 0;
  for (const Surrogate& s : surrogates()) {
    std::vector<double> ms, values;
    for (int i = -400; i <= 600; ++i) {
      const double m = i / 200.0;
      ms.push_back(m);
      values.push_back(s.loss(m));
      slack.push_back(s.loss(m) - (m <= 0 ? 1 : 0));
    }
    losses.line(ms, values, {.label = s.label, .colour = colour});
    std::vector<double> found, fine, formula;
    for (const double eta : etas) {
      found.push_back(minimise([&](double z) { return eta * s.loss(z) + (1 - eta) * s.loss(-z); }));
      apart.push_back(std::abs(found.back() - s.optimum(eta)));
      signs = std::min(signs, found.back() * (eta - 0.5) > 0 ? 1.0 : 0.0);
    }
    for (int i = 10; i <= 190; ++i) {
      fine.push_back(i / 200.0);
      formula.push_back(i == 100 ? 0 : s.optimum(fine.back()));
    }
    optima.line(fine, formula, {.label = s.label, .colour = colour});
    optima.points({etas.begin(), etas.end()}, found, {.colour = colour, .marker = Marker::circle, .size = 5});
    ++colour;

    // A distribution on one to twenty points and a random score on each: psi(excess 0-1 risk) <= excess surrogate risk.
    for (int trial = 0; trial < 200; ++trial) {
      double wrong = 0, risk = 0;
      const int points = 1 + trial % 20;
      for (int point = 0; point < points; ++point) {
        const double eta = random.uniform(0.01, 0.99), z = random.normal();
        const auto conditional = [&](double score) { return eta * s.loss(score) + (1 - eta) * s.loss(-score); };
        if (z * (eta - 0.5) <= 0) wrong += std::abs(2 * eta - 1) / points;
        risk += (conditional(z) - conditional(s.optimum(eta))) / points;
      }
      regret.push_back(risk - s.psi(wrong));
    }
  }
  const double perceptron =
      std::abs(minimise([](double z) { return 0.8 * std::max(0.0, -z) + 0.2 * std::max(0.0, z); }));
  report.checks.push_back(check_each_at_least("G1", "surrogate less 0-1 loss, least over margins", "", 0, slack));
  report.checks.push_back(check_each_at_most("G1", "best score off its formula, largest", "", 0, apart, 1e-7));
  report.checks.push_back(check_equal("G1", "share of best scores with the sign of $\\eta - 1/2$", "", 1, signs, 0));
  report.checks.push_back(
      check_each_at_least("G1", "excess surrogate risk less $\\psi$ of the excess error, least", "", 0, regret, 1e-14));
  report.checks.push_back(check_equal("G1", "null: best score of the perceptron's loss at $\\eta = 0.8$ (no sign)", "",
                                      0, perceptron, 1e-7));

  // Many classes: a wrong top-1 answer has s_y <= 1/2, so that the cross entropy is at least ln 2 there.
  const Tensor z = 3 * normal_tensor({20000, 4}, random);
  const Tensor y = at::arange(z.size(0), at::kLong).remainder(4);
  const Tensor top = (z.argmax(1) != y).to(at::kDouble);
  const Tensor above = (*make_cost("cross_entropy"))(0, z, y) / std::numbers::ln2 - top;
  report.checks.push_back(check_at_least("G1", "cross entropy $/ \\ln 2$ less the top-1 error, least of 20 000", "", 0,
                                         above.min().item<double>()));
  // No gradient: a step of 1e-6 changes the 0-1 loss of no point.
  const Tensor moved = ((z + 1e-6 * normal_tensor({20000, 4}, random)).argmax(1) != y).to(at::kDouble);
  report.checks.push_back(check_at_most("G1", "mean 0-1 loss after a step of $10^{-6}$, its change", "", 1e-4,
                                        (moved.mean() - top.mean()).abs().item<double>()));
  report.figures.push_back({"surrogates", figure});
}

void check_softmax(StudyReport& report) {
  const Tensor z = at::tensor({1.1, 2.2, 0.2, -1.7}, at::kDouble);
  const std::vector<double> s = numbers(at::softmax(z, 0));
  const double printed[] = {0.224, 0.672, 0.091, 0.0136}, half[] = {5e-4, 5e-4, 5e-4, 5e-5};
  const char* slide[] = {"0.224", "0.672", "0.091", "0.013"};
  Table table{.head = {"$z$", "soft-max", "slide"}, .caption = "The slide's example; its last entry is cut off."};
  for (int i = 0; i < 4; ++i) {
    report.checks.push_back(check_equal("G1", fmt::format("soft-max, entry {}", i + 1), "", printed[i], s[i], half[i]));
    table.rows.push_back({Cell(numbers(z)[i]), Cell(s[i], 6), slide[i]});
  }
  report.checks.push_back(
      check_at_least("G1", "distance of entry 4 to the slide's 0.013: more than its rounding", "", 5e-4, s[3] - 0.013));
  report.tables.push_back(table);
}

}  // namespace

StudyReport run_losses(StudyContext& study) {
  const std::int64_t n = study.integer("points") | 1, draws = study.integer("draws");
  StudyReport report;
  Argmins gaps;
  std::vector<double> gaussian, laplace, categorical, two, four, under_laplace, under_gauss;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws of data", s, study.seeds());
    Random random = study.random("data", s);
    const std::uint64_t seed = seed_for(study.seed(), "network", s);
    compare_argmins(n, seed, random, gaps);
    const GradientGaps g = compare_gradients(seed, random);
    gaussian.push_back(g.gaussian);
    laplace.push_back(g.laplace);
    categorical.push_back(g.categorical);
    two.push_back(g.coins_two);
    four.push_back(g.coins_four);
    under_laplace.push_back(mean_over_median(laplace_tensor({draws, n}, random)));
    under_gauss.push_back(mean_over_median(normal_tensor({draws, n}, random)));
  }
  const auto each_zero = [&](const char* quantity, const std::vector<double>& values, double tolerance) {
    report.checks.push_back(check_each_equal("G1", quantity, "", 0, values, tolerance));
  };
  each_zero("gradient: Gaussian likelihood against mean square $/\\,2\\sigma^2$", gaussian, 1e-12);
  each_zero("gradient: Laplace likelihood against absolute error $/\\,b$", laplace, 1e-12);
  each_zero("gradient: categorical likelihood against cross entropy", categorical, 1e-12);
  each_zero("optimum: Gaussian likelihood (Newton) against least squares (QR)", gaps.gaussian, 1e-9);
  each_zero("its $\\hat\\sigma^2$ over the mean square, less one", gaps.scale, 1e-9);
  each_zero("optimum: Laplace likelihood (EM) against least absolute errors (all pairs)", gaps.laplace, 1e-6);
  each_zero("optimum: categorical likelihood (Newton) against cross entropy (L-BFGS)", gaps.categorical, 1e-6);
  report.checks.push_back(
      check_each_at_least("G1", "Laplace log likelihood lost by least squares, least", "", 0, gaps.wrong_loss));
  each_zero("slide's two-sided loss, 2 classes: gradient against cross entropy", two, 1e-12);
  report.checks.push_back(
      check_each_at_least("G1", "the same with 4 classes: 1 - cosine of the gradients, least", "", 1e-3, four));

  // The relative error of a variance from N draws is (2/N)^(1/2), of the ratio below 1.5 times that; five deviations.
  const double noise = 5 * 1.5 * std::sqrt(2.0 / static_cast<double>(draws));
  const double ratio_laplace = 2.0 / static_cast<double>(n) / median_variance(n, true);
  const double ratio_gauss = 1.0 / static_cast<double>(n) / median_variance(n, false);
  report.checks.push_back(check_each_equal("G1", "Laplace noise: variance of the mean over that of the median", "",
                                           ratio_laplace, under_laplace, noise * ratio_laplace));
  report.checks.push_back(check_each_equal("G1", "Gaussian noise: variance of the mean over that of the median", "",
                                           ratio_gauss, under_gauss, noise * ratio_gauss));
  Random random = study.random("surrogates");
  check_surrogates(report, random);
  check_softmax(report);

  Figure densities({.title = "Each loss is minus a log density",
                    .caption =
                        "Lines: $-\\log$ of the density of noise, its least value taken off. Marks: the losses over "
                        "$2\\sigma^2$ and over $b$, at scale one."});
  Panel& panel = densities.panel();
  panel.x({.label = "residual $z - y$"}).y({.label = "$-\\log P$, up to a constant"});
  const Tensor r = at::linspace(-3, 3, 241, at::kDouble), marks = at::linspace(-3, 3, 13, at::kDouble);
  const Tensor one = at::ones({}, at::kDouble);
  panel.line(numbers(r), numbers(-at::log(gaussian_density(r, one) / gaussian_density(0 * r, one))),
             {.label = "Gaussian", .colour = 0});
  panel.points(numbers(marks), numbers(marks.square() / 2), {.label = "square", .colour = 0, .marker = Marker::circle});
  panel.line(numbers(r), numbers(-at::log(laplace_density(r, 1) / laplace_density(0 * r, 1))),
             {.label = "Laplace", .colour = 1});
  panel.points(numbers(marks), numbers(marks.abs()), {.label = "absolute", .colour = 1, .marker = Marker::square});
  report.figures.insert(report.figures.begin(), {"densities", densities});
  report.findings.push_back(
      fmt::format("Why the choice matters: with {} Laplace errors the mean has {:.3g} times the median's variance, "
                  "with Gaussian ones "
                  "the median has {:.3g} times the mean's (exact, from the density of the middle order statistic; 2 "
                  "and $\\pi/2$ for "
                  "many).",
                  n, ratio_laplace, 1 / ratio_gauss));
  report.findings.push_back(
      "The slide's loss of soft-max outputs, with $\\log(1 - s_k)$ terms, is cross entropy for two classes alone; for "
      "four "
      "its gradient points elsewhere. It is no categorical likelihood.");
  report.method.push_back(fmt::format(
      "Gradients of {} networks 3-8-4 (tanh, 16 points) by autograd, the likelihoods written out from the densities, "
      "the "
      "losses the library's. Optima: lines through {} points; soft-max regression of three overlapping classes, {} "
      "points. "
      "An optimum of the likelihood is found by another method than that of the loss; the first-order methods' stop, "
      "and the linear convergence of EM, set the tolerance of $10^{{-6}}$.",
      study.seeds(), n, 3 * n));
  report.method.push_back(fmt::format(
      "Mean against median: {} data sets a repetition; tolerance five deviations of the ratio. Surrogates: 200 "
      "random distributions on one to twenty points (Bartlett, Jordan & McAuliffe 2006, "
      "doi:10.1198/016214505000000907).",
      draws));
  return report;
}

}  // namespace turnpike::studies
