// The end game of training: from where a first-order method stopped, in float64 and on the full batch, to a stationary
// point.
//
//   smooth objectives                  L-BFGS with strong Wolfe line search until |grad J(u)| <= tolerance
//   L1 penalties, bounded controls     accelerated proximal gradient until |u - prox(u - s grad f(u))| / s <= tolerance
//
// The model's tensors become float64 (in float32 no gradient gets below about 1e-4). Norms are Euclidean, over all
// parameters.
//
//   PolishReport report = polish(model, objective, data, {.iterations = 2000, .tolerance = 1e-9});
//   if (!report.converged) ...   // the iterations ran out, or rounding forbids more: report.residual says how far it
//   got
#pragma once

#include <turnpike/base/progress.h>
#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>

namespace turnpike {

struct PolishOptions {
  std::int64_t iterations = 0;  // at most (rounded up to the optimiser's 20 a step); 0: no polish
  double tolerance = 1e-7;      // on the residual
  std::int64_t history = 100;   // curvature pairs of L-BFGS
};

struct PolishReport {
  std::int64_t iterations = 0;
  double residual = 0;   // at the model's final parameters
  double objective = 0;  // there
  bool converged = false;
};

PolishReport polish(Model& model, const Objective& objective, const Dataset& data, const PolishOptions& options,
                    Progress& progress = no_progress());

}  // namespace turnpike
