// T2. Critical points of deep linear networks: found by search, judged by their Hessians.
#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike::studies {
namespace {

constexpr double singular[] = {1.5, 1.0, 0.6};
constexpr std::int64_t d = 3;
constexpr double critical = 1e-9;    // |gradient| of what counts as a critical point
constexpr double curved = -1e-6;     // a Hessian eigenvalue below it is negative
constexpr double same_value = 1e-8;  // of losses: twice the gradient's zero over the curvature, with room

struct Local {
  Tensor loss, gradient, hessian;  // [S], [S, P], [S, P, P]
};

Local derivatives(const Losses& losses, const Tensor& theta) {
  at::AutoGradMode with_gradient(true);
  const Tensor leaf = theta.detach().requires_grad_();
  const Tensor loss = losses(leaf);
  const Tensor gradient = torch::autograd::grad({loss.sum()}, {leaf}, {}, true, /*create_graph=*/true)[0];
  std::vector<Tensor> columns;
  for (std::int64_t j = 0; j < theta.size(1); ++j)
    columns.push_back(torch::autograd::grad({gradient.select(1, j).sum()}, {leaf}, {}, true)[0]);
  return {loss.detach(), gradient.detach(), at::stack(columns, 2)};
}

// One number a row, as a factor of rows or of matrices.
Tensor wide(const Tensor& v, int dimensions) {
  return dimensions == 2 ? v.unsqueeze(1) : v.unsqueeze(1).unsqueeze(2);
}

// Zeros of the gradient, of any kind: Levenberg and Marquardt on |grad|^2 / 2, a damping for each start.
Tensor find_critical(const Losses& losses, Tensor theta, std::int64_t iterations) {
  Local here = derivatives(losses, theta);
  Tensor damping = at::full({theta.size(0)}, 0.1, at::kDouble);
  const Tensor identity = at::eye(theta.size(1), at::kDouble);
  for (std::int64_t k = 0; k < iterations && here.gradient.norm(2, 1).max().item<double>() > 1e-11; ++k) {
    const Tensor H = here.hessian, Hg = at::bmm(H, here.gradient.unsqueeze(2));
    const Tensor step = at::linalg_solve(at::bmm(H, H) + wide(damping, 3) * identity, Hg).squeeze(2);
    const Local there = derivatives(losses, theta - step);
    const Tensor better = there.gradient.norm(2, 1) < here.gradient.norm(2, 1);
    theta = at::where(wide(better, 2), theta - step, theta);
    here = {at::where(better, there.loss, here.loss), at::where(wide(better, 2), there.gradient, here.gradient),
            at::where(wide(better, 3), there.hessian, here.hessian)};
    damping = at::where(better, damping / 5, damping * 4).clamp(1e-12, 1e6);
  }
  return theta;
}

// Ends of descent: theta - t (|H| + 10^-6)^{-1} g, of Newton's speed near a minimum, and repelled by strict saddles.
Tensor descend(const Losses& losses, Tensor theta, std::int64_t iterations) {
  for (std::int64_t k = 0; k < iterations; ++k) {
    const Local here = derivatives(losses, theta);
    const auto [values, vectors] = at::linalg_eigh(here.hessian);
    const Tensor scaled =
        at::bmm(vectors.transpose(1, 2), here.gradient.unsqueeze(2)) / (values.abs() + 1e-6).unsqueeze(2);
    Tensor step = at::bmm(vectors, scaled).squeeze(2);
    step = step * at::clamp_max(1 / (step.norm(2, 1, true) + 1e-300), 1);  // no longer than 1
    Tensor next = theta, loss = here.loss;
    for (double t = 1; t > 1e-3; t /= 2) {  // the best of ten lengths
      const Tensor trial = theta - t * step, value = losses(trial);
      const Tensor better = value < loss;
      next = at::where(wide(better, 2), trial, next);
      loss = at::where(better, value, loss);
    }
    if (at::equal(next, theta)) break;  // no start gains more than rounding
    theta = next;
  }
  return theta;
}

struct Found {
  std::vector<double> loss, least;  // of the critical points: value, least Hessian eigenvalue
  std::int64_t tried = 0;
};

Found judge(const Losses& losses, const Tensor& theta, double tolerance = critical) {
  const Local at_end = derivatives(losses, theta);
  const Tensor kept = at::nonzero(at_end.gradient.norm(2, 1) <= tolerance).squeeze(1);
  const Tensor least = std::get<0>(at::linalg_eigh(at_end.hessian)).select(1, 0);
  return {numbers(at_end.loss.index_select(0, kept)), numbers(least.index_select(0, kept)), theta.size(0)};
}

// sum over i outside S of s_i^2 / 2, for sets S of at most p: the critical values.
std::vector<double> critical_values(std::int64_t p) {
  std::vector<double> values;
  for (int set = 0; set < 1 << d; ++set) {
    double value = 0;
    int size = 0;
    for (int i = 0; i < d; ++i) {
      if (set >> i & 1) {
        ++size;
      } else {
        value += singular[i] * singular[i] / 2;
      }
    }
    if (size <= p) values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  return values;
}

double count_above(const Found& found, double lowest, double least_eigenvalue) {
  double count = 0;
  for (std::size_t i = 0; i < found.loss.size(); ++i)
    count += found.loss[i] > lowest + same_value && found.least[i] > least_eigenvalue;
  return count;
}

}  // namespace

StudyReport run_deep_linear_landscape(StudyContext& study) {
  const std::int64_t starts = study.integer("starts"), iterations = study.integer("iterations");
  const std::int64_t rows = starts * study.seeds();
  StudyReport report;

  // Row n belongs to repetition n / starts and fits that repetition's matrix: all as one batch.
  std::vector<Tensor> matrices;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("matrix", static_cast<std::uint64_t>(s));
    const Tensor U = std::get<0>(at::linalg_qr(normal_tensor({d, d}, random)));
    const Tensor V = std::get<0>(at::linalg_qr(normal_tensor({d, d}, random)));
    matrices.push_back((U * at::tensor({singular[0], singular[1], singular[2]}, at::kDouble)).mm(V.t()));
  }
  const Tensor A = at::stack(matrices).repeat_interleave(starts, 0);
  const auto losses_of = [&A](const Ensemble& nets) -> Losses {
    return [&A, nets](const Tensor& theta) {
      return (nets.product(theta) - A.narrow(0, 0, theta.size(0))).square().sum({1, 2}) / 2;
    };
  };

  struct Problem {
    const char* name;
    std::vector<std::int64_t> widths;
    std::int64_t p;
    bool search;
  };
  const Problem problems[] = {{"depth 2, $p = 2$", {d, 2, d}, 2, true},
                              {"depth 2, $p = 3$", {d, 3, d}, 3, true},
                              {"depth 3, $p = 2$", {d, 2, 2, d}, 2, true},
                              {"depth 4, $p = 3$", {d, 3, 3, 3, d}, 3, false}};
  Figure figure({.title = "Critical points and their curvature",
                 .caption =
                     "Each mark is a critical point that the search found: its loss above the minimum and the "
                     "least eigenvalue of its Hessian. Grey lines: the values that Baldi and Hornik give. At depth "
                     "2 only the minimum has no negative eigenvalue; at depth 3 flat points above it are allowed.",
                 .columns = 3});
  Figure order({.title = "Leaving the origin",
                .caption =
                    "What the loss loses along the steepest path out of 0, all layers of size $t$: a strict saddle "
                    "(order 2) at depth 2, flatter with every layer."});
  Panel& order_panel = order.panel();
  order_panel.x({.label = "size of the layers $t$", .scale = Scale::log})
      .y({.label = "$L(0) - L(t)$", .scale = Scale::log});
  Table table{.head = {"network", "starts", "critical", "values", "least curvature", "flat above", "ends above"},
              .caption =
                  "Starts of the search, critical points found, how many of the predicted values they take, the "
                  "largest least eigenvalue among those above the minimum, how many of those have no negative "
                  "one, and ends of descent above the minimum."};

  int index = 0;
  for (const Problem& problem : problems) {
    const Ensemble nets{.widths = problem.widths, .activation = Activation::identity, .biases = false};
    const std::int64_t depth = nets.depth();
    const Losses losses = losses_of(nets);
    const std::vector<double> values = critical_values(problem.p);
    const double lowest = values.front();
    std::vector<Cell> row = {problem.name, Cell(static_cast<long>(rows))};
    if (problem.search) {
      study.at("searches", index, 4, problem.name);
      Random weights = study.random(std::string("search, ") + problem.name);
      const Found found = judge(losses, find_critical(losses, nets.random(rows, 1, weights), iterations));
      double off = 0, flattest = -1e300;
      std::vector<bool> taken(values.size());
      for (std::size_t i = 0; i < found.loss.size(); ++i) {
        const auto nearest = std::min_element(values.begin(), values.end(), [&](double a, double b) {
          return std::abs(a - found.loss[i]) < std::abs(b - found.loss[i]);
        });
        off = std::max(off, std::abs(*nearest - found.loss[i]));
        taken[static_cast<std::size_t>(nearest - values.begin())] = true;
        if (found.loss[i] > lowest + same_value) flattest = std::max(flattest, found.least[i]);
      }
      const auto n_taken = static_cast<double>(std::count(taken.begin(), taken.end(), true));
      const double flat = count_above(found, lowest, curved);
      if (depth == 2) {
        report.checks.push_back(
            check_equal("T2", fmt::format("critical points above the minimum without descent, {}", problem.name),
                        "points", 0, flat, 0));
        report.checks.push_back(check_at_most("T2", fmt::format("distance to the critical values, {}", problem.name),
                                              "", 0, off, same_value));
        // A search that found the minimum alone would have shown nothing.
        report.checks.push_back(check_at_least("T2", fmt::format("critical values that were found, {}", problem.name),
                                               fmt::format("of {}", values.size()), 3, n_taken));
      }
      Panel& panel = figure.panel(problem.name);
      panel.x({.label = "$L - \\min L$", .low = -0.1}).y({.label = "least eigenvalue"});
      for (const double value : values)
        panel.x_mark(value - lowest, "", {.colour = ink::muted, .dash = Dash::dotted, .width = 1});
      std::vector<double> above = found.loss;
      for (double& value : above) value -= lowest;
      panel.points(above, found.least, {.colour = index, .opacity = 0.7, .marker = Marker::circle, .size = 5});
      row.insert(row.end(),
                 {Cell(static_cast<long>(found.loss.size())), fmt::format("{} of {}", n_taken, values.size()),
                  flattest > -1e300 ? Cell(flattest, 3) : Cell("-"), Cell(flat, 6)});
    } else {
      row.insert(row.end(), {"-", "-", "-", "-"});
    }

    study.at("searches", index, 4, fmt::format("{}, descent", problem.name));
    Random weights = study.random(std::string("descent, ") + problem.name);
    const Tensor ends = descend(losses, nets.random(rows, 1, weights), 5 * iterations);
    const Tensor excess = losses(ends) - lowest;
    const double above = (excess > same_value).sum().item<double>();
    report.checks.push_back(check_equal("T2", fmt::format("ends of descent above the global minimum, {}", problem.name),
                                        fmt::format("of {}", rows), 0, above, 0));
    row.push_back(Cell(above, 6));
    table.rows.push_back(row);

    // At 0: the Hessian, and the order at which the loss falls along W_1 = t u v_1', W_j = t u u', W_N = t u_1 u'.
    const Tensor zero = at::zeros({rows, nets.n_parameters()}, at::kDouble);
    const Tensor hessian = derivatives(losses, zero).hessian;
    if (depth == 2) {
      const Tensor least = std::get<0>(at::linalg_eigh(hessian)).select(1, 0);
      std::vector<double> each;
      for (int s = 0; s < study.seeds(); ++s) each.push_back(least[s * starts].item<double>());
      report.checks.push_back(check_each_equal(
          "T2", fmt::format("least Hessian eigenvalue at 0: $-s_1$, {}", problem.name), "", -singular[0], each, 1e-12));
    } else {
      report.checks.push_back(check_equal("T2", fmt::format("largest entry of the Hessian at 0, {}", problem.name), "",
                                          0, hessian.abs().max().item<double>(), 0));
    }
    if (index != 1) {  // one width a depth
      const auto [U, S, Vt] = at::linalg_svd(A[0]);
      const Tensor direction = at::zeros({1, nets.n_parameters()}, at::kDouble);
      const std::vector<Tensor> steps = nets.weights(direction);
      steps.front()[0][0].copy_(Vt[0]);
      for (std::int64_t j = 1; j + 1 < depth; ++j) steps[static_cast<std::size_t>(j)][0][0][0] = 1;
      steps.back()[0].select(1, 0).copy_(U.select(1, 0));
      std::vector<double> sizes, fall;
      for (int i = 0; i < 8; ++i) {
        sizes.push_back(0.2 * std::pow(0.7, i));
        fall.push_back((losses(zero.narrow(0, 0, 1)) - losses(sizes.back() * direction)).item<double>());
      }
      const LineFit fit = fit_order(sizes, fall);
      report.checks.push_back(check_equal("T2", fmt::format("order at which the loss leaves 0, depth {}", depth), "",
                                          static_cast<double>(depth), fit.slope, 0.05)
                                  .with(fit.slope_low, fit.slope_high));
      order_panel.line(sizes, fall, {.label = fmt::format("depth {}", depth), .marker = Marker::circle, .size = 4});
    }
    ++index;
  }

  // The null case: two tanh neurons on ten points.
  study.at("searches", 4, 4, "tanh");
  const Ensemble tanh{.widths = {1, 2, 1}};
  Random data = study.random("tanh data");
  const Tensor x = at::linspace(-2, 2, 10, at::kDouble).unsqueeze(1), y = normal_tensor({10, 1}, data);
  const Losses tanh_losses = [&](const Tensor& theta) { return (tanh(theta, x) - y).square().sum({1, 2}) / 2; };
  Random weights = study.random("tanh weights");
  const Found minima =
      judge(tanh_losses,
            descend(tanh_losses, tanh.random(std::max<std::int64_t>(rows, 300), 2, weights), 2 * iterations), 1e-6);
  std::vector<double> local;
  for (std::size_t i = 0; i < minima.loss.size(); ++i)
    if (minima.least[i] > curved) local.push_back(minima.loss[i]);
  const double best = local.empty() ? 0 : *std::min_element(local.begin(), local.end());
  const auto bad = static_cast<double>(
      std::count_if(local.begin(), local.end(), [best](double loss) { return loss > best * 1.01 + same_value; }));
  report.checks.push_back(check_at_least("T2", "tanh network: local minima found above the best",
                                         fmt::format("of {}", local.size()), 1, bad));

  report.figures.push_back({"landscape", figure});
  report.figures.push_back({"origin", order});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "{} matrices of order {} with singular values 1.5, 1 and 0.6, {} starts each, all as one batch. Critical points "
      "by "
      "Levenberg and Marquardt on $|\\nabla L|^2$, which is drawn to saddles as much as to minima; kept where "
      "$|\\nabla L| \\le 10^{{-9}}$, and of negative curvature where an eigenvalue is below $-10^{{-6}}$. Minima by "
      "Newton steps with $|H|$ and a line search. The tanh network has 7 parameters.",
      study.seeds(), d, starts));
  return report;
}

}  // namespace turnpike::studies
