#include <turnpike/data/standardise.h>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <span>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

constexpr std::int64_t chunk = 4096;  // rows turned to double at a time

// Two passes, so that a large mean costs no digits, in units of the largest entry's power of two, so that no square
// leaves float64.
template <class Rows>
std::pair<Tensor, Tensor> moments(std::int64_t n, std::int64_t d, bool pooled, Rows rows) {
  const auto over_chunks = [&](const auto& work) {
    for (std::int64_t begin = 0; begin < n; begin += chunk) work(rows(begin, std::min(n, begin + chunk)));
  };
  Tensor unit = torch::zeros({d}, torch::kDouble), mean = torch::zeros_like(unit), squares = torch::zeros_like(unit);
  over_chunks([&](const Tensor& x) { unit = torch::maximum(unit, x.abs().amax(0)); });
  if (pooled) unit.fill_(unit.max());
  for (double& u : std::span(unit.data_ptr<double>(), static_cast<std::size_t>(d)))
    u = u > 0 ? std::ldexp(1.0, std::ilogb(u)) : 1.0;
  over_chunks([&](const Tensor& x) { mean += (x / unit).sum(0); });
  mean /= static_cast<double>(n);
  if (pooled) mean.fill_(mean.mean());
  over_chunks([&](const Tensor& x) { squares += (x / unit - mean).square().sum(0); });
  squares /= static_cast<double>(n);
  if (pooled) squares.fill_(squares.mean());
  const Tensor deviation = squares.sqrt();
  // What rounding leaves of a constant column is below n units in the last place of its size.
  const Tensor rounding = mean.abs() * (1e-14 * std::sqrt(static_cast<double>(n)));
  return {mean * unit, torch::where(deviation > rounding, deviation * unit, torch::ones_like(deviation))};
}

Tensor like(const Tensor& constant, const Tensor& x) {
  return constant.to(x.device(), x.scalar_type());
}

}  // namespace

Standardiser Standardiser::fit(const Dataset& data, std::span<const std::int64_t> rows) {
  const auto n = static_cast<std::int64_t>(rows.size());
  require(n > 0, "a standardiser needs at least one row to learn from");
  Standardiser s;
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    return data.batch(rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                      torch::kDouble);
  };
  const bool pooled = data.schema.array_shape.size() > 1;
  std::tie(s.mean, s.deviation) =
      moments(n, data.x.size(1), pooled, [&](std::int64_t begin, std::int64_t end) { return part(begin, end).x; });
  if (data.schema.task == Task::regress && data.y.defined()) {
    std::tie(s.target_mean, s.target_deviation) =
        moments(n, data.y.size(1), false, [&](std::int64_t begin, std::int64_t end) { return part(begin, end).y; });
  }
  return s;
}

Tensor Standardiser::apply(const Tensor& x) const {
  if (!mean.defined()) return x;
  require_shape(x, {-1, mean.size(0)}, "features");
  return (x - like(mean, x)) / like(deviation, x);
}

Tensor Standardiser::invert(const Tensor& z) const {
  if (!mean.defined()) return z;
  require_shape(z, {-1, mean.size(0)}, "features");
  return z * like(deviation, z) + like(mean, z);
}

Tensor Standardiser::apply_target(const Tensor& y) const {
  if (!target_mean.defined()) return y;
  require_shape(y, {-1, target_mean.size(0)}, "targets");
  return (y - like(target_mean, y)) / like(target_deviation, y);
}

Tensor Standardiser::invert_target(const Tensor& z) const {
  if (!target_mean.defined()) return z;
  require_shape(z, {-1, target_mean.size(0)}, "targets");
  return z * target_deviation.to(z.device()) + target_mean.to(z.device());
}

}  // namespace turnpike
