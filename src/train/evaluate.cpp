#include <turnpike/train/evaluate.h>

#include "problem_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <algorithm>
#include <numeric>

namespace turnpike {

Evaluation evaluate(const Model& model, const Objective& objective, const Dataset& data, std::int64_t rows_at_a_time) {
  check_data(model, data, "evaluation");
  require(rows_at_a_time > 0, "evaluation needs at least one row at a time");
  at::NoGradGuard no_grad;
  // The penalty is no part of the loss: not even computed.
  const Objective loss{objective.cost, objective.running, objective.terminal, {}};
  Evaluation evaluation{.n = data.size()};
  double score = 0;
  std::vector<std::int64_t> rows;
  for (std::int64_t start = 0; start < data.size(); start += rows_at_a_time) {
    rows.resize(std::min(rows_at_a_time, data.size() - start));
    std::iota(rows.begin(), rows.end(), start);
    const Examples inputs = model.examples(data.batch(rows, model.dtype()));
    const ObjectiveValue value = loss(model.flow, model.lift(inputs.x), model.control, model.readout(), inputs.y);
    evaluation.loss += value.total.item<double>() * static_cast<double>(rows.size());
    score += score_sum(model, model.readout()(value.end), inputs.target).item<double>();
  }
  evaluation.loss /= static_cast<double>(data.size());
  evaluation.score = score_of(model, score, data.size());
  return evaluation;
}

Tensor score_sum(const Model& model, const Tensor& z, const Tensor& target) {
  at::NoGradGuard no_grad;
  if (model.spec.coding != TargetCoding::real) return decide(z, model.spec.coding).eq(target).sum().to(at::kDouble);
  return (model.standardiser.invert_target(z) - target).to(at::kDouble).square().mean(1).sum();
}

const char* score_name(const Model& model) {
  return model.spec.coding == TargetCoding::real ? "RMSE" : "accuracy";
}

std::string score_text(const Model& model, double score) {
  return model.spec.coding == TargetCoding::real ? fmt::format("{:.4g}", score) : fmt::format("{:.1f} %", 100 * score);
}

}  // namespace turnpike
