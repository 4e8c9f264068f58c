#include "simulate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include <turnpike/report/text.h>

namespace turnpike {
namespace {

constexpr std::int64_t most_columns = 320, most_rows = 200;  // of a picture

// At most `most` of n indices, evenly, both ends among them.
std::vector<std::int64_t> thinned(std::int64_t n, std::int64_t most) {
  std::vector<std::int64_t> out;
  const std::int64_t kept = std::min(n, most);
  for (std::int64_t k = 0; k < kept; ++k) out.push_back(kept == 1 ? 0 : k * (n - 1) / (kept - 1));
  return out;
}

// Of a complex field the modulus.
double shown_value(const SimulatedField& field, std::int64_t i) {
  return field.imaginary.empty() ? field.values[i] : std::hypot(field.values[i], field.imaginary[i]);
}

std::string shown_name(const SimulatedField& field) {
  return field.imaginary.empty() ? literal(field.name) : "|" + literal(field.name) + "|";
}

// What swings about zero is drawn about zero. `share` of the values on either side get the last colour: a body's
// surface would take them all.
Heat heat_for(std::vector<double> values, double share, const std::string& label) {
  std::sort(values.begin(), values.end());
  const std::size_t cut = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  const double low = values[cut], high = values[values.size() - 1 - cut];
  const double most = std::max(-low, high);
  if (low < -0.2 * high && high > -0.2 * low)
    return {.label = label, .map = ColourMap::diverging, .low = -most, .high = most};
  return {.label = label, .low = low, .high = high > low ? high : low + 1};
}

void draw_space_time(Figure& figure, const SimulationReport& report, const SimulatedField& field) {
  const Solution& run = report.solution;
  const std::vector<double> x = run.axes[0].points();
  const auto n_t = static_cast<std::int64_t>(run.times.size());
  const auto columns = thinned(run.axes[0].n, most_columns), rows = thinned(n_t, most_rows);
  Grid grid{.x_low = x.front(),
            .x_high = x.back(),
            .y_low = run.times.front(),
            .y_high = run.times.back(),
            .n_x = static_cast<long>(columns.size()),
            .n_y = static_cast<long>(rows.size())};
  for (const std::int64_t t : rows)
    for (const std::int64_t i : columns) grid.values.push_back(shown_value(field, i * n_t + t));
  const Heat heat = heat_for(grid.values, 0, shown_name(field));
  figure.panel(shown_name(field))
      .x({.label = literal(run.axes[0].name)})
      .y({.label = literal(report.problem.equation.time)})
      .heat(std::move(grid), heat);
}

// Four frames of a field over the plane, in the colours of all of them.
void draw_plane(Figure& figure, const SimulationReport& report, const SimulatedField& field) {
  const Solution& run = report.solution;
  const auto n_t = static_cast<std::int64_t>(run.times.size());
  const std::vector<double> x = run.axes[0].points(), y = run.axes[1].points();
  const auto columns = thinned(run.axes[0].n, most_columns), rows = thinned(run.axes[1].n, most_rows);
  std::vector<Grid> grids;
  std::vector<double> all;
  const std::vector<std::int64_t> frames = thinned(n_t, 4);
  for (const std::int64_t t : frames) {
    Grid& grid = grids.emplace_back(Grid{.x_low = x.front(),
                                         .x_high = x.back(),
                                         .y_low = y.front(),
                                         .y_high = y.back(),
                                         .n_x = static_cast<long>(columns.size()),
                                         .n_y = static_cast<long>(rows.size())});
    for (const std::int64_t j : rows)
      for (const std::int64_t i : columns) grid.values.push_back(shown_value(field, (i * run.axes[1].n + j) * n_t + t));
    all.insert(all.end(), grid.values.begin(), grid.values.end());
  }
  const Heat heat = heat_for(all, 0.005, shown_name(field));
  for (std::size_t k = 0; k < frames.size(); ++k)
    figure
        .panel(fmt::format("{}, {} = {:.4g}", shown_name(field), literal(report.problem.equation.time),
                           run.times[frames[k]]))
        .x({.label = literal(run.axes[0].name)})
        .y({.label = literal(run.axes[1].name)})
        .equal_aspect()
        .heat(std::move(grids[k]), heat);
}

void draw_trajectory(Figure& figure, const SimulationReport& report) {
  const Solution& run = report.solution;
  Panel& panel = figure.panel("over time").x({.label = literal(report.problem.equation.time)});
  for (const SimulatedField& field : run.fields)
    panel.line(run.times, field.values, {.label = literal(field.name), .width = 1.2});
  const SimulatedField &first = run.fields.front(), &last = run.fields.back();
  figure.panel("in phase space")
      .x({.label = literal(first.name)})
      .y({.label = literal(last.name)})
      .line(first.values, last.values, {.width = 0.8});
}

Figure field_figure(const SimulationReport& report) {
  const Solution& run = report.solution;
  const std::size_t dimensions = run.axes.size();
  Figure figure({.title = report.simulator->title, .columns = dimensions == 1 ? 0 : 2});
  if (dimensions == 0) draw_trajectory(figure, report);
  for (std::size_t k = 0; k < run.fields.size() && dimensions > 0; ++k) {
    if (dimensions == 1) draw_space_time(figure, report, run.fields[k]);
    if (dimensions == 2 && report.problem.equation.fields[k].role == FieldRole::evolved)
      draw_plane(figure, report, run.fields[k]);
  }
  return figure;
}

Figure laws_figure(const SimulationReport& report) {
  Figure figure({.title = "What is conserved, and what falls",
                 .caption = "Distance of each constant from its first value, relative to it where it is not zero; "
                            "what falls, over its first value."});
  Panel* constants = nullptr;
  Panel* falling = nullptr;
  for (const InvariantCurve& curve : report.invariants) {
    std::vector<double> shown;
    const double first = curve.values.front(), scale = std::abs(first) > 1e-8 ? std::abs(first) : 1;
    for (const double value : curve.values)
      shown.push_back(curve.falling ? value / scale : std::max(std::abs(value - first) / scale, 1e-17));
    Panel*& panel = curve.falling ? falling : constants;
    if (!panel)
      panel = &figure.panel(curve.falling ? "falls" : "is constant")
                   .x({.label = literal(report.problem.equation.time)})
                   .y({.label = curve.falling ? "over the first value" : "relative change",
                       .scale = curve.falling ? Scale::linear : Scale::log});
    panel->line(curve.times, shown, {.label = literal(curve.name)});
  }
  return figure;
}

}  // namespace

void measure(SimulationReport& report) {
  const auto frames = thinned(static_cast<std::int64_t>(report.solution.times.size()), 101);
  for (const Invariant& invariant : report.simulator->invariants)
    report.invariants.push_back({invariant.name, invariant.formula, invariant.behaviour == Behaviour::falling, {}, {}});
  for (const std::int64_t t : frames) {
    const Frame frame = frame_of(report.solution, t);
    const double time = report.solution.times[t];
    for (std::size_t k = 0; k < report.invariants.size(); ++k) {
      report.invariants[k].times.push_back(time);
      report.invariants[k].values.push_back(report.simulator->invariants[k].value(report.problem, frame));
    }
    if (!report.problem.exact) continue;
    const auto exact = report.problem.exact(0, time);
    double most = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) most = std::max(most, std::abs(exact[i] - frame[0][i]));
    report.error_times.push_back(time);
    report.errors.push_back(most);
    report.exact_error = std::max(report.exact_error.value_or(0), most);
  }
}

Page simulate_page(const SimulationReport& report, RunFolder& folder) {
  const Solution& run = report.solution;
  Page page(report.simulator->title,
            fmt::format("{} frames to {} = {:.4g} in {:.3g} s.", run.times.size(),
                        literal(report.problem.equation.time), run.times.back(), report.seconds));
  if (report.failure.empty())
    page.status(Status::pass, "complete");
  else
    page.status(Status::fail, report.failure);

  const Figure field = field_figure(report);
  folder.write_figure("field", field);
  page.section("Solution").formula(report.simulator->formula).figure(field, "field");
  if (!report.invariants.empty()) {
    const Figure laws = laws_figure(report);
    folder.write_figure("laws", laws);
    Table table{.head = {"quantity", "law", "first", "last"}, .rows = {}, .caption = {}};
    for (const InvariantCurve& curve : report.invariants)
      table.rows.push_back({literal(curve.name) + ": " + literal(curve.formula),
                            curve.falling ? "falls" : "constant",
                            {curve.values.front(), 10},
                            {curve.values.back(), 10}});
    page.section("Laws").table(table).figure(laws, "laws");
  }
  if (!report.errors.empty()) {
    std::vector<double> shown = report.errors;
    for (double& error : shown) error = std::max(error, 1e-17);
    Figure figure({.title = "Distance to the exact solution",
                   .caption = "Largest over the grid. A solution of the whole line is met as far as the field is zero "
                              "where the domain closes."});
    figure.panel()
        .x({.label = literal(report.problem.equation.time)})
        .y({.label = "largest distance", .scale = Scale::log})
        .line(report.error_times, shown);
    folder.write_figure("exact", figure);
    page.section("Exact solution").figure(figure, "exact");
  }
  std::vector<std::pair<std::string, std::string>> settings = {
      {"grid and initial state", literal(report.simulator->source)},
      {"steps", fmt::format("{} steps, {} evaluations", run.steps, run.evaluations)}};
  std::istringstream lines(report.problem.equation.text());
  for (std::string line; std::getline(lines, line);) settings.emplace_back("equation", "`" + line + "`");
  for (const SpaceAxis& axis : run.axes)
    settings.emplace_back(literal(axis.name), fmt::format("{} points on [{:.6g}, {:.6g}{}", axis.n, axis.low, axis.high,
                                                          axis.periodic ? "), periodic" : "]"));
  page.section("How").definitions(settings);
  return page;
}

}  // namespace turnpike
