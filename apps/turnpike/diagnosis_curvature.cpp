#include "diagnosis_curvature.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/flow/cost.h>
#include <turnpike/math/random.h>
#include <turnpike/report/text.h>
#include <turnpike/tangent/empirical.h>
#include <turnpike/train/checkpoint.h>

#include "diagnosis.h"

namespace turnpike {
namespace {

constexpr double work_of_a_product = 4e6;  // rows x layers x parameters of a layer
constexpr std::int64_t fewest_rows = 32, most_rows = 1000;
constexpr std::int64_t products_for_layers = 100, products_of_a_layer = 8;  // as Lanczos takes; fewer parameters: fewer

}  // namespace

std::optional<UsedStep> used_step(const std::string& model_path) {
  if (std::filesystem::path(model_path).filename() != checkpoint_name) return std::nullopt;
  const std::map<std::string, std::string> settings = load_checkpoint(model_path).settings;
  const auto optimiser = settings.find("optimiser"), rate = settings.find("rate");
  if (optimiser == settings.end() || rate == settings.end()) return std::nullopt;
  return UsedStep{optimiser->second, std::stod(rate->second)};
}

std::vector<std::int64_t> drawn(std::int64_t n, std::int64_t most) {
  std::vector<std::int64_t> rows = Random(seed_for(0, "rows of a diagnosis")).permutation(n);
  rows.resize(static_cast<std::size_t>(std::min(n, most)));
  std::sort(rows.begin(), rows.end());
  return rows;
}

Model in_float64(const Model& model) {
  Model other = model.clone();
  for (Tensor* tensor : {&other.control, &other.lift_weight, &other.lift_bias, &other.head_weight, &other.head_bias})
    if (tensor->defined()) *tensor = tensor->to(at::kDouble);
  return other;
}

std::optional<ModelCurvature> curvature_of(const Model& model, const Dataset& labelled,
                                           const std::vector<double>& times, std::optional<UsedStep> step,
                                           Progress& progress) {
  const auto work = static_cast<double>(model.spec.layers * model.flow.field->n_parameters());
  const auto affordable = static_cast<std::int64_t>(work_of_a_product / work);
  const std::vector<std::int64_t> rows = drawn(labelled.size(), std::clamp(affordable, fewest_rows, most_rows));
  const CostPtr cost = make_cost(model.spec.cost);
  Model twice = in_float64(model);
  const Examples data = twice.examples(labelled.batch(rows, at::kDouble));
  twice.flow.adjoint.kind = AdjointKind::autograd;
  const ParametricMap map = map_of(twice);
  const Loss loss = [&](const Tensor& theta) -> Tensor {
    return (*cost)(model.spec.horizon, map.f(data.x, theta), data.y).mean();
  };
  ModelCurvature result{.rows = static_cast<std::int64_t>(rows.size()), .step = std::move(step)};
  std::vector<CurvatureBlock> blocks;
  const std::int64_t size = model.control.size(1), each = std::min(size, products_of_a_layer);
  for (const std::int64_t k : thinned(model.control.size(0), products_for_layers / each)) {
    blocks.push_back({.name = fmt::format("layer {}", k), .range = {k * size, (k + 1) * size}});
    result.depth.push_back(times[static_cast<std::size_t>(k)]);
  }
  std::int64_t from = model.control.numel();
  for (const char* part : {"lift", "head"}) {
    std::int64_t to = from;
    for (const auto& [name, tensor] : model.parameters())
      if (name.starts_with(part)) to += tensor.numel();
    if (to > from) blocks.push_back({.name = part, .range = {from, to}});
    from = to;
  }
  try {
    result.whole = curvature(loss, map.theta, std::move(blocks), progress);
  } catch (const ContractError&) {
    throw;
  } catch (const Error& error) {
    progress.note(fmt::format("the curvature is left out: {}", error.what()));
    return std::nullopt;
  }
  return result;
}

nlohmann::ordered_json to_json(const ModelCurvature& curvature) {
  const Curvature& c = curvature.whole;
  nlohmann::ordered_json json = {{"rows", curvature.rows},
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
  if (curvature.step) {
    json["optimiser"] = curvature.step->optimiser;
    json["step"] = curvature.step->rate;
    json["sharpness_times_step_over_2"] = c.top.front() * curvature.step->rate / 2;
  }
  for (std::size_t i = 0; i < c.blocks.size(); ++i) {
    nlohmann::ordered_json block = {{"name", c.blocks[i].name}, {"largest", c.blocks[i].largest}};
    if (i < curvature.depth.size()) block["depth"] = curvature.depth[i];
    json["blocks"].push_back(std::move(block));
  }
  return json;
}

namespace {

void draw_density(Section& section, RunFolder& folder, const Curvature& c) {
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

void draw_blocks(Section& section, RunFolder& folder, const ModelCurvature& curvature) {
  const std::vector<CurvatureBlock>& blocks = curvature.whole.blocks;
  const std::size_t n_layers = curvature.depth.size();
  if (n_layers < 2) return;
  std::vector<double> largest;
  for (std::size_t i = 0; i < n_layers; ++i) largest.push_back(blocks[i].largest);
  Figure figure({.title = "Curvature of single layers",
                 .caption = "The largest eigenvalue of the Hessian's block of one layer, where all other numbers stay "
                            "as they are: never above that of the whole."});
  Panel& panel = figure.panel();
  panel.x({.label = "depth $t$ of the layer"}).y({.label = "largest eigenvalue of its block", .scale = Scale::log});
  panel.line(curvature.depth, largest, {.label = "layers", .colour = 0, .marker = Marker::circle, .size = 4});
  panel.y_mark(curvature.whole.top.front(), "whole Hessian");
  for (std::size_t i = n_layers; i < blocks.size(); ++i)
    panel.y_mark(blocks[i].largest, blocks[i].name,
                 {.colour = static_cast<int>(1 + i - n_layers), .dash = Dash::dotted});
  section.figure(figure, "curvature-layers");
  folder.write_figure("curvature-layers", figure);
}

}  // namespace

void draw_curvature(Page& page, RunFolder& folder, const ModelCurvature& curvature) {
  const Curvature& c = curvature.whole;
  const std::optional<UsedStep>& step = curvature.step;
  Section& section = page.section("Curvature of the loss");
  section.formula(
      "L(\\theta) = \\frac{1}{N} \\sum_i g(T, z_i; y_i), \\qquad H = \\nabla^2 L(\\theta), \\qquad \\eta < "
      "\\frac{2}{\\lambda_{\\max}}");
  std::string prose = fmt::format(
      "The Hessian of the terminal loss in all {} trained numbers, on {} rows drawn at random, known by {} products. "
      "Loss {}, gradient "
      "{}. ",
      c.parameters, curvature.rows, c.products, format_number(c.loss), format_number(c.gradient));
  if (c.top.front() > 0) {
    prose += fmt::format("Plain gradient descent can rest here with steps up to $2/\\lambda_{{\\max}}$ = **{}**. ",
                         format_number(2 / c.top.front(), 3));
    if (step)
      prose += fmt::format("The checkpoint's optimiser is `{}` with step {}: {} of that limit{}. ", step->optimiser,
                           format_number(step->rate), format_number(c.top.front() * step->rate / 2, 3),
                           step->optimiser == "sgd" ? "" : ", which binds plain gradient descent only");
  }
  section.prose(prose);
  section.facts({{format_number(c.top.front()), "largest eigenvalue"},
                 {format_number(c.trace.value), "trace",
                  fmt::format("{} to {}", format_number(c.trace.low), format_number(c.trace.high))},
                 {fmt::format("{:.0f} %", 100 * c.negative.value), "of eigenvalues below zero",
                  std::isfinite(c.negative.standard_error)
                      ? fmt::format("standard error {:.0f} %", 100 * c.negative.standard_error)
                      : ""}});
  draw_density(section, folder, c);
  draw_blocks(section, folder, curvature);
}

}  // namespace turnpike
