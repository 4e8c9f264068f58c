// turnpike study: runs the chosen studies one after the other, a line of result each (with --json the JSON of each),
// and with --all writes the atlas that links them.
#pragma once

#include <functional>
#include <string>

#include <turnpike/base/progress.h>

#include "command_line.h"

namespace turnpike {

// The worst of the studies in the order 130, 2, 1, 3, 0.
ExitCode run_studies(const Invocation& invocation, Progress& progress,
                     const std::function<void(const std::string& line)>& out);

}  // namespace turnpike
