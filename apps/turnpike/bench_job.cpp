#include "bench_job.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bench/measure.h>
#include <bench/work.h>
#include <turnpike/base/files.h>
#include <turnpike/core/device.h>

#include "bench_report.h"
#include "bench_words.h"

namespace turnpike {
namespace {

using Json = nlohmann::ordered_json;

// One measurement to make.
struct Item {
  FlowCase flow;
  c10::ScalarType dtype;
  int threads;
};

double size_of(const FlowCase& flow) {
  return gradient_flops(flow);
}

// The case with one of its numbers changed at a time, by factors of two.
std::vector<Item> growth_items(const FlowCase& base, c10::ScalarType dtype, int threads) {
  std::vector<Item> items;
  const auto sweep = [&](std::int64_t FlowCase::*number, std::int64_t low, std::int64_t high) {
    for (std::int64_t value = low; value <= high; value *= 2) {
      FlowCase flow = base;
      flow.*number = value;
      items.push_back({flow, dtype, threads});
    }
  };
  sweep(&FlowCase::layers, 16, 1024);
  sweep(&FlowCase::samples, 64, 8192);
  sweep(&FlowCase::dimension, 2, 128);
  for (int n = 1; n <= threads; n *= 2) items.push_back({base, dtype, n});
  return items;
}

std::string text_line(const CaseResult& r) {
  const std::string name = fmt::format("{:<40} {}", r.flow.name(), name_of(r.dtype));
  if (!r.right())
    return fmt::format("{}  not timed: its gradient differs from {}'s by {:.1e}, more than {:.0e}", name, r.peer,
                       r.gradient_error, r.tolerance);
  const std::string goal = goal_verdict(r);
  return fmt::format("{} {:>9.3f} ms  {} {:>9.3f} ms  {:>6.1f} x ({:.1f} to {:.1f})  {:>3.0f} % of peak{}", name,
                     1e3 * r.ours_s, r.peer, 1e3 * r.peer_s, r.ratio.value, r.ratio.low, r.ratio.high,
                     100 * r.peak_fraction, goal.empty() ? "" : "  goal " + goal);
}

// The cases and their growth.
class Bench {
 public:
  Bench(const Invocation& invocation, Progress& progress, const std::function<void(const std::string&)>& out)
      : invocation_(invocation), progress_(progress), out_(out), threads_(thread_count(invocation)) {
    growth_ = bench_mode(invocation) == BenchMode::growth;
    report_.provenance = provenance(threads_);
  }

  ExitCode run() {
    choose_items();
    progress_.update("machine", 0, 1, "its peaks");
    peaks(threads_);
    progress_.update("machine", 1, 1, "");
    measure_memory();
    for (const std::string& peer : wanted_peers()) beside(peer);
    if (report_.results.empty()) throw Error(fmt::format("nothing was measured: {}", report_.missing.front()));
    keep();
    const bool right = std::all_of(report_.results.begin(), report_.results.end(),
                                   [](const CaseResult& result) { return result.right(); });
    return right ? ExitCode::done : ExitCode::check_failed;
  }

 private:
  void choose_items() {
    for (const std::string& name : chosen_dtypes(invocation_)) {
      const c10::ScalarType dtype = dtype_named(name);
      if (growth_) {
        const FlowCase base = invocation_.flags.text("case").empty() ? FlowCase() : chosen_cases(invocation_).front();
        for (const Item& item : growth_items(base, dtype, threads_)) items_.push_back(item);
      } else {
        for (const FlowCase& flow : chosen_cases(invocation_)) items_.push_back({flow, dtype, threads_});
      }
    }
  }

  std::vector<std::string> wanted_peers() const {
    const std::string& peer = invocation_.flags.text("peer");
    return peer == "all" ? peer_names() : std::vector<std::string>{peer};
  }

  const Peaks& peaks(int threads) {
    for (const Peaks& known : report_.peaks)
      if (known.threads == threads) return known;
    Peaks measured = measure_peaks(threads);
    measure_products(measured);
    report_.peaks.push_back(measured);
    return report_.peaks.back();
  }

  // Before anything is timed, the small problems first: what the kernels keep for their next call then hides nothing.
  void measure_memory() {
    turnpike_gradient(make_flow_problem({.samples = 8, .layers = 2}, at::kDouble));  // the code itself is loaded
    const std::int64_t before = resident_bytes();
    std::vector<std::size_t> order(items_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return size_of(items_[a].flow) < size_of(items_[b].flow); });
    memory_.resize(items_.size());
    for (const std::size_t i : order) {
      stop_if_asked();
      set_threads(items_[i].threads);
      memory_[i] = gradient_peak_bytes(make_flow_problem(items_[i].flow, items_[i].dtype), before);
    }
    set_threads(threads_);
  }

  void beside(const std::string& name) {
    std::map<int, std::unique_ptr<Peer>> peers;  // by threads
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      stop_if_asked();
      progress_.update(fmt::format("beside {}", name), static_cast<std::int64_t>(i),
                       static_cast<std::int64_t>(items_.size()), item.flow.name());
      set_threads(item.threads);
      const Peaks here = peaks(item.threads);
      try {
        std::unique_ptr<Peer>& peer = peers[item.threads];
        if (!peer) peer = make_peer(name, item.threads, progress_);
        const FlowProblem problem = make_flow_problem(item.flow, item.dtype);
        report_.results.push_back(measure_case(problem, *peer, here, memory_[i], budget()));
      } catch (const PeerMissing& missing) {
        leave_out(missing.what());
        if (!peers[item.threads]) break;  // nor will it be there for the next case
        continue;
      }
      const CaseResult& result = report_.results.back();
      out_(json() ? to_json(result).dump() : text_line(result));
    }
    set_threads(threads_);
    progress_.update(fmt::format("beside {}", name), static_cast<std::int64_t>(items_.size()),
                     static_cast<std::int64_t>(items_.size()), "");
  }

  void leave_out(const std::string& why) {
    if (std::find(report_.missing.begin(), report_.missing.end(), why) != report_.missing.end()) return;
    report_.missing.push_back(why);
    progress_.note(why);
  }

  PairBudget budget() const { return {.seconds = growth_ ? 0.3 : 3}; }

  void keep() {
    RunFolder folder(make_run_folder(invocation_.flags.text("out"), "bench"), report_.provenance);
    report_.command = command();
    folder.write_report(growth_ ? growth_page(report_, folder) : cases_page(report_, folder));
    Json result = {{"schema", 1}, {"verb", "bench"}, {"peaks", Json::array()}, {"cases", Json::array()}};
    for (const Peaks& peaks : report_.peaks) result["peaks"].push_back(to_json(peaks));
    for (const CaseResult& one : report_.results) result["cases"].push_back(to_json(one));
    result["left_out"] = report_.missing;
    result["provenance"] = to_json(report_.provenance);
    folder.write_result(result);
    folder.finish();
    if (!json()) out_((folder.path() / "report.html").string());
  }

  std::string command() const {
    std::string words = "turnpike bench";
    for (const Option& option : invocation_.flags.schema().options()) {
      if (!invocation_.flags.is_set(option.key) || option.key == "json" || option.key == "quiet") continue;
      words += option.kind == OptionKind::boolean
                   ? fmt::format(" --{}", option.key)
                   : fmt::format(" --{} {}", option.key,
                                 option.kind == OptionKind::integer
                                     ? std::to_string(invocation_.flags.integer(option.key))
                                     : fmt::format("'{}'", invocation_.flags.text(option.key)));
    }
    return words;
  }

  bool json() const { return invocation_.flags.boolean("json"); }
  void stop_if_asked() const {
    if (stop_requested()) throw Interrupted("the benchmark was stopped");
  }

  const Invocation& invocation_;
  Progress& progress_;
  const std::function<void(const std::string&)>& out_;
  int threads_;
  bool growth_ = false;
  std::vector<Item> items_;
  std::vector<std::int64_t> memory_;
  BenchReport report_;
};

using Out = std::function<void(const std::string&)>;

std::string text_line(const AccuracyResult& result) {
  const double target = result.task.target;
  const auto reached = [target](const Training& training) {
    return training.epochs_to(target) == 0
               ? std::string("does not reach it")
               : fmt::format("{:.3g} s ({} epochs)", training.seconds_to(target), training.epochs_to(target));
  };
  return fmt::format("{:<8} to {:g} %  ours {}  PyTorch {}", result.task.name, 100 * target, reached(result.ours),
                     reached(result.peer));
}

std::string text_line(const ShareResult& result) {
  std::string line = fmt::format("{:<26} {:>7.2f} s, {:>4.1f} % outside the kernels", result.name, result.seconds,
                                 100 * result.outside());
  if (result.epoch_s > 0)
    line +=
        fmt::format("; an epoch {:.3g} ms, without them {:.3g} ms", 1e3 * result.epoch_s, 1e3 * result.epoch_without_s);
  return line;
}

// A folder with what all results share.
template <class Result>
void keep(const Invocation& invocation, const Provenance& here, const std::vector<Result>& results, const Out& out,
          Page (*page)(const std::vector<Result>&, const Provenance&, RunFolder&)) {
  RunFolder folder(make_run_folder(invocation.flags.text("out"), "bench"), here);
  folder.write_report(page(results, here, folder));
  Json json = {{"schema", 1}, {"verb", "bench"}, {"cases", Json::array()}};
  for (const Result& result : results) json["cases"].push_back(to_json(result));
  json["provenance"] = to_json(here);
  folder.write_result(json);
  folder.finish();
  if (!invocation.flags.boolean("json")) out((folder.path() / "report.html").string());
}

ExitCode run_accuracy(const Invocation& invocation, Progress& progress, const Out& out) {
  const int threads = thread_count(invocation);
  std::vector<AccuracyResult> results;
  const std::vector<AccuracyTask> tasks = accuracy_tasks();
  if (tasks.size() == 1) progress.note("MNIST is left out: TURNPIKE_DATA names no folder that holds it");
  for (const AccuracyTask& task : tasks) {
    results.push_back(measure_accuracy(task, threads, progress));
    out(invocation.flags.boolean("json") ? to_json(results.back()).dump() : text_line(results.back()));
  }
  keep(invocation, provenance(threads), results, out, &accuracy_page);
  return ExitCode::done;
}

ExitCode run_share(const Invocation& invocation, Progress& progress, const Out& out) {
  const int threads = thread_count(invocation);
  std::vector<ShareResult> results;
  for (const auto& measure : share_measurements()) {
    results.push_back(measure(threads, progress));
    out(invocation.flags.boolean("json") ? to_json(results.back()).dump() : text_line(results.back()));
  }
  keep(invocation, provenance(threads), results, out, &share_page);
  return ExitCode::done;
}

}  // namespace

ExitCode run_bench(const Invocation& invocation, Progress& progress,
                   const std::function<void(const std::string& line)>& out) {
  switch (bench_mode(invocation)) {
    case BenchMode::accuracy: return run_accuracy(invocation, progress, out);
    case BenchMode::share: return run_share(invocation, progress, out);
    default: break;
  }
  return Bench(invocation, progress, out).run();
}

}  // namespace turnpike
