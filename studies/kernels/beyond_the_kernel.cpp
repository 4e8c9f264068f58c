// K6. Trained networks against regression with the tangent kernel of their architecture at infinite width.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/data/dataset.h>
#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble_cost.h>
#include <turnpike/study/digits.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/tangent/dynamics.h>
#include <turnpike/tangent/infinite_width.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

struct Task {
  Tensor x, y;            // [n, d], [n] int64
  Tensor test_x, test_y;  // [m, d], [m]
  std::int64_t classes;

  Task first(std::int64_t n) const { return {x.narrow(0, 0, n), y.narrow(0, 0, n), test_x, test_y, classes}; }
  Tensor targets() const {  // [n, C], mean 0 over the classes
    return at::one_hot(y, classes).to(at::kDouble) - 1.0 / static_cast<double>(classes);
  }
};

// Share of [m, C] outputs whose largest entry is the label's.
double accuracy(const Tensor& outputs, const Tensor& labels) {
  return (outputs.argmax(1) == labels).to(at::kDouble).mean().item<double>();
}

double by_kernel(const Task& task) {
  constexpr double relative_ridge = 1e-6;
  const WideNet net{.hidden_layers = 2, .input_variance = 2.0 / static_cast<double>(task.x.size(1))};
  const Tensor K = fused_tangent_kernel(net, task.x), K_star = wide_kernels(net, task.test_x, task.x).tangent;
  const Tensor y = task.targets();
  const Tensor z = square_loss_limit(K, K_star, at::zeros({task.test_x.size(0), task.classes}, at::kDouble),
                                     at::zeros_like(y), y, relative_ridge * K.diagonal().mean().item<double>());
  return accuracy(z, task.test_y);
}

// By start; all of them side by side.
std::vector<double> by_networks(const Task& task, std::int64_t width, std::int64_t updates, const std::string& purpose,
                                const StudyContext& study) {
  constexpr std::int64_t largest_batch = 64;
  std::vector<FeedForward> nets;
  for (int s = 0; s < study.seeds(); ++s) {
    nets.push_back(
        FeedForward::make({.widths = {task.x.size(1), width, width, task.classes}, .activation = Activation::relu},
                          at::kFloat, seed_for(study.seed(), purpose, static_cast<std::uint64_t>(s))));
    for (Tensor& weight : nets.back().weights) weight = weight * std::sqrt(2.0);
  }
  const Ensemble ensemble{.widths = nets[0].spec.widths, .activation = Activation::relu};
  const Tensor x = task.x.to(at::kFloat), y = task.targets().to(at::kFloat),
               theta = ensemble.stacked(nets).requires_grad_();
  const auto optimiser = make_optimiser({.kind = OptimiserKind::adam, .rate = 1e-3}, {theta});
  Random random = study.random(purpose + " batches");
  const std::int64_t n = x.size(0), batch = std::min(n, largest_batch);
  std::vector<std::int64_t> order;
  for (std::int64_t k = 0; k < updates; ++k) {
    if (k % 50 == 0) study.at(purpose, k, updates, fmt::format("{} samples", n));
    // Steps shrink to a tenth in the last third, so that the end is not the noise of a batch.
    if (k == updates - updates / 3) optimiser->set_rate(1e-4);
    if (static_cast<std::int64_t>(order.size()) < batch) order = random.permutation(n);
    const Tensor rows = index_tensor({order.end() - batch, order.end()});
    order.resize(order.size() - static_cast<std::size_t>(batch));
    const Tensor batch_x = x.index_select(0, rows), batch_y = y.index_select(0, rows);
    optimiser->step([&](bool) -> Tensor {
      const EnsembleCost cost = mean_square(ensemble, theta, batch_x, batch_y);
      theta.mutable_grad() = cost.gradient;
      return at::scalar_tensor(cost.value);
    });
  }
  at::NoGradGuard no_gradient;
  const Tensor z = ensemble(theta, task.test_x.to(at::kFloat));
  std::vector<double> scores;
  for (int s = 0; s < study.seeds(); ++s) scores.push_back(accuracy(z[s], task.test_y));
  return scores;
}

struct Curve {
  std::vector<double> n, kernel, network, low, high;
  std::vector<std::vector<double>> starts;
};

Curve learning_curve(const Task& task, const std::vector<std::int64_t>& sizes, std::int64_t width, std::int64_t updates,
                     const std::string& purpose, const StudyContext& study) {
  Curve curve;
  for (const std::int64_t n : sizes) {
    const Task part = task.first(n);
    curve.n.push_back(static_cast<double>(n));
    study.at(purpose + ", kernel", n, sizes.back());
    curve.kernel.push_back(100 * by_kernel(part));
    curve.starts.push_back(by_networks(part, width, updates, purpose, study));
    for (double& score : curve.starts.back()) score *= 100;
    const Interval mean = mean_interval(curve.starts.back());
    curve.network.push_back(mean.mean);
    curve.low.push_back(mean.low);
    curve.high.push_back(mean.high);
  }
  return curve;
}

}  // namespace

StudyReport run_beyond_the_kernel(StudyContext& study) {
  const std::int64_t largest = study.integer("largest"), width = study.integer("width"),
                     updates = study.integer("updates");
  std::vector<std::int64_t> sizes;
  for (std::int64_t n = 100; n < largest; n = n * 10) {
    sizes.push_back(n);
    if (3 * n < largest) sizes.push_back(3 * n);
  }
  sizes.push_back(largest);
  const DigitImages images = digit_images(largest, study.integer("test"), seed_for(study.seed(), "digits"));
  const Task digits{images.train_x, images.train_y, images.test_x, images.test_y, 10};
  const Curve of_digits = learning_curve(digits, sizes, width, updates, images.source, study);

  StudyReport report;
  std::vector<double> decades, leads;
  for (std::size_t i = 0; i < of_digits.n.size(); ++i) {
    decades.push_back(std::log10(of_digits.n[i]));
    leads.push_back(of_digits.network[i] - of_digits.kernel[i]);
    report.checks.push_back(
        check_at_most("K6", fmt::format("the slide fails at {:g} samples: networks less kernel", of_digits.n[i]),
                      "points", 1, leads.back())
            .with(of_digits.low[i] - of_digits.kernel[i], of_digits.high[i] - of_digits.kernel[i]));
  }
  const LineFit trend = fit_line(decades, leads);
  report.checks.push_back(
      check_at_least("K6", "networks less kernel: growth with ten times the samples", "points", 0, trend.slope)
          .with(trend.slope_low, trend.slope_high));
  report.checks.push_back(
      check_at_least("K6", fmt::format("{} samples: networks right", largest), "%", 80, of_digits.network.back()));
  report.checks.push_back(
      check_at_least("K6", fmt::format("{} samples: kernel right", largest), "%", 80, of_digits.kernel.back()));

  Table table{.head = {"samples", "kernel [%]", "networks [%]", "networks less kernel"},
              .caption = "Right answers on unseen digits; of networks the mean over starts with its 95 % interval."};
  for (std::size_t i = 0; i < of_digits.n.size(); ++i)
    table.rows.push_back(
        {Cell(of_digits.n[i]), Cell(of_digits.kernel[i], 3),
         fmt::format("{:.1f} ({:.1f} to {:.1f})", of_digits.network[i], of_digits.low[i], of_digits.high[i]),
         fmt::format("{:+.1f}", leads[i])});
  Figure figure(
      {.title = "Networks and their kernel",
       .caption = fmt::format("Right answers on {} unseen images ({}): means over {} starts with 95 % intervals, "
                              "and regression with the tangent kernel.",
                              study.integer("test"), images.source, study.seeds())});
  figure.panel()
      .x({.label = "samples", .scale = Scale::log})
      .y({.label = "right answers [%]"})
      .intervals(of_digits.n, of_digits.low, of_digits.high, {.colour = 0})
      .line(of_digits.n, of_digits.network, {.label = "trained networks", .colour = 0, .marker = Marker::circle})
      .line(of_digits.n, of_digits.kernel,
            {.label = "tangent kernel", .colour = 1, .dash = Dash::dashed, .marker = Marker::square});
  report.figures.push_back({"curves", figure});
  report.tables.push_back(table);
  std::vector<std::string> wins;
  for (std::size_t i = 0; i < of_digits.n.size(); ++i)
    if (of_digits.low[i] > of_digits.kernel[i]) wins.push_back(fmt::format("{:g}", of_digits.n[i]));
  report.findings.push_back(
      wins.empty()
          ? fmt::format("On {} the networks beat their kernel at no sample size up to {}.", images.source, largest)
          : fmt::format("On {} the networks beat their kernel (their whole interval) at {} samples, of {} to {}.",
                        images.source, fmt::join(wins, ", "), sizes.front(), largest));
  report.method.push_back(
      fmt::format("{} starts of a network of two hidden layers of {} units, side by side in single precision; {} "
                  "updates of Adam, "
                  "batches of 64, the rate a tenth in the last third. The intervals are over starts; the samples are "
                  "drawn once. The "
                  "kernel's regression is in double precision, by Cholesky.",
                  study.seeds(), width, updates));
  return report;
}

}  // namespace turnpike::studies
