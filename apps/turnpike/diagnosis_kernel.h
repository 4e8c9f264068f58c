// What the tangent kernel of a trained model says of its training, as `turnpike analyze` shows it where the data have
// labels: the numbers of tangent/modes.h for the square loss, 1/n sum |z_i - y_i|^2, of coded labels.
//
// One kernel of all outputs together, [n o, n o], in float64, on as many rows, drawn at random, as its n o backward
// passes and its Jacobian allow: at most 600 modes, and with many outputs at most 1600 for 12 rows; more outputs than
// that are left out, with the reason. Labels are learned from their mean; what is left to learn of the model's own
// outputs is shown where its cost is the square.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/net/model.h>
#include <turnpike/report/page.h>
#include <turnpike/report/run_folder.h>
#include <turnpike/tangent/modes.h>

#include "diagnosis_curvature.h"

namespace turnpike {

struct ModelKernel {
  KernelModes modes;
  std::int64_t rows = 0, outputs = 0, parameters = 0;
  bool square = false;  // the model's own cost
  std::optional<UsedStep> step;
};

// Nothing where the kernel is not finite, or there are too many outputs: `progress` gets a note.
std::optional<ModelKernel> kernel_of(const Model& model, const Dataset& labelled, std::optional<UsedStep> step,
                                     Progress& progress);
nlohmann::ordered_json to_json(const ModelKernel& kernel);
void draw_kernel(Page& page, RunFolder& folder, const ModelKernel& kernel);

}  // namespace turnpike
