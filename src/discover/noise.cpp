#include <algorithm>
#include <cmath>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/discover/linear_system.h>

namespace turnpike {
namespace {

constexpr int highest_difference = 8;
constexpr std::int64_t most_differences = 200000;

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
  const std::int64_t step = measurement.count() > most_differences ? measurement.count() / most_differences | 1 : 1;
  double sum = 0;
  std::int64_t counted = 0;
  for (std::int64_t i = 0; i < measurement.count(); i += step) {
    if (i / stride % n + q >= n) continue;
    double difference = 0;
    bool whole = true;
    for (int k = 0; k <= q && whole; ++k) {
      const auto at = static_cast<std::size_t>(i + k * stride);
      whole = measurement.mask.empty() || measurement.mask[at];
      if (whole) difference += weight[static_cast<std::size_t>(k)] * values[at];
    }
    if (!whole) continue;
    sum += difference * difference;
    ++counted;
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

// The unbiased estimate of cov(f, g) = E[f(u + e) conj(g(u + e))] - f(u) conj(g(u)) for unbiased f and g, mean over the
// sample.
std::complex<double> mean_covariance(const NoiseModel& noise, const NoisyColumn& f, const NoisyColumn& g) {
  std::complex<double> sum = 0;
  for (const std::vector<std::complex<double>>& u : noise.sample) {
    std::complex<double> product = 1, noiseless = 1;
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double s = noise.variance[i];
      if (f.m[i] + f.n[i] + g.m[i] + g.n[i] == 0) continue;
      if (u[i].imag() == 0 && f.n[i] + g.n[i] == 0) {
        product *= unbiased_power(u[i].real(), f.m[i], s) * unbiased_power(u[i].real(), g.m[i], s);
        noiseless *= unbiased_power(u[i].real(), f.m[i] + g.m[i], s);
      } else {
        product *= unbiased_power(u[i], f.m[i], f.n[i], s) * std::conj(unbiased_power(u[i], g.m[i], g.n[i], s));
        noiseless *= unbiased_power(u[i], f.m[i] + g.n[i], f.n[i] + g.m[i], s);
      }
    }
    sum += product - noiseless;
  }
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
  Matrix sum(k + 1, k + 1);
  for (const NoiseModel& noise : system.noise) {
    std::vector<NoisyColumn> columns;
    for (const int j : support) columns.push_back(column_of(system, j));
    columns.push_back(column_of(system.left_sides[left_side], noise.variance.size(), noise.overlap.size()));
    // Columns are few functions of the point with many derivatives.
    std::map<std::vector<std::vector<int>>, std::complex<double>> known;
    for (std::size_t a = 0; a <= k; ++a)
      for (std::size_t b = 0; b <= a; ++b) {
        if (!columns[a].modelled || !columns[b].modelled) continue;
        double overlap = noise.test_functions;
        for (std::size_t axis = 0; axis < noise.overlap.size(); ++axis)
          overlap *= noise.overlap[axis][static_cast<std::size_t>(columns[a].orders[axis])]
                                  [static_cast<std::size_t>(columns[b].orders[axis])];
        if (overlap == 0) continue;
        const auto [entry, is_new] = known.try_emplace({columns[a].m, columns[a].n, columns[b].m, columns[b].n});
        if (is_new) entry->second = mean_covariance(noise, columns[a], columns[b]);
        const double covariance = (columns[a].unit * std::conj(columns[b].unit) * entry->second).real();
        sum(a, b) += overlap * covariance;
        if (a != b) sum(b, a) += overlap * covariance;
      }
  }
  return sum;
}

}  // namespace turnpike
