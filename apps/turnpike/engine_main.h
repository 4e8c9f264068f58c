// What every engine of the command does around its jobs: reads the words again, sets up threads, console and signals,
// runs the verb, prints lines of results to standard output (JSON lines alone with --json) and all else to standard
// error, and turns errors into one sentence and an exit code. No libtorch here.
//
//   int main(int argc, char** argv) { return engine_main(argc, argv, {.jobs = table, .set_threads = &set}); }
#pragma once

#include <optional>

#include "console.h"
#include "job.h"

namespace turnpike {

struct Engine {
  std::vector<JobEntry> jobs;
  int (*set_threads)(int wanted);  // returns how many there are
  // Runs a verb that is no job (study, bench); empty: it is one.
  std::optional<ExitCode> (*run_other)(const Invocation&, Progress&,
                                       const std::function<void(const std::string&)>& out) = nullptr;
  // The sentence for the exception that is being handled, where it is of a kind that only this engine knows.
  std::optional<std::string> (*explain)() = nullptr;
  // What to do where the memory does not suffice.
  const char* memory_advice = "take a coarser grid, fewer frames or a part of the field";
};

int engine_main(int argc, const char* const* argv, const Engine& engine);

}  // namespace turnpike
