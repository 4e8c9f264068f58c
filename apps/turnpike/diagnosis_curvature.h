// How the loss of a trained model curves around its parameters, as `turnpike analyze` shows it where the data have
// labels: the numbers of analysis/curvature.h for
//
//   L(theta) = 1/N sum_i g(T, z_i; y_i),   theta: the control, and lift and head where they are trained
//
// The loss is the terminal one without penalty, in float64, on at most as many rows, drawn at random, as keep a product
// with the Hessian at some hundredths of a second; what was computed is kept beside the numbers. The blocks are those
// of single layers, some of them evenly over the depth, and of lift and head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/analysis/curvature.h>
#include <turnpike/base/progress.h>
#include <turnpike/net/model.h>
#include <turnpike/report/page.h>
#include <turnpike/report/run_folder.h>

namespace turnpike {

// The optimiser of a checkpoint, by name, and its step size.
struct UsedStep {
  std::string optimiser;
  double rate = 0;
};
std::optional<UsedStep> used_step(const std::string& model_path);  // nothing where the file is no checkpoint

// At most that many rows, at random and always the same, ascending: rows taken evenly may all be of one class.
std::vector<std::int64_t> drawn(std::int64_t n, std::int64_t most);
Model in_float64(const Model& model);  // a deep copy

struct ModelCurvature {
  Curvature whole;            // blocks: layers first, lift and head behind them
  std::vector<double> depth;  // of each layer's block, where its control acts
  std::int64_t rows = 0;
  std::optional<UsedStep> step;
};

// Nothing, and a note, where the loss or a derivative is not finite. `times` are those at which the rows of the control
// act.
std::optional<ModelCurvature> curvature_of(const Model& model, const Dataset& labelled,
                                           const std::vector<double>& times, std::optional<UsedStep> step,
                                           Progress& progress);
nlohmann::ordered_json to_json(const ModelCurvature& curvature);
void draw_curvature(Page& page, RunFolder& folder, const ModelCurvature& curvature);

}  // namespace turnpike
