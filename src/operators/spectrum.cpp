#include <turnpike/operators/spectrum.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/krylov.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

void require_square(const LinearOperator& a, const char* method) {
  require(a.rows == a.cols && a.rows > 0,
          fmt::format("{}: the operator must be square, got {} x {}", method, a.rows, a.cols));
  require(static_cast<bool>(a.apply), fmt::format("{}: the operator must have apply", method));
}

template <class Draw>
Tensor drawn(std::int64_t n, std::int64_t k, c10::ScalarType dtype, Draw draw) {
  Tensor tensor = at::empty({n, k}, at::kDouble);
  for (double *entry = tensor.data_ptr<double>(), *end = entry + n * k; entry < end; ++entry) *entry = draw();
  return tensor.to(dtype);
}

// A X, column by column.
Tensor product(const LinearOperator& a, const Tensor& x, const char* method) {
  std::vector<Tensor> columns;
  for (std::int64_t j = 0; j < x.size(1); ++j) columns.push_back(a.apply(x.select(1, j).contiguous()));
  Tensor result = at::stack(columns, 1);
  if (!result.isfinite().all().item<bool>())
    throw Error(fmt::format("{}: a product of the operator is not finite", method));
  return result;
}

Tensor column_products(const Tensor& x, const Tensor& y) {  // x_j . y_j
  return (x * y).sum(0).to(at::kDouble);
}

}  // namespace

TraceEstimate hutchpp_trace(const LinearOperator& a, const TraceOptions& options) {
  require_square(a, "hutchpp_trace");
  require(options.products >= 9, fmt::format("hutchpp_trace: needs at least 9 products, got {}", options.products));
  at::NoGradGuard no_gradient;
  const std::int64_t n = a.rows, k = options.products / 3;
  if (options.products >= n) {
    const Tensor identity = at::eye(n, at::TensorOptions(a.dtype));
    const double trace = column_products(identity, product(a, identity, "hutchpp_trace")).sum().item<double>();
    return {.value = trace, .low = trace, .high = trace, .standard_error = 0, .products = n};
  }
  Random random(seed_for(options.seed, "trace"));
  const auto sign = [&random] { return random.below(2) == 0 ? -1.0 : 1.0; };
  const Tensor Q = std::get<0>(at::linalg_qr(product(a, drawn(n, k, a.dtype, sign), "hutchpp_trace")));
  const double seen = column_products(Q, product(a, Q, "hutchpp_trace")).sum().item<double>();
  Tensor G = drawn(n, k, a.dtype, [&random] { return random.normal(); });
  for (int pass = 0; pass < 2; ++pass) G = G - Q.mm(Q.t().mm(G));
  G = G / G.norm(2, 0);
  const Tensor rest = (static_cast<double>(n - k) * column_products(G, product(a, G, "hutchpp_trace"))).contiguous();
  const Interval interval = mean_interval({rest.data_ptr<double>(), static_cast<std::size_t>(k)});
  return {.value = seen + interval.mean,
          .low = seen + interval.low,
          .high = seen + interval.high,
          .standard_error = interval.deviation / std::sqrt(static_cast<double>(k)),
          .products = 3 * k};
}

SpectralDensity spectral_density(const LinearOperator& a, const DensityOptions& options) {
  require_square(a, "spectral_density");
  require(options.probes >= 1 && options.steps >= 1,
          fmt::format("spectral_density: needs at least one probe and one step, got {} and {}", options.probes,
                      options.steps));
  at::NoGradGuard no_gradient;
  const std::int64_t probes = std::min(options.probes, a.rows);
  Random random(seed_for(options.seed, "density"));
  // Directions of one random frame: each is uniform on the sphere, and n of them see every eigenvalue with weight 1/n.
  const Tensor frame =
      std::get<0>(at::linalg_qr(drawn(a.rows, probes, at::kDouble, [&random] { return random.normal(); })));
  SpectralDensity density{.nodes = {}, .weights = {}, .starts = {0}, .dimension = a.rows};
  for (std::int64_t p = 0; p < probes; ++p) {
    const GaussRule rule = lanczos_quadrature(a, frame.select(1, p).to(a.dtype).contiguous(), options.steps);
    density.nodes.insert(density.nodes.end(), rule.nodes.begin(), rule.nodes.end());
    for (const double weight : rule.weights) density.weights.push_back(weight / static_cast<double>(probes));
    density.starts.push_back(density.nodes.size());
    density.products += rule.products;
  }
  return density;
}

SpectralDensity::Mean SpectralDensity::mean(const std::function<double(double)>& f) const {
  const std::size_t probes = starts.size() - 1;
  std::vector<double> means;
  for (std::size_t p = 0; p < probes; ++p) {
    double sum = 0;
    for (std::size_t i = starts[p]; i < starts[p + 1]; ++i) sum += weights[i] * f(nodes[i]);
    means.push_back(sum * static_cast<double>(probes));
  }
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(probes);
  if (static_cast<std::int64_t>(probes) == dimension) return {mean, 0};
  if (probes == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  return {mean, mean_interval(means).deviation / std::sqrt(static_cast<double>(probes))};
}

double SpectralDensity::width() const {
  const auto [low, high] = std::minmax_element(nodes.begin(), nodes.end());
  return *high - *low;
}

std::vector<double> smoothed(const SpectralDensity& density, const std::vector<double>& x, double deviation) {
  require(deviation > 0, fmt::format("smoothed: the deviation must be positive, got {}", deviation));
  const double peak = 1 / (deviation * std::sqrt(2 * std::numbers::pi));
  std::vector<double> values;
  for (const double at : x) {
    double sum = 0;
    for (std::size_t i = 0; i < density.nodes.size(); ++i) {
      const double z = (at - density.nodes[i]) / deviation;
      sum += density.weights[i] * std::exp(-z * z / 2);
    }
    values.push_back(peak * sum);
  }
  return values;
}

LinearOperator restricted_operator(const LinearOperator& a, std::vector<IndexRange> ranges) {
  require_square(a, "restricted_operator");
  std::int64_t size = 0, last = 0;
  for (const IndexRange& range : ranges) {
    require(last <= range.begin && range.begin < range.end && range.end <= a.rows,
            fmt::format("restricted_operator: the range {} .. {} must be nonempty and inside {} .. {}: ranges ascend "
                        "and do not overlap",
                        range.begin, range.end, last, a.rows));
    size += range.end - range.begin;
    last = range.end;
  }
  require(size > 0, "restricted_operator: needs at least one range");
  const auto restricted = [n = a.rows, size, ranges = std::move(ranges)](const auto& whole, const Tensor& v) {
    require_shape(v, {size}, "v of the restricted operator");
    Tensor wide = at::zeros({n}, v.options());
    std::int64_t from = 0;
    for (const IndexRange& range : ranges) {
      wide.slice(0, range.begin, range.end).copy_(v.narrow(0, from, range.end - range.begin));
      from += range.end - range.begin;
    }
    const Tensor image = whole(wide);
    std::vector<Tensor> parts;
    for (const IndexRange& range : ranges) parts.push_back(image.slice(0, range.begin, range.end));
    return at::cat(parts);
  };
  LinearOperator result{.rows = size, .cols = size, .dtype = a.dtype};
  result.apply = [restricted, whole = a.apply](const Tensor& v) { return restricted(whole, v); };
  if (a.apply_transpose)
    result.apply_transpose = [restricted, whole = a.apply_transpose](const Tensor& v) { return restricted(whole, v); };
  return result;
}

}  // namespace turnpike
