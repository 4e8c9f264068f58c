#include "discover_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <turnpike/report/text.h>

namespace turnpike {
namespace {

constexpr std::int64_t most_columns = 320, most_rows = 200;  // of a picture
constexpr double least_residual = 1e-8;                      // of the path: below is round-off
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::size_t index(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

// Terms stand in the page as they stand in the answer.
Cell code(const std::string& term) {
  return "`" + term + "`";
}

// The part of a field that is drawn: a real one as it is, of a complex one the modulus.
double shown_value(const Measurement& measurement, const Field& field, std::size_t i) {
  if (!measurement.mask.empty() && !measurement.mask[i]) return nothing;
  return field.is_complex() ? std::hypot(field.values[i], field.imaginary[i]) : field.values[i];
}

std::string shown_name(const Field& field) {
  return field.is_complex() ? "|" + literal(field.name) + "|" : literal(field.name);
}

// At most `most` of n indices, evenly, both ends among them.
std::vector<std::size_t> thinned(std::int64_t n, std::int64_t most) {
  std::vector<std::size_t> out;
  const std::int64_t kept = std::min(n, most);
  for (std::int64_t k = 0; k < kept; ++k) out.push_back(index(kept == 1 ? 0 : k * (n - 1) / (kept - 1)));
  return out;
}

// Values over two axes as a picture: a along x, b along y. Uneven points are laid out by their number.
template <class Value>
Grid picture(const std::vector<double>& a, const std::vector<double>& b, Value value) {
  const auto columns = thinned(static_cast<std::int64_t>(a.size()), most_columns);
  const auto rows = thinned(static_cast<std::int64_t>(b.size()), most_rows);
  Grid grid{.x_low = a.front(),
            .x_high = a.back(),
            .y_low = b.front(),
            .y_high = b.back(),
            .n_x = static_cast<long>(columns.size()),
            .n_y = static_cast<long>(rows.size())};
  for (std::size_t j : rows)
    for (std::size_t i : columns) grid.values.push_back(value(i, j));
  return grid;
}

Heat heat_for(const Grid& grid, const std::string& label) {
  double low = 0, high = 0;
  for (double value : grid.values)
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  // What swings about zero is drawn about zero.
  const bool swings = low < -0.2 * high && high > -0.2 * low;
  const double most = std::max(-low, high);
  if (swings) return {.label = label, .map = ColourMap::diverging, .low = -most, .high = most};
  return {.label = label};
}

std::string axis_label(const GridAxis& axis) {
  return literal(axis.name);
}

// ---- one field over space and time, over the plane at a time, or along time alone

void draw_space_time(Figure& figure, const Measurement& m, const Field& field, const std::string& title) {
  const auto n_t = index(m.time().size());
  Grid grid = picture(m.axes[0].points, m.time().points,
                      [&](std::size_t i, std::size_t j) { return shown_value(m, field, i * n_t + j); });
  const Heat heat = heat_for(grid, shown_name(field));
  figure.panel(title)
      .x({.label = axis_label(m.axes[0])})
      .y({.label = axis_label(m.time())})
      .heat(std::move(grid), heat);
}

// The first two axes; a third one in its middle.
Grid snapshot(const Measurement& m, const Field& field, std::size_t j) {
  const std::size_t n_t = index(m.time().size()), n_y = index(m.axes[1].size());
  const std::size_t n_z = m.axes.size() > 3 ? index(m.axes[2].size()) : 1;
  return picture(m.axes[0].points, m.axes[1].points, [&](std::size_t x, std::size_t y) {
    return shown_value(m, field, ((x * n_y + y) * n_z + n_z / 2) * n_t + j);
  });
}

std::string at_time(const Measurement& m, std::size_t j) {
  return fmt::format("{} = {}", m.time().name, format_number(m.time().points[j], 3));
}

void draw_snapshots(Figure& figure, const Measurement& m, const Field& field, std::int64_t how_many,
                    const std::string& what) {
  for (std::size_t j : thinned(m.time().size(), how_many)) {
    Grid grid = snapshot(m, field, j);
    const Heat heat = heat_for(grid, shown_name(field));
    figure.panel(literal(what + at_time(m, j)))
        .x({.label = axis_label(m.axes[0])})
        .y({.label = axis_label(m.axes[1])})
        .equal_aspect()
        .heat(std::move(grid), heat);
  }
}

std::vector<double> along_time(const Measurement& m, const Field& field) {
  std::vector<double> values;
  for (std::size_t j = 0; j < index(m.time().size()); ++j) values.push_back(shown_value(m, field, j));
  return values;
}

void draw_field(Page& page, RunFolder& folder, const DiscoverReport& report) {
  const Measurement& m = report.measurements.front();
  Section& section = page.section("What was measured");
  std::string list;
  for (const std::string& note : report.notes) list += "- " + literal(note) + "\n";
  if (report.measurements.size() > 1)
    list += fmt::format("- {} experiments; the figures are of the first\n", report.measurements.size());
  section.prose(list);
  const bool waves = m.space_dimensions() == 1;
  Figure figure({.caption = m.space_dimensions() == 0 ? "The trajectories as measured."
                            : m.mask.empty()          ? "The field as measured."
                                                      : "The field as measured; blank where nothing was measured."});
  if (m.space_dimensions() == 0) {
    Panel& panel = figure.panel().x({.label = axis_label(m.time())});
    for (const Field& field : m.fields)
      panel.line(m.time().points, along_time(m, field), {.label = shown_name(field), .width = 1.2});
  }
  for (const Field& field : m.fields) {
    if (waves) draw_space_time(figure, m, field, m.fields.size() > 1 ? shown_name(field) : "");
    if (m.space_dimensions() >= 2) draw_snapshots(figure, m, field, 3, "");
  }
  section.figure(figure, "field");
  folder.write_figure("field", figure);
}

// ---- the equation

std::string with_minus(const std::string& number) {
  std::string out;
  for (char c : number) out += c == '-' ? std::string("−") : std::string(1, c);
  return out;
}

void draw_equations(Page& page, const DiscoverReport& report) {
  Section& section = page.section("The equation");
  Table table{.head = {"equation of", "term", "coefficient", "within", "inclusion, %"},
              .caption =
                  "The coefficient lies within that distance, in 95 % of measurements like this one. Inclusion is "
                  "the share of resampled data whose equation has the term."};
  for (const FoundEquation& equation : report.discovery.equations) {
    if (!equation.found) {
      section.prose(
          fmt::format("**No equation was found for {}**: {}.", literal(equation.lhs), literal(equation.reason)));
      continue;
    }
    section.formula(equation.latex());
    for (const FoundTerm& term : equation.terms)
      table.rows.push_back({code(equation.lhs), code(term.term), Cell(with_minus(coefficient_text(term))),
                            Cell(half_width_text(term)), Cell(std::round(1000 * term.inclusion) / 10, 3)});
  }
  if (!table.rows.empty()) section.table(table);
}

// ---- where it holds

void draw_residuals(Page& page, RunFolder& folder, const DiscoverReport& report) {
  Figure figure(
      {.caption = "What the equation leaves of the left side, as a share of its root mean square" +
                  std::string(report.discovery.form == "weak" ? ", averaged over the test function around each point."
                                                              : ", at each point.")});
  bool any = false;
  const Measurement& m = report.measurements.front();
  for (std::size_t e = 0; e < report.residuals.size(); ++e) {
    if (!report.residuals[e]) continue;
    const ResidualMap& map = *report.residuals[e];
    const std::string title = report.residuals.size() > 1 ? literal(report.discovery.equations[e].lhs) : "";
    const std::size_t n_t = map.points.back().size();
    any = true;
    if (m.space_dimensions() == 0) {
      figure.panel(title)
          .x({.label = axis_label(m.time())})
          .y({.label = "residual"})
          .line(map.points[0], map.values, {.width = 1.2})
          .y_mark(0);
      continue;
    }
    // In two or three dimensions: the root mean square over time at each point of the plane.
    Grid grid = m.space_dimensions() == 1
                    ? picture(map.points[0], map.points[1],
                              [&](std::size_t i, std::size_t j) { return map.values[i * n_t + j]; })
                    : picture(map.points[0], map.points[1], [&](std::size_t x, std::size_t y) {
                        const std::size_t n_z = map.points.size() > 3 ? map.points[2].size() : 1;
                        const std::size_t from = ((x * map.points[1].size() + y) * n_z + n_z / 2) * n_t;
                        double square = 0;
                        for (std::size_t j = 0; j < n_t; ++j) square += map.values[from + j] * map.values[from + j];
                        return std::sqrt(square / static_cast<double>(n_t));
                      });
    double most = 0;
    for (double value : grid.values)
      if (std::isfinite(value)) most = std::max(most, std::abs(value));
    if (most == 0) most = 1;
    const bool signed_values = m.space_dimensions() == 1 && !m.fields[0].is_complex();
    Heat heat =
        signed_values
            ? Heat{.label = "residual", .map = ColourMap::diverging, .low = -most, .high = most, .smooth = false}
            : Heat{.label = "residual", .low = 0, .high = most, .smooth = false};
    Panel& panel = figure.panel(title).x({.label = axis_label(m.axes[0])}).y({.label = axis_label(m.axes[1])});
    if (m.space_dimensions() >= 2) panel.equal_aspect();
    panel.heat(std::move(grid), std::move(heat));
  }
  if (!any) return;
  Section& section = page.section("Where it holds");
  section.prose("Noise leaves a residual without shape; a place where the equation fails shows as a patch.");
  section.figure(figure, "residual");
  folder.write_figure("residual", figure);
}

// ---- how many terms

// As the path names them: i*u_xx, where the equation has u_xx with an imaginary coefficient.
std::vector<std::string> chosen_candidates(const FoundEquation& equation) {
  for (const PathStep& step : equation.path)
    if (step.chosen) return step.terms;
  return {};
}

void draw_path(Page& page, RunFolder& folder, const DiscoverReport& report) {
  Figure path({.caption =
                   "Left: the share of the left side that the best equation with that many terms leaves. Right: the "
                   "criterion above its least value; steps above the frame are worse still. The mark is the choice.",
               .columns = 2});
  bool any = false;
  const bool several = report.discovery.equations.size() > 1;
  for (const FoundEquation& equation : report.discovery.equations) {
    if (equation.path.empty()) continue;
    any = true;
    std::vector<double> terms, residual, criterion;
    double least = std::numeric_limits<double>::infinity(), chosen = nothing;
    for (const PathStep& step : equation.path) {
      terms.push_back(static_cast<double>(step.terms.size()));
      residual.push_back(std::max(step.residual, least_residual));
      criterion.push_back(step.criterion);
      least = std::min(least, step.criterion);
      if (step.chosen) chosen = terms.back();
    }
    for (double& value : criterion) value -= least;
    // The steps before the choice are worse by orders; the frame shows those about it.
    double high = 1;
    for (std::size_t k = 0; k < terms.size(); ++k)
      if (terms[k] >= chosen) high = std::max(high, 1.5 * criterion[k]);
    const std::string title = several ? literal(equation.lhs) : "";
    Look look{.colour = 0, .marker = Marker::circle, .size = 7};
    Panel& left = path.panel(title)
                      .x({.label = "terms"})
                      .y({.label = "residual", .scale = Scale::log})
                      .line(terms, residual, look);
    Panel& right = path.panel(title)
                       .x({.label = "terms"})
                       .y({.label = "criterion, above its least", .low = -0.05 * high, .high = high})
                       .line(terms, criterion, look);
    if (std::isfinite(chosen))
      for (Panel* panel : {&left, &right}) panel->x_mark(chosen, "chosen");
  }
  if (!any) return;
  Section& section = page.section("How many terms");
  section.prose(fmt::format("{} candidate terms on {} rows, {} form, solver {}. How many of them: {}.",
                            report.discovery.candidates, report.discovery.rows, literal(report.discovery.form),
                            literal(report.discovery.solver), literal(report.discovery.criterion)));
  section.figure(path, "path");
  folder.write_figure("path", path);
  Table table{.head = {"equation of", "terms", "residual", "criterion", ""}};
  for (const FoundEquation& equation : report.discovery.equations)
    for (const PathStep& step : equation.path) {
      if (step.terms.size() > chosen_candidates(equation).size() + 4) continue;
      table.rows.push_back({code(equation.lhs), code(fmt::format("{}", fmt::join(step.terms, ", "))),
                            step.residual < least_residual ? Cell("round-off") : Cell(step.residual, 3),
                            Cell(step.criterion, 6), Cell(step.chosen ? "chosen" : "")});
    }
  section.table(table);
}

void draw_inclusion(Page& page, RunFolder& folder, const DiscoverReport& report) {
  Figure figure({.caption =
                     "How often each candidate is in the equation of resampled data. A term that is really there is in "
                     "nearly all; the others come and go."});
  bool any = false;
  for (const FoundEquation& equation : report.discovery.equations) {
    if (equation.inclusion.empty()) continue;
    std::vector<std::string> names;
    Bars in{.label = "in the equation", .colour = 0}, out{.label = "not in it", .colour = ink::muted};
    const std::vector<std::string> chosen = chosen_candidates(equation);
    for (std::size_t k = 0; k < std::min<std::size_t>(equation.inclusion.size(), 12); ++k) {
      const auto& [term, share] = equation.inclusion[k];
      names.push_back(literal(term));
      const bool taken = std::find(chosen.begin(), chosen.end(), term) != chosen.end();
      in.values.push_back(taken ? 100 * share : nothing);
      out.values.push_back(taken ? nothing : 100 * share);
    }
    any = true;
    figure.panel(report.discovery.equations.size() > 1 ? literal(equation.lhs) : "")
        .y({.label = "inclusion, %", .low = 0, .high = 105})
        .bars(names, {in, out});
  }
  if (!any) return;
  Section& section = page.section("How sure the terms are");
  section.figure(figure, "inclusion");
  folder.write_figure("inclusion", figure);
}

// ---- what it predicts

void draw_profiles(Figure& figure, const Measurement& m, const Simulation& simulation, const Field& measured,
                   const Field& field) {
  const Measurement& simulated = simulation.fields;
  const std::size_t n_t = index(m.time().size()), n_s = index(simulated.time().size());
  for (std::size_t j : thinned(simulated.time().size(), 4)) {
    std::vector<double> x, truth, guess;
    for (std::size_t i : thinned(m.axes[0].size(), 600)) {
      x.push_back(m.axes[0].points[i]);
      truth.push_back(shown_value(m, measured, i * n_t + j * simulation.every));
      guess.push_back(shown_value(simulated, field, i * n_s + j));
    }
    figure.panel(literal(at_time(simulated, j)))
        .x({.label = axis_label(m.axes[0])})
        .y({.label = shown_name(field)})
        .line(x, truth, {.label = "measured", .colour = ink::muted, .width = 4, .opacity = 0.6})
        .line(x, guess, {.label = "simulated", .colour = 0, .dash = Dash::dashed, .width = 1.6});
  }
}

void draw_simulation(Page& page, RunFolder& folder, const DiscoverReport& report) {
  const SimulationAnswer& answer = report.simulated;
  if (!answer.simulation && answer.refusal.empty()) return;
  Section& section = page.section("What it predicts");
  if (!answer.simulation) {
    section.prose("It was not simulated: " + literal(answer.refusal) + ".");
    return;
  }
  const Simulation& simulation = *answer.simulation;
  const Measurement &m = report.measurements.front(), &s = simulation.fields;
  std::string text = "The equation alone, integrated from the first measured frame, beside the measurement.";
  if (!simulation.broke_off.empty()) text += " It broke off: " + literal(simulation.broke_off) + ".";
  section.prose(text);
  Figure figure({.caption = "Measured and simulated.", .columns = m.space_dimensions() == 0 ? 1 : 2});
  for (const Field& field : s.fields) {
    const Field& measured = m.fields[index(m.index_of(field.name))];
    if (m.space_dimensions() == 0) {
      figure.panel()
          .x({.label = axis_label(m.time())})
          .y({.label = shown_name(field)})
          .line(m.time().points, along_time(m, measured),
                {.label = "measured", .colour = ink::muted, .width = 4, .opacity = 0.6})
          .line(s.time().points, along_time(s, field),
                {.label = "simulated", .colour = 0, .dash = Dash::dashed, .width = 1.6});
    } else if (m.space_dimensions() == 1) {
      draw_profiles(figure, m, simulation, measured, field);
    } else {
      const std::size_t last = index(s.time().size()) - 1;
      for (const auto& [what, data, values, j] :
           {std::tuple{"measured, ", &m, &measured, last * simulation.every}, {"simulated, ", &s, &field, last}}) {
        Grid grid = snapshot(*data, *values, j);
        const Heat heat = heat_for(grid, shown_name(field));
        figure.panel(literal(what + at_time(s, last)))
            .x({.label = axis_label(m.axes[0])})
            .y({.label = axis_label(m.axes[1])})
            .equal_aspect()
            .heat(std::move(grid), heat);
      }
    }
  }
  section.figure(figure, "simulated");
  folder.write_figure("simulated", figure);
  std::vector<double> times(s.time().points.begin() + 1, s.time().points.end()), error;
  for (std::size_t j = 1; j < simulation.error.size(); ++j) error.push_back(100 * simulation.error[j]);
  Figure growth({.caption = "The difference, as a share of the field's size over all times."});
  Panel& panel = growth.panel();
  panel.x({.label = axis_label(m.time())})
      .y({.label = "error, %", .scale = Scale::log})
      .line(times, error, {.width = 1.4});
  if (simulation.noise > 1e-3) panel.y_mark(100 * simulation.noise, "noise of the measurement");
  section.figure(growth, "error");
  folder.write_figure("error", growth);
}

void draw_settings(Page& page, const DiscoverReport& report) {
  Section& section = page.section("How it was found");
  std::string list;
  for (const std::string& note : report.discovery.notes) list += "- " + literal(note) + "\n";
  if (!list.empty()) section.prose(list);
  section.code(report.command);
}

std::string result_sentence(const DiscoverReport& report) {
  const Discovery& discovery = report.discovery;
  if (!discovery.found) return "No equation was found: " + literal(discovery.reason) + ".";
  std::string text;
  for (const FoundEquation& equation : discovery.equations)
    text += (text.empty() ? "" : ";  ") + literal(equation.text());
  return text;
}

std::string page_share(double share) {
  return share < 1e-3 ? format_number(share, 2) : share_text(share);
}

}  // namespace

std::string share_text(double share) {
  return share < 1e-3 ? fmt::format("{:.1e}", share) : fmt::format("{:.3g} %", 100 * share);
}

// Digits down to the second one of the half width.
std::string coefficient_text(const FoundTerm& term) {
  const auto part = [](double value, double half) {
    const int digits = half > 0 ? std::clamp(static_cast<int>(1 - std::floor(std::log10(half))), 0, 12) : 6;
    return fmt::format("{:.{}f}", value, digits);
  };
  const std::complex<double> half = (term.high - term.low) / 2.0;
  const bool imaginary = term.coefficient.imag() != 0, real = term.coefficient.real() != 0 || !imaginary;
  std::string text = real ? part(term.coefficient.real(), half.real()) : "";
  if (imaginary) {
    const std::string i = part(term.coefficient.imag(), half.imag()) + "i";
    text += real && i[0] != '-' ? "+" + i : i;
  }
  return text;
}

std::string half_width_text(const FoundTerm& term) {
  const std::complex<double> half = (term.high - term.low) / 2.0;
  return fmt::format("± {:.2g}", std::max(half.real(), half.imag()));
}

Page discover_page(const DiscoverReport& report, RunFolder& folder) {
  const Discovery& discovery = report.discovery;
  Page page("The equation of " + literal(report.source), result_sentence(report));
  page.status(discovery.found ? Status::pass : Status::warning, discovery.found ? "found" : "not found");
  double residual = 0;
  for (const FoundEquation& equation : discovery.equations) residual = std::max(residual, equation.residual);
  if (discovery.found) {
    page.fact({page_share(residual), "left unexplained"});
    std::size_t terms = 0;
    for (const FoundEquation& equation : discovery.equations) terms += equation.terms.size();
    page.fact({std::to_string(terms), fmt::format("terms of {} candidates", discovery.candidates)});
    if (const auto& simulation = report.simulated.simulation; simulation && simulation->broke_off.empty()) {
      Fact fact{page_share(simulation->overall), "error when simulated"};
      const auto until = holds_until(*simulation, 0.1);
      if (until && *until < simulation->fields.time().points.back())
        fact.note =
            fmt::format("within 10 % until {} = {}", literal(simulation->fields.time().name), format_number(*until, 4));
      page.fact(fact);
    }
  }
  draw_equations(page, report);
  draw_field(page, folder, report);
  draw_simulation(page, folder, report);
  draw_residuals(page, folder, report);
  draw_path(page, folder, report);
  draw_inclusion(page, folder, report);
  draw_settings(page, report);
  return page;
}

}  // namespace turnpike
