// End to end: of a whole run, which share of the time is outside the fused kernels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/progress.h>

namespace turnpike {

// A part of a run, from the first word of its progress to the first of the next one's.
struct Phase {
  std::string name;
  double seconds = 0, kernel_s = 0;
};

struct ShareResult {
  std::string name;  // "train", "study orders"
  int threads = 1;
  double seconds = 0, kernel_s = 0;  // of the whole run; inside the kernels
  std::vector<Phase> phases;
  double epoch_s = 0, epoch_without_s = 0;  // of train: an epoch with the kernels, and by libtorch's autograd

  double outside() const { return 1 - kernel_s / seconds; }
};

// `turnpike train` without arguments, and the studies of C6 and D5 at their quick size (of those that there are).
std::vector<std::function<ShareResult(int threads, Progress& progress)>> share_measurements();

// {"schema", "case", "threads", "seconds", "kernel_seconds", "outside", "phases", "epoch_ms", "epoch_ms_without"}
nlohmann::ordered_json to_json(const ShareResult& result);

}  // namespace turnpike
