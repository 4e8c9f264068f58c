// turnpike predict MODEL --data FILE [--out FILE]: one row of CSV a row of the data.
//
//   classes      prediction, probability of NAME, ...
//   regression   the targets' names, in original units
//
// With --json instead one line of JSON a row: {"row": 0, "prediction": "red", "probabilities": {"red": 0.9, ...}}.
// Where the data hold the truth too, the score is in the result and on standard error.
#pragma once

#include "job.h"

namespace turnpike {

JobResult run_predict(const Job& job);

}  // namespace turnpike
