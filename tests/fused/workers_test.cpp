// The pool of threads behind the kernels.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include "../../src/fused/workers_internal.h"

namespace turnpike {
namespace {

TEST(Workers, EveryShareIsDoneOnce) {
  for (int round = 0; round < 1000; ++round) {
    std::array<std::atomic<int>, 3> done{};
    Team team(3);
    team.run([&](int share) { ++done[share]; });
    for (const std::atomic<int>& share : done) ASSERT_EQ(share, 1);
  }
}

// Nor again by a caller who finds it done by a worker. Waited for: on a busy machine none may come for a while.
TEST(Workers, WhatOthersDidIsNotDoneAgain) {
  const std::thread::id caller = std::this_thread::get_id();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (std::atomic<bool> helped = false; !helped;) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::array<std::atomic<int>, 3> done{};
    Team team(3);
    team.run([&](int share) {
      if (std::this_thread::get_id() == caller) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      } else {
        helped = true;
      }
      ++done[share];
    });
    for (const std::atomic<int>& share : done) ASSERT_EQ(share, 1);
  }
}

#if defined(__linux__)
// Waited for: a share is the worker's own only once the system has run it.
TEST(Workers, LeaveTheCoreOfTheirCaller) {
  cpu_set_t before, theirs;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "one core";
  const std::thread::id caller = std::this_thread::get_id();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::atomic<bool> helped = false;
  while (!helped && std::chrono::steady_clock::now() < end) {
    Team team(2);
    team.run([&](int) {
      if (std::this_thread::get_id() == caller) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return;
      }
      sched_getaffinity(0, sizeof theirs, &theirs);
      helped = true;
    });
  }
  ASSERT_TRUE(helped);
  EXPECT_EQ(CPU_COUNT(&theirs), CPU_COUNT(&before) - 1);
}
#endif

}  // namespace
}  // namespace turnpike
