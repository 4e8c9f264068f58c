// D6. Amplification of trained networks against what they lose when the training data move.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/operators/jacobian.h>
#include <turnpike/study/classifier.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/evaluate.h>

namespace turnpike::studies {
namespace {

constexpr double matched = 0.98;  // least test accuracy

struct Kind {
  const char *title, *field, *scheme;
};
constexpr Kind kinds[] = {{"$\\tanh(Wx+b)$", "outer", "euler"},
                          {"$W\\tanh(x)+b$", "inner", "euler"},
                          {"antisymmetric", "antisymmetric", "euler"},
                          {"Hamiltonian", "hamiltonian", "verlet"}};
constexpr double radii[] = {0.5, 1, 2};  // of the perturbation, in half ways to the middle between the classes

struct Measured {
  int kind;
  double amplification, loss[3];
};

// The median distance from a point to the nearest of another class.
double class_distance(const Dataset& data) {
  const Tensor same = data.y.unsqueeze(1) == data.y.unsqueeze(0);
  const Tensor distances = at::cdist(data.x, data.x).masked_fill(same, 1e300);
  return distances.amin(1).median().item<double>();
}

Dataset perturbed(const Dataset& data, double deviation, Random random) {
  Dataset moved = data;
  moved.x = data.x + deviation * normal_tensor(data.x.sizes().vec(), random);
  return moved;
}

Measured measure(StudyContext& study, const Classifier& net, const Dataset& train, double half_way, int kind) {
  Measured result{.kind = kind};
  const Tensor J = jacobians(net.model.flow, net.model.control, net.model.lift(train.x));
  result.amplification = at::linalg_svdvals(J.detach()).max().item<double>();
  const std::int64_t draws = study.integer("draws");
  for (int r = 0; r < 3; ++r) {
    double accuracy = 0;
    for (std::int64_t k = 0; k < draws; ++k) {
      const Dataset moved =
          perturbed(train, radii[r] * half_way, study.random("perturbation", static_cast<std::uint64_t>(k)));
      accuracy += evaluate(net.model, net.objective, moved).score / static_cast<double>(draws);
    }
    result.loss[r] = net.train_score - accuracy;
  }
  return result;
}

}  // namespace

StudyReport run_perturbation(StudyContext& study) {
  StudyReport report;
  const std::string& name = study.text("data");
  const Dataset train = generate(name, 600, -1, seed_for(study.seed(), "training data")),
                test = generate(name, 1000, -1, seed_for(study.seed(), "test data"));
  const double half_way = class_distance(train) / 4;
  std::vector<Measured> nets;
  std::int64_t trained = 0;
  const double horizons[] = {3, 10}, penalties[] = {0, 1e-4, 1e-3, 1e-2};
  const std::int64_t starts = study.integer("starts"), total = 4 * 2 * 4 * starts;
  for (int kind = 0; kind < 4; ++kind)
    for (double T : horizons)
      for (double lambda : penalties)
        for (std::int64_t s = 0; s < starts; ++s) {
          study.at("networks", trained++, total, kinds[kind].field);
          const Classifier net =
              train_classifier({.field = kinds[kind].field,
                                .scheme = kinds[kind].scheme,
                                .width = 4,
                                .layers = 40,
                                .horizon = T,
                                .first_layers = FirstLayers::independent,
                                .penalty = {.kind = PenaltyKind::l2, .weight = lambda},
                                .rate = 0.05,
                                .epochs = study.integer("epochs")},
                               train, seed_for(study.seed(), "network", static_cast<std::uint64_t>(s)));
          if (evaluate(net.model, net.objective, test).score >= matched)
            nets.push_back(measure(study, net, train, half_way, kind));
        }

  report.checks.push_back(
      check_at_least("D6", "networks with a test accuracy of 98 % or more", "", 10, static_cast<double>(nets.size())));
  if (nets.size() < 10) return report;
  std::vector<double> M, loss[3];
  for (const Measured& net : nets) {
    M.push_back(net.amplification);
    for (int r = 0; r < 3; ++r) loss[r].push_back(net.loss[r]);
  }
  const Correlation correlation = rank_correlation(M, loss[1]);
  report.checks.push_back(check_at_least("D6", "rank correlation of $M$ and accuracy lost, lower end of the interval",
                                         "", 0, correlation.low)
                              .with(correlation.low, correlation.high));
  // The null case: the same numbers, paired at random.
  Random random = study.random("pairs");
  constexpr int n_pairings = 2000;
  int as_large = 0;
  for (int k = 0; k < n_pairings; ++k) {
    std::vector<double> shuffled;
    for (std::int64_t i : random.permutation(static_cast<std::int64_t>(M.size()))) shuffled.push_back(loss[1][i]);
    as_large += rank_correlation(M, shuffled).value >= correlation.value;
  }
  report.checks.push_back(check_at_most("D6", "share of 2000 random pairings with as large a correlation", "", 0.025,
                                        as_large / static_cast<double>(n_pairings)));

  Table table{.head = {"deviation of the perturbation", "mean accuracy lost, %", "rank correlation with $M$", "95 %"},
              .caption = fmt::format("{} networks; 1 is the radius of the check, half the way from a typical point to "
                                     "the middle between the classes ({:.4f}).",
                                     nets.size(), half_way)};
  for (int r = 0; r < 3; ++r) {
    const Correlation c = rank_correlation(M, loss[r]);
    table.rows.push_back({Cell(radii[r]), Cell(100 * mean_interval(loss[r]).mean), Cell(c.value),
                          fmt::format("{:.2f} ... {:.2f}", c.low, c.high)});
  }
  report.tables.push_back(table);

  Figure figure({.title = "What amplifies loses",
                 .caption =
                     "Each mark is a trained network with a test accuracy of at least 98 %: its amplification over "
                     "the training data, and the training accuracy that it loses when these are perturbed."});
  Panel& panel = figure.panel();
  panel.x({.label = "amplification $M$", .scale = Scale::log}).y({.label = "accuracy lost, percentage points"});
  const Marker markers[] = {Marker::circle, Marker::square, Marker::triangle, Marker::diamond};
  for (int kind = 0; kind < 4; ++kind) {
    std::vector<double> x, y;
    for (const Measured& net : nets)
      if (net.kind == kind) {
        x.push_back(net.amplification);
        y.push_back(100 * net.loss[1]);
      }
    if (!x.empty())
      panel.points(x, y, {.label = kinds[kind].title, .colour = kind, .marker = markers[kind], .size = 7});
  }
  report.figures.push_back({"amplification_and_loss", figure});
  report.findings.push_back(fmt::format(
      "Rank correlation {:.2f} over {} networks of {} trained. It is a tendency: $M$ is a supremum over all directions "
      "and "
      "says nothing of where the classes lie, nor of how strongly the readout reads. For perturbations as large as the "
      "distance between the classes the correlation fades, since what is lost there is lost by all.",
      correlation.value, nets.size(), total));
  report.method.push_back(
      fmt::format("Data: {}, 600 points for training, 1000 for the test. 40 layers of width 4, independent first "
                  "weights, horizons 3 "
                  "and 10, penalties 0, 1e-4, 1e-3, 1e-2 on $\\int|u|^2$, {} starts of each, full-batch Adam, {} "
                  "epochs. Accuracy lost: "
                  "on the training data, mean over {} perturbed copies, the same for all networks. Interval: Fisher's "
                  "z (Bonett and "
                  "Wright 2000), as if networks were independent draws.",
                  name, starts, study.integer("epochs"), study.integer("draws")));
  return report;
}

}  // namespace turnpike::studies
