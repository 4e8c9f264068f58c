#include "study_job.h"

#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include <studies/studies.h>
#include <turnpike/base/files.h>
#include <turnpike/report/text.h>
#include <turnpike/study/runner.h>

#include "study_words.h"

namespace turnpike {
namespace {

// Of a study that ended: the contract's object. Of one that did not: what stopped it.
std::string json_line(const StudyRun& run) {
  nlohmann::ordered_json json = run.result;
  if (!run.error.empty())
    json = {{"schema", 1}, {"study", run.record->name}, {"error", run.error}, {"exit", static_cast<int>(run.exit)}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

ExitCode run_studies(const Invocation& invocation, Progress& progress,
                     const std::function<void(const std::string& line)>& out) {
  const bool json = invocation.flags.boolean("json"), all = invocation.flags.boolean("all");
  StudyRunOptions options;
  options.size = chosen_size(invocation);
  options.seed = static_cast<std::uint64_t>(invocation.flags.integer("seed"));
  options.seeds = static_cast<int>(invocation.flags.integer("seeds"));
  options.threads = thread_count(invocation);
  options.out = invocation.flags.text("out");
  if (all) {
    options.out = make_run_folder(options.out, "atlas");
    options.dated = false;
  }
  std::vector<StudyRun> runs;
  for (const StudyRecord* record : chosen_studies(invocation)) {
    options.settings = settings_of(invocation, *record);
    runs.push_back(run_study(*record, function_of(*record), options, progress));
    const StudyRun& run = runs.back();
    if (run.exit == ExitCode::check_failed)
      for (const Check& check : run.report.checks)
        if (!check.holds())
          progress.note(fmt::format("{}: {} is {:.6g}, predicted {} {:.6g} (tolerance {:.3g})", record->name,
                                    plain_text(check.quantity), check.measured, name_of(check.relation),
                                    check.predicted, check.tolerance));
    out(json ? json_line(run) : run.line());
    if (run.exit == ExitCode::interrupted) break;
  }
  if (all) {
    const std::filesystem::path index = options.out / "index.html";
    write_file(index, atlas_page(runs, provenance(options.threads)).html());
    if (!json) out(index.string());
  }
  return worst(runs);
}

}  // namespace turnpike
