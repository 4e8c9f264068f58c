// A small pool of threads for calls that last microseconds: workers spin for a bounded time before they sleep.
#pragma once

#include <functional>
#include <mutex>

namespace turnpike {

// The pool, held by one caller at a time.
class Team {
 public:
  static constexpr int most = 1024;
  explicit Team(int n);  // n threads, this one among them

  // Runs work(0), ..., work(n - 1), at the same time where threads are free: work(0) on this one, work(i) on the same
  // thread in every run, as long as none has to stand in for another. Returns when all are done. `work` must not throw,
  // nor make a Team of several.
  void run(const std::function<void(int)>& work);

 private:
  int n_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace turnpike
