// How many layers are needed: t* is the end of the earliest cut whose score differs from the full network's by less
// than epsilon.
//
//   k* = min { k >= 1 : |score(cut after k layers) - score(all K layers)| < epsilon },   t* = mesh time of k*
//
//   LayerCut cut = layer_cut(model, validation, 0.005);       // half a per cent of accuracy
//   Model small = model.cut(cut.layers);
//
// All cuts are evaluated, in one roll. Choose on validation data and report on test data: the choice has seen the
// former. Errors: ContractError unless epsilon > 0, and as depth_profile.
#pragma once

#include <vector>

#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>

namespace turnpike {

struct LayerCut {
  std::vector<double> times, scores;  // [K + 1] of every depth; depth 0 is the readout of the lifted input
  std::int64_t layers = 0;            // k*
  double time = 0;                    // t*
  double score = 0, full_score = 0;   // accuracy, or RMSE in original units
  std::int64_t parameters = 0, full_parameters = 0;
};

// epsilon has the score's unit: a fraction of samples, or the targets' unit.
LayerCut layer_cut(const Model& model, const Dataset& validation, double epsilon);

}  // namespace turnpike
