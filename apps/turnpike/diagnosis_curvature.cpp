#include "diagnosis_curvature.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <turnpike/core/krylov.h>
#include <turnpike/flow/cost.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/report/text.h>
#include <turnpike/train/checkpoint.h>
#include <turnpike/train/gradient_flow.h>

#include "diagnosis.h"

namespace turnpike {
namespace {

constexpr double work_of_a_product = 4e6;  // rows x layers x parameters of a layer
constexpr std::int64_t fewest_rows = 32, most_rows = 1000;

// The model in float64 with the trained tensors read from theta.
Model with_parameters(const Model& model, const Tensor& theta) {
  Model other = model;
  other.flow.adjoint.kind = AdjointKind::autograd;
  std::int64_t from = 0;
  for (Tensor* tensor : {&other.control, &other.lift_weight, &other.lift_bias, &other.head_weight, &other.head_bias}) {
    if (!tensor->defined()) continue;
    const bool lift = tensor == &other.lift_weight || tensor == &other.lift_bias;
    const bool head = tensor == &other.head_weight || tensor == &other.head_bias;
    if ((lift && model.spec.lift != Lift::linear) || (head && model.spec.head != Head::linear)) {
      *tensor = tensor->to(at::kDouble);
      continue;
    }
    *tensor = theta.narrow(0, from, tensor->numel()).view(tensor->sizes());
    from += tensor->numel();
  }
  return other;
}

Tensor flat_parameters(const Model& model) {
  std::vector<Tensor> parts;
  for (const auto& [name, tensor] : model.parameters()) parts.push_back(tensor.detach().to(at::kDouble).flatten());
  return at::cat(parts);
}

}  // namespace

std::optional<UsedStep> used_step(const std::string& model_path) {
  if (std::filesystem::path(model_path).filename() != checkpoint_name) return std::nullopt;
  const std::map<std::string, std::string> settings = load_checkpoint(model_path).settings;
  const auto optimiser = settings.find("optimiser"), rate = settings.find("rate");
  if (optimiser == settings.end() || rate == settings.end()) return std::nullopt;
  return UsedStep{optimiser->second, std::stod(rate->second)};
}

std::optional<Curvature> curvature_of(const Model& model, const Dataset& labelled, std::optional<UsedStep> step,
                                      Progress& progress) {
  progress.update("curvature", 0, 3, "eigenvalues");
  const auto work = static_cast<double>(model.spec.layers * model.flow.field->n_parameters());
  const auto affordable = static_cast<std::int64_t>(work_of_a_product / work);
  const std::vector<std::int64_t> rows = thinned(labelled.size(), std::clamp(affordable, fewest_rows, most_rows));
  const Examples data = model.examples(labelled.batch(rows, at::kDouble));
  const CostPtr cost = make_cost(model.spec.cost);
  const Loss loss = [&](const Tensor& theta) -> Tensor {
    return (*cost)(model.spec.horizon, with_parameters(model, theta).forward(data.x), data.y).mean();
  };
  const Tensor theta = flat_parameters(model);
  Curvature result{
      .rows = static_cast<std::int64_t>(rows.size()), .parameters = theta.numel(), .step = std::move(step)};
  result.loss = loss(theta).item<double>();
  result.gradient = gradient_of(loss, theta).norm().item<double>();
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient)) return std::nullopt;

  const LinearOperator hessian = hessian_operator(loss, theta);
  const EigenPairs top = lanczos(hessian, std::min<std::int64_t>(5, theta.numel()), Extreme::largest,
                                 {.tolerance = 1e-3, .max_iterations = 80})
                             .partial();
  const Tensor values = top.values.to(at::kDouble).contiguous();
  result.top.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  progress.update("curvature", 1, 3, "trace");
  result.trace = hutchpp_trace(hessian, {.products = 45});
  progress.update("curvature", 2, 3, "density");
  result.density = spectral_density(hessian, {.probes = 4, .steps = 30});
  result.smallest = *std::min_element(result.density.nodes.begin(), result.density.nodes.end());
  const double zero = -1e-3 * std::abs(result.top.front());
  result.negative = result.density.mean([zero](double lambda) { return lambda < zero ? 1.0 : 0.0; });
  result.products = top.iterations + result.trace.products + result.density.products;
  progress.update("curvature", 3, 3, "");
  return result;
}

nlohmann::ordered_json to_json(const Curvature& c) {
  nlohmann::ordered_json json = {{"rows", c.rows},
                                 {"parameters", c.parameters},
                                 {"products", c.products},
                                 {"loss", c.loss},
                                 {"gradient", c.gradient},
                                 {"largest", c.top},
                                 {"smallest_at_most", c.smallest},
                                 {"trace", c.trace.value},
                                 {"trace_interval", {c.trace.low, c.trace.high}},
                                 {"share_negative", c.negative.value}};
  if (c.top.front() > 0) json["largest_stable_step"] = 2 / c.top.front();
  if (c.step) {
    json["optimiser"] = c.step->optimiser;
    json["step"] = c.step->rate;
    json["sharpness_times_step_over_2"] = c.top.front() * c.step->rate / 2;
  }
  return json;
}

void draw_curvature(Page& page, RunFolder& folder, const Curvature& c) {
  Section& section = page.section("Curvature of the loss");
  section.formula(
      "L(\\theta) = \\frac{1}{N} \\sum_i g(T, z_i; y_i), \\qquad H = \\nabla^2 L(\\theta), \\qquad \\eta < "
      "\\frac{2}{\\lambda_{\\max}}");
  std::string prose = fmt::format(
      "The Hessian of the terminal loss in all {} trained numbers, on {} rows, known by {} products. Loss {}, gradient "
      "{}. ",
      c.parameters, c.rows, c.products, format_number(c.loss), format_number(c.gradient));
  if (c.top.front() > 0) {
    prose += fmt::format("Plain gradient descent can rest here with steps up to $2/\\lambda_{{\\max}}$ = **{}**. ",
                         format_number(2 / c.top.front(), 3));
    if (c.step)
      prose += fmt::format("The checkpoint's optimiser is `{}` with step {}: {} of that limit{}. ", c.step->optimiser,
                           format_number(c.step->rate), format_number(c.top.front() * c.step->rate / 2, 3),
                           c.step->optimiser == "sgd" ? "" : ", which binds plain gradient descent only");
  }
  section.prose(prose);
  section.facts({{format_number(c.top.front()), "largest eigenvalue"},
                 {format_number(c.trace.value), "trace",
                  fmt::format("{} to {}", format_number(c.trace.low), format_number(c.trace.high))},
                 {fmt::format("{:.0f} %", 100 * c.negative.value), "of eigenvalues below zero",
                  std::isfinite(c.negative.standard_error)
                      ? fmt::format("standard error {:.0f} %", 100 * c.negative.standard_error)
                      : ""}});
  // Bells of a hundredth of the width; a logarithmic axis, since most eigenvalues crowd about zero.
  const double width = std::max(c.density.width(), 1e-300), bell = 0.01 * width;
  std::vector<double> x;
  const double low = c.smallest - 5 * bell, high = std::max(c.top.front(), c.smallest + width) + 5 * bell;
  for (int i = 0; i <= 400; ++i) x.push_back(low + (high - low) * i / 400);
  const std::vector<double> density = smoothed(c.density, x, bell);
  const double peak = *std::max_element(density.begin(), density.end());
  Figure figure({.title = "Density of the Hessian's eigenvalues",
                 .caption = fmt::format("By Lanczos quadrature with {} random starts; each point drawn as a bell of "
                                        "a hundredth of the width. Dashed: the {} largest eigenvalues.",
                                        c.density.starts.size() - 1, c.top.size())});
  Panel& panel = figure.panel();
  panel.x({.label = "eigenvalue $\\lambda$"}).y({.label = "density", .scale = Scale::log, .low = 1e-5 * peak});
  std::vector<double> shown = density;
  for (double& value : shown) value = std::max(value, 1e-5 * peak);
  panel.line(x, shown, {.colour = 0});
  for (const double value : c.top) panel.x_mark(value);
  section.figure(figure, "curvature");
  folder.write_figure("curvature", figure);
}

}  // namespace turnpike
