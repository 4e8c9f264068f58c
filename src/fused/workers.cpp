#include "workers_internal.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `value` differs from `old`: spins for up to 50 us, so that back-to-back calls need no system call, then
// sleeps, so that a busy core is not taken from others.
template <class Value>
Value wait_for_change(std::atomic<Value>& value, Value old) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0;; ++i) {
    const Value now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause_thread();
    if (i % 64 == 63 && std::chrono::steady_clock::now() - start > std::chrono::microseconds(50)) break;
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

// A round of shares to do. Each thread begins with the share of its own number, whose memory is in its cache, then
// takes what is left: a worker that the machine leaves waiting costs nothing, since the caller then does its share too.
struct Ticket {
  std::uint32_t round = 0, shares = 0;

  std::uint64_t bits() const { return std::uint64_t{round} << 32 | shares; }
  static Ticket of(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)};
  }
};

class Workers {
 public:
  std::mutex mutex;

  void run(int n, const std::function<void(int)>& work) {
    if (static_cast<int>(threads_.size()) < n - 1) {
      while (static_cast<int>(threads_.size()) < n - 1)
        threads_.emplace_back([this, own = static_cast<std::uint32_t>(threads_.size() + 1)] { loop(own); });
      callers_core_ = -1;
    }
    leave_callers_core();
    const Ticket ticket{Ticket::of(ticket_.load(std::memory_order_relaxed)).round + 1, static_cast<std::uint32_t>(n)};
    work_ = &work;
    done_.store(0, std::memory_order_relaxed);
    ticket_.store(ticket.bits(), std::memory_order_release);
    ticket_.notify_all();
    take_shares(ticket, 0);
    for (int done = done_.load(std::memory_order_acquire); done < n;) done = wait_for_change(done_, done);
  }

 private:
  // A system likes to wake a thread on the core of who wakes it, which is busy with its own share: on a loaded machine
  // the worker would wait there until all is done. So workers may run on any core that the caller may, but his.
  void leave_callers_core() {
#if defined(__linux__)
    const int core = sched_getcpu();
    if (core < 0 || core == callers_core_) return;
    callers_core_ = core;
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return;
    CPU_CLR(core, &cores);
    if (CPU_COUNT(&cores) == 0) return;
    for (std::thread& thread : threads_) pthread_setaffinity_np(thread.native_handle(), sizeof cores, &cores);
#endif
  }

  // A share that was taken keeps its round, and so `work_`, alive until it is done. Who comes late finds all taken.
  void take_shares(const Ticket& ticket, std::uint32_t own) {
    for (std::uint32_t i = 0; i < ticket.shares; ++i) {
      const std::uint32_t share = (own + i) % ticket.shares;
      std::uint32_t last = taken_[share].load(std::memory_order_acquire);
      if (static_cast<std::int32_t>(last - ticket.round) >= 0) continue;  // in this round, or in one that came after
      if (!taken_[share].compare_exchange_strong(last, ticket.round, std::memory_order_acq_rel)) continue;
      (*work_)(static_cast<int>(share));
      done_.fetch_add(1, std::memory_order_acq_rel);
      done_.notify_one();
    }
  }

  void loop(std::uint32_t own) {
    for (std::uint64_t seen = 0;;) {
      seen = wait_for_change(ticket_, seen);
      take_shares(Ticket::of(seen), own);
    }
  }

  std::vector<std::thread> threads_;
  int callers_core_ = -1;  // that they leave
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<std::uint64_t> ticket_{0};
  std::array<std::atomic<std::uint32_t>, Team::most> taken_{};  // the round in which each share was taken last
  std::atomic<int> done_{0};
};

// Never destroyed: its threads sleep until the process ends, whatever order statics die in.
Workers& workers() {
  static Workers& pool = *new Workers;
  return pool;
}

}  // namespace

Team::Team(int n) : n_(n) {
  require(n <= most, "fused kernels run on 1024 threads at most");
  if (n > 1) lock_ = std::unique_lock(workers().mutex);
}

void Team::run(const std::function<void(int)>& work) {
  if (n_ <= 1) return work(0);
  workers().run(n_, work);
}

}  // namespace turnpike
