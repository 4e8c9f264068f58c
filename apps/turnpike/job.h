// What the jobs of the engines share: one job a verb, from an invocation to the JSON of its result.
//
// A job prints nothing: `out` takes the lines of standard output, the progress what is for people on standard error.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/base/provenance.h>

#include "command_line.h"

namespace turnpike {

struct Job {
  const Invocation& invocation;
  Provenance provenance;
  Progress& progress;
  std::function<void(const std::string& line)> out;  // one line of standard output

  bool json() const { return invocation.flags.boolean("json"); }
  const std::string& flag(const char* key) const { return invocation.flags.text(key); }
};

using JobResult = nlohmann::ordered_json;  // {"schema": 1, "verb": ...}: the last line with --json

// "schema", "verb" and "seconds" since the job's start are filled in by the engine.
struct JobEntry {
  const char* verb;
  JobResult (*run)(const Job& job);
};

}  // namespace turnpike
