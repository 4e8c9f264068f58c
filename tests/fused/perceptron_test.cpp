// The fused perceptron against a plain one in long double, over shapes, activations, costs and threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/fused/perceptron.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Numbers = std::vector<long double>;

struct Task {
  FusedPerceptron net;
  FusedCost cost = FusedCost::mean_square;
  std::int64_t n_samples = 0;
  std::vector<double> x, parameters, values;
  std::vector<std::int64_t> classes;
};

Task make_task(std::vector<std::int64_t> widths, Activation activation, FusedCost cost, std::int64_t n_samples,
               int threads, Random& random) {
  Task task{.net = {.widths = std::move(widths), .activation = activation, .threads = threads},
            .cost = cost,
            .n_samples = n_samples};
  const auto normal = [&random](std::int64_t n, double deviation) {
    std::vector<double> out(n);
    for (double& value : out) value = static_cast<float>(deviation * random.normal());  // the same in both types
    return out;
  };
  const std::vector<std::int64_t>& d = task.net.widths;
  task.x = normal(n_samples * d.front(), 1);
  for (std::size_t l = 1; l < d.size(); ++l) {
    const std::vector<double> layer = normal(d[l] * d[l - 1], 1 / std::sqrt(static_cast<double>(d[l - 1])));
    task.parameters.insert(task.parameters.end(), layer.begin(), layer.end());
    const std::vector<double> bias = normal(d[l], 0.3);
    task.parameters.insert(task.parameters.end(), bias.begin(), bias.end());
  }
  task.values = normal(n_samples * d.back(), 1);
  for (std::int64_t i = 0; i < n_samples; ++i)
    task.classes.push_back(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(d.back()))));
  return task;
}

struct Exact {
  Numbers z, gradient;
  long double sum = 0;
};

Exact plain(const Task& task, long double weight) {
  const std::vector<std::int64_t>& d = task.net.widths;
  const std::size_t L = d.size() - 1;
  std::vector<std::int64_t> at(L + 1, 0);
  for (std::size_t l = 1; l <= L; ++l) at[l] = at[l - 1] + d[l] * (d[l - 1] + 1);
  Exact exact;
  exact.gradient.assign(at[L], 0);
  for (std::int64_t n = 0; n < task.n_samples; ++n) {
    std::vector<Numbers> x(L + 1), slope(L + 1);
    x[0].assign(task.x.begin() + n * d[0], task.x.begin() + (n + 1) * d[0]);
    for (std::size_t l = 1; l <= L; ++l) {
      const double* W = task.parameters.data() + at[l - 1];
      for (std::int64_t i = 0; i < d[l]; ++i) {
        long double z = W[d[l] * d[l - 1] + i];
        for (std::int64_t j = 0; j < d[l - 1]; ++j) z += W[i * d[l - 1] + j] * x[l - 1][j];
        x[l].push_back(l < L ? static_cast<long double>(value_of(task.net.activation, static_cast<double>(z))) : z);
        slope[l].push_back(l < L ? static_cast<long double>(slope_of(task.net.activation, static_cast<double>(z))) : 1);
      }
    }
    exact.z.insert(exact.z.end(), x[L].begin(), x[L].end());
    Numbers bar(d[L]);
    if (task.cost == FusedCost::mean_square) {
      for (std::int64_t o = 0; o < d[L]; ++o) {
        const long double e = x[L][o] - task.values[n * d[L] + o];
        exact.sum += e * e;
        bar[o] = 2 * weight * e;
      }
    } else {
      const long double top = *std::max_element(x[L].begin(), x[L].end());
      long double total = 0;
      for (const long double z : x[L]) total += std::exp(z - top);
      exact.sum += std::log(total) + top - x[L][task.classes[n]];
      for (std::int64_t o = 0; o < d[L]; ++o)
        bar[o] = weight * (std::exp(x[L][o] - top) / total - (o == task.classes[n] ? 1 : 0));
    }
    for (std::size_t l = L; l > 0; --l) {
      const double* W = task.parameters.data() + at[l - 1];
      long double* W_bar = exact.gradient.data() + at[l - 1];
      Numbers next(d[l - 1], 0);
      for (std::int64_t i = 0; i < d[l]; ++i) {
        const long double g = bar[i] * slope[l][i];
        W_bar[d[l] * d[l - 1] + i] += g;
        for (std::int64_t j = 0; j < d[l - 1]; ++j) {
          W_bar[i * d[l - 1] + j] += g * x[l - 1][j];
          next[j] += W[i * d[l - 1] + j] * g;
        }
      }
      bar = next;
    }
  }
  return exact;
}

template <class T>
double relative(const std::vector<T>& got, const Numbers& want) {
  long double error = 0, size = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += (got[i] - want[i]) * (got[i] - want[i]);
    size += want[i] * want[i];
  }
  return static_cast<double>(std::sqrt(error / size));
}

template <class T>
struct Result {
  std::vector<T> z, gradient;
  double sum = 0;
};
template <class T>
Result<T> run(const Task& task, double weight) {
  const std::vector<T> x(task.x.begin(), task.x.end()), parameters(task.parameters.begin(), task.parameters.end()),
      values(task.values.begin(), task.values.end());
  Result<T> result{std::vector<T>(task.n_samples * task.net.widths.back()), std::vector<T>(parameters.size())};
  fused_perceptron<T>(task.net, x.data(), parameters.data(), task.n_samples, result.z.data());
  const FusedTargets<T> targets{task.cost, values.data(), task.classes.data()};
  result.sum = fused_perceptron_cost<T>(task.net, x.data(), parameters.data(), targets, task.n_samples, weight,
                                        result.gradient.data());
  return result;
}

template <class T>
void expect_equal(const Task& task, double tolerance) {
  const double weight = 1.0 / static_cast<double>(task.n_samples);
  const Exact exact = plain(task, weight);
  const Result<T> result = run<T>(task, weight);
  std::string shape;
  for (const std::int64_t width : task.net.widths) shape += std::to_string(width) + " ";
  SCOPED_TRACE("widths " + shape + "N " + std::to_string(task.n_samples) + " activation " +
               std::to_string(static_cast<int>(task.net.activation)));
  EXPECT_LE(relative(result.z, exact.z), tolerance);
  EXPECT_LE(relative(result.gradient, exact.gradient), tolerance);
  EXPECT_LE(std::abs(result.sum - static_cast<double>(exact.sum)), tolerance * std::abs(result.sum));
}

TEST(FusedPerceptron, IsTheFormulaOverShapes) {
  Random random(11);
  const auto below = [&random](std::uint64_t n) { return 1 + static_cast<std::int64_t>(random.below(n)); };
  for (int trial = 0; trial < 120; ++trial) {
    std::vector<std::int64_t> widths;
    for (std::int64_t l = below(4); l >= 0; --l) widths.push_back(below(trial % 3 == 0 ? 70 : 18));
    const auto kind = static_cast<Activation>(trial % 9);
    const FusedCost cost = trial % 2 == 0 ? FusedCost::mean_square : FusedCost::cross_entropy;
    if (cost == FusedCost::cross_entropy) widths.back() += 1;  // one class costs nothing
    const Task task = make_task(widths, kind, cost, below(150), 1 + trial % 2, random);
    expect_equal<double>(task, 1e-13);
    expect_equal<float>(task, 5e-6);
  }
}

TEST(FusedPerceptron, IsTheFormulaWhereBlasMultiplies) {
  Random random(12);
  const Task task = make_task({513, 530, 517, 5}, Activation::tanh, FusedCost::mean_square, 33, 2, random);
  expect_equal<double>(task, 1e-13);
  expect_equal<float>(task, 5e-6);
}

TEST(FusedPerceptron, NanStaysInItsSample) {
  Random random(13);
  for (const std::int64_t hidden : {7, 40, 520}) {
    Task task = make_task({hidden, hidden, 3}, Activation::tanh, FusedCost::mean_square, 53, 2, random);
    const std::vector<double> clean = run<double>(task, 1).z;
    task.x[17 * hidden + 1] = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> z = run<double>(task, 1).z;
    for (std::int64_t i = 0; i < 53; ++i)
      for (std::int64_t o = 0; o < 3; ++o) {
        if (i == 17) {
          EXPECT_TRUE(std::isnan(z[i * 3 + o]));
        } else {
          EXPECT_EQ(z[i * 3 + o], clean[i * 3 + o]);
        }
      }
  }
}

TEST(FusedPerceptron, SameBitsForTheSameThreads) {
  Random random(14);
  for (const std::int64_t hidden : {12, 40, 520}) {
    const Task task = make_task({hidden, hidden, 3}, Activation::relu, FusedCost::cross_entropy, 400, 2, random);
    EXPECT_EQ(run<float>(task, 1).gradient, run<float>(task, 1).gradient);
  }
}

TEST(FusedPerceptron, RefusesWhatItCannotRun) {
  const double x = 0;
  double z = 0;
  EXPECT_THROW(fused_perceptron<double>({.widths = {1}}, &x, &x, 1, &z), ContractError);
  EXPECT_THROW(fused_perceptron<double>({.widths = {1, 0}}, &x, &x, 1, &z), ContractError);
  EXPECT_THROW(fused_perceptron<double>({.widths = {1, 1}}, &x, nullptr, 1, &z), ContractError);
  EXPECT_THROW(fused_perceptron_cost<double>({.widths = {1, 1}}, &x, &x, {.cost = FusedCost::none}, 1, 1, &z),
               ContractError);
}

}  // namespace
}  // namespace turnpike
