#include "diagnosis_kernel.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <turnpike/report/text.h>
#include <turnpike/tangent/empirical.h>

#include "diagnosis.h"

namespace turnpike {
namespace {

using Column = std::vector<double>;

constexpr std::int64_t most_modes = 600, most_modes_of_many_outputs = 1600, fewest_rows = 12;
constexpr double most_jacobian = 1.5e8;  // numbers of J, n o x parameters
constexpr double least_shown = 1e-4;     // of a loss
constexpr std::size_t n_modes_listed = 10, n_modes_drawn = 5;

Column column_of(const Tensor& values) {
  const Tensor plain = values.to(at::kDouble).contiguous();
  return {plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel()};
}

Column first_of(const Tensor& values) {
  Column all = column_of(values);
  all.resize(std::min(all.size(), n_modes_listed));
  return all;
}

// 0: not affordable
std::int64_t affordable_rows(std::int64_t outputs, std::int64_t parameters) {
  const auto by_memory = static_cast<std::int64_t>(most_jacobian / static_cast<double>(parameters));
  const std::int64_t rows = std::max(std::min(most_modes, by_memory) / outputs, fewest_rows);
  return rows * outputs <= most_modes_of_many_outputs ? rows : 0;
}

// The time by which the loss has fallen to the fraction of what it was; infinite where too much lies in modes that are
// never learned.
double time_to(double fraction, const Tensor& shares, const Tensor& rates) {
  const double fastest = rates[0].item<double>();
  if (fastest <= 0) return std::numeric_limits<double>::infinity();
  double low = -14 + std::log(1 / fastest), high = 60 + std::log(1 / fastest);
  if (loss_left(shares, rates, std::exp(high)) > fraction) return std::numeric_limits<double>::infinity();
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (loss_left(shares, rates, std::exp(middle)) > fraction ? low : high) = middle;
  }
  return std::exp(high);
}

bool holds_any(const Tensor& shares) {
  return shares.sum().item<double>() > 0;
}

void draw_spectrum(Section& section, RunFolder& folder, const ModelKernel& kernel) {
  const KernelModes& modes = kernel.modes;
  Column index(static_cast<std::size_t>(modes.values.numel()));
  std::iota(index.begin(), index.end(), 1.0);
  Figure figure({.title = "Modes of the tangent kernel",
                 .caption = "Left: eigenvalues, by the number of samples. Right: what the leading modes hold of the "
                            "kernel's trace, of the labels about their mean, and of what is left to learn. The earlier "
                            "the labels' curve rises, the better the kernel suits them.",
                 .columns = 2});
  // Eigenvalues below the rounding of the largest are not known.
  Column values = column_of(modes.values / static_cast<double>(kernel.rows));
  for (double& value : values)
    if (value < 1e-14 * values.front()) value = std::numeric_limits<double>::quiet_NaN();
  figure.panel("spectrum")
      .x({.label = "mode $k$", .scale = Scale::log})
      .y({.label = "$\\lambda_k / n$", .scale = Scale::log})
      .line(index, values, {.colour = 0, .marker = Marker::circle, .size = 3});
  Panel& held = figure.panel("held by modes 1 to $k$");
  held.x({.label = "mode $k$", .scale = Scale::log}).y({.label = "share", .low = 0, .high = 1});
  const double trace = modes.values.sum().item<double>();
  if (trace > 0)
    held.line(index, column_of(modes.values.cumsum(0) / trace),
              {.label = "trace", .colour = ink::muted, .dash = Dash::dashed});
  if (holds_any(modes.label_shares))
    held.line(index, column_of(modes.label_shares.cumsum(0)), {.label = "labels", .colour = 0});
  if (kernel.square && holds_any(modes.residual_shares))
    held.line(index, column_of(modes.residual_shares.cumsum(0)), {.label = "residual", .colour = 1});
  section.figure(figure, "tangent-spectrum");
  folder.write_figure("tangent-spectrum", figure);
}

void draw_prediction(Section& section, RunFolder& folder, const ModelKernel& kernel) {
  const KernelModes& modes = kernel.modes;
  const double fastest = modes.rates[0].item<double>();
  const bool labels = holds_any(modes.label_shares), residual = kernel.square && holds_any(modes.residual_shares);
  if (fastest <= 0 || (!labels && !residual)) return;
  // From before the fastest mode moves to where a thousandth of the loss is left, or a million times the fastest.
  double end = 1e6 / fastest;
  const Tensor& shares = labels ? modes.label_shares : modes.residual_shares;
  end = std::clamp(3 * time_to(1e-3, shares, modes.rates), 100 / fastest, end);
  const double begin = 0.01 / fastest;
  Column times;
  for (int i = 0; i <= 200; ++i) times.push_back(begin * std::pow(end / begin, i / 200.0));
  Figure figure({.title = "The training that the kernel predicts",
                 .caption = fmt::format("Gradient flow of the linearised network on the square loss. Left: what is "
                                        "left of it. Right: the {} modes that hold most of {}, each on its own.",
                                        n_modes_drawn, labels ? "the labels" : "the residual"),
                 .columns = 2});
  const Axis time{.label = "time $t$ = step $\\times$ number of steps", .scale = Scale::log};
  Panel& whole = figure.panel("loss");
  whole.x(time).y({.label = "$L(t) / L(0)$", .scale = Scale::log, .low = least_shown, .high = 1.5});
  const auto curve = [&](const Tensor& of) {
    Column values;
    for (const double t : times) values.push_back(loss_left(of, modes.rates, t));
    return values;
  };
  if (labels) whole.line(times, curve(modes.label_shares), {.label = "labels, from their mean", .colour = 0});
  if (residual) whole.line(times, curve(modes.residual_shares), {.label = "what this network lacks", .colour = 1});
  Panel& single = figure.panel("its modes");
  single.x(time).y({.label = "$s_k\\, e^{-2 \\mu_k t}$", .scale = Scale::log, .low = least_shown, .high = 1.5});
  const Column all = column_of(shares), rates = column_of(modes.rates);
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return all[i] > all[j]; });
  order.resize(std::min(order.size(), n_modes_drawn));
  std::sort(order.begin(), order.end());
  for (const std::size_t k : order) {
    Column values;
    for (const double t : times) {
      const double left = all[k] * std::exp(-2 * rates[k] * t);
      values.push_back(left > 0.5 * least_shown ? left : std::numeric_limits<double>::quiet_NaN());
    }
    single.line(times, values, {.label = fmt::format("$k$ = {}", k + 1)});
  }
  section.figure(figure, "tangent-training");
  folder.write_figure("tangent-training", figure);
}

}  // namespace

std::optional<ModelKernel> kernel_of(const Model& model, const Dataset& labelled, std::optional<UsedStep> step,
                                     Progress& progress) {
  const std::int64_t outputs = model.spec.n_outputs;
  const std::int64_t affordable = affordable_rows(outputs, model.n_parameters());
  if (affordable == 0) {
    progress.note(fmt::format("the tangent kernel of {} outputs is left out: more than {} would be needed for {} rows",
                              outputs, most_modes_of_many_outputs, fewest_rows));
    return std::nullopt;
  }
  progress.update("tangent kernel", 0, 1, "");
  const Model twice = in_float64(model);
  const Examples data = twice.examples(labelled.batch(drawn(labelled.size(), affordable), at::kDouble));
  const Tensor y = model.spec.coding == TargetCoding::classes ? at::one_hot(data.y, outputs).to(at::kDouble) : data.y;
  const ParametricMap map = map_of(twice);
  const Tensor K = tangent_kernel(map, data.x), z = map(data.x);
  progress.update("tangent kernel", 1, 1, "");
  if (!K.isfinite().all().item<bool>() || !z.isfinite().all().item<bool>()) {
    progress.note("the tangent kernel is left out: it is not finite");
    return std::nullopt;
  }
  return ModelKernel{.modes = kernel_modes(K, z, y, /*weight=*/1),
                     .rows = y.size(0),
                     .outputs = outputs,
                     .parameters = map.theta.numel(),
                     .square = model.spec.cost == "mean_square",
                     .step = std::move(step)};
}

nlohmann::ordered_json to_json(const ModelKernel& kernel) {
  const KernelModes& modes = kernel.modes;
  nlohmann::ordered_json json = {{"rows", kernel.rows},
                                 {"outputs", kernel.outputs},
                                 {"parameters", kernel.parameters},
                                 {"trace", modes.values.sum().item<double>()},
                                 {"largest", first_of(modes.values)},
                                 {"effective_rank", modes.effective_rank},
                                 {"alignment", modes.alignment},
                                 {"rates", first_of(modes.rates)}};
  const auto curve = [&](const Tensor& shares) {
    return nlohmann::ordered_json{{"shares", first_of(shares)},
                                  {"cumulated", first_of(shares.cumsum(0))},
                                  {"time_to_half", time_to(0.5, shares, modes.rates)},
                                  {"time_to_a_hundredth", time_to(0.01, shares, modes.rates)}};
  };
  if (holds_any(modes.label_shares)) json["labels"] = curve(modes.label_shares);
  if (kernel.square && holds_any(modes.residual_shares)) json["residual"] = curve(modes.residual_shares);
  const double fastest = modes.rates[0].item<double>();
  if (fastest > 0) json["largest_stable_step"] = 2 / fastest;
  return json;
}

void draw_kernel(Page& page, RunFolder& folder, const ModelKernel& kernel) {
  const KernelModes& modes = kernel.modes;
  Section& section = page.section("Tangent kernel");
  section.formula(
      "K = J J', \\qquad K v_k = \\lambda_k v_k, \\qquad \\langle v_k, z(t) - y \\rangle = e^{-\\mu_k t} "
      "\\langle v_k, z(0) - y \\rangle, \\qquad \\mu_k = \\frac{2 \\lambda_k}{n}");
  std::string prose = fmt::format(
      "How a small step of training on one sample moves the output at another: $J$ holds the derivatives of {} on {} "
      "rows drawn at random for all {} trained numbers. As long as $K$ stays as it is, the square loss "
      "$\\frac{{1}}{{n}} \\sum |z_i - "
      "y_i|^2$ falls mode by mode at the rates $\\mu_k$. ",
      kernel.outputs == 1 ? "the output" : fmt::format("all {} outputs, taken together,", kernel.outputs), kernel.rows,
      kernel.parameters);
  const double fastest = modes.rates[0].item<double>();
  if (fastest > 0) {
    prose += fmt::format(
        "Gradient descent follows with steps well below $2/\\mu_1$ = **{}**{}. ", format_number(2 / fastest, 3),
        kernel.step ? fmt::format("; the checkpoint's step is {}", format_number(kernel.step->rate)) : "");
  } else {
    prose += "The kernel is zero: no step moves any output. ";
  }
  if (!kernel.square)
    prose +=
        "The network was trained with another cost; the prediction is that of the square loss on its coded labels. ";
  section.prose(prose);
  const double half = holds_any(modes.label_shares) ? time_to(0.5, modes.label_shares, modes.rates) : 0;
  section.facts(
      {{format_number(modes.effective_rank, 3), "effective rank", fmt::format("of {} modes", modes.values.numel())},
       {std::isnan(modes.alignment) ? "none" : format_number(modes.alignment, 3), "alignment with the labels",
        std::isnan(modes.alignment) ? "the labels are all alike" : "1: the kernel is the labels' own"},
       {!holds_any(modes.label_shares) ? "none" : format_number(half, 3), "time to learn half of the labels",
        std::isinf(half) ? "they lie where the kernel is zero" : "from their mean"}});
  draw_spectrum(section, folder, kernel);
  draw_prediction(section, folder, kernel);
}

}  // namespace turnpike
