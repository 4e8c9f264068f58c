// turnpike-engine: runs the verb. Lines of results go to standard output (JSON lines alone with --json), all else to
// standard error; errors become one sentence and an exit code.
#include <cstdio>
#include <cstring>
#include <new>

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <malloc.h>

#include <turnpike/core/device.h>

#include "bench_job.h"
#include "console.h"
#include "job.h"
#include "study_job.h"

namespace turnpike {
namespace {

void print_line(const std::string& line) {
  const std::string text = line + "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

int run(const Invocation& invocation) {
  const bool json = invocation.flags.boolean("json"), quiet = invocation.flags.boolean("quiet");
  // A step frees and asks for the same few megabytes again and again: given back to the system each time, they would be
  // cleared page by page.
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  install_signal_handlers(quiet);
  const int threads = set_threads(thread_count(invocation));
  Console console(Console::look_of_stderr(quiet));
  if (invocation.verb->name == "study") return static_cast<int>(run_studies(invocation, console, print_line));
  if (invocation.verb->name == "bench") return static_cast<int>(run_bench(invocation, console, print_line));
  const Job job{invocation, provenance(threads), console, print_line};
  const JobResult result = run_job(job);
  if (json) print_line(result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return static_cast<int>(ExitCode::done);
}

// libtorch's errors carry a stack trace after their first line.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

struct Complaint {
  std::string text;
  ExitCode code;
};

// The exception that is being handled, in one sentence.
Complaint complaint() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.what(), error.exit_code()};
  } catch (const std::bad_alloc&) {
    return {"the memory does not suffice; take a smaller batch, fewer layers or a smaller width", ExitCode::failed};
  } catch (const c10::Error& error) {
    const std::string what = first_line(error.what_without_backtrace());
    if (what.find("allocate memory") != std::string::npos)
      return {"the memory does not suffice; take a smaller batch, fewer layers or a smaller width", ExitCode::failed};
    return {"the computation failed inside libtorch: " + what, ExitCode::failed};
  } catch (const std::exception& error) {
    return {first_line(error.what()), ExitCode::failed};
  }
}

}  // namespace
}  // namespace turnpike

int main(int argc, char** argv) {
  using namespace turnpike;
  bool json = false;
  std::string verb;
  try {
    const Invocation invocation = parse_command_line(argc, argv);
    if (!invocation.answer.empty()) {
      std::fputs(invocation.answer.c_str(), stdout);
      return static_cast<int>(ExitCode::done);
    }
    json = invocation.flags.boolean("json");
    verb = invocation.verb->name;
    return run(invocation);
  } catch (...) {
    const Complaint failure = complaint();
    fmt::print(stderr, "turnpike: {}\n", failure.text);
    if (json) {
      const nlohmann::ordered_json line = {
          {"schema", 1}, {"verb", verb}, {"error", failure.text}, {"exit", static_cast<int>(failure.code)}};
      fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
    return static_cast<int>(failure.code);
  }
}
