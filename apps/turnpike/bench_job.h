// turnpike bench: measures, prints a line a case (with --json its object), and leaves a folder with the page.
#pragma once

#include <functional>
#include <string>

#include <turnpike/base/progress.h>

#include "command_line.h"

namespace turnpike {

// check_failed where a gradient is wrong: it is then not timed.
ExitCode run_bench(const Invocation& invocation, Progress& progress,
                   const std::function<void(const std::string& line)>& out);

}  // namespace turnpike
