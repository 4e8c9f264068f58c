// How the loss of a trained model curves around its parameters: the Hessian's largest eigenvalues, trace and density,
// and the largest step with which plain gradient descent could rest there, 2 / lambda_max.
//
//   L(theta) = 1/N sum_i g(T, z_i; y_i),   theta: the control, and lift and head where they are trained
//
// The loss is the terminal one without penalty, in float64, on at most as many rows as keep a product with the Hessian
// at some hundredths of a second; what was computed is kept beside the numbers. `turnpike analyze` shows it where the
// data have labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/net/model.h>
#include <turnpike/operators/spectrum.h>
#include <turnpike/report/page.h>
#include <turnpike/report/run_folder.h>

namespace turnpike {

// The optimiser of a checkpoint, by name, and its step size.
struct UsedStep {
  std::string optimiser;
  double rate = 0;
};
std::optional<UsedStep> used_step(const std::string& model_path);  // nothing where the file is no checkpoint

struct Curvature {
  std::int64_t rows = 0, parameters = 0, products = 0;
  double loss = 0, gradient = 0;  // L, |grad L|
  std::vector<double> top;        // largest eigenvalues, descending
  double smallest = 0;            // the least node of the density: an upper bound of the least eigenvalue
  TraceEstimate trace;
  SpectralDensity density;
  SpectralDensity::Mean negative;  // share of eigenvalues below -1e-3 of the largest
  std::optional<UsedStep> step;
};

// Nothing where the loss is not finite.
std::optional<Curvature> curvature_of(const Model& model, const Dataset& labelled, std::optional<UsedStep> step,
                                      Progress& progress);
nlohmann::ordered_json to_json(const Curvature& curvature);
void draw_curvature(Page& page, RunFolder& folder, const Curvature& curvature);

}  // namespace turnpike
