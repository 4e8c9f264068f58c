// turnpike discover FILE ...: the equation behind measured fields, in text, LaTeX and JSON, with a report.
//
// Not found is an answer: "found": false with "reason", exit code 0.
#pragma once

#include "../job.h"

namespace turnpike {

JobResult run_discover(const Job& job);

}  // namespace turnpike
