#include "problem_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/train/evaluate.h>
#include <cmath>

namespace turnpike {

double score_of(const Model& model, double sum, std::int64_t n) {
  const double mean = sum / static_cast<double>(n);
  return model.spec.coding == TargetCoding::real ? std::sqrt(mean) : mean;
}

void check_data(const Model& model, const Dataset& data, const char* what) {
  require(data.x.defined() && data.x.dim() == 2 && data.size() > 0, fmt::format("the {} data are empty", what));
  require(data.y.defined() && data.y.size(0) == data.size(), fmt::format("the {} data have no labels", what));
  require(data.x.size(1) == model.spec.n_features,
          fmt::format("the {} data have {} features, the model takes {}", what, data.x.size(1), model.spec.n_features));
  const bool real = model.spec.coding == TargetCoding::real;
  require(real ? data.y.dim() == 2 && data.y.size(1) == model.spec.n_outputs
               : data.y.dim() == 1 && !data.y.is_floating_point(),
          fmt::format("the {} labels are {}, the model needs {}", what, describe(data.y),
                      real ? fmt::format("[N, {}] reals", model.spec.n_outputs) : std::string("[N] class numbers")));
}

void convert(Model& model, c10::ScalarType dtype) {
  for (Tensor* tensor : {&model.lift_weight, &model.lift_bias, &model.control, &model.head_weight, &model.head_bias})
    if (tensor->defined()) *tensor = tensor->detach().to(dtype);
}

Problem::Problem(Model& model, const Objective& objective, bool smooth_only)
    : model_(model), objective_(objective), smooth_only_(smooth_only) {
  for (Tensor* tensor : {&model.lift_weight, &model.lift_bias, &model.control, &model.head_weight, &model.head_bias})
    if (tensor->defined()) *tensor = tensor->detach().contiguous();
  for (auto& [name, tensor] : model.parameters()) {
    names_.push_back(name);
    parameters_.push_back(tensor.set_requires_grad(true));
  }
}

Problem::~Problem() {
  for (Tensor& parameter : parameters_) {
    parameter.mutable_grad() = Tensor();
    parameter.set_requires_grad(false);
  }
}

NonSmooth Problem::non_smooth() const {
  if (objective_.penalty.smooth()) return {};
  const Penalty penalty = objective_.penalty;
  const ControlGrid grid = model_.flow.grid;
  return {
      [=](const Tensor& u) { return penalty.kind == PenaltyKind::l1 ? penalty.value(grid, u).item<double>() : 0.0; },
      [=](const Tensor& w, double step) { return penalty.prox(grid, w, step); }};
}

Measured Problem::evaluate(const Examples& inputs, bool gradient, double clip) const {
  at::AutoGradMode record(gradient);
  const ObjectiveValue value =
      objective_(model_.flow, model_.lift(inputs.x), model_.control, model_.readout(), inputs.y);
  Measured measured;
  measured.value = smooth_only_ ? value.smooth : value.total;
  Tensor norm = at::zeros({}, at::kDouble);
  if (gradient) {
    for (const Tensor& parameter : parameters_) parameter.mutable_grad() = Tensor();
    measured.value.backward();
    at::NoGradGuard no_grad;
    std::vector<Tensor> norms;
    for (const Tensor& parameter : parameters_)
      if (parameter.grad().defined()) norms.push_back(parameter.grad().norm());
    norm = norms.empty() ? norm : norms.size() == 1 ? norms.front() : at::stack(norms).norm();
    if (clip > 0) {
      const Tensor factor = (clip / norm).clamp_max(1);
      for (const Tensor& parameter : parameters_)
        if (parameter.grad().defined()) parameter.mutable_grad().mul_(factor);
    }
  }
  at::NoGradGuard no_grad;
  const Tensor read =
      at::stack({value.total.detach().to(at::kDouble), (value.running + value.terminal).detach().to(at::kDouble),
                 score_sum(model_, model_.readout()(value.end.detach()), inputs.target), norm.to(at::kDouble)})
          .cpu();
  const double* numbers = read.data_ptr<double>();
  measured.objective = numbers[0];
  measured.loss = numbers[1];
  measured.score_sum = numbers[2];
  measured.gradient_norm = numbers[3];
  return measured;
}

void Problem::project() const {
  if (std::isinf(objective_.penalty.bound)) return;
  at::NoGradGuard no_grad;
  // A prox of step 0 is the projection alone.
  const Penalty bound{.kind = PenaltyKind::l2, .bound = objective_.penalty.bound};
  Tensor control = model_.control;
  control.copy_(bound.prox(model_.flow.grid, control, 0));
}

NamedTensors Problem::values() const {
  NamedTensors out;
  for (std::size_t i = 0; i < names_.size(); ++i) out[names_[i]] = parameters_[i].detach().clone();
  return out;
}

void Problem::assign_values(const NamedTensors& values) {
  at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < names_.size(); ++i) parameters_[i].copy_(values.at(names_[i]));
}

}  // namespace turnpike
