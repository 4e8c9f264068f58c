#include "console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace turnpike {
namespace {

constexpr double live_interval_s = 0.1, plain_interval_s = 2;

void write_stderr(std::string_view text) {
  // Progress may get lost (a closed pipe), the run may not.
  while (!text.empty()) {
    ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int stderr_width() {
  struct winsize size {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

// The first `columns` characters of UTF-8 text.
std::string first_columns(const std::string& text, int columns) {
  std::size_t end = 0;
  for (int seen = 0; end < text.size(); ++end)
    if ((text[end] & 0xC0) != 0x80 && seen++ == columns) break;
  return text.substr(0, end);
}

bool set_in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value;
}

std::string rate_text(double rate) {
  return rate < 10 ? fmt::format("{:.2g}/s", rate) : fmt::format("{:.0f}/s", rate);
}

volatile std::sig_atomic_t say_stopping = 1;

extern "C" void on_interrupt(int) {
  if (stop_requested().exchange(true)) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
    return;
  }
  constexpr std::string_view text = "\nstopping and saving; Ctrl-C again to kill\n";
  if (say_stopping) {
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  }
}

}  // namespace

std::string duration_text(double seconds) {
  const long total = std::lround(std::min(std::max(seconds, 0.0), 1e9));
  if (total < 100) return fmt::format("{} s", total);
  if (total < 6000) return fmt::format("{} min {} s", total / 60, total % 60);
  return fmt::format("{} h {} min", total / 3600, total % 3600 / 60);
}

Console::Look Console::look_of_stderr(bool quiet) {
  const char* term = std::getenv("TERM");
  const bool live = ::isatty(STDERR_FILENO) && term && std::strcmp(term, "dumb") != 0;
  return {.quiet = quiet, .live = live, .colour = live && !set_in_environment("NO_COLOR"), .width = stderr_width};
}

Console::Console(Look look) : Console(std::move(look), write_stderr, steady_seconds) {}

Console::Console(Look look, Writer write, Clock clock)
    : look_(std::move(look)), write_(std::move(write)), clock_(std::move(clock)) {
  phase_start_ = last_shown_ = clock_();
}

Console::~Console() {
  erase();
}

void Console::update(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail) {
  if (look_.quiet) return;
  const double now = clock_();
  if (what != what_) {
    what_ = what;
    phase_start_ = now;
    done_at_start_ = done;
  }
  // The last state of a phase is always shown: it holds the result.
  const bool last = total > 0 && done >= total;
  if (!last && now - last_shown_ < (look_.live ? live_interval_s : plain_interval_s)) return;
  last_shown_ = now;
  const std::string line = state_line(done, total, detail);
  if (look_.live)
    draw(line);
  else
    write_(line + "\n");
}

void Console::note(const std::string& line) {
  if (look_.quiet) return;
  const std::string standing = line_;
  erase();
  write_(line + "\n");
  if (!standing.empty()) draw(standing);
}

std::string Console::state_line(std::int64_t done, std::int64_t total, const std::string& detail) const {
  std::string line = total > 0 ? fmt::format("{} {}/{}  {} %", what_, done, total, 100 * done / total)
                               : fmt::format("{} {}", what_, done);
  if (!detail.empty()) line += "  " + detail;
  const double elapsed = clock_() - phase_start_;
  if (done > done_at_start_ && elapsed > 0) {
    const double rate = static_cast<double>(done - done_at_start_) / elapsed;
    line += "  " + rate_text(rate);
    if (total > done) line += fmt::format("  {} left", duration_text(static_cast<double>(total - done) / rate));
  }
  return line;
}

void Console::draw(const std::string& line) {
  line_ = line;
  // One column stays free: a full line would wrap on some terminals.
  std::string shown = first_columns(line, std::max(look_.width() - 1, 1));
  if (look_.colour) {
    std::size_t end = std::min(what_.size(), shown.size());
    shown = "\033[1m" + shown.substr(0, end) + "\033[0m" + shown.substr(end);
  }
  write_("\r\033[K" + shown);
}

void Console::erase() {
  if (!line_.empty()) write_("\r\033[K");
  line_.clear();
}

void install_signal_handlers(bool quiet) {
  say_stopping = !quiet;
  stop_requested();  // built now, not inside the handler
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace turnpike
