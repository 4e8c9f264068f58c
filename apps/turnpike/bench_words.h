// The words of `turnpike bench`: checked without libtorch, so that the front answers mistakes at once.
#pragma once

#include <string>
#include <vector>

#include <bench/flow_case.h>

#include "command_line.h"

namespace turnpike {

enum class BenchMode { cases, growth, accuracy, share };

// Refuses words, cases and flags that make no sense together: InputError in one sentence. Answers --help.
void settle_bench(Invocation& invocation);

BenchMode bench_mode(const Invocation& invocation);
std::vector<FlowCase> chosen_cases(const Invocation& invocation);  // --case, or those with goals
std::vector<std::string> chosen_dtypes(const Invocation& invocation);

}  // namespace turnpike
