// turnpike-engine: runs the verbs that need libtorch.
#include <c10/util/Exception.h>

#include <turnpike/core/device.h>

#include "analyze_job.h"
#include "bench_job.h"
#include "engine_main.h"
#include "export_job.h"
#include "predict_job.h"
#include "study_job.h"
#include "train_job.h"

namespace turnpike {
namespace {

std::optional<ExitCode> run_other(const Invocation& invocation, Progress& progress,
                                  const std::function<void(const std::string&)>& out) {
  if (invocation.verb->name == "study") return run_studies(invocation, progress, out);
  if (invocation.verb->name == "bench") return run_bench(invocation, progress, out);
  return std::nullopt;
}

// libtorch's errors carry a stack trace after their first line. Empty: the memory does not suffice.
std::optional<std::string> explain_libtorch() {
  try {
    throw;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace(), what = text.substr(0, text.find('\n'));
    if (what.find("allocate memory") != std::string::npos) return "";
    return "the computation failed inside libtorch: " + what;
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace
}  // namespace turnpike

int main(int argc, char** argv) {
  using namespace turnpike;
  return engine_main(
      argc, argv,
      {.jobs = {{"train", &run_train}, {"predict", &run_predict}, {"analyze", &run_analyze}, {"export", &run_export}},
       .set_threads = &set_threads,
       .run_other = &run_other,
       .explain = &explain_libtorch,
       .memory_advice = "take a smaller batch, fewer layers or a smaller width"});
}
