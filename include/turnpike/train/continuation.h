// Warm starts along the horizon T and the penalty's weight lambda: each stage starts from the optimum of the one
// before.
//
//   extend    u_new(t) = u_old(t) for t < T_old, 0 after it        the turnpike's guess: once at rest, stay
//   rescale   u_new(t) = (T_old / T_new) u_old(t T_old / T_new)    the same end state where the field is homogeneous of
//   degree 1 in u
//
//   auto stages = continuation(model, objective, {{.horizon = 5, .layers = 50}, {.horizon = 10, .layers = 100}},
//   Stretch::extend,
//                              data, nullptr, options);
//   stages.back().model
#pragma once

#include <string_view>
#include <vector>

#include <turnpike/train/trainer.h>

namespace turnpike {

enum class Stretch { extend, rescale };
Stretch stretch_named(std::string_view name);  // "extend", "rescale"; InputError otherwise
const char* name_of(Stretch stretch);

// The same network on the horizon [0, T_new] with `layers` uniform layers. A constant control takes on each new cell
// the mean of the stretched control over it (exact where the old knots are new knots), a linear one its values at the
// new knots. ContractError for a shared control under `extend` to another horizon: it has no time to be zero at.
Model with_horizon(const Model& model, double horizon, std::int64_t layers, Stretch stretch);

struct Stage {
  double horizon = 0;       // 0: that of the stage before
  std::int64_t layers = 0;  // 0: as many as the stage before
  double weight = -1;       // lambda; negative: that of the stage before
};

struct StageResult {
  Stage stage;  // with everything filled in
  Model model;
  TrainResult result;
};

// Trains stage by stage with the same options (in memory: options.folder must be empty).
std::vector<StageResult> continuation(const Model& start, const Objective& objective, const std::vector<Stage>& stages,
                                      Stretch stretch, const Dataset& data, const Dataset* validation,
                                      const TrainOptions& options, Progress& progress = no_progress());

}  // namespace turnpike
