// The pages of `turnpike bench`.
#pragma once

#include <string>
#include <vector>

#include <bench/measure.h>
#include <turnpike/report/run_folder.h>

#include "bench_accuracy.h"
#include "bench_share.h"
#include "bench_words.h"

namespace turnpike {

struct BenchReport {
  std::vector<CaseResult> results;
  std::vector<Peaks> peaks;          // one a number of threads, the run's own first
  std::vector<std::string> missing;  // peers that were left out, and why
  std::string command;
  Provenance provenance;
};

Page cases_page(const BenchReport& report, RunFolder& folder);
Page growth_page(const BenchReport& report, RunFolder& folder);
Page accuracy_page(const std::vector<AccuracyResult>& results, const Provenance& provenance, RunFolder& folder);
Page share_page(const std::vector<ShareResult>& results, const Provenance& provenance, RunFolder& folder);

// "met", "missed by 12 %", or "" without a goal.
std::string goal_verdict(const CaseResult& result);

}  // namespace turnpike
