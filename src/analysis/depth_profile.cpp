#include <turnpike/analysis/depth_profile.h>

#include <fmt/format.h>
#include <torch/types.h>
#include <algorithm>
#include <cmath>
#include <numeric>

#include <turnpike/base/error.h>
#include <turnpike/net/examples.h>
#include <turnpike/train/evaluate.h>

namespace turnpike {
namespace {

std::vector<double> to_vector(const Tensor& tensor) {
  const Tensor values = tensor.detach().to(at::kDouble).cpu().contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

void check(const Model& model, const Dataset& data) {
  require(data.x.defined() && data.size() > 0, "depth_profile: the data are empty");
  require(data.y.defined() && data.y.size(0) == data.size(), "depth_profile: the data have no labels");
  require_shape(data.x, {-1, model.spec.n_features}, "depth_profile: the features");
}

std::vector<double> slot_times(const ControlGrid& grid) {
  if (grid.kind() == ControlKind::shared) return {0.5 * grid.horizon()};
  if (grid.kind() == ControlKind::linear) return grid.knots();
  std::vector<double> middles;
  for (std::int64_t k = 0; k < grid.cells(); ++k) middles.push_back(0.5 * (grid.knots()[k] + grid.knots()[k + 1]));
  return middles;
}

}  // namespace

DepthProfile depth_profile(const Model& model, const Dataset& data) {
  check(model, data);
  at::NoGradGuard no_gradient;
  DepthProfile profile;
  profile.times = model.flow.mesh.times;
  profile.control_times = slot_times(model.flow.grid);
  profile.control_norm = to_vector(model.control.norm(2, 1));

  const auto depths = static_cast<std::int64_t>(profile.times.size());
  const CostPtr cost = make_cost(model.spec.cost);
  const Readout readout = model.readout();
  Tensor sums = at::zeros({4, depths}, at::kDouble);  // cost, score, distance, path
  std::vector<std::int64_t> rows(data.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto piece =
      static_cast<std::size_t>(std::max<std::int64_t>(1, (std::int64_t{1} << 23) / (depths * model.spec.width)));
  for_each_batch(std::span<const std::int64_t>(rows), piece, [&](std::span<const std::int64_t> part) {
    const Examples batch = model.examples(data.batch(part, model.dtype()));
    const Tensor states =
        model.flow.roll(model.lift(batch.x), model.control, {.save = Save::all}).states;  // [K + 1, N, d]
    for (std::int64_t k = 0; k < depths; ++k) {
      const Tensor z = readout(states[k]);
      sums[0][k] += (*cost)(profile.times[k], z, batch.y).sum();
      sums[1][k] += score_sum(model, z, batch.target);
      sums[2][k] += (states[k] - states[0]).norm(2, 1).sum();
      if (k > 0) sums[3][k] += (states[k] - states[k - 1]).norm(2, 1).sum();
    }
  });

  const Tensor means = sums / static_cast<double>(data.size());
  profile.cost = to_vector(means[0]);
  profile.score = to_vector(model.spec.coding == TargetCoding::real ? means[1].sqrt() : means[1]);
  profile.distance = to_vector(means[2]);
  profile.path = to_vector(means[3].cumsum(0));
  return profile;
}

}  // namespace turnpike
