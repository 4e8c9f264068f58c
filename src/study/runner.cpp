#include <turnpike/study/runner.h>

#include <chrono>

#include <fmt/format.h>

#include <turnpike/base/files.h>
#include <turnpike/core/device.h>
#include <turnpike/report/run_folder.h>

namespace turnpike {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

nlohmann::ordered_json result_of(const StudyContext& context, const StudyReport& report, double seconds,
                                 const Provenance& provenance) {
  nlohmann::ordered_json settings = {{"size", name_of(context.size())}, {"seeds", context.seeds()}};
  settings.update(context.settings().to_json());
  nlohmann::ordered_json json = {{"schema", 1}, {"study", context.record().name}};
  json["claims"] = nlohmann::ordered_json::array();
  for (const char* claim : context.record().claims) json["claims"].push_back(claim);
  json["seed"] = context.seed();
  json["settings"] = settings;
  json["checks"] = nlohmann::ordered_json::array();
  for (const Check& check : report.checks) json["checks"].push_back(to_json(check));
  json["not_run"] = report.not_run;
  json["figures"] = nlohmann::ordered_json::array();
  for (const StudyFigure& figure : report.figures) json["figures"].push_back("figures/" + figure.name + ".svg");
  json["seconds"] = seconds;
  json["provenance"] = to_json(provenance);
  return json;
}

std::string config_of(const StudyContext& context, int threads) {
  return fmt::format("# turnpike study {} --config THIS_FILE\nsize = \"{}\"\nseed = {}\nseeds = {}\nthreads = {}\n\n{}",
                     context.record().name, name_of(context.size()), context.seed(), context.seeds(), threads,
                     context.settings().to_toml());
}

// The folder is made once there is something to put into it: a study that throws leaves none.
void keep(StudyRun& run, const StudyContext& context, const StudyRunOptions& options, const Provenance& provenance) {
  if (options.dated) {
    run.folder = make_run_folder(options.out, run.record->name);
  } else {
    run.folder = options.out / run.record->name;
    std::filesystem::create_directories(run.folder);
  }
  RunFolder folder(run.folder, provenance);
  folder.write_config(config_of(context, provenance.threads));
  for (const StudyFigure& figure : run.report.figures) folder.write_figure(figure.name, figure.figure);
  folder.write_report(study_page(*run.record, context, run.report, run.seconds, provenance));
  folder.write_result(run.result);
  folder.finish();
}

int rank(ExitCode exit) {
  switch (exit) {
    case ExitCode::interrupted: return 4;
    case ExitCode::usage: return 3;
    case ExitCode::failed: return 2;
    case ExitCode::check_failed: return 1;
    case ExitCode::done: return 0;
  }
  return 2;
}

}  // namespace

StudyRun run_study(const StudyRecord& record, StudyFunction function, const StudyRunOptions& options,
                   Progress& progress) {
  Options settings(record.schema(options.size));
  for (const auto& [key, value] : options.settings) settings.set(key, value, "settings");
  const StudyContext context(record, options.size, std::move(settings), options.seed,
                             options.seeds > 0 ? options.seeds : record.repetitions(options.size), progress);
  StudyRun run{.record = &record};
  const double start = now_s();
  try {
    const int threads = set_threads(options.threads);
    make_reproducible(options.seed);
    const Provenance here = provenance(threads);
    StudyContext own = context;
    run.report = function(own);
    run.seconds = now_s() - start;
    run.result = result_of(context, run.report, run.seconds, here);
    run.exit = run.report.holds() ? ExitCode::done : ExitCode::check_failed;
    keep(run, context, options, here);
  } catch (const Error& error) {
    run.exit = error.exit_code();
    run.error = error.what();
  } catch (const std::exception& error) {
    run.exit = ExitCode::failed;
    run.error = error.what();
  }
  run.seconds = now_s() - start;
  return run;
}

std::string StudyRun::line() const {
  std::string claims = fmt::format("{}", fmt::join(record->claims, " "));
  std::string verdict = "error", detail = error;
  if (exit == ExitCode::interrupted) verdict = "interrupted";
  if (error.empty()) {
    verdict = exit == ExitCode::done ? "pass" : "fail";
    detail = fmt::format("{} of {} checks", report.n_holding(), report.checks.size());
    if (!report.not_run.empty()) detail += fmt::format(", {} not run", report.not_run.size());
    detail += "  " + folder.string();
  }
  return fmt::format("{:<22} {:<8} {:<12}{:>7.1f} s  {}", record->name, claims, verdict, seconds, detail);
}

ExitCode worst(const std::vector<StudyRun>& runs) {
  ExitCode exit = ExitCode::done;
  for (const StudyRun& run : runs)
    if (rank(run.exit) > rank(exit)) exit = run.exit;
  return exit;
}

}  // namespace turnpike
