#include "bench_share.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <bench/pairs.h>
#include <studies/studies.h>
#include <turnpike/flow/adjoint.h>
#include <turnpike/study/runner.h>
#include <turnpike/train/trainer.h>

#include "run_setup.h"
#include "train_job.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Where a run leaves its folder, which nobody asked for.
class Aside {
 public:
  Aside() {
    std::string pattern = (fs::temp_directory_path() / "turnpike-bench-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw Error("cannot make a folder in " + fs::temp_directory_path().string());
    path_ = pattern;
  }
  ~Aside() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Invocation train_invocation(std::vector<std::string> words) {
  std::vector<const char*> argv = {"turnpike", "train"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

double epoch_seconds(const char* adjoint, int epochs) {
  RunSetup setup =
      prepare_run(train_invocation({fmt::format("adjoint={}", adjoint), fmt::format("epochs={}", epochs)}));
  setup.training.polish = {};
  Model model = setup.make_model();
  const TrainResult result = train(model, setup.objective, setup.train, &setup.validation, setup.training);
  std::vector<double> seconds;
  for (const EpochRecord& record : result.history) seconds.push_back(record.seconds);
  return median_of(seconds).value;
}

ShareResult share_of_train(int threads, Progress& progress) {
  const Aside aside;
  const Invocation invocation =
      train_invocation({"--out", aside.path().string(), "--threads", std::to_string(threads)});
  const Job job{invocation, provenance(threads), progress, [](const std::string&) {}};
  ShareResult result{.name = "train", .threads = threads};
  const double kernels = kernel_seconds();
  result.seconds = seconds_of([&] { run_train(job); });
  result.kernel_s = kernel_seconds() - kernels;
  result.epoch_s = epoch_seconds("discrete", 40);
  result.epoch_without_s = epoch_seconds("autograd", 10);
  return result;
}

ShareResult share_of_study(const StudyRecord& record, int threads, Progress& progress) {
  const Aside aside;
  ShareResult result{.name = fmt::format("study {} --quick", record.name), .threads = threads};
  const double kernels = kernel_seconds();
  const StudyRun run = run_study(record, function_of(record),
                                 {.size = StudySize::quick, .threads = threads, .out = aside.path()}, progress);
  if (!run.error.empty()) throw Error(fmt::format("the study {} failed: {}", record.name, run.error));
  result.seconds = run.seconds;
  result.kernel_s = kernel_seconds() - kernels;
  return result;
}

}  // namespace

std::vector<std::function<ShareResult(int, Progress&)>> share_measurements() {
  std::vector<std::function<ShareResult(int, Progress&)>> all = {&share_of_train};
  for (const StudyRecord* record : study_catalogue()) {
    const bool wanted = std::any_of(record->claims.begin(), record->claims.end(),
                                    [](std::string_view claim) { return claim == "C6" || claim == "D5"; });
    if (wanted)
      all.push_back([record](int threads, Progress& progress) { return share_of_study(*record, threads, progress); });
  }
  return all;
}

Json to_json(const ShareResult& result) {
  const auto number = [](double seconds) { return seconds > 0 ? Json(1e3 * seconds) : Json(nullptr); };
  return {{"schema", 1},
          {"case", "share " + result.name},
          {"threads", result.threads},
          {"seconds", result.seconds},
          {"kernel_seconds", result.kernel_s},
          {"outside", result.outside()},
          {"epoch_ms", number(result.epoch_s)},
          {"epoch_ms_without", number(result.epoch_without_s)}};
}

}  // namespace turnpike
