#include <turnpike/analysis/layer_cut.h>

#include <fmt/format.h>
#include <cmath>

#include <turnpike/analysis/depth_profile.h>
#include <turnpike/base/error.h>

namespace turnpike {

LayerCut layer_cut(const Model& model, const Dataset& validation, double epsilon) {
  require(epsilon > 0, fmt::format("layer_cut: epsilon must be > 0, got {}", epsilon));
  DepthProfile profile = depth_profile(model, validation);
  LayerCut cut;
  cut.times = std::move(profile.times);
  cut.scores = std::move(profile.score);
  cut.full_score = cut.scores.back();
  cut.layers = static_cast<std::int64_t>(cut.scores.size()) - 1;
  for (std::int64_t k = cut.layers; k >= 1; --k)
    if (std::abs(cut.scores[k] - cut.full_score) < epsilon) cut.layers = k;
  cut.time = cut.times[cut.layers];
  cut.score = cut.scores[cut.layers];
  cut.parameters = model.cut(cut.layers).n_parameters();
  cut.full_parameters = model.n_parameters();
  return cut;
}

}  // namespace turnpike
