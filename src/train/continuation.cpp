#include <turnpike/train/continuation.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <algorithm>
#include <cmath>

namespace turnpike {
namespace {

// For each cell [a, b] of `to`, the share of it that lies in each cell of `from`: row k of the result times the old
// values is the mean of the old control over the new cell, zero beyond the old horizon.
Tensor overlap(const std::vector<double>& from, const std::vector<double>& to) {
  Tensor out =
      at::zeros({static_cast<std::int64_t>(to.size()) - 1, static_cast<std::int64_t>(from.size()) - 1}, at::kDouble);
  auto share = out.accessor<double, 2>();
  for (std::size_t k = 0; k + 1 < to.size(); ++k)
    for (std::size_t j = 0; j + 1 < from.size(); ++j) {
      const double length = std::min(to[k + 1], from[j + 1]) - std::max(to[k], from[j]), cell = to[k + 1] - to[k];
      // A sliver of rounding is no overlap, and a whole cell is exactly one.
      if (length > 1e-12 * cell) share[k][j] = std::abs(length / cell - 1) < 1e-12 ? 1 : length / cell;
    }
  return out;
}

}  // namespace

Stretch stretch_named(std::string_view name) {
  for (const Stretch stretch : {Stretch::extend, Stretch::rescale})
    if (name == name_of(stretch)) return stretch;
  throw InputError(fmt::format("unknown stretch '{}'; choose extend or rescale", name));
}

const char* name_of(Stretch stretch) {
  return stretch == Stretch::extend ? "extend" : "rescale";
}

Model with_horizon(const Model& model, double horizon, std::int64_t layers, Stretch stretch) {
  require(horizon > 0 && layers > 0,
          fmt::format("a flow needs a positive horizon and layers, got {} and {}", horizon, layers));
  require(!model.flow.controller, "a flow with adaptive steps has no layers to stretch: give it a mesh");
  const ControlGrid& old = model.flow.grid;
  const double ratio = stretch == Stretch::rescale ? old.horizon() / horizon : 1;

  Model out = model.clone();
  out.spec.horizon = horizon;
  out.spec.layers = layers;
  out.flow.mesh = Mesh::uniform(horizon, layers);
  out.flow.grid = ControlGrid::uniform(old.kind(), horizon, layers);
  std::vector<double> knots = out.flow.grid.knots();  // new knots in the old control's time
  for (double& knot : knots) knot *= ratio;

  const Tensor values = model.control.detach().to(at::kDouble);
  Tensor stretched;
  switch (old.kind()) {
    case ControlKind::constant: stretched = overlap(old.knots(), knots).matmul(values); break;
    case ControlKind::linear: {
      std::vector<double> inside = knots;
      for (double& knot : inside) knot = std::min(knot, old.horizon());
      Tensor present = at::empty({static_cast<std::int64_t>(knots.size()), 1}, at::kDouble);
      for (std::size_t k = 0; k < knots.size(); ++k)
        present[static_cast<std::int64_t>(k)] = knots[k] <= old.horizon() * (1 + 1e-12) ? 1.0 : 0.0;
      stretched = old.sample(values, inside) * present;
      break;
    }
    case ControlKind::shared:
      require(stretch == Stretch::rescale || horizon == old.horizon(),
              "a shared control cannot be extended by zeros: it is the same at all times; choose rescale");
      stretched = values;
      break;
  }
  out.control = (ratio * stretched).to(model.dtype());
  return out;
}

std::vector<StageResult> continuation(const Model& start, const Objective& objective, const std::vector<Stage>& stages,
                                      Stretch stretch, const Dataset& data, const Dataset* validation,
                                      const TrainOptions& options, Progress& progress) {
  require(options.folder.empty(), "continuation runs in memory: leave options.folder empty");
  std::vector<StageResult> results;
  Stage before{start.spec.horizon, start.spec.layers, objective.penalty.weight};
  for (Stage stage : stages) {
    if (stage.horizon == 0) stage.horizon = before.horizon;
    if (stage.layers == 0) stage.layers = before.layers;
    if (stage.weight < 0) stage.weight = before.weight;
    Model model = (results.empty() ? start : results.back().model).clone();
    if (stage.horizon != before.horizon || stage.layers != before.layers)
      model = with_horizon(model, stage.horizon, stage.layers, stretch);
    Objective own = objective;
    own.penalty.weight = stage.weight;
    progress.note(fmt::format("stage {} of {}: T = {:g}, {} layers, lambda = {:g}", results.size() + 1, stages.size(),
                              stage.horizon, stage.layers, stage.weight));
    TrainResult result = train(model, own, data, validation, options, progress);
    results.push_back({stage, std::move(model), std::move(result)});
    before = stage;
  }
  return results;
}

}  // namespace turnpike
