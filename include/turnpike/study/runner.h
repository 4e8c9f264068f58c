// Runs studies, keeps what they leave, and says how they went.
//
//   StudyRun run = run_study(record, &run_orders, {.size = StudySize::quick, .out = "runs"});
//   run.exit;          // done, check_failed, failed, interrupted
//   run.result;        // the contract's JSON, also in run.folder/result.json
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <turnpike/study/study.h>

namespace turnpike {

struct StudyRunOptions {
  StudySize size = StudySize::full;
  std::vector<std::pair<std::string, std::string>> settings;  // key, value
  std::uint64_t seed = 0;
  int seeds = 0;  // 0: as the record says
  int threads = 0;
  std::filesystem::path out = "runs";
  bool dated = true;  // a new folder <date>-<name> in `out`; otherwise out/<name>, for an atlas
};

struct StudyRun {
  const StudyRecord* record = nullptr;
  ExitCode exit = ExitCode::done;
  StudyReport report;
  std::filesystem::path folder;
  nlohmann::ordered_json result;  // empty unless the study ended
  std::string error;              // what stopped it
  double seconds = 0;

  std::string line() const;  // "orders  D1  pass  9 of 9 checks  3.2 s  runs/2026-01-31-orders"
};

// Throws nothing that a study throws: its errors become exit and error. InputError for settings that the record does
// not know.
StudyRun run_study(const StudyRecord& record, StudyFunction function, const StudyRunOptions& options,
                   Progress& progress = no_progress());

// Of several runs the worst in the order 130, 2, 1, 3, 0.
ExitCode worst(const std::vector<StudyRun>& runs);

Page study_page(const StudyRecord& record, const StudyContext& context, const StudyReport& report, double seconds,
                const Provenance& provenance);

// The atlas: what was claimed and what was found, chapter by chapter, with a figure each. Links are <name>/report.html.
Page atlas_page(const std::vector<StudyRun>& runs, const Provenance& provenance);

}  // namespace turnpike
