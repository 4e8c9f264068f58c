#include "workers_internal.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace turnpike {
namespace {

void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `value` differs from `old`: spins for up to 50 us, so that back-to-back calls need no system call, then
// sleeps, so that a busy core is not taken from others.
int wait_for_change(std::atomic<int>& value, int old) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0;; ++i) {
    const int now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause_thread();
    if (i % 64 == 63 && std::chrono::steady_clock::now() - start > std::chrono::microseconds(50)) break;
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

class Workers {
 public:
  std::mutex mutex;

  void run(int n, const std::function<void(int)>& work) {
    // A worker knows the round it was born in, so that it takes part from the next one on.
    while (static_cast<int>(threads_.size()) < n - 1) {
      const int index = static_cast<int>(threads_.size()) + 1;
      threads_.emplace_back([this, index, seen = round_.load()] { loop(index, seen); });
    }
    work_ = &work;
    n_ = n;
    left_.store(static_cast<int>(threads_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    work(0);
    for (int left = left_.load(std::memory_order_acquire); left > 0;) left = wait_for_change(left_, left);
  }

 private:
  void loop(int index, int seen) {
    while (true) {
      seen = wait_for_change(round_, seen);
      if (index < n_) (*work_)(index);
      left_.fetch_sub(1, std::memory_order_acq_rel);
      left_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  const std::function<void(int)>* work_ = nullptr;
  int n_ = 0;
  std::atomic<int> round_{0}, left_{0};
};

// Never destroyed: its threads sleep until the process ends, whatever order statics die in.
Workers& workers() {
  static Workers& pool = *new Workers;
  return pool;
}

}  // namespace

Team::Team(int n) : n_(n) {
  if (n > 1) lock_ = std::unique_lock(workers().mutex);
}

void Team::run(const std::function<void(int)>& work) {
  if (n_ <= 1) return work(0);
  workers().run(n_, work);
}

}  // namespace turnpike
