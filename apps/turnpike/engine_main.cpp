#include "engine_main.h"

#include <fmt/format.h>
#include <malloc.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>

namespace turnpike {
namespace {

void print_line(const std::string& line) {
  const std::string text = line + "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

std::string dump(const JobResult& result) {
  return result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

JobResult run_job(const Job& job, const std::vector<JobEntry>& jobs) {
  const auto start = std::chrono::steady_clock::now();
  for (const JobEntry& entry : jobs) {
    if (job.invocation.verb->name != entry.verb) continue;
    JobResult result = {{"schema", 1}, {"verb", entry.verb}};
    result.update(entry.run(job));
    result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  }
  throw ContractError("the verb '" + job.invocation.verb->name + "' has no job");
}

int run(const Invocation& invocation, const Engine& engine) {
  const bool json = invocation.flags.boolean("json"), quiet = invocation.flags.boolean("quiet");
  // A step frees and asks for the same few megabytes again and again: given back to the system each time, they would be
  // cleared page by page.
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  install_signal_handlers(quiet);
  const int threads = engine.set_threads(thread_count(invocation));
  Console console(Console::look_of_stderr(quiet));
  if (engine.run_other)
    if (const auto code = engine.run_other(invocation, console, print_line)) return static_cast<int>(*code);
  const Job job{invocation, provenance(threads), console, print_line};
  const JobResult result = run_job(job, engine.jobs);
  if (json) print_line(dump(result));
  return static_cast<int>(ExitCode::done);
}

struct Complaint {
  std::string text;
  ExitCode code;
};

// The exception that is being handled, in one sentence.
Complaint complaint(const Engine& engine) {
  const std::string no_memory = fmt::format("the memory does not suffice; {}", engine.memory_advice);
  try {
    throw;
  } catch (const Error& error) {
    return {error.what(), error.exit_code()};
  } catch (const std::bad_alloc&) {
    return {no_memory, ExitCode::failed};
  } catch (const std::exception& error) {
    if (engine.explain)
      if (auto text = engine.explain()) return {text->empty() ? no_memory : *text, ExitCode::failed};
    const std::string text = error.what();
    return {text.substr(0, text.find('\n')), ExitCode::failed};
  }
}

}  // namespace

int engine_main(int argc, const char* const* argv, const Engine& engine) {
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
    return run(invocation, engine);
  } catch (...) {
    const Complaint failure = complaint(engine);
    fmt::print(stderr, "turnpike: {}\n", failure.text);
    if (json)
      fmt::print(
          "{}\n",
          dump({{"schema", 1}, {"verb", verb}, {"error", failure.text}, {"exit", static_cast<int>(failure.code)}}));
    return static_cast<int>(failure.code);
  }
}

}  // namespace turnpike
