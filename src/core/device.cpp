#include <turnpike/core/device.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

int usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

// Which BLAS stands behind libtorch is known only when the program runs.
void set_blas_threads(int n) {
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) reinterpret_cast<void (*)(int)>(symbol)(n);
}

}  // namespace

int set_threads(int n) {
  if (n <= 0) n = usable_cores();
  at::set_num_threads(n);
  set_blas_threads(n);
  return n;
}

void make_reproducible(std::uint64_t seed) {
  at::manual_seed(seed);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  // The flag is a register of each thread: this one's and those of libtorch's pool.
  at::globalContext().setFlushDenormal(true);
  at::parallel_for(0, at::get_num_threads(), 1,
                   [](std::int64_t, std::int64_t) { at::globalContext().setFlushDenormal(true); });
}

c10::ScalarType dtype_named(std::string_view name) {
  if (name == "f32") return c10::ScalarType::Float;
  if (name == "f64") return c10::ScalarType::Double;
  throw InputError("dtype must be f32 or f64, got '" + std::string(name) + "'");
}

const char* name_of(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float: return "f32";
    case c10::ScalarType::Double: return "f64";
    default: throw ContractError(std::string("a run computes in f32 or f64, not in ") + c10::toString(dtype));
  }
}

namespace {

// Counts only blocks that it saw being allocated: those from before its start may be freed without a negative balance.
class Meter final : public c10::MemoryReportingInfoBase {
 public:
  explicit Meter(c10::MemoryReportingInfoBase* outer) : outer_(outer) {}

  void reportMemoryUsage(void* pointer, std::int64_t size, std::int64_t total_allocated, std::int64_t total_reserved,
                         c10::Device device) override {
    {
      std::lock_guard lock(mutex_);
      if (size > 0) {
        std::int64_t& block = blocks_[pointer];  // an entry that is there already was freed unseen, by another thread
        held_ += size - block;
        block = size;
        peak_ = std::max(peak_, held_);
      } else if (auto block = blocks_.find(pointer); block != blocks_.end()) {
        held_ -= block->second;
        blocks_.erase(block);
      }
    }
    if (outer_) outer_->reportMemoryUsage(pointer, size, total_allocated, total_reserved, device);
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::int64_t peak() const {
    std::lock_guard lock(mutex_);
    return peak_;
  }

 private:
  c10::MemoryReportingInfoBase* outer_;
  mutable std::mutex mutex_;
  std::unordered_map<void*, std::int64_t> blocks_;
  std::int64_t held_ = 0, peak_ = 0;
};

// libtorch logs a warning when a block from before the meter's start is freed: expected here, and not for a user's
// terminal.
class QuietLog {
 public:
  QuietLog()
      : level_(static_cast<int*>(dlsym(RTLD_DEFAULT, "_ZN3fLI17FLAGS_minloglevelE"))) {  // of glog, if it is used
    if (level_) previous_ = std::exchange(*level_, 2);
  }
  ~QuietLog() {
    if (level_) *level_ = previous_;
  }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;

 private:
  int* level_;
  int previous_ = 0;
};

}  // namespace

struct PeakMemory::State {
  QuietLog quiet;
  std::shared_ptr<Meter> meter = std::make_shared<Meter>(
      dynamic_cast<c10::MemoryReportingInfoBase*>(c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::PROFILER_STATE)));
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, meter};
};

PeakMemory::PeakMemory() : state_(new State) {}
PeakMemory::~PeakMemory() {
  delete state_;
}
std::int64_t PeakMemory::bytes() const {
  return state_->meter->peak();
}

}  // namespace turnpike
