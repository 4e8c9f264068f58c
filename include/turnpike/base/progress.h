// Progress of long work. The library only reports; the command decides how to show it (a live line on a terminal, plain
// lines in a pipe, nothing with --quiet) and where Ctrl-C sets the stop flag.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace turnpike {

class Progress {
 public:
  virtual ~Progress() = default;
  // `done` of `total` units of `what` (total <= 0: unknown); `detail` is short, as "loss 0.0123  accuracy 98.1 %".
  virtual void update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail) {}
  virtual void note(const std::string& line) {}  // one line that stays
};

// A progress that shows nothing.
Progress& no_progress();

// Set by the command's SIGINT handler, polled by long work at points where it can save and stop.
std::atomic<bool>& stop_requested();

}  // namespace turnpike
