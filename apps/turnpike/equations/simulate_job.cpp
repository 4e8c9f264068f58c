#include "simulate_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <turnpike/base/files.h>
#include <turnpike/io/npy.h>
#include <turnpike/report/run_folder.h>

#include "simulate_report.h"

namespace turnpike {
namespace {

using Json = nlohmann::ordered_json;

Array array_of_field(std::vector<std::int64_t> shape, const std::vector<double>& real,
                     const std::vector<double>& imaginary) {
  if (imaginary.empty()) return array_of(std::move(shape), real);
  std::vector<std::complex<double>> values(real.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = {real[i], imaginary[i]};
  return array_of(std::move(shape), values);
}

std::map<std::string, Array> arrays_of(const SimulationProblem& problem, const Solution& solution) {
  std::map<std::string, Array> arrays;
  std::vector<std::int64_t> space, all;
  for (const SpaceAxis& axis : solution.axes) {
    arrays[axis.name] = array_of({axis.n}, axis.points());
    space.push_back(axis.n);
  }
  all = space;
  all.push_back(static_cast<std::int64_t>(solution.times.size()));
  arrays[problem.equation.time] = array_of({all.back()}, solution.times);
  for (const SimulatedField& field : solution.fields)
    arrays[field.name] = array_of_field(all, field.values, field.imaginary);
  for (std::size_t f = 0; f < problem.equation.fields.size(); ++f) {
    if (problem.equation.fields[f].role != FieldRole::given) continue;
    std::vector<double> values;
    for (const std::complex<double>& z : problem.initial[f].values) values.push_back(z.real());
    arrays[problem.equation.fields[f].name] = array_of(space, values);
  }
  return arrays;
}

Json invariants_json(const SimulationReport& report) {
  Json list = Json::array();
  for (const InvariantCurve& curve : report.invariants)
    list.push_back({{"name", curve.name},
                    {"formula", curve.formula},
                    {"law", curve.falling ? "falls" : "constant"},
                    {"first", curve.values.front()},
                    {"last", curve.values.back()}});
  return list;
}

Json result_json(const Job& job, const SimulationReport& report) {
  const Solution& solution = report.solution;
  Json axes = Json::array(), fields = Json::array();
  for (const SpaceAxis& axis : solution.axes)
    axes.push_back({{"name", axis.name}, {"points", axis.n}, {"low", axis.low}, {"high", axis.high}});
  for (const SimulatedField& field : solution.fields) fields.push_back(field.name);
  Json result = {{"simulator", report.simulator->name},
                 {"equation", report.problem.equation.text()},
                 {"settings", job.invocation.options.to_json()},
                 {"axes", axes},
                 {"fields", fields},
                 {"frames", solution.times.size()},
                 {"end", solution.times.back()},
                 {"steps", solution.steps},
                 {"evaluations", solution.evaluations},
                 {"solve_seconds", report.seconds},
                 {"invariants", invariants_json(report)}};
  result["exact_error"] = report.exact_error ? Json(*report.exact_error) : Json(nullptr);
  result["failure"] = report.failure.empty() ? Json(nullptr) : Json(report.failure);
  return result;
}

}  // namespace

JobResult run_simulate(const Job& job) {
  SimulationReport report;
  report.simulator = &simulator_named(job.invocation.positionals.at(0));
  report.problem = report.simulator->make(job.invocation.options);
  if (const double tolerance = job.invocation.options.real("tolerance"); tolerance > 0)
    report.problem.options.tolerance = tolerance;
  const auto start = std::chrono::steady_clock::now();
  Outcome<Solution> run = simulate(report.problem, job.progress);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!run) report.failure = run.failure().text();
  report.solution = run.partial();
  measure(report);

  job.progress.update("report", 0, 1, "");
  RunFolder folder(make_run_folder(job.flag("out"), report.simulator->name), job.provenance);
  folder.write_config(job.invocation.options.to_toml());
  folder.write("solution.npz", npz_bytes(arrays_of(report.problem, report.solution)));
  Page page = simulate_page(report, folder);
  page.footer(job.provenance);
  folder.write_report(page);
  JobResult result = result_json(job, report);
  folder.write_result(result);
  folder.finish();
  job.progress.update("report", 1, 1, "");
  result["data"] = (folder.path() / "solution.npz").string();
  result["report"] = (folder.path() / "report.html").string();
  result["provenance"] = to_json(job.provenance);
  if (!report.failure.empty())
    throw Error(fmt::format("{}; what came before it is in {}", report.failure, folder.path().string()));
  if (!job.json()) {
    job.out(report.problem.equation.text());
    job.out(fmt::format("  {} frames to {} = {:.6g} in {:.2f} s ({} steps)", report.solution.times.size(),
                        report.problem.equation.time, report.solution.times.back(), report.seconds,
                        report.solution.steps));
    for (const InvariantCurve& curve : report.invariants)
      job.out(fmt::format("  {} ({}): {:.10g} -> {:.10g}", curve.name, curve.formula, curve.values.front(),
                          curve.values.back()));
    if (report.exact_error)
      job.out(fmt::format("  largest distance to the exact solution of the whole space: {:.3g}", *report.exact_error));
    job.out(result["data"]);
    job.out(result["report"]);
  }
  return result;
}

}  // namespace turnpike
