// What a model says of data, in batches of bounded memory.
//
//   Predictions test = predict(model, data);
//   test.classes[i], test.probabilities[i][c]        or        test.outputs[i][k] in original units
#pragma once

#include <functional>
#include <span>

#include <turnpike/net/model.h>

namespace turnpike {

struct Predictions {
  Tensor outputs;        // [N, m] float64: original units (regression), scores (classes)
  Tensor classes;        // [N] int64; undefined for regression
  Tensor probabilities;  // [N, C] float64; undefined for regression
};

Predictions predict(const Model& model, const Dataset& data);
Predictions predict(const Model& model, const Tensor& x);  // of features as they are in the data, all at once

// Right decisions over all (classes), or the root mean square error over all outputs in original units (regression).
double score_of(const Predictions& predictions, const Tensor& y);

}  // namespace turnpike
