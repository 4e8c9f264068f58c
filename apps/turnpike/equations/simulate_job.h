// turnpike simulate NAME [key=value ...]: integrates a named equation. Leaves a folder with solution.npz (the fields
// [x, .., t], their axes by name, given fields [x, ..]), the report with the picture, and result.json.
//
// A solution that breaks off is kept as far as it came; the exit code is then 1.
#pragma once

#include "../job.h"

namespace turnpike {

JobResult run_simulate(const Job& job);

}  // namespace turnpike
