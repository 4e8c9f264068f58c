#include "bench_words.h"

#include <fmt/format.h>

namespace turnpike {
namespace {

struct ModeFlag {
  const char* flag;
  BenchMode mode;
};
constexpr ModeFlag mode_flags[] = {
    {"growth", BenchMode::growth}, {"accuracy", BenchMode::accuracy}, {"share", BenchMode::share}};

}  // namespace

BenchMode bench_mode(const Invocation& invocation) {
  for (const ModeFlag& entry : mode_flags)
    if (invocation.flags.boolean(entry.flag)) return entry.mode;
  return BenchMode::cases;
}

std::vector<FlowCase> chosen_cases(const Invocation& invocation) {
  if (const std::string& name = invocation.flags.text("case"); !name.empty()) return {parse_flow_case(name)};
  std::vector<FlowCase> cases;
  for (const GoalCase& goal : goal_cases()) cases.push_back(goal.flow);
  return cases;
}

std::vector<std::string> chosen_dtypes(const Invocation& invocation) {
  const std::string& dtype = invocation.flags.text("dtype");
  return dtype == "both" ? std::vector<std::string>{"f32", "f64"} : std::vector<std::string>{dtype};
}

void settle_bench(Invocation& invocation) {
  if (invocation.help) {
    invocation.answer = verb_help(*invocation.verb);
    return;
  }
  if (!invocation.positionals.empty())
    throw InputError(fmt::format("unexpected word '{}': a case of several words stands in quotes, --case '{}'",
                                 invocation.positionals.front(), FlowCase().name()));
  if (!invocation.settings.empty())
    throw InputError(fmt::format("bench has no settings, got '{}'; the shape of a case stands in --case '{}'",
                                 invocation.settings.front().first, FlowCase().name()));
  std::vector<std::string> modes;
  for (const ModeFlag& entry : mode_flags)
    if (invocation.flags.boolean(entry.flag)) modes.push_back(fmt::format("--{}", entry.flag));
  if (modes.size() > 1)
    throw InputError(fmt::format("{} and {} are different measurements: take one", modes[0], modes[1]));
  const BenchMode mode = bench_mode(invocation);
  if (mode == BenchMode::accuracy || mode == BenchMode::share) {
    for (const char* flag : {"case", "dtype", "peer"})
      if (invocation.flags.is_set(flag))
        throw InputError(fmt::format("{} measures trainings of its own: leave out --{}", modes[0], flag));
  }
  chosen_cases(invocation);
}

}  // namespace turnpike
