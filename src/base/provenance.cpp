#include <turnpike/base/provenance.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include <turnpike/base/error.h>

#include "commit_internal.h"

namespace turnpike {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang++ {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string processor() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// The best first.
std::vector<std::string> supported_targets() {
  std::vector<std::string> targets;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    targets.push_back("avx512");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) targets.push_back("avx2");
  if (__builtin_cpu_supports("sse4.2")) targets.push_back("sse4");
#endif
  targets.push_back("generic");
  return targets;
}

}  // namespace

std::string dispatch_target() {
  const std::vector<std::string> targets = supported_targets();
  const char* wanted = std::getenv("TURNPIKE_DISPATCH");
  if (!wanted || !*wanted) return targets.front();
  if (std::find(targets.begin(), targets.end(), wanted) == targets.end())
    throw InputError(fmt::format("TURNPIKE_DISPATCH is '{}'; this processor has {}", wanted, fmt::join(targets, ", ")));
  return wanted;
}

Provenance provenance(int threads) {
  return {.version = TURNPIKE_VERSION,
          .commit = source_commit(),
          .compiler = compiler(),
          .processor = processor(),
          .dispatch = dispatch_target(),
          .started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
          .threads = threads};
}

nlohmann::ordered_json to_json(const Provenance& provenance) {
  return {{"version", provenance.version},     {"commit", provenance.commit},     {"compiler", provenance.compiler},
          {"processor", provenance.processor}, {"dispatch", provenance.dispatch}, {"started", provenance.started},
          {"threads", provenance.threads}};
}

}  // namespace turnpike
