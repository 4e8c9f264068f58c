#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/discover/linear_system.h>

namespace turnpike {
namespace {

constexpr int highest_difference = 8;
constexpr std::int64_t most_differences = 200000;
constexpr std::int64_t at_once = 16;  // neighbours, in vector instructions

// mean (D^q u)^2 / C(2q, q) along an axis: the variance of white noise, plus what the smooth part leaves.
double variance_by_differences(const Measurement& measurement, const std::vector<double>& values, std::size_t axis,
                               int q) {
  const std::vector<std::int64_t> shape = measurement.shape();
  const std::int64_t n = shape[axis];
  if (n < 2 * q) return INFINITY;
  std::int64_t stride = 1;
  for (std::size_t a = axis + 1; a < shape.size(); ++a) stride *= shape[a];
  std::vector<double> weight(static_cast<std::size_t>(q + 1), 1);
  double squares = 1;
  for (int k = 1; k <= q; ++k) {
    weight[static_cast<std::size_t>(k)] = -weight[static_cast<std::size_t>(k - 1)] * (q - k + 1) / k;
    squares += weight[static_cast<std::size_t>(k)] * weight[static_cast<std::size_t>(k)];
  }
  // An odd step, so that a sample of a large field does not stay on few lines.
  const std::int64_t count = measurement.count(), step = count > most_differences ? count / most_differences | 1 : 1;
  const bool has_holes = !measurement.mask.empty();
  double sum = 0;
  std::int64_t counted = 0;
  // The points of a line that have q more behind them, for all lines side by side, are neighbours.
  for (std::int64_t begin = 0; begin < count; begin += n * stride) {
    const std::int64_t end = begin + (n - q) * stride;
    std::int64_t i = (begin + step - 1) / step * step;
    for (; step == 1 && !has_holes && i + at_once <= end; i += at_once) {
      std::array<double, at_once> difference{};
      for (int k = 0; k <= q; ++k)
        for (std::int64_t j = 0; j < at_once; ++j)
          difference[static_cast<std::size_t>(j)] +=
              weight[static_cast<std::size_t>(k)] * values[static_cast<std::size_t>(i + k * stride + j)];
      for (const double d : difference) sum += d * d;
      counted += at_once;
    }
    for (; i < end; i += step) {
      double difference = 0;
      bool whole = true;
      for (int k = 0; k <= q; ++k) {
        const auto at = static_cast<std::size_t>(i + k * stride);
        if (has_holes) whole = whole && measurement.mask[at];
        difference += weight[static_cast<std::size_t>(k)] * values[at];
      }
      if (!whole) continue;
      sum += difference * difference;
      ++counted;
    }
  }
  return counted ? sum / static_cast<double>(counted) / squares : INFINITY;
}

// A column: its function of the point as powers of u and conj(u), and the orders of its derivative, time last.
struct NoisyColumn {
  std::vector<int> m, n;  // [fields]
  std::vector<int> orders;
  std::complex<double> unit = 1;
  bool modelled = true;
};

NoisyColumn column_of(const LinearSystem& system, int j) {
  const Candidate& candidate = system.candidates[static_cast<std::size_t>(j)];
  NoisyColumn column = {candidate.function.powers, candidate.function.moduli, candidate.orders,
                        candidate.imaginary_unit ? std::complex<double>(0, 1) : 1, candidate.function.formula.empty()};
  for (std::size_t f = 0; f < column.n.size(); ++f) {
    if (column.n[f] % 2) column.modelled = false;
    column.n[f] /= 2;
    column.m[f] += column.n[f];
  }
  column.orders.push_back(0);
  return column;
}

NoisyColumn column_of(const LeftSide& side, std::size_t fields, std::size_t axes) {
  NoisyColumn column = {std::vector<int>(fields, 0), std::vector<int>(fields, 0), std::vector<int>(axes, 0)};
  column.m[static_cast<std::size_t>(side.field)] = 1;
  column.orders.back() = side.order;
  return column;
}

// sum_i a_i b_(i - lag). Even with odd at no lag: zero by symmetry, not by round-off.
double overlap(const NoiseModel& noise, std::size_t axis, int order_a, int order_b, std::int64_t lag) {
  if (lag == 0 && (order_a + order_b) % 2) return 0;
  const std::vector<double>& a = noise.weights[axis][static_cast<std::size_t>(order_a)];
  const std::vector<double>& b = noise.weights[axis][static_cast<std::size_t>(order_b)];
  double sum = 0;
  const auto n = static_cast<std::int64_t>(a.size());
  for (std::int64_t i = std::max<std::int64_t>(0, lag); i < std::min(n, n + lag); ++i)
    sum += a[static_cast<std::size_t>(i)] * b[static_cast<std::size_t>(i - lag)];
  return sum;
}

// The unbiased estimate of cov(f, g) = E[f(u + e) conj(g(u + e))] - f(u) conj(g(u)) for unbiased f and g.
std::complex<double> covariance_at(const std::vector<std::complex<double>>& u, const std::vector<double>& variance,
                                   const NoisyColumn& f, const NoisyColumn& g) {
  std::complex<double> product = 1, noiseless = 1;
  for (std::size_t i = 0; i < u.size(); ++i) {
    const double s = variance[i];
    if (f.m[i] + f.n[i] + g.m[i] + g.n[i] == 0) continue;
    if (u[i].imag() == 0 && f.n[i] + g.n[i] == 0) {
      product *= unbiased_power(u[i].real(), f.m[i], s) * unbiased_power(u[i].real(), g.m[i], s);
      noiseless *= unbiased_power(u[i].real(), f.m[i] + g.m[i], s);
    } else {
      product *= unbiased_power(u[i], f.m[i], f.n[i], s) * std::conj(unbiased_power(u[i], g.m[i], g.n[i], s));
      noiseless *= unbiased_power(u[i], f.m[i] + g.n[i], f.n[i] + g.m[i], s);
    }
  }
  return product - noiseless;
}

// Its mean over the sample.
std::complex<double> mean_covariance(const NoiseModel& noise, const NoisyColumn& f, const NoisyColumn& g) {
  std::complex<double> sum = 0;
  for (const std::vector<std::complex<double>>& u : noise.sample) sum += covariance_at(u, noise.variance, f, g);
  return sum / static_cast<double>(std::max<std::size_t>(noise.sample.size(), 1));
}

}  // namespace

double noise_deviation(const Measurement& measurement, const Field& field) {
  double least = INFINITY;
  for (std::size_t axis = 0; axis < measurement.axes.size(); ++axis)
    for (int q = 2; q <= highest_difference; q += 2) {
      double variance = variance_by_differences(measurement, field.values, axis, q);
      if (field.is_complex()) variance += variance_by_differences(measurement, field.imaginary, axis, q);
      least = std::min(least, variance);
    }
  return std::isfinite(least) ? std::sqrt(least) : 0;
}

Matrix noise_gram(const LinearSystem& system, std::size_t left_side, const std::vector<int>& support) {
  const std::size_t k = support.size();
  Matrix sum = part_of(system.noise_products, system, left_side, support);
  for (const NoiseModel& noise : system.noise) {
    std::vector<NoisyColumn> columns;
    for (const int j : support) columns.push_back(column_of(system, j));
    columns.push_back(column_of(system.left_sides[left_side], noise.variance.size(), noise.weights.size()));
    // Columns are few functions of the point with many derivatives.
    std::map<std::vector<std::vector<int>>, std::complex<double>> known;
    for (std::size_t a = 0; a <= k; ++a)
      for (std::size_t b = 0; b <= a; ++b) {
        if (!columns[a].modelled || !columns[b].modelled) continue;
        double shared = noise.test_functions;
        for (std::size_t axis = 0; axis < noise.weights.size(); ++axis)
          shared *= overlap(noise, axis, columns[a].orders[axis], columns[b].orders[axis], 0);
        if (shared == 0) continue;
        const auto [entry, is_new] = known.try_emplace({columns[a].m, columns[a].n, columns[b].m, columns[b].n});
        if (is_new) entry->second = mean_covariance(noise, columns[a], columns[b]);
        const double covariance = (columns[a].unit * std::conj(columns[b].unit) * entry->second).real();
        sum(a, b) += shared * covariance;
        if (a != b) sum(b, a) += shared * covariance;
      }
  }
  return sum;
}

std::vector<NoiseKernel> noise_kernels(const LinearSystem& system, std::size_t block, std::size_t left_side,
                                       const std::vector<int>& support, const std::vector<double>& coefficients) {
  const NoiseModel& noise = system.noise[block];
  const std::vector<std::int64_t>& lattice = system.blocks[block].lattice;
  std::vector<NoisyColumn> columns;
  for (const int j : support) columns.push_back(column_of(system, j));
  columns.push_back(column_of(system.left_sides[left_side], noise.variance.size(), noise.weights.size()));
  // r = b - G xi; what has the same derivatives shares a kernel.
  std::map<std::pair<std::vector<int>, std::vector<int>>, std::vector<double>> weights;
  const auto factor = [&](std::size_t column) {
    return columns[column].unit * (column < support.size() ? -coefficients[column] : 1);
  };
  for (std::size_t a = 0; a < columns.size(); ++a)
    for (std::size_t b = 0; b < columns.size(); ++b) {
      if (!columns[a].modelled || !columns[b].modelled) continue;
      std::vector<double>& weight = weights[{columns[a].orders, columns[b].orders}];
      weight.resize(noise.middles.size(), 0);
      const std::complex<double> both = factor(a) * std::conj(factor(b));
      for (std::size_t k = 0; k < weight.size(); ++k)
        weight[k] += (both * covariance_at(noise.middles[k], noise.variance, columns[a], columns[b])).real();
    }
  std::vector<NoiseKernel> kernels;
  for (auto& [orders, weight] : weights) {
    NoiseKernel kernel = {.weight = std::move(weight)};
    for (std::size_t axis = 0; axis < noise.weights.size(); ++axis) {
      const auto width = static_cast<std::int64_t>(noise.weights[axis][0].size());
      const std::int64_t reach = std::min((width - 1) / noise.strides[axis], lattice[axis] - 1);
      kernel.along.emplace_back();
      for (std::int64_t lag = -reach; lag <= reach; ++lag)
        kernel.along.back().push_back(
            overlap(noise, axis, orders.first[axis], orders.second[axis], lag * noise.strides[axis]));
    }
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

}  // namespace turnpike
