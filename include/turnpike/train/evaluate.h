// What a model is worth on data: its loss and its score, in batches of bounded memory and without gradients.
//
//   loss   running/N sum_i int g dt + terminal/N sum_i g(T, z_i; y_i), the objective without its penalty
//   score  the fraction of right decisions (classes), or the root mean square error in original units over all outputs
//   (regression)
//
//   Evaluation test = evaluate(model, objective, data.select(split.test));
#pragma once

#include <string>

#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>

namespace turnpike {

struct Evaluation {
  double loss = 0;
  double score = 0;
  std::int64_t n = 0;
};

// ContractError if the data are empty, have no labels, or do not have the model's numbers of features and outputs.
Evaluation evaluate(const Model& model, const Objective& objective, const Dataset& data,
                    std::int64_t rows_at_a_time = 2048);

// What the scores of rows are made of, summed over the rows: right decisions, or squared errors in original units
// averaged over the outputs. z: [N, m] outputs of the readout; target: [N] class numbers, or [N, m] in original units.
Tensor score_sum(const Model& model, const Tensor& z, const Tensor& target);

const char* score_name(const Model& model);                // "accuracy" or "RMSE"
std::string score_text(const Model& model, double score);  // "98.1 %" or "0.0234"

}  // namespace turnpike
