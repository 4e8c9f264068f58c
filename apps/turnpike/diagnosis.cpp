#include "diagnosis.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include <turnpike/analysis/principal_axes.h>
#include <turnpike/net/examples.h>
#include <turnpike/train/evaluate.h>

namespace turnpike {
namespace {

// The singular values of d x d matrices at every depth and sample: K d field evaluations a sample.
struct JacobianBudget {
  std::int64_t samples, pairs, times;
};
JacobianBudget budget_for(std::int64_t d) {
  if (d <= 8) return {200, 300, 0};
  if (d <= 32) return {40, 40, 41};
  return {12, 12, 21};
}

std::vector<double> some_times(const Flow& flow, std::int64_t most) {
  const std::vector<double>& mesh = flow.mesh.times;
  if (most == 0 || static_cast<std::int64_t>(mesh.size()) <= most) return {};
  std::vector<double> times;
  for (std::int64_t i = 0; i < most; ++i)
    times.push_back(mesh[static_cast<std::size_t>(i * static_cast<std::int64_t>(mesh.size() - 1) / (most - 1))]);
  return times;
}

Tensor start_states(const Model& model, const Dataset& data, std::int64_t most) {
  const std::vector<std::int64_t> rows = thinned(data.size(), most);
  return model.lift(model.standardise(data.batch(rows, model.dtype()).x));
}

// How many of the times lie before the last tenth of the horizon.
std::size_t away_from_the_end(const std::vector<double>& times, double horizon) {
  return static_cast<std::size_t>(std::upper_bound(times.begin(), times.end(), 0.9 * horizon) - times.begin());
}

nlohmann::ordered_json decay_json(const Decay& decay) {
  nlohmann::ordered_json json = {{"verdict", name_of(decay.verdict)}, {"text", decay.text}};
  if (decay.verdict == DecayVerdict::exponential) {
    json["rate"] = decay.fit.rate;
    json["interval"] = {decay.fit.rate_low, decay.fit.rate_high};
    json["r_squared"] = decay.fit.r_squared;
    json["window"] = {decay.start, decay.end};
  } else if (decay.verdict == DecayVerdict::power_law) {
    json["power"] = decay.power;
    json["window"] = {decay.start, decay.end};
  }
  return json;
}

}  // namespace

std::vector<std::int64_t> thinned(std::int64_t n, std::int64_t most) {
  const std::int64_t count = std::min(n, most);
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(i * n / count);
  return rows;
}

std::string score_words(const Model& model, double score) {
  return model.spec.coding == TargetCoding::real ? fmt::format("an error (RMSE) of {}", score_text(model, score))
                                                 : score_text(model, score) + " right";
}

std::string field_formula(const ModelSpec& spec) {
  const std::string sigma = spec.field.activation == Activation::tanh ? "\\tanh" : "\\sigma";
  if (spec.field.kind == "inner") return "W(t)\\," + sigma + "(x) + b(t)";
  if (spec.field.kind == "outer") return sigma + "(W(t)\\,x + b(t))";
  if (spec.field.kind == "bottleneck") return "W_2(t)\\," + sigma + "(W_1(t)\\,x + b_1(t)) + b_2(t)";
  if (spec.field.kind == "antisymmetric") return sigma + "((W(t) - W(t)' - \\gamma I)\\,x + b(t))";
  if (spec.field.kind == "hamiltonian") return "(" + sigma + "(K(t)\\,p + b_q(t)),\\ " + sigma + "(-K(t)' q + b_p(t)))";
  return "f(x; u(t))";
}

Diagnosis diagnose(const DiagnosisTask& task, Progress& progress) {
  at::NoGradGuard no_gradient;
  const Model& model = task.model;
  Diagnosis result;
  result.labelled = task.data.y.defined() && task.profiled.y.defined() && task.judged.y.defined();
  progress.update("diagnosis", 0, 4, "predictions");
  result.predictions = predict(model, task.data);
  if (result.labelled) {
    result.score = score_of(result.predictions, task.data.y);
    progress.update("diagnosis", 1, 4, "profile through depth");
    const std::vector<std::int64_t> rows = thinned(task.profiled.size(), 10000);
    result.profile = depth_profile(model, task.profiled.select(rows));
    // Differences below the rounding of a cost of its size say nothing.
    const double unit = model.dtype() == at::kFloat ? 1e-7 : 1e-16;
    const std::vector<double>&times = result.profile->times, &cost = result.profile->cost;
    result.cost_decay = find_decay(times, cost, unit * cost.front());
    for (const double value : cost) result.excess.push_back(value - cost.back());
    const std::size_t n = away_from_the_end(times, model.spec.horizon);
    result.excess_decay = find_decay({times.data(), n}, {result.excess.data(), n}, 10 * unit * cost.front());
    progress.update("diagnosis", 2, 4, "layer cuts");
    const std::vector<std::int64_t> judged_rows = thinned(task.judged.size(), 10000);
    const Dataset judged = task.judged.select(judged_rows);
    double epsilon = task.epsilon;
    if (model.spec.coding == TargetCoding::real) epsilon *= score_of(predict(model, judged), judged.y);
    result.cut = layer_cut(model, judged, std::max(epsilon, 1e-300));
  }
  const Tensor control = model.control.detach();
  const Tensor norms = at::linalg_vector_norm(control.to(at::kDouble), 2, at::IntArrayRef{1}).contiguous();
  result.control_norm.assign(norms.data_ptr<double>(), norms.data_ptr<double>() + norms.numel());
  const std::vector<double>& knots = model.flow.grid.knots();
  for (std::size_t k = 0; k < result.control_norm.size(); ++k)
    result.control_times.push_back(model.spec.control == ControlKind::linear
                                       ? knots[k]
                                       : (knots[k] + knots[std::min(k + 1, knots.size() - 1)]) / 2);
  const double largest = *std::max_element(result.control_norm.begin(), result.control_norm.end());
  const std::size_t n = away_from_the_end(result.control_times, model.spec.horizon);
  result.control_decay = find_decay({result.control_times.data(), n}, {result.control_norm.data(), n}, 1e-13 * largest);

  progress.update("diagnosis", 3, 4, "Jacobians through depth");
  const JacobianBudget budget = budget_for(model.spec.width);
  const std::vector<double> times = some_times(model.flow, budget.times);
  const Tensor states = start_states(model, task.data, budget.samples);
  result.singular = singular_profile(model.flow, control, states, times);
  result.amplification =
      amplification(model.flow, control, {.centres = states, .radius = 0.1, .n_pairs = budget.pairs, .times = times});
  progress.update("diagnosis", 4, 4, "");
  return result;
}

nlohmann::ordered_json to_json(const DiagnosisTask& task, const Diagnosis& diagnosis) {
  nlohmann::ordered_json json;
  if (diagnosis.labelled) {
    json["decay"]["cost"] = decay_json(diagnosis.cost_decay);
    json["decay"]["excess"] = decay_json(diagnosis.excess_decay);
    const LayerCut& cut = *diagnosis.cut;
    json["cut"] = {{"epsilon", task.epsilon},
                   {"chosen_on", task.judged_part},
                   {"layers", cut.layers},
                   {"full_layers", task.model.spec.layers},
                   {"time", cut.time},
                   {"horizon", task.model.spec.horizon},
                   {"parameters", cut.parameters},
                   {"full_parameters", cut.full_parameters},
                   {"score", cut.score},
                   {"full_score", cut.full_score}};
  }
  json["decay"]["control"] = decay_json(diagnosis.control_decay);
  json["jacobian"] = {
      {"largest_singular_value", diagnosis.singular.largest.high.back()},
      {"smallest_singular_value", diagnosis.singular.smallest.low.back()},
      {"amplification", std::max(diagnosis.amplification.pairs.back(), diagnosis.amplification.singular.back())},
      {"domain", diagnosis.amplification.domain}};
  return json;
}

}  // namespace turnpike
