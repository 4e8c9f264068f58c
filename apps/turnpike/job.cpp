#include "job.h"

#include <chrono>

#include "analyze_job.h"
#include "export_job.h"
#include "predict_job.h"
#include "train_job.h"

namespace turnpike {

const std::vector<JobEntry>& job_table() {
  static const std::vector<JobEntry> table = {
      {"train", &run_train}, {"predict", &run_predict}, {"analyze", &run_analyze}, {"export", &run_export}};
  return table;
}

JobResult run_job(const Job& job) {
  const auto start = std::chrono::steady_clock::now();
  for (const JobEntry& entry : job_table()) {
    if (job.invocation.verb->name != entry.verb) continue;
    JobResult result = {{"schema", 1}, {"verb", entry.verb}};
    result.update(entry.run(job));
    result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  }
  throw ContractError("the verb '" + job.invocation.verb->name + "' has no job");
}

}  // namespace turnpike
