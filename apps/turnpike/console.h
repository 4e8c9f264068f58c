// Progress for people: a live line on a terminal, a plain line every two seconds in a pipe, nothing with --quiet; all
// on standard error. NO_COLOR is respected, and so are the terminal's width and TERM=dumb.
//
//   Console console(Console::look_of_stderr(quiet));
//   console.update("epoch", 12, 300, "loss 0.0123");   // epoch 12/300  4 %  loss 0.0123  8.1/s  36 s left
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <turnpike/base/progress.h>

namespace turnpike {

class Console : public Progress {
 public:
  struct Look {
    bool quiet = false;
    bool live = false;  // rewrite one line
    bool colour = false;
    std::function<int()> width;  // columns of the terminal, asked at every drawing; only when live
  };
  using Clock = std::function<double()>;  // seconds from any origin
  using Writer = std::function<void(std::string_view)>;

  static Look look_of_stderr(bool quiet);
  explicit Console(Look look);  // to standard error, by the steady clock
  Console(Look look, Writer write, Clock clock);
  ~Console() override;  // leaves no live line behind

  void update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail) override;
  void note(const std::string& line) override;

 private:
  Look look_;
  Writer write_;
  Clock clock_;
  std::string what_, line_;  // the phase that runs; the live line that stands
  double phase_start_ = 0, last_shown_ = 0;
  std::int64_t done_at_start_ = 0;
  std::string state_line(std::int64_t done, std::int64_t total, const std::string& detail) const;
  void draw(const std::string& line);
  void erase();
};

// From now on the first Ctrl-C sets stop_requested() and says so (unless quiet), the second one kills. A write past the
// limit on file sizes (SIGXFSZ) becomes an error of that write.
void install_signal_handlers(bool quiet);

// "36 s", "4 min 10 s", "2 h 5 min".
std::string duration_text(double seconds);

}  // namespace turnpike
