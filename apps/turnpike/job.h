// What the jobs of the engines share: one job a verb, from an invocation to the JSON of its result.
//
// A job prints nothing: `out` takes the lines of standard output, the progress what is for people on standard error.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/base/provenance.h>

#include "command_line.h"

namespace turnpike {

inline constexpr const char* model_name = "model.safetensors";  // in a run's folder

struct Job {
  const Invocation& invocation;
  Provenance provenance;
  Progress& progress;
  std::function<void(const std::string& line)> out;  // one line of standard output

  bool json() const { return invocation.flags.boolean("json"); }
  const std::string& flag(const char* key) const { return invocation.flags.text(key); }
  // The file that MODEL names: itself, or the model in a run's folder.
  std::string model_path() const {
    const std::filesystem::path named = invocation.positionals.at(0);
    return std::filesystem::is_directory(named) ? (named / model_name).string() : named.string();
  }
};

using JobResult = nlohmann::ordered_json;  // {"schema": 1, "verb": ...}: the last line with --json

// "schema", "verb" and "seconds" since the job's start are filled in by the engine.
struct JobEntry {
  const char* verb;
  JobResult (*run)(const Job& job);
};

}  // namespace turnpike
