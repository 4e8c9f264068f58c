// turnpike analyze MODEL --data FILE [--target COL] [--labels FILE]: the diagnosis of a saved model on data, as a
// report of its own. The labels are optional: without them nothing that needs the truth is drawn.
#pragma once

#include "job.h"

namespace turnpike {

JobResult run_analyze(const Job& job);

}  // namespace turnpike
