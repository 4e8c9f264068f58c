#include "process.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <turnpike/base/error.h>
#include <turnpike/base/progress.h>

#include "pairs.h"

namespace turnpike {
namespace {

struct Child {
  pid_t id;
  int to, from;  // its standard input and output
};

Child start(const std::vector<std::string>& words) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t id = ::fork();
  if (id == 0) {
    ::setpgid(0, 0);  // Ctrl-C is for us to handle
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(nowhere, 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  if (id < 0) {
    ::close(in[1]);
    ::close(out[0]);
    throw Error(fmt::format("cannot start '{}': {}", words.front(), std::strerror(errno)));
  }
  return {id, in[1], out[0]};
}

// What there is to read within the time; empty at the end of the file.
std::string read_some(int from, double until, const char* what) {
  while (true) {
    if (stop_requested()) throw Interrupted("the benchmark was stopped");
    if (seconds_now() > until) throw Error(fmt::format("{} takes too long", what));
    pollfd ready{from, POLLIN, 0};
    const int n = ::poll(&ready, 1, 100);
    if (n < 0 && errno != EINTR) throw Error(fmt::format("cannot wait for {}: {}", what, std::strerror(errno)));
    if (n <= 0) continue;
    char buffer[4096];
    const ssize_t count = ::read(from, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    return {buffer, count > 0 ? static_cast<std::size_t>(count) : 0};
  }
}

}  // namespace

LineProcess::LineProcess(const std::vector<std::string>& words) {
  const Child child = start(words);
  child_ = child.id;
  to_ = child.to;
  from_ = child.from;
}

LineProcess::~LineProcess() {
  ::close(to_);
  ::close(from_);
  ::kill(-child_, SIGKILL);
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

std::string LineProcess::ask(const std::string& line, double seconds) {
  const std::string text = line + "\n";
  // A process that has ended must not end us (SIGPIPE): the missing answer says it.
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const ssize_t written = ::write(to_, text.data(), text.size());
  std::signal(SIGPIPE, before);
  const double until = seconds_now() + seconds;
  std::size_t end;
  while ((end = received_.find('\n')) == std::string::npos) {
    const std::string more = written < 0 ? "" : read_some(from_, until, "the peer");
    if (more.empty()) throw Error("the peer's program ended without an answer");
    received_ += more;
  }
  const std::string answer = received_.substr(0, end);
  received_.erase(0, end + 1);
  return answer;
}

Ran run_program(const std::vector<std::string>& words, double seconds) {
  const Child child = start(words);
  ::close(child.to);
  Ran ran;
  try {
    const double until = seconds_now() + seconds;
    for (std::string more; !(more = read_some(child.from, until, words.front().c_str())).empty();) ran.output += more;
  } catch (...) {
    ::kill(-child.id, SIGKILL);
    ::waitpid(child.id, nullptr, 0);
    ::close(child.from);
    throw;
  }
  ::close(child.from);
  int status = 0;
  ::waitpid(child.id, &status, 0);
  ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace turnpike
