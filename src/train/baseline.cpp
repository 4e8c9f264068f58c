#include <turnpike/train/baseline.h>

#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/fused/perceptron.h>
#include <turnpike/math/random.h>
#include <turnpike/train/optimiser.h>

namespace turnpike {
namespace {

constexpr std::size_t evaluation_batch = 4096;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Examples examples(const BaselineTask& task, TargetCoding coding, std::span<const std::int64_t> rows) {
  return examples_of(task.data.batch(rows, task.dtype), task.standardiser, coding,
                     static_cast<std::int64_t>(task.data.schema.classes.size()), task.dtype);
}

// Least squares of y = x W' + b by the normal equations of the standardised features, summed batch by batch in float64.
Baseline least_squares(const BaselineTask& task) {
  const std::int64_t n = task.data.schema.n_inputs(), m = task.data.schema.n_outputs();
  Tensor gram = at::zeros({n + 1, n + 1}, at::kDouble), moment = at::zeros({n + 1, m}, at::kDouble);
  for_each_batch(task.train, evaluation_batch, [&](std::span<const std::int64_t> rows) {
    const Examples part = examples(task, TargetCoding::real, rows);
    const Tensor x = at::constant_pad_nd(part.x.to(at::kDouble), {0, 1}, 1);
    gram += at::mm(x.t(), x);
    moment += at::mm(x.t(), part.y.to(at::kDouble));
  });
  gram += 1e-8 * static_cast<double>(task.train.size()) * at::eye(n + 1, at::kDouble);
  const Tensor solution = at::cholesky_solve(moment, at::linalg_cholesky(gram)).to(task.dtype);
  const Tensor weight = solution.narrow(0, 0, n), bias = solution.select(0, n);
  return {"linear regression", (n + 1) * m, TargetCoding::real,
          [weight, bias](const Tensor& x) { return at::addmm(bias, x, weight); }, 0};
}

// min over W, b of  mean cross entropy + 1e-4 |W|^2
Baseline logistic_regression(const BaselineTask& task, Progress& progress) {
  const std::int64_t n = task.data.schema.n_inputs(), m = task.data.schema.n_outputs();
  const CostPtr cost = make_cost("cross_entropy");
  Tensor weights = at::zeros({m, n + 1}, task.dtype).requires_grad_();
  const auto outputs = [n](const Tensor& w, const Tensor& x) -> Tensor {
    return at::addmm(w.select(1, n), x, w.narrow(1, 0, n).t());
  };
  constexpr int steps = 20, iterations = 5;
  const auto optimiser =
      make_optimiser({.kind = OptimiserKind::lbfgs, .history = 20, .iterations = iterations}, {weights});
  const auto objective = [&](bool) {
    weights.mutable_grad() = Tensor();
    Tensor total = 1e-4 * weights.narrow(1, 0, n).square().sum();
    total.backward();
    total = total.detach();
    for_each_batch(task.train, evaluation_batch, [&](std::span<const std::int64_t> rows) {
      const Examples part = examples(task, TargetCoding::classes, rows);
      const Tensor share = (*cost)(0, outputs(weights, part.x), part.y).sum() / static_cast<double>(task.train.size());
      share.backward();
      total = total + share.detach();
    });
    return total;
  };
  double previous = std::numeric_limits<double>::infinity();
  for (int k = 0; k < steps && !optimiser->stalled() && !stop_requested(); ++k) {
    const double value = optimiser->step(objective).item<double>();
    progress.update("logistic regression", k + 1, steps, fmt::format("loss {:.4g}", value));
    if (std::abs(previous - value) <= 1e-7 * std::abs(value)) break;
    previous = value;
  }
  const Tensor final = weights.detach();
  return {"logistic regression", m * (n + 1), TargetCoding::classes, [=](const Tensor& x) { return outputs(final, x); },
          0};
}

// All parameters in one tensor, as the kernels take them: A1, a1, A2, a2, A3, a3.
struct Perceptron {
  std::vector<std::int64_t> widths;
  Tensor parameters;

  Tensor operator()(const Tensor& x) const {
    Tensor z = x;
    std::int64_t at = 0;
    const auto next = [&](std::int64_t n) -> Tensor { return parameters.narrow(0, std::exchange(at, at + n), n); };
    for (std::size_t l = 1; l < widths.size(); ++l) {
      const Tensor weight = next(widths[l] * widths[l - 1]).view({widths[l], widths[l - 1]});
      z = at::addmm(next(widths[l]), l > 1 ? at::relu(z) : z, weight.t());
    }
    return z;
  }
  FusedPerceptron kernel() const {
    return {.widths = widths, .activation = Activation::relu, .threads = at::get_num_threads()};
  }
};

// He's initial weights, N(0, 2/fan in) and for the last layer N(0, 1/fan in): arXiv:1502.01852.
Perceptron make_perceptron(std::int64_t n, std::int64_t w, std::int64_t m, c10::ScalarType dtype, std::uint64_t seed) {
  Random random(seed);
  Perceptron net{{n, w, w, m}, at::zeros({perceptron_parameters(n, w, m)}, at::kDouble)};
  double* entry = net.parameters.data_ptr<double>();
  for (int layer = 0; layer < 3; ++layer) {
    const std::int64_t in = net.widths[layer], out = net.widths[layer + 1];
    const double deviation = std::sqrt((layer < 2 ? 2.0 : 1.0) / static_cast<double>(in));
    for (const double* end = entry + in * out; entry != end; ++entry) *entry = deviation * random.normal();
    entry += out;
  }
  net.parameters = net.parameters.to(dtype).requires_grad_();
  return net;
}

template <class T>
Tensor outputs_as(const Perceptron& net, const Tensor& x) {
  const Tensor z = at::empty({x.size(0), net.widths.back()}, x.options());
  fused_perceptron<T>(net.kernel(), x.data_ptr<T>(), net.parameters.data_ptr<T>(), x.size(0), z.data_ptr<T>());
  return z;
}
// Without a graph.
Tensor outputs_of(const Perceptron& net, const Tensor& x) {
  return x.scalar_type() == at::kFloat ? outputs_as<float>(net, x.contiguous())
                                       : outputs_as<double>(net, x.contiguous());
}

template <class T>
Tensor gradient_as(const Perceptron& net, FusedCost cost, const Tensor& x, const Tensor& y) {
  FusedTargets<T> targets{.cost = cost};
  if (cost == FusedCost::mean_square) {
    targets.values = y.data_ptr<T>();
  } else {
    targets.classes = y.data_ptr<std::int64_t>();
  }
  Tensor gradient = at::empty_like(net.parameters);
  fused_perceptron_cost<T>(net.kernel(), x.data_ptr<T>(), net.parameters.data_ptr<T>(), targets, x.size(0),
                           1.0 / static_cast<double>(x.size(0)), gradient.data_ptr<T>());
  return gradient;
}
// Of the mean cost: by the kernels where they know it.
Tensor gradient_of(const Perceptron& net, const Cost& cost, const Examples& some) {
  const std::string name = cost.name();
  if (name != "mean_square" && name != "cross_entropy")
    return torch::autograd::grad({cost(0, net(some.x), some.y).mean()}, {net.parameters})[0];
  const FusedCost kind = name == "mean_square" ? FusedCost::mean_square : FusedCost::cross_entropy;
  const Tensor x = some.x.contiguous(), y = some.y.contiguous();
  return x.scalar_type() == at::kFloat ? gradient_as<float>(net, kind, x, y) : gradient_as<double>(net, kind, x, y);
}

}  // namespace

Baseline fit_linear(const BaselineTask& task, Progress& progress) {
  const Stopwatch watch;
  Baseline baseline =
      task.data.schema.task == Task::regress ? least_squares(task) : logistic_regression(task, progress);
  baseline.seconds = watch.seconds();
  return baseline;
}

std::int64_t perceptron_parameters(std::int64_t n, std::int64_t w, std::int64_t m) {
  return n * w + w + w * w + w + w * m + m;
}

std::int64_t perceptron_width(std::int64_t n, std::int64_t m, std::int64_t n_parameters) {
  // w^2 + (n + m + 2) w + m = n_parameters
  const double b = static_cast<double>(n + m + 2), c = static_cast<double>(m - n_parameters);
  const auto w = std::max<std::int64_t>(1, std::llround((std::sqrt(std::max(0.0, b * b - 4 * c)) - b) / 2));
  std::int64_t best = w;
  for (const std::int64_t near : {w - 1, w + 1}) {
    if (near < 1) continue;
    const auto gap = [&](std::int64_t v) { return std::abs(perceptron_parameters(n, v, m) - n_parameters); };
    if (gap(near) < gap(best)) best = near;
  }
  return best;
}

Baseline fit_perceptron(const BaselineTask& task, const PerceptronOptions& options, Progress& progress) {
  require(!task.train.empty(), "fit_perceptron: there are no training rows");
  const Stopwatch watch;
  const DataSchema& schema = task.data.schema;
  const CostPtr cost = make_cost(options.cost);
  const TargetCoding coding = coding_for(*cost, static_cast<std::int64_t>(schema.classes.size()));
  const std::int64_t n = schema.n_inputs();
  const std::int64_t m = n_outputs_of(coding, static_cast<std::int64_t>(schema.classes.size()), schema.n_outputs());
  const std::int64_t w = perceptron_width(n, m, options.n_parameters);
  const Perceptron net = make_perceptron(n, w, m, task.dtype, seed_for(options.seed, "perceptron"));
  const auto optimiser = make_optimiser({.kind = OptimiserKind::adam, .rate = options.rate}, {net.parameters});

  const auto n_rows = static_cast<std::int64_t>(task.train.size());
  const std::int64_t batch = options.batch > 0 ? std::min(options.batch, n_rows) : n_rows;
  const bool whole = batch == n_rows;
  const Examples all = whole ? examples(task, coding, task.train) : Examples{};
  const auto mean_cost = [&](std::span<const std::int64_t> rows) {
    at::NoGradGuard no_gradient;
    double sum = 0;
    for_each_batch(rows, evaluation_batch, [&](std::span<const std::int64_t> part) {
      const Examples some = examples(task, coding, part);
      sum += (*cost)(0, outputs_of(net, some.x), some.y).sum().item<double>();
    });
    return sum / static_cast<double>(rows.size());
  };
  double best = std::numeric_limits<double>::infinity();
  Tensor kept;
  const auto keep = [&] { kept = net.parameters.detach().clone(); };
  keep();
  const std::span<const std::int64_t> judge = task.validation.empty() ? task.train : task.validation;
  // Looking at the validation rows costs as much as an epoch may: at most 200 looks.
  const std::int64_t every = std::max<std::int64_t>(1, options.epochs / 200);
  for (std::int64_t epoch = 0; epoch < options.epochs && !stop_requested(); ++epoch) {
    if (watch.seconds() >= options.seconds) break;
    const double done = static_cast<double>(epoch) / static_cast<double>(options.epochs);
    // rate (1 + cos(pi done)) / 2
    optimiser->set_rate(options.rate * (1 + std::cos(std::numbers::pi * done)) / 2);
    const auto descend = [&](const Examples& some) {
      optimiser->step([&](bool) {
        net.parameters.mutable_grad() = gradient_of(net, *cost, some);
        return Tensor();
      });
    };
    if (whole) {
      descend(all);
    } else {
      Random random(seed_for(options.seed, "perceptron shuffle", static_cast<std::uint64_t>(epoch)));
      std::vector<std::int64_t> order = random.permutation(n_rows);
      for (std::int64_t& row : order) row = task.train[static_cast<std::size_t>(row)];
      for_each_batch(order, static_cast<std::size_t>(batch), [&](std::span<const std::int64_t> rows) {
        if (!stop_requested()) descend(examples(task, coding, rows));
      });
    }
    if (epoch % every == 0 || epoch + 1 == options.epochs) {
      const double value = mean_cost(judge);
      if (value < best) {
        best = value;
        keep();
      }
      progress.update("perceptron", epoch + 1, options.epochs, fmt::format("cost {:.4g}", value));
    }
  }
  const Perceptron final{net.widths, kept};
  return {fmt::format("perceptron {}-{}-{}-{}", n, w, w, m), perceptron_parameters(n, w, m), coding,
          [final](const Tensor& x) { return final(x); }, watch.seconds()};
}

}  // namespace turnpike
