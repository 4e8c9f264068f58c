// turnpike export MODEL [--format safetensors|torchscript] [--out FILE]: the file's path is printed.
#pragma once

#include "job.h"

namespace turnpike {

JobResult run_export(const Job& job);

}  // namespace turnpike
