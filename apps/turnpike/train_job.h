// turnpike train: data -> model -> training -> diagnosis -> report, in one folder.
//
// Ctrl-C at any time leaves a folder that --resume goes on with; the report is drawn last, from the trained model.
#pragma once

#include "job.h"

namespace turnpike {

JobResult run_train(const Job& job);

}  // namespace turnpike
