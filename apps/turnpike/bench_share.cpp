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

// Hands on what it is told, and keeps the time of each phase.
class PhaseClock final : public Progress {
 public:
  explicit PhaseClock(Progress& shown) : shown_(shown) {}

  void update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail) override {
    if (what != name_) begin(what);
    shown_.update(what, done, total, detail);
  }
  void note(const std::string& line) override { shown_.note(line); }

  std::vector<Phase> finish() {
    begin("");
    return phases_;
  }

 private:
  void begin(const std::string& what) {
    const double now = seconds_now(), kernels = kernel_seconds();
    auto phase = std::find_if(phases_.begin(), phases_.end(), [&](const Phase& one) { return one.name == name_; });
    if (phase == phases_.end()) phase = phases_.insert(phases_.end(), {name_});
    phase->seconds += now - start_;
    phase->kernel_s += kernels - kernels_;
    name_ = what;
    start_ = now;
    kernels_ = kernels;
  }

  Progress& shown_;
  std::vector<Phase> phases_;
  std::string name_ = "preparation";
  double start_ = seconds_now(), kernels_ = kernel_seconds();
};

Invocation train_invocation(std::vector<std::string> words) {
  std::vector<const char*> argv = {"turnpike", "train"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

ShareResult clocked(const std::string& name, int threads, Progress& progress,
                    const std::function<void(Progress&)>& run) {
  PhaseClock clock(progress);
  run(clock);
  ShareResult result{.name = name, .threads = threads, .phases = clock.finish()};
  for (const Phase& phase : result.phases) {
    result.seconds += phase.seconds;
    result.kernel_s += phase.kernel_s;
  }
  return result;
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
  ShareResult result = clocked("train", threads, progress, [&](Progress& clock) {
    run_train(Job{invocation, provenance(threads), clock, [](const std::string&) {}});
  });
  result.epoch_s = epoch_seconds("discrete", 40);
  result.epoch_without_s = epoch_seconds("autograd", 10);
  return result;
}

ShareResult share_of_study(const StudyRecord& record, int threads, Progress& progress) {
  const Aside aside;
  return clocked(fmt::format("study {} --quick", record.name), threads, progress, [&](Progress& clock) {
    const StudyRun run = run_study(record, function_of(record),
                                   {.size = StudySize::quick, .threads = threads, .out = aside.path()}, clock);
    if (!run.error.empty()) throw Error(fmt::format("the study {} failed: {}", record.name, run.error));
  });
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
  Json phases = Json::array();
  for (const Phase& phase : result.phases)
    phases.push_back({{"name", phase.name}, {"seconds", phase.seconds}, {"kernel_seconds", phase.kernel_s}});
  return {{"schema", 1},
          {"case", "share " + result.name},
          {"threads", result.threads},
          {"seconds", result.seconds},
          {"kernel_seconds", result.kernel_s},
          {"outside", result.outside()},
          {"phases", phases},
          {"epoch_ms", number(result.epoch_s)},
          {"epoch_ms_without", number(result.epoch_without_s)}};
}

}  // namespace turnpike
