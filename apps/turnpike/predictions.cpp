#include "predictions.h"

#include <numeric>

#include <ATen/ATen.h>

#include <turnpike/net/examples.h>

namespace turnpike {
namespace {

constexpr std::size_t rows_at_a_time = 2048;

}  // namespace

Predictions predict(const Model& model, const Tensor& x) {
  const Tensor z = model.outputs(x);
  if (model.spec.coding == TargetCoding::real) return {z.to(at::kDouble), {}, {}};
  return {z.to(at::kDouble), decide(z, model.spec.coding),
          class_probabilities(z.to(at::kDouble), model.spec.coding, model.spec.cost)};
}

Predictions predict(const Model& model, const Dataset& data) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<Tensor> outputs, classes, probabilities;
  for_each_batch(rows, rows_at_a_time, [&](std::span<const std::int64_t> part) {
    const Predictions some = predict(model, data.batch(part, model.dtype()).x);
    outputs.push_back(some.outputs);
    if (some.classes.defined()) classes.push_back(some.classes);
    if (some.probabilities.defined()) probabilities.push_back(some.probabilities);
  });
  const auto joined = [](const std::vector<Tensor>& parts) { return parts.empty() ? Tensor() : at::cat(parts); };
  return {joined(outputs), joined(classes), joined(probabilities)};
}

double score_of(const Predictions& predictions, const Tensor& y) {
  if (predictions.classes.defined()) return (predictions.classes == y).to(at::kDouble).mean().item<double>();
  return (predictions.outputs - y).square().mean().sqrt().item<double>();
}

}  // namespace turnpike
