#include "discover_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <turnpike/base/files.h>
#include <turnpike/discover/read_measurement.h>
#include <turnpike/report/run_folder.h>
#include <turnpike/report/text.h>

#include "discover_report.h"

namespace turnpike {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(separator, from), text.size());
    std::string part = text.substr(from, to - from);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    if (!part.empty()) parts.push_back(part);
    from = to + 1;
  }
  return parts;
}

MeasurementQuery query_of(const Job& job) {
  return {.fields = split(job.flag("field"), ','),
          .axes = split(job.flag("axes"), ','),
          .time = job.flag("time"),
          .mask = job.flag("mask"),
          .given = split(job.flag("given"), ',')};
}

DiscoveryOptions options_of(const Job& job) {
  const Options& words = job.invocation.options;
  const DerivativeOptions derivative = {.method = words.text("derivative"),
                                        .accuracy = static_cast<int>(words.integer("accuracy")),
                                        .half_width = static_cast<int>(words.integer("half_width")),
                                        .degree = static_cast<int>(words.integer("fit_degree"))};
  // No measurement is periodic in time.
  DerivativeOptions in_time = derivative;
  if (in_time.method == "spectral") in_time.method = "finite_difference";
  return {.form = words.text("form"),
          .space = derivative,
          .time = in_time,
          .solver = words.text("solver"),
          .polynomial_degree = static_cast<int>(words.integer("degree")),
          .derivative_order = static_cast<int>(words.integer("derivatives")),
          .time_order = static_cast<int>(words.integer("time_order")),
          .modulus = words.boolean("modulus"),
          .trigonometric = words.boolean("trigonometric"),
          .formulas = split(words.text("terms"), ';'),
          .equations_of = split(words.text("equations_of"), ','),
          .published_step = words.real("published_step"),
          .resamples = static_cast<int>(words.integer("resamples")),
          .seed = static_cast<std::uint64_t>(job.invocation.flags.integer("seed"))};
}

// Noise of each experiment from a stream of its own.
void add_noise(const Job& job, ReadMeasurements& data) {
  const double level = job.invocation.flags.real("noise");
  if (level == 0) return;
  const NoiseScale scale =
      job.invocation.options.text("noise_scale") == "rms" ? NoiseScale::root_mean_square : NoiseScale::deviation;
  const auto seed = static_cast<std::uint64_t>(job.invocation.flags.integer("seed"));
  for (std::size_t k = 0; k < data.measurements.size(); ++k)
    add_noise(data.measurements[k], level, seed + 1000003 * k, scale);
  data.notes.push_back(fmt::format("noise of {:.4g} % was added to the data (seed {})", 100 * level, seed));
}

// A real coefficient as a number, a complex one as [re, im].
Json number(std::complex<double> value, bool complex) {
  if (complex) return {value.real(), value.imag()};
  return value.real();
}

Json term_json(const FoundEquation& equation, const FoundTerm& term, bool complex) {
  return {{"lhs", equation.lhs},
          {"term", term.term},
          {"coefficient", number(term.coefficient, complex)},
          {"interval", {number(term.low, complex), number(term.high, complex)}},
          {"inclusion", term.inclusion}};
}

Json equation_json(const FoundEquation& equation, bool complex) {
  Json json = {{"lhs", equation.lhs},         {"equation", equation.text()},   {"latex", equation.latex()},
               {"found", equation.found},     {"residual", equation.residual}, {"terms", Json::array()},
               {"inclusion", Json::object()}, {"path", Json::array()}};
  if (!equation.found) json["reason"] = equation.reason;
  for (const FoundTerm& term : equation.terms) json["terms"].push_back(term_json(equation, term, complex));
  for (const auto& [term, share] : equation.inclusion) json["inclusion"][term] = share;
  for (const PathStep& step : equation.path)
    json["path"].push_back(
        {{"terms", step.terms}, {"residual", step.residual}, {"criterion", step.criterion}, {"chosen", step.chosen}});
  return json;
}

Json axes_json(const Measurement& measurement) {
  Json axes = Json::array();
  for (const GridAxis& axis : measurement.axes)
    axes.push_back({{"name", axis.name},
                    {"points", axis.size()},
                    {"low", axis.points.front()},
                    {"high", axis.points.back()},
                    {"uniform", axis.uniform()}});
  return axes;
}

Json result_json(const Job& job, const DiscoverReport& report) {
  const Discovery& discovery = report.discovery;
  const Measurement& first = report.measurements.front();
  const bool complex =
      std::any_of(first.fields.begin(), first.fields.end(), [](const Field& f) { return f.is_complex(); });
  std::string text;
  double residual = 0;
  Json terms = Json::array(), equations = Json::array(), fields = Json::array();
  for (const FoundEquation& equation : discovery.equations) {
    equations.push_back(equation_json(equation, complex));
    residual = std::max(residual, equation.residual);
    if (!equation.found) continue;
    text += (text.empty() ? "" : "; ") + equation.text();
    for (const FoundTerm& term : equation.terms) terms.push_back(term_json(equation, term, complex));
  }
  for (const Field& field : first.fields) fields.push_back(field.name);
  Json result = {{"files", job.invocation.positionals},
                 {"fields", fields},
                 {"axes", axes_json(first)},
                 {"experiments", report.measurements.size()},
                 {"noise", job.invocation.flags.real("noise")},
                 {"seed", job.invocation.flags.integer("seed")},
                 {"found", discovery.found}};
  if (!discovery.found) result["reason"] = discovery.reason;
  result["equation"] = text;
  result["terms"] = terms;
  result["equations"] = equations;
  result["criterion"] = discovery.criterion;
  result["form"] = discovery.form;
  result["solver"] = discovery.solver;
  result["rows"] = discovery.rows;
  result["candidates"] = discovery.candidates;
  result["residual"] = residual;
  result["simulation_error"] = nullptr;
  if (const auto& simulation = report.simulated.simulation) {
    if (simulation->broke_off.empty()) result["simulation_error"] = simulation->overall;
    const auto until = holds_until(*simulation, 0.1);
    result["simulation"] = {{"holds_until", until ? Json(*until) : Json(nullptr)},
                            {"broke_off", simulation->broke_off}};
  } else if (!report.simulated.refusal.empty()) {
    result["simulation"] = {{"refused", report.simulated.refusal}};
  }
  Json notes = report.notes;
  for (const std::string& note : discovery.notes) notes.push_back(note);
  result["notes"] = notes;
  return result;
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The terms as a table for people, columns aligned.
std::vector<std::string> term_lines(const FoundEquation& equation) {
  std::vector<std::array<std::string, 3>> rows = {{"term", "coefficient (95 %)", "inclusion"}};
  for (const FoundTerm& term : equation.terms)
    rows.push_back({term.term, coefficient_text(term) + " " + half_width_text(term),
                    fmt::format("{:.0f} %", 100 * term.inclusion)});
  std::array<std::size_t, 3> widths{};
  for (const auto& row : rows)
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], columns_of(row[k]));
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line = "  " + row[0] + std::string(widths[0] - columns_of(row[0]), ' ');
    for (std::size_t k = 1; k < row.size(); ++k) line += std::string(2 + widths[k] - columns_of(row[k]), ' ') + row[k];
    lines.push_back(line);
  }
  return lines;
}

std::string simulation_line(const SimulationAnswer& answer) {
  if (!answer.simulation) return answer.refusal.empty() ? "" : "not simulated: " + answer.refusal;
  const Simulation& simulation = *answer.simulation;
  const GridAxis& time = simulation.fields.time();
  if (!simulation.broke_off.empty()) return fmt::format("simulated from the first frame: {}", simulation.broke_off);
  std::string line =
      fmt::format("simulated from the first frame: {} off over all times", share_text(simulation.overall));
  if (const auto until = holds_until(simulation, 0.1); until && *until < time.points.back())
    line += fmt::format(" (within 10 % until {} = {:.4g})", time.name, *until);
  return line;
}

void print_equations(const Job& job, const Discovery& discovery) {
  for (const FoundEquation& equation : discovery.equations) {
    if (!equation.found) {
      job.out(fmt::format("no equation found for {}: {}", equation.lhs, equation.reason));
      continue;
    }
    job.out(equation.text());
    for (const std::string& line : term_lines(equation)) job.out(line);
    job.out(fmt::format("  residual {}   LaTeX: {}", share_text(equation.residual), equation.latex()));
  }
}

std::string quoted(const std::string& word) {
  if (word.find_first_of(" ;()*$&|<>'\"\\") == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The words of this run, as one would type them.
std::string command_text(const Invocation& invocation) {
  std::string text = "turnpike discover";
  for (const std::string& word : invocation.positionals) text += " " + quoted(word);
  for (const std::string& key : invocation.verb->recorded_flags) {
    if (!invocation.flags.is_set(key)) continue;
    const Json value = invocation.flags.to_json()[key];
    text += fmt::format(" --{} {}", key, quoted(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  const Json all = invocation.options.to_json();
  for (const Option& option : invocation.options.schema().options())
    if (invocation.options.is_set(option.key)) {
      const Json& value = all[option.key];
      text += " " + quoted(option.key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    }
  return text;
}

std::string source_text(const std::vector<std::string>& files) {
  const std::string first = std::filesystem::path(files.front()).filename().string();
  return files.size() == 1 ? first : fmt::format("{} and {} more", first, files.size() - 1);
}

std::string write_folder(const Job& job, const DiscoverReport& report, const Json& result) {
  job.progress.update("report", 0, 1, "");
  RunFolder folder(
      make_run_folder(job.flag("out"), std::filesystem::path(job.invocation.positionals.front()).stem().string()),
      job.provenance);
  folder.write_config(config_toml(job.invocation));
  Page page = discover_page(report, folder);
  page.footer(job.provenance);
  folder.write_report(page);
  folder.write_result(result);
  Json hashes;
  for (const std::string& file : job.invocation.positionals) hashes[file] = hash_file(file);
  folder.finish({{"seed", job.invocation.flags.integer("seed")}, {"data_hash", hashes}});
  job.progress.update("report", 1, 1, "");
  return (folder.path() / "report.html").string();
}

}  // namespace

JobResult run_discover(const Job& job) {
  const Options& words = job.invocation.options;
  ReadMeasurements data =
      read_measurements({job.invocation.positionals.begin(), job.invocation.positionals.end()}, query_of(job));
  add_noise(job, data);
  for (const std::string& note : data.notes) job.progress.note(note);
  const DiscoveryOptions options = options_of(job);
  const Discovery discovery = discover(data.measurements, options, job.progress);
  if (!job.json()) print_equations(job, discovery);
  DiscoverReport report{
      data.measurements,           discovery, options, data.notes, source_text(job.invocation.positionals),
      command_text(job.invocation)};
  if (discovery.found && words.boolean("simulate")) {
    report.simulated = simulate_found(data.measurements.front(), discovery, job.progress);
    if (!job.json()) job.out(simulation_line(report.simulated));
  }
  JobResult result = result_json(job, report);
  if (words.boolean("report")) {
    for (const FoundEquation& equation : discovery.equations)
      report.residuals.push_back(equation.found ? residual_map(data.measurements.front(), equation, options)
                                                : std::nullopt);
    result["report"] = write_folder(job, report, result);
    if (!job.json()) job.out(result["report"]);
  }
  result["provenance"] = to_json(job.provenance);
  return result;
}

}  // namespace turnpike
