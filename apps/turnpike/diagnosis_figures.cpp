// The sections of a diagnosis.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <turnpike/analysis/principal_axes.h>
#include <turnpike/net/examples.h>
#include <turnpike/report/text.h>
#include <turnpike/train/evaluate.h>

#include "diagnosis.h"

namespace turnpike {
namespace {

using Column = std::vector<double>;

constexpr std::int64_t most_samples_drawn = 1500;
constexpr std::int64_t most_paths_drawn = 150;
constexpr std::int64_t most_path_points = 200;
constexpr long plane_points = 100;  // along each axis
constexpr std::int64_t most_classes_tabled = 12;

Column column_of(const Tensor& values) {
  const Tensor plain = values.to(at::kDouble).contiguous();
  return {plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel()};
}

// Classes for the colours of samples: the truth, or for a regression the quarter of the target, or nothing.
struct Colours {
  std::vector<int> labels;
  std::vector<std::string> names;
};

Colours colours_of(const Model& model, const Dataset& data, const std::vector<std::int64_t>& rows,
                   const Predictions& predictions) {
  Colours colours;
  const Tensor index = index_tensor(rows);
  if (model.spec.coding != TargetCoding::real) {
    const Tensor classes = (data.y.defined() ? data.y : predictions.classes).index_select(0, index);
    for (std::int64_t i = 0; i < classes.numel(); ++i)
      colours.labels.push_back(static_cast<int>(classes[i].item<std::int64_t>()));
    for (const std::string& name : model.schema.classes) colours.names.push_back(literal(name));
    return colours;
  }
  const Tensor target = (data.y.defined() ? data.y : predictions.outputs).to(at::kDouble).select(1, 0);
  const Tensor quarters = at::quantile(target, at::tensor({0.25, 0.5, 0.75}, at::kDouble));
  const Tensor chosen = target.index_select(0, index);
  for (std::int64_t i = 0; i < chosen.numel(); ++i)
    colours.labels.push_back(static_cast<int>((chosen[i] > quarters).sum().item<std::int64_t>()));
  colours.names = {"lowest quarter", "second", "third", "highest quarter"};
  return colours;
}

// A plane of inputs: the two inputs themselves, or the two principal axes of the standardised inputs, through their
// mean.
struct InputPlane {
  bool principal = false;
  PrincipalAxes axes;
  std::string x_label, y_label;
  double explained = 1;

  Tensor project(const Model& model, const Tensor& x) const {  // [N, n] -> [N, 2]
    return principal ? axes.project(model.standardiser.apply(x)) : x;
  }
  Tensor lift(const Model& model, const Tensor& points) const {  // [n, 2] -> [n, n_features]
    return principal ? model.standardiser.invert(axes.mean + at::mm(points, axes.axes)) : points;
  }
};

InputPlane input_plane(const Model& model, const Tensor& x) {
  const std::vector<std::string> names = model.schema.input_names();
  if (model.spec.n_features == 2) return {false, {}, literal(names.at(0)), literal(names.at(1)), 1};
  InputPlane plane{.principal = true, .axes = principal_axes(model.standardiser.apply(x), 2)};
  plane.explained = plane.axes.explained[0] + plane.axes.explained[1];
  const auto label = [&](const char* which, double part) {
    return fmt::format("{} principal axis ({:.0f} %)", which, 100 * part);
  };
  plane.x_label = label("first", plane.axes.explained[0]);
  plane.y_label = label("second", plane.axes.explained[1]);
  return plane;
}

struct Range {
  double low, high;
};

Range range_of(const Tensor& values, double margin) {
  const double low = values.min().item<double>(), high = values.max().item<double>();
  const double room = std::max(high - low, 1e-12) * margin;
  return {low - room, high + room};
}

// One grid an output of `value` over the box of the points.
std::vector<Grid> plane_grids(const Model& model, const InputPlane& plane, const Tensor& points) {
  const Range x = range_of(points.select(1, 0), 0.08), y = range_of(points.select(1, 1), 0.08);
  const Tensor xs = at::linspace(x.low, x.high, plane_points, at::kDouble),
               ys = at::linspace(y.low, y.high, plane_points, at::kDouble);
  const std::vector<Tensor> mesh = at::meshgrid({ys, xs}, "ij");
  const Tensor nodes = at::stack({mesh[1].reshape({-1}), mesh[0].reshape({-1})}, 1);  // x fastest
  std::vector<Tensor> parts;
  for (const Tensor& some : nodes.split(2000)) {
    const Predictions predictions = predict(model, plane.lift(model, some));
    parts.push_back(predictions.probabilities.defined() ? predictions.probabilities : predictions.outputs);
  }
  const Tensor values = at::cat(parts);
  std::vector<Grid> grids;
  for (std::int64_t c = 0; c < values.size(1); ++c)
    grids.push_back({x.low, x.high, y.low, y.high, plane_points, plane_points, column_of(values.select(1, c))});
  return grids;
}

// One input: outputs or probabilities as curves over it.
Figure curve_figure(const DiagnosisTask& task, const Tensor& x, const std::vector<std::int64_t>& rows) {
  const Model& model = task.model;
  const bool regress = model.spec.coding == TargetCoding::real;
  Figure figure(
      {.title = regress ? "What the network computes" : "Probabilities of the classes",
       .caption = regress ? "The prediction as a curve, with the samples." : "What the outputs say of each class."});
  const Range range = range_of(x, 0.05);
  const Tensor nodes = at::linspace(range.low, range.high, 400, at::kDouble).unsqueeze(1);
  const Predictions predictions = predict(model, nodes);
  Panel& panel = figure.panel();
  panel.x({.label = literal(model.schema.input_names().at(0))});
  if (regress) {
    const std::string name = literal(model.schema.targets.at(0).name);
    panel.y({.label = name});
    if (task.data.y.defined())
      panel.points(column_of(x), column_of(task.data.y.index_select(0, index_tensor(rows)).select(1, 0)),
                   {.label = "measured", .colour = 0, .opacity = 0.6, .marker = Marker::circle, .size = 4});
    panel.line(column_of(nodes), column_of(predictions.outputs.select(1, 0)),
               {.label = "predicted", .colour = 1, .width = 2.2});
    return figure;
  }
  panel.y({.label = "probability", .low = 0, .high = 1});
  for (std::size_t c = 0; c < model.schema.classes.size() && c < n_colours; ++c)
    panel.line(column_of(nodes), column_of(predictions.probabilities.select(1, static_cast<std::int64_t>(c))),
               {.label = literal(model.schema.classes[c]), .colour = static_cast<int>(c)});
  return figure;
}

// [n, N, d] states of some samples at all depths, and their colours.
struct Paths {
  std::vector<double> times;
  Tensor states;
  Colours colours;
};

Paths paths_of(const DiagnosisTask& task, const Diagnosis& diagnosis, std::int64_t most) {
  at::NoGradGuard no_gradient;
  const Model& model = task.model;
  const std::vector<std::int64_t> rows = thinned(task.data.size(), most);
  const Tensor x0 = model.lift(model.standardise(task.data.batch(rows, model.dtype()).x));
  const Roll roll = model.flow.roll(x0, model.control.detach(), {.save = Save::all});
  return {roll.times, roll.states.to(at::kDouble), colours_of(model, task.data, rows, diagnosis.predictions)};
}

// The points (t, x) of states of one coordinate, [n, N, 2].
Tensor against_depth(const Paths& paths) {
  return at::stack({at::tensor(paths.times, at::kDouble).view({-1, 1}).expand_as(paths.states.select(2, 0)),
                    paths.states.select(2, 0)},
                   2);
}

void draw_paths(Section& section, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis) {
  const Model& model = task.model;
  const Paths paths = paths_of(task, diagnosis, most_samples_drawn);
  const bool line = model.spec.width == 1, flat = model.spec.width == 2;
  const PrincipalAxes axes = line || flat ? PrincipalAxes{} : principal_axes(paths.states, 2);
  const Tensor plane = line ? against_depth(paths) : flat ? paths.states : axes.project(paths.states);  // [n, N, 2]
  const auto label = [&](int axis) {
    return line   ? std::string(axis == 0 ? "depth $t$" : "$x$")
           : flat ? fmt::format("$x_{}$", axis + 1)
                  : fmt::format("{} principal axis ({:.0f} %)", axis == 0 ? "first" : "second",
                                100 * axes.explained[static_cast<std::size_t>(axis)]);
  };
  const std::int64_t n_times = plane.size(0), n_samples = plane.size(1);

  Figure figure({.title = "Samples on their way through depth",
                 .caption = fmt::format("Paths of {} samples from depth 0 to {} (dots: where they end){}.{}",
                                        std::min(n_samples, most_paths_drawn), format_number(model.spec.horizon),
                                        line ? "" : ", and all of them at five depths",
                                        line || flat ? "" : " Projected on the plane in which the states spread most."),
                 .columns = 2});
  const std::vector<std::int64_t> depths = thinned(n_times, most_path_points),
                                  chosen = thinned(n_samples, most_paths_drawn);
  std::vector<Column> xs, ys;
  std::vector<int> labels;
  for (const std::int64_t i : chosen) {
    Column x, y;
    for (std::int64_t k : depths) {
      x.push_back(plane[k][i][0].item<double>());
      y.push_back(plane[k][i][1].item<double>());
    }
    x.push_back(plane[n_times - 1][i][0].item<double>());
    y.push_back(plane[n_times - 1][i][1].item<double>());
    xs.push_back(std::move(x));
    ys.push_back(std::move(y));
    labels.push_back(paths.colours.labels[static_cast<std::size_t>(i)]);
  }
  figure.panel("Paths").x({.label = label(0)}).y({.label = label(1)}).trajectories(xs, ys, labels, paths.colours.names);
  for (const double part : {0.0, 0.02, 0.05, 0.2, 1.0}) {
    if (line) break;
    const auto k = static_cast<std::int64_t>(std::llround(part * static_cast<double>(n_times - 1)));
    figure.panel(fmt::format("$t$ = {}", format_number(paths.times[static_cast<std::size_t>(k)], 3)))
        .x({.label = label(0)})
        .y({.label = label(1)})
        .classes(column_of(plane[k].select(1, 0)), column_of(plane[k].select(1, 1)), paths.colours.labels, {},
                 {.opacity = 0.7, .size = 4});
  }
  section.figure(figure, "trajectories");
  folder.write_figure("trajectories", figure);
}

std::string decay_prose(const char* what, const Decay& decay) {
  return fmt::format("**{}**: {}.", what, literal(decay.text));
}

void draw_decay(Section& section, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis) {
  Figure figure(
      {.title = "Cost and control through depth",
       .caption = fmt::format(
           "{}the size of the control $|u(t)|$, on logarithmic axes. Dashed: the exponential that fits the "
           "window named in the text.",
           diagnosis.profile ? fmt::format("Mean cost $\\varphi(x(t))$ on the {} part, and ", task.profiled_part)
                             : "")});
  if (diagnosis.profile) {
    Panel& panel = figure.panel("Cost");
    panel.x({.label = "depth $t$"})
        .y({.label = "$\\varphi(x(t))$", .scale = Scale::log})
        .line(diagnosis.profile->times, diagnosis.profile->cost, {.label = "$\\varphi(x(t))$", .colour = 0});
    if (diagnosis.cost_decay.verdict == DecayVerdict::exponential) {
      panel.fit(diagnosis.cost_decay.fit, diagnosis.cost_decay.start, diagnosis.cost_decay.end);
    } else {
      // What rounding leaves of the difference would fill the axis with noise.
      Column excess = diagnosis.excess;
      const double rounding = 1e-13 * diagnosis.profile->cost.front();
      for (double& value : excess)
        if (value < rounding) value = std::numeric_limits<double>::quiet_NaN();
      panel.line(diagnosis.profile->times, excess,
                 {.label = "$\\varphi(x(t)) - \\varphi(x(T))$", .colour = 2, .dash = Dash::dotted});
      if (diagnosis.excess_decay.verdict == DecayVerdict::exponential)
        panel.fit(diagnosis.excess_decay.fit, diagnosis.excess_decay.start, diagnosis.excess_decay.end);
    }
    if (diagnosis.cut) panel.x_mark(diagnosis.cut->time, "$t^*$");
  }
  Panel& panel = figure.panel("Control");
  panel.x({.label = "depth $t$"}).y({.label = "$|u(t)|$", .scale = Scale::log});
  const std::vector<double>& knots = task.model.flow.grid.knots();
  // What is zero but for rounding would stretch the axis over all the powers of ten in between.
  Column size = diagnosis.control_norm;
  const double rounding = 1e-12 * *std::max_element(size.begin(), size.end());
  bool rests = false;
  for (double& value : size) {
    if (value > rounding) continue;
    value = std::numeric_limits<double>::quiet_NaN();
    rests = true;
  }
  const Look look{.label = rests ? "$|u(t)|$ (gaps: zero)" : "$|u(t)|$", .colour = 1};
  switch (task.model.spec.control) {
    case ControlKind::constant: panel.steps(knots, size, look); break;
    case ControlKind::shared: panel.steps({knots.front(), knots.back()}, size, look); break;
    case ControlKind::linear: panel.line(diagnosis.control_times, size, look); break;
  }
  if (diagnosis.control_decay.verdict == DecayVerdict::exponential)
    panel.fit(diagnosis.control_decay.fit, diagnosis.control_decay.start, diagnosis.control_decay.end);
  if (diagnosis.profile) {
    section.prose(decay_prose("The cost", diagnosis.cost_decay));
    if (diagnosis.cost_decay.verdict != DecayVerdict::exponential)
      section.prose(decay_prose("The cost above its static value $\\varphi(x(T))$", diagnosis.excess_decay));
  }
  section.prose(decay_prose("The control", diagnosis.control_decay));
  section.figure(figure, "decay");
  folder.write_figure("decay", figure);
}

void draw_jacobian(Section& section, RunFolder& folder, const Diagnosis& diagnosis) {
  const SingularProfile& s = diagnosis.singular;
  Figure figure(
      {.title = "How the flow stretches distances",
       .caption = fmt::format(
           "Left: largest and smallest singular value of $\\partial x(t) / \\partial x(0)$ over {} samples (band: all "
           "of them, line: median). Right: amplification $M(t)$ from below, by {}.",
           s.values.size(1), literal(diagnosis.amplification.domain))});
  figure.panel("Singular values")
      .x({.label = "depth $t$"})
      .y({.label = "singular value", .scale = Scale::log})
      .band(s.times, s.largest.low, s.largest.high, {.colour = 0})
      .line(s.times, s.largest.median, {.label = "largest", .colour = 0})
      .band(s.times, s.smallest.low, s.smallest.high, {.colour = 1})
      .line(s.times, s.smallest.median, {.label = "smallest", .colour = 1})
      .y_mark(1);
  const Amplification& m = diagnosis.amplification;
  figure.panel("Amplification")
      .x({.label = "depth $t$"})
      .y({.label = "$M(t)$", .scale = Scale::log})
      .line(m.times, m.singular, {.label = "largest $\\sigma_1$", .colour = 2})
      .line(m.times, m.pairs, {.label = "largest ratio of pairs", .colour = 3, .dash = Dash::dashed})
      .y_mark(1);
  section.figure(figure, "jacobian");
  folder.write_figure("jacobian", figure);
}

}  // namespace

void draw_decisions(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis) {
  const Model& model = task.model;
  const bool regress = model.spec.coding == TargetCoding::real;
  const std::vector<std::int64_t> rows = thinned(task.data.size(), most_samples_drawn);
  const Tensor x = task.data.batch(rows, at::kDouble).x;
  Section& section = page.section(regress ? "What it predicts" : "What it decides");
  if (model.spec.n_features == 1) {
    const Figure figure = curve_figure(task, x, rows);
    section.figure(figure, "decisions");
    folder.write_figure("decisions", figure);
    return;
  }
  const InputPlane plane = input_plane(model, x);
  const Tensor points = plane.project(model, x);
  const std::vector<Grid> grids = plane_grids(model, plane, points);
  const Colours colours = colours_of(model, task.data, rows, diagnosis.predictions);
  Figure figure(
      {.title = regress ? "The prediction over the inputs" : "Decision regions",
       .caption = fmt::format(
           "{} with the {} samples{}{}.",
           regress ? "Predicted value" : "The class with the largest probability, stronger where it leads,", task.part,
           rows.size() < static_cast<std::size_t>(task.data.size()) ? fmt::format(" ({} of them)", rows.size()) : "",
           plane.principal
               ? fmt::format(". The plane holds the two principal axes of the standardised inputs ({:.0f} % of their "
                             "variance) and their mean; samples lie beside it, so that colours need not agree",
                             100 * plane.explained)
               : "")});
  Panel& panel = figure.panel();
  panel.x({.label = plane.x_label}).y({.label = plane.y_label});
  const Grid& box = grids.at(0);
  const double shape = (box.x_high - box.x_low) / (box.y_high - box.y_low);
  if (shape > 0.4 && shape < 2.5) panel.equal_aspect();  // the two axes seem to have one unit
  if (regress) {
    panel.heat(grids.at(0), {.label = literal(model.schema.targets.at(0).name)});
    panel.points(column_of(points.select(1, 0)), column_of(points.select(1, 1)),
                 {.label = "samples", .colour = ink::text, .opacity = 0.5, .marker = Marker::circle, .size = 3});
  } else {
    panel.regions(grids);
    panel.classes(column_of(points.select(1, 0)), column_of(points.select(1, 1)), colours.labels, colours.names);
  }
  section.figure(figure, "decisions");
  folder.write_figure("decisions", figure);
}

void draw_errors(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis) {
  if (!diagnosis.labelled) return;
  const Model& model = task.model;
  if (model.spec.coding == TargetCoding::real) {
    Section& section = page.section("Residuals");
    for (std::size_t k = 0; k < model.schema.targets.size(); ++k) {
      const auto column = static_cast<std::int64_t>(k);
      const Tensor predicted = diagnosis.predictions.outputs.select(1, column),
                   measured = task.data.y.select(1, column);
      const Column p = column_of(predicted), m = column_of(measured), r = column_of(measured - predicted);
      const std::string name = literal(model.schema.targets[k].name);
      Figure figure({.title = "Predicted and measured: " + name,
                     .caption = fmt::format("On the {} part ({} rows). On the dashed lines the prediction is exact.",
                                            task.part, p.size())});
      const Range range = range_of(at::cat({predicted, measured}), 0.03);
      const Look dots{.colour = static_cast<int>(k), .opacity = 0.6, .marker = Marker::circle, .size = 5};
      figure.panel("Predicted against measured")
          .x({.label = "measured"})
          .y({.label = "predicted"})
          .points(m, p, dots)
          .line({range.low, range.high}, {range.low, range.high},
                {.colour = ink::text, .dash = Dash::dashed, .width = 1.2});
      figure.panel("Residuals")
          .x({.label = "predicted"})
          .y({.label = "measured $-$ predicted"})
          .points(p, r, dots)
          .y_mark(0);
      figure.panel("Their distribution")
          .x({.label = "measured $-$ predicted"})
          .y({.label = "rows"})
          .histogram(r, {.colour = static_cast<int>(k)});
      const std::string file = model.schema.targets.size() == 1 ? "residuals" : fmt::format("residuals-{}", k + 1);
      section.figure(figure, file);
      folder.write_figure(file, figure);
    }
    return;
  }
  const std::int64_t n = model.schema.n_outputs();
  const Tensor counts =
      at::bincount(task.data.y * n + diagnosis.predictions.classes, {}, n * n).view({n, n});  // [true, predicted]
  Section& section = page.section("Confusion");
  if (n <= most_classes_tabled) {
    Table table{.head = {"true class"},
                .caption = fmt::format("Rows of the {} part, by true and by predicted class.", task.part)};
    for (const std::string& name : model.schema.classes) table.head.push_back("as " + literal(name));
    table.head.push_back("right");
    for (std::int64_t c = 0; c < n; ++c) {
      std::vector<Cell> row = {literal(model.schema.classes[static_cast<std::size_t>(c)])};
      for (std::int64_t d = 0; d < n; ++d) row.emplace_back(static_cast<long>(counts[c][d].item<std::int64_t>()));
      const double all = counts[c].sum().item<double>();
      row.emplace_back(all > 0 ? fmt::format("{:.1f} %", 100 * counts[c][c].item<double>() / all) : "-");
      table.rows.push_back(std::move(row));
    }
    section.table(table);
    return;
  }
  const Tensor shares = counts.to(at::kDouble) / counts.sum(1, true).clamp_min(1);
  Figure figure(
      {.title = "Confusion matrix",
       .caption = fmt::format(
           "Share of each true class of the {} part that is taken for each class; classes by number.", task.part)});
  figure.panel()
      .x({.label = "predicted class"})
      .y({.label = "true class"})
      .heat({0, static_cast<double>(n - 1), 0, static_cast<double>(n - 1), static_cast<long>(n), static_cast<long>(n),
             column_of(shares)},
            {.label = "share", .low = 0, .high = 1, .smooth = false});
  section.figure(figure, "confusion");
  folder.write_figure("confusion", figure);
}

void draw_depth(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis) {
  draw_paths(page.section("What depth does"), folder, task, diagnosis);
  Section& turnpike = page.section("The turnpike");
  turnpike.prose(
      "Where the running cost is small and moving costs, the best thing to do is to go to where the cost is small and "
      "stay there. "
      "Theory promises (for enough control, and a running cost) that cost and control then fall exponentially:");
  turnpike.formula("\\varphi(x(t)) \\le C_1\\, e^{-\\mu t}, \\qquad |u(t)| \\le C_2\\, e^{-\\mu t/2}");
  if (diagnosis.profile && diagnosis.cost_decay.verdict != DecayVerdict::exponential) {
    turnpike.prose(
        "Where there are more samples than the control can steer one by one, the cost cannot fall to zero. It then "
        "falls to a static "
        "value, and what it is above it goes with the square of the control (at an optimum with an L2 penalty and a "
        "running cost alone):");
    turnpike.formula("\\varphi(x(t)) - \\varphi(x(T)) = \\lambda\\, |u(t)|^2");
  }
  draw_decay(turnpike, folder, task, diagnosis);
  Section& stability = page.section("Stability through depth");
  stability.formula(
      "M(t) = \\sup_{y, \\tilde y} \\frac{|y(t) - \\tilde y(t)|}{|y(0) - \\tilde y(0)|}, \\qquad \\sigma_i(t) = "
      "\\sigma_i\\left(\\frac{\\partial x(t)}{\\partial x(0)}\\right)");
  draw_jacobian(stability, folder, diagnosis);
}

void draw_cut(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis,
              const std::string& outcome) {
  if (!diagnosis.cut) return;
  const LayerCut& cut = *diagnosis.cut;
  const bool regress = task.model.spec.coding == TargetCoding::real;
  Section& section = page.section("How many layers are needed");
  const std::string epsilon = regress ? fmt::format("{} % of its error", format_number(100 * task.epsilon))
                                      : fmt::format("{} % of the rows", format_number(100 * task.epsilon));
  section.prose(
      fmt::format("The network of the first layers alone is the same flow, stopped earlier. $t^*$ is the earliest such "
                  "cut whose score on "
                  "the {} part differs from the full network's by less than {}: **{} of {} layers**, $t^*$ = {}. {}",
                  task.judged_part, epsilon, cut.layers, task.model.spec.layers, format_number(cut.time, 4), outcome));
  Column scores = cut.scores;
  if (!regress)
    for (double& score : scores) score *= 100;
  const auto shown = [&](double score) { return regress ? score : 100 * score; };
  Figure figure({.title = "Score of every cut",
                 .caption = fmt::format(
                     "Score on the {} part of the network that ends at depth $t$; depth 0 reads the lifted input.",
                     task.judged_part)});
  figure.panel()
      .x({.label = "depth $t$ of the cut"})
      .y({.label = regress ? "RMSE" : "accuracy (%)"})
      .line(cut.times, scores, {.label = "cut network", .colour = 0})
      .y_mark(shown(cut.full_score), "full network")
      .x_mark(cut.time, fmt::format("$t^*$: {} layers", cut.layers));
  section.figure(figure, "cut");
  folder.write_figure("cut", figure);
}

}  // namespace turnpike
