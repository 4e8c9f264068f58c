// D5. Plain, antisymmetric and Hamiltonian layers, trained at 16 to 1024 layers.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/study/classifier.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/evaluate.h>

namespace turnpike::studies {
namespace {

struct Network {
  const char *title, *field, *scheme;
  FirstLayers first_layers;
  bool unit_step;  // h = 1, so T = K
};
constexpr Network networks[] = {
    {"antisymmetric", "antisymmetric", "euler", FirstLayers::repeated, false},
    {"Hamiltonian", "hamiltonian", "verlet", FirstLayers::repeated, false},
    {"plain", "outer", "euler", FirstLayers::repeated, false},
    {"plain, step 1, independent layers", "outer", "euler", FirstLayers::independent, true},
    {"plain, independent layers", "outer", "euler", FirstLayers::independent, false},
};
constexpr int antisymmetric = 0, hamiltonian = 1, plain = 2, unit_step = 3, independent = 4;
constexpr int n_networks = 5;
constexpr double rates[] = {0.03, 0.1};

struct Task {
  std::string title;
  Dataset train, test;
  ClassifierSpec spec;  // scheme rk4 for all networks, euler for that of each
};

// The 2 x 512 points of two swiss rolls, every other one for training: s = j / 511, j even.
Task swiss_roll(std::int64_t epochs, double scale) {
  const Dataset all = generate("swiss_roll", 1024);
  std::vector<std::int64_t> even, odd;
  for (std::int64_t i = 0; i < all.size(); ++i) {
    const double s = all.x[i].norm().item<double>() - 0.2 * static_cast<double>(all.y[i].item<std::int64_t>());
    (std::llround(511 * s) % 2 == 0 ? even : odd).push_back(i);
  }
  return {.title = "swiss roll",
          .train = all.select(even),
          .test = all.select(odd),
          .spec = {.width = 4, .layers = 16, .horizon = 20, .scale = scale, .epochs = epochs}};
}

// 1000 points of the five level sets of the peaks function, and 1000 others.
Task peaks_task(std::uint64_t seed) {
  return {.title = "peaks",
          .train = generate("peaks", 1000, 0, seed_for(seed, "peaks, training")),
          .test = generate("peaks", 1000, 0, seed_for(seed, "peaks, test")),
          .spec = {.scheme = "rk4", .width = 16, .layers = 8, .horizon = 5, .epochs = 200}};
}

// 1000 points a class, and 200 others.
Task ellipses_task(std::uint64_t seed) {
  return {.title = "ellipses",
          .train = generate("ellipses", 2000, 0, seed_for(seed, "ellipses, training")),
          .test = generate("ellipses", 400, 0, seed_for(seed, "ellipses, test")),
          .spec = {.width = 4, .layers = 8, .horizon = 20, .epochs = 200}};
}

// Test accuracies, one a seed. Each network trains once at a small and once at a large rate; the lower final training
// loss decides which of the two is looked at.
std::vector<double> accuracies(StudyContext& study, const Task& task, const Network& network, std::int64_t layers) {
  ClassifierSpec spec = task.spec;
  spec.field = network.field;
  if (spec.scheme == "euler") spec.scheme = network.scheme;
  spec.first_layers = network.first_layers;
  spec.layers = layers;
  if (network.unit_step) spec.horizon = static_cast<double>(layers);
  std::vector<double> scores;
  for (int s = 0; s < study.seeds(); ++s) {
    double best_loss = 0, best_score = 0;
    for (double rate : rates) {
      study.at(fmt::format("{}, {} layers", task.title, layers), s, study.seeds(), network.title);
      spec.rate = rate;
      const Classifier net =
          train_classifier(spec, task.train, seed_for(study.seed(), "network", static_cast<std::uint64_t>(s)));
      const double loss = evaluate(net.model, net.objective, task.train).loss;
      if (rate == rates[0] || loss < best_loss) {
        best_loss = loss;
        best_score = evaluate(net.model, net.objective, task.test).score;
      }
    }
    scores.push_back(best_score);
  }
  return scores;
}

Interval difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> gaps;
  for (std::size_t i = 0; i < a.size(); ++i) gaps.push_back(a[i] - b[i]);
  return mean_interval(gaps);
}

std::string mean_and_spread(const std::vector<double>& scores) {
  const Interval interval = mean_interval(scores);
  return fmt::format("{:.1f} ± {:.1f}", 100 * interval.mean, 100 * interval.deviation);
}

}  // namespace

StudyReport run_deep_training(StudyContext& study) {
  StudyReport report;
  const Task roll = swiss_roll(study.integer("epochs"), study.real("scale"));
  std::vector<std::int64_t> depths;
  for (std::int64_t K = 16; K <= study.integer("deepest"); K *= 4) depths.push_back(K);

  Figure figure({.title = "Accuracy against depth",
                 .caption = "Test accuracy on the swiss roll, mean over seeds; the band is from the worst seed to the "
                            "best. Dotted: chance."});
  Panel& stable = figure.panel("stable layers");
  Panel& other = figure.panel("plain layers");
  for (Panel* panel : {&stable, &other})
    panel->x({.label = "layers $K$", .scale = Scale::log})
        .y({.label = "test accuracy", .low = 0.4, .high = 1.02})
        .y_mark(0.5, "", {.colour = ink::muted, .dash = Dash::dotted});
  Table table{.head = {"network"}, .caption = "Swiss roll: test accuracy in %, mean ± deviation over seeds."};
  for (std::int64_t K : depths) table.head.push_back(fmt::format("{} layers", K));

  std::vector<std::vector<double>> deepest(n_networks);
  std::vector<int> shown = {antisymmetric, plain};
  if (study.full()) shown = {antisymmetric, hamiltonian, plain, unit_step, independent};
  for (int n : shown) {
    const Network& network = networks[n];
    std::vector<double> layers, mean, low, high;
    table.rows.push_back({network.title});
    for (std::int64_t K : depths) {
      const std::vector<double> scores = accuracies(study, roll, network, K);
      layers.push_back(static_cast<double>(K));
      mean.push_back(mean_interval(scores).mean);
      low.push_back(*std::min_element(scores.begin(), scores.end()));
      high.push_back(*std::max_element(scores.begin(), scores.end()));
      table.rows.back().push_back(mean_and_spread(scores));
      deepest[n] = scores;
    }
    Panel& panel = n <= hamiltonian ? stable : other;
    const int colour = n;
    panel.band(layers, low, high, {.colour = colour, .opacity = 0.2});
    panel.line(layers, mean, {.label = network.title, .colour = colour, .marker = Marker::circle, .size = 5});
  }

  const std::int64_t K = depths.back();
  for (int n : shown) {
    if (n > hamiltonian) break;
    const Interval own = mean_interval(deepest[n]);
    report.checks.push_back(check_at_least("D5",
                                           fmt::format("test accuracy at {} layers, {}, mean", K, networks[n].title),
                                           "", 0.9, own.mean)
                                .with(own.low, own.high));
    for (int m : {plain, unit_step}) {
      if (m == unit_step && !study.full()) continue;
      const Interval gap = difference(deepest[n], deepest[m]);
      report.checks.push_back(check_at_least("D5",
                                             fmt::format("the same minus that of {}, lower end of the interval",
                                                         m == plain ? "plain layers" : "plain layers with step 1"),
                                             "", 0, gap.low)
                                  .with(gap.low, gap.high));
    }
  }
  report.tables.push_back(table);
  report.figures.push_back({"accuracy_by_depth", figure});

  if (study.full()) {
    const Interval exception = mean_interval(deepest[independent]);
    report.checks.push_back(
        check_at_least("D5",
                       fmt::format("test accuracy at {} layers, plain with independent first layers and $h = T/K$: the "
                                   "claim's limit",
                                   K),
                       "", 0.9, exception.mean)
            .with(exception.low, exception.high));
    Table shallow{.head = {"data", "classes", "layers", "antisymmetric", "Hamiltonian", "plain"},
                  .caption = "Test accuracy in %, mean ± deviation over seeds."};
    for (const Task& task : {peaks_task(study.seed()), ellipses_task(study.seed())}) {
      std::vector<std::vector<double>> scores;
      for (int n : {antisymmetric, hamiltonian, plain})
        scores.push_back(accuracies(study, task, networks[n], task.spec.layers));
      shallow.rows.push_back({task.title, fmt::format("{}", task.train.schema.classes.size()),
                              fmt::format("{}", task.spec.layers), mean_and_spread(scores[0]),
                              mean_and_spread(scores[1]), mean_and_spread(scores[2])});
      for (int n : {antisymmetric, hamiltonian}) {
        const Interval gap = difference(scores[static_cast<std::size_t>(n)], scores[2]);
        report.checks.push_back(
            check_at_least("D5",
                           fmt::format("{}, {} layers: {} minus plain, upper end of the interval (no loss)", task.title,
                                       task.spec.layers, networks[n].title),
                           "", 0, gap.high)
                .with(gap.low, gap.high));
      }
    }
    report.tables.push_back(shallow);
  } else {
    report.not_run.push_back(
        "1024 layers, plain layers with step 1 (they train at 64 layers) or independent layers, peaks, ellipses: "
        "minutes");
  }
  report.method.push_back(
      fmt::format("Swiss roll: 256 points a class, the 256 between them as test; width 4, $T = 20$, first weights of "
                  "size {:g}, alike "
                  "in all layers unless said otherwise; full-batch Adam, {} epochs, cosine schedule, rates 0.03 and "
                  "0.1, of which the "
                  "lower training loss counts; {} seeds. Peaks: 1000 points, width 16, $T = 5$, 8 layers of RK4. "
                  "Ellipses: 1000 points "
                  "a class, width 4, $T = 20$, 8 layers.",
                  study.real("scale"), roll.spec.epochs, study.seeds()));
  report.findings.push_back(
      "Plain layers fail in two ways. With $h = T/K$ and one random layer repeated they start as a flow that is "
      "unstable "
      "or collapses for a time of 20, at every depth. With step 1 they are trainable at 16 layers and lose with every "
      "fourfold depth, since $T = K$ grows. Independent layers with $h = T/K$ are the exception: their sum shrinks "
      "like "
      "$K^{-1/2}$, the network starts near the identity, and any architecture trains.");
  return report;
}

}  // namespace turnpike::studies
