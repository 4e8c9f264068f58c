// K5. The order in which a ReLU network and its tangent kernel learn the sines of a sum.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble_cost.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/dynamics.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

constexpr double captured_below = 0.5;             // share of a sine that is still missing
constexpr double three_of_four = 0.5, chance = 0;  // pairs in order, as rank correlations
constexpr int n_layers = 6, n_shuffles = 100;

FeedForward uniform_net(std::int64_t width, Random random) {
  std::vector<std::int64_t> widths(n_layers + 1, width);
  widths.front() = widths.back() = 1;
  FeedForward net = FeedForward::make({.widths = widths, .activation = Activation::relu}, at::kDouble, 0);
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    const double bound = 1 / std::sqrt(static_cast<double>(net.weights[l].size(1)));
    for (Tensor* tensor : {&net.weights[l], &net.biases[l]}) {
      double* entry = tensor->data_ptr<double>();
      for (std::int64_t i = 0; i < tensor->numel(); ++i) entry[i] = random.uniform(-bound, bound);
    }
  }
  return net;
}

// cos and sin of 2 pi k t at the points, [K, n] each.
struct Waves {
  Tensor cosine, sine;

  Waves(const std::vector<double>& k, const Tensor& t) {
    const Tensor phase = 2 * std::numbers::pi * at::outer(at::tensor(k, at::kDouble), t);
    cosine = at::cos(phase), sine = at::sin(phase);
  }
  // |amplitude of residual at k| / A_k, [K]; v [n], A [K]
  Tensor missing(const Tensor& v, const Tensor& A) const {
    const double scale = 2 / static_cast<double>(v.size(0));
    return scale * (at::mv(cosine, v).square() + at::mv(sine, v).square()).sqrt() / A;
  }
  // v.Kv / v.v, the mean of cosine and sine, [K]
  Tensor quotients(const Tensor& K) const {
    const auto of = [&](const Tensor& v) { return (at::mm(v, K) * v).sum(1) / v.square().sum(1); };
    return 0.5 * (of(cosine) + of(sine));
  }
};

// The time by which each sine is learned, without a threshold that noise could cross: t_0 exp(int missing d ln t), [K].
// Of a sine that is all missing before t and all there after, it is t.
std::vector<double> learning_times(const std::vector<double>& times, const std::vector<Tensor>& missing) {
  Tensor area = at::zeros_like(missing[0]);
  for (std::size_t i = 0; i + 1 < times.size(); ++i)
    area += 0.5 * (missing[i].clamp_max(1) + missing[i + 1].clamp_max(1)) * std::log(times[i + 1] / times[i]);
  return numbers(times[0] * at::exp(area));
}

// Kendall's rank correlation over the pairs of sines whose order is known: one that is not captured at the end comes
// after all that are, and of two such nothing is known. None without a captured one.
std::optional<double> order_correlation(const std::vector<double>& expected, const std::vector<double>& times,
                                        const Tensor& missing) {
  double sum = 0, pairs = 0;
  const std::vector<double> left = numbers(missing);
  for (std::size_t i = 0; i < times.size(); ++i)
    for (std::size_t j = 0; j < times.size(); ++j) {
      const bool before = left[i] < captured_below && (left[j] >= captured_below || times[i] < times[j]);
      if (!before || i == j) continue;
      sum += expected[i] < expected[j] ? 1 : -1;
      pairs += 1;
    }
  return pairs > 0 ? std::optional(sum / pairs) : std::nullopt;
}

// Networks that fit a sum of sines, side by side, and what is missing of each sine along the way.
struct Run {
  std::vector<FeedForward> nets;             // at the start
  Tensor y;                                  // [n, S]
  std::vector<double> times;                 // in iterations
  std::vector<std::vector<Tensor>> missing;  // by network and time, [K]

  std::vector<double> n_captured() const {  // at the end, by network
    std::vector<double> counts;
    for (const std::vector<Tensor>& shares : missing)
      counts.push_back((shares.back() < captured_below).sum().item<double>());
    return counts;
  }
};

// Full batches of Adam in single precision, until the networks have captured half of the sines in the mean, or the
// iterations are through.
void train(Run& run, const Waves& waves, const Tensor& A, const Tensor& x, const std::string& what,
           const StudyContext& study) {
  const Ensemble ensemble{.widths = run.nets[0].spec.widths, .activation = run.nets[0].spec.activation};
  const Tensor theta = ensemble.stacked(run.nets).to(at::kFloat).requires_grad_(), x32 = x.to(at::kFloat),
               y32 = run.y.t().unsqueeze(2).to(at::kFloat);  // [S, n, 1]
  const auto optimiser = make_optimiser({.kind = OptimiserKind::adam, .rate = study.real("rate")}, {theta});
  const auto closure = [&](bool) -> Tensor {
    const EnsembleCost cost = mean_square(ensemble, theta, x32, y32);
    theta.mutable_grad() = cost.gradient;
    return at::scalar_tensor(cost.value);
  };
  const std::int64_t iterations = study.integer("iterations");
  const double half = static_cast<double>(A.size(0)) / 2;
  run.missing.resize(run.nets.size());
  double next = 10;
  for (std::int64_t i = 0;; ++i) {
    if (static_cast<double>(i) >= next || i == iterations) {
      next = std::max(next + 1, std::floor(next * 1.06));
      at::NoGradGuard no_gradient;
      const Tensor error = ensemble(theta, x32).squeeze(2).t().to(at::kDouble) - run.y;
      run.times.push_back(static_cast<double>(i));
      for (std::size_t s = 0; s < run.nets.size(); ++s)
        run.missing[s].push_back(waves.missing(error.select(1, static_cast<std::int64_t>(s)), A));
      const double captured = mean_interval(run.n_captured()).mean;
      study.at(what, i, iterations, fmt::format("{:.1f} of {} captured", captured, A.size(0)));
      if (captured >= half) return;
    }
    if (i == iterations) return;
    optimiser->step(closure);
  }
}

// Mean over the networks with its interval; two networks or more.
Check check_mean_at_least(std::string quantity, double bound, const std::vector<double>& by_network) {
  const Interval mean = mean_interval(by_network);
  return check_at_least("K5", std::move(quantity), "", bound, mean.mean).with(mean.low, mean.high);
}

// Of the networks that captured a sine.
void check_order(StudyReport& report, const std::string& name, const std::vector<double>& by_frequency,
                 const std::vector<double>& by_kernel) {
  if (by_frequency.size() < 2) {
    report.not_run.push_back(name + ", the order of capture: fewer than two networks have captured a sine");
    return;
  }
  const Interval order = mean_interval(by_frequency), kernel = mean_interval(by_kernel);
  const auto above = [&](const char* of, double bound, const Interval& mean) {
    report.checks.push_back(
        check_at_least("K5", fmt::format("{}: order of capture against {}, low end of its interval", name, of), "",
                       bound, mean.low)
            .with(mean.low, mean.high));
  };
  above("frequency (rank correlation)", three_of_four, order);
  above("the kernel's", chance, kernel);
  report.findings.push_back(fmt::format(
      "With {} the order of capture correlates with the frequency by {:.2f} ({:.2f} to {:.2f}) and with the kernel's "
      "by {:.2f} ({:.2f} to {:.2f}), means over the networks.",
      name, order.mean, order.low, order.high, kernel.mean, kernel.low, kernel.high));
}

}  // namespace

StudyReport run_spectral_bias(StudyContext& study) {
  const std::int64_t n = study.integer("points"), K = study.integer("frequencies"), spacing = study.integer("spacing");
  if (2 * spacing * K >= n)
    throw InputError(fmt::format("{} points cannot tell the frequency {} from lower ones", n, spacing * K));
  std::vector<double> k;
  for (std::int64_t i = 1; i <= K; ++i) k.push_back(static_cast<double>(spacing * i));
  const Tensor t = at::arange(n, at::kDouble) / static_cast<double>(n);
  const Waves waves(k, t);
  const std::int64_t S = study.seeds();
  const Tensor amplitudes[] = {at::ones({K}, at::kDouble), at::arange(1, K + 1, at::kDouble) / static_cast<double>(K)};
  const char* const names[] = {"equal amplitudes", "rising amplitudes"};

  // The same starts and phases for both.
  const Tensor x = t.unsqueeze(1);
  std::array<Run, 2> runs;
  for (std::size_t rising = 0; rising < 2; ++rising) {
    Run& run = runs[rising];
    std::vector<Tensor> labels;
    for (std::int64_t s = 0; s < S; ++s) {
      run.nets.push_back(uniform_net(study.integer("width"), study.random("network", static_cast<std::uint64_t>(s))));
      Random random = study.random("phases", static_cast<std::uint64_t>(s));
      Tensor y = at::zeros({n}, at::kDouble);
      for (std::int64_t i = 0; i < K; ++i)
        y += amplitudes[rising][i] * at::sin(2 * std::numbers::pi * k[static_cast<std::size_t>(i)] * t +
                                             random.uniform(0, 2 * std::numbers::pi));
      labels.push_back(y);
    }
    run.y = at::stack(labels, 1);
    train(run, waves, amplitudes[rising], x, fmt::format("training, {}", names[rising]), study);
  }

  StudyReport report;
  Figure heat(
      {.title = "What is still missing",
       .caption = fmt::format("Share of each sine that the first network has not learned, by iteration of Adam; "
                              "a cell is one frequency. The blue region starts at the bottom: low frequencies "
                              "first."),
       .columns = 2});
  Figure order({.title = "Learning times of network and kernel",
                .caption = fmt::format("Time by which a sine is learned: iterations of Adam against the time of "
                                       "the kernel's flow, {} networks a panel; colours are frequencies.",
                                       S),
                .columns = 2});
  Table table{.head = {"amplitudes", "frequency", "learning time [iterations]", "of the kernel", "captured"},
              .caption = "Medians over the networks; captured: less than half is missing at the end."};
  std::vector<double> falling, shuffled_spread, spread;
  std::vector<Tensor> quotients;
  for (std::size_t rising = 0; rising < 2; ++rising) {
    const Run& run = runs[rising];
    std::vector<double> by_frequency, by_kernel;
    std::vector<std::vector<double>> network_times, kernel_times;
    for (std::int64_t s = 0; s < S; ++s) {
      const auto at = static_cast<std::size_t>(s);
      study.at(fmt::format("kernels, {}", names[rising]), s, S);
      const Tensor kernel = tangent_kernel(map_of(run.nets[at]), x, {}, {.method = TangentMethod::structured});
      const SquareLossFlow flow(kernel);
      // To where the kernel's weakest mode is gone.
      const double last = 40 * static_cast<double>(n) / std::max(flow.eigenvalues()[0].item<double>(), 1e-12);
      const Tensor r0 = run.nets[at].forward(x) - run.y.narrow(1, s, 1);
      std::vector<double> times;
      std::vector<Tensor> rows;
      for (double time = 1e-3; time < last; time *= 1.1) {
        times.push_back(time);
        rows.push_back(waves.missing(flow.residual(r0, time).squeeze(1), amplitudes[rising]));
      }
      network_times.push_back(learning_times(run.times, run.missing[at]));
      kernel_times.push_back(learning_times(times, rows));
      const Tensor& left = run.missing[at].back();
      if (const auto order = order_correlation(k, network_times.back(), left)) by_frequency.push_back(*order);
      if (const auto order = order_correlation(kernel_times.back(), network_times.back(), left))
        by_kernel.push_back(*order);
      if (rising == 1) continue;
      const Tensor lambda = waves.quotients(kernel);
      quotients.push_back(lambda);
      falling.push_back(rank_correlation(k, numbers(lambda)).value);
      Random random = study.random("shuffle", static_cast<std::uint64_t>(s));
      // A single order of the points keeps what chance gives to a strong mode: the mean over many keeps nothing.
      Tensor mixed = at::zeros_like(lambda);
      for (int i = 0; i < n_shuffles; ++i) {
        const Tensor places = at::tensor(random.permutation(n), at::kLong);
        mixed += waves.quotients(kernel.index_select(0, places).index_select(1, places)) / n_shuffles;
      }
      shuffled_spread.push_back((mixed.max() / mixed.min()).item<double>());
      spread.push_back((lambda.max() / lambda.min()).item<double>());
    }
    check_order(report, names[rising], by_frequency, by_kernel);
    report.checks.push_back(check_mean_at_least(fmt::format("{}: frequencies captured", names[rising]),
                                                static_cast<double>(K) / 2, run.n_captured()));

    const Tensor first = at::stack(run.missing[0]);  // [times, K]
    constexpr long n_cells = 90;
    Grid grid{.x_low = 0,
              .x_high = std::log10(run.times.back()),
              .y_low = k.front(),
              .y_high = k.back(),
              .n_x = n_cells,
              .n_y = static_cast<long>(K)};
    for (std::int64_t i = 0; i < K; ++i)
      for (long cell = 0; cell < n_cells; ++cell) {
        const double at = std::pow(10, grid.x(cell));
        const auto row =
            std::min(std::lower_bound(run.times.begin(), run.times.end(), at * (1 - 1e-9)), run.times.end() - 1) -
            run.times.begin();
        grid.values.push_back(std::min(1.0, first[row][i].item<double>()));
      }
    heat.panel(names[rising])
        .x({.label = "$\\log_{10}$ iteration"})
        .y({.label = "frequency $k$"})
        .heat(grid, {.label = "share missing", .low = 0, .high = 1, .smooth = false});
    Panel& panel = order.panel(names[rising]);
    panel.x({.label = "kernel's time", .scale = Scale::log}).y({.label = "iterations", .scale = Scale::log});
    for (std::int64_t i = 0; i < K; ++i) {
      std::vector<double> a, b;
      int captured = 0;
      for (std::int64_t s = 0; s < S; ++s) {
        a.push_back(kernel_times[static_cast<std::size_t>(s)][static_cast<std::size_t>(i)]);
        b.push_back(network_times[static_cast<std::size_t>(s)][static_cast<std::size_t>(i)]);
        captured += run.missing[static_cast<std::size_t>(s)].back()[i].item<double>() < captured_below;
      }
      panel.points(a, b, {.colour = static_cast<int>(i % n_colours), .marker = Marker::circle});
      const auto middle = [](std::vector<double> v) {
        std::sort(v.begin(), v.end());
        return v[v.size() / 2];
      };
      table.rows.push_back({names[rising], Cell(k[static_cast<std::size_t>(i)]), Cell(middle(b), 3), Cell(middle(a), 3),
                            fmt::format("{} of {}", captured, S)});
    }
  }
  const Interval fall = mean_interval(falling);
  report.checks.push_back(
      check_at_most("K5",
                    "the kernel's quotients $\\lambda_k$ against $k$ (rank correlation), high end of its interval", "",
                    -0.9, fall.high)
          .with(fall.low, fall.high));
  report.checks.push_back(check_each_at_least("K5", "largest over smallest $\\lambda_k$", "", 5, spread));
  report.checks.push_back(
      check_each_at_most("K5", "the same with the points shuffled, mean of 100 orders", "", 2, shuffled_spread));

  Figure spectrum({.title = "The kernel's eigenvalues at the sines",
                   .caption = "Rayleigh quotients of the tangent kernel at the start, a line for each network."});
  Panel& panel = spectrum.panel();
  panel.x({.label = "frequency $k$", .scale = Scale::log}).y({.label = "$\\lambda_k$", .scale = Scale::log});
  for (const Tensor& lambda : quotients)
    panel.line(k, numbers(lambda), {.colour = 0, .width = 1.2, .opacity = 0.7, .marker = Marker::circle});
  report.figures.push_back({"missing", heat});
  report.figures.push_back({"order", order});
  report.figures.push_back({"spectrum", spectrum});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "{} networks of {} layers and width {} for each set of amplitudes, the same starts and phases for both, side by "
      "side; Adam at rate {:g} in single precision until half of the sines are captured in the mean or {} iterations "
      "are through ({:g} and {:g} were run), kernels in double. The null case takes the quotients with the points in "
      "100 random orders. What is missing of a sine is the projection of the error on its cosine and sine, over its "
      "amplitude; captured: less than {:g}. Its learning time is $t_0 \\exp \\int m\\, d \\ln t$, $m$ the missing "
      "share: of a sine that appears at once at $t$ it is $t$.",
      S, n_layers, study.integer("width"), study.real("rate"), study.integer("iterations"), runs[0].times.back(),
      runs[1].times.back(), captured_below));
  report.method.push_back(
      "The order of capture is known for every pair of sines of which one is captured: the other, if it is not, comes "
      "later. Its correlation is Kendall's over these pairs: 1 where the lower frequency is first in all of them, 0.5 "
      "where it is in three of four, 0 in the mean for a random order. The mean over the networks has to be above 0.5 "
      "with its 95 % interval for the frequency, and above chance for the kernel's prediction.");
  if (study.full())
    report.not_run.push_back(
        "what comes after half of the sines, to the end of the reference's 60 000 iterations, and its 20 repetitions: "
        "they take hours");
  return report;
}

}  // namespace turnpike::studies
