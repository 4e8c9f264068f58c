// Stop when a loss has not got better for `patience` epochs.
//
//   EarlyStopping stopping;
//   if (stopping.better(loss, epoch)) keep(weights);
//   if (stopping.exhausted(patience, epoch)) break;
#pragma once

#include <cstdint>
#include <limits>

namespace turnpike {

struct EarlyStopping {
  double best = std::numeric_limits<double>::infinity();
  std::int64_t best_epoch = 0;  // 0: none yet

  // Whether `loss` is the best so far (then it is noted). NaN never is.
  bool better(double loss, std::int64_t epoch) {
    if (!(loss < best)) return false;
    best = loss;
    best_epoch = epoch;
    return true;
  }
  bool exhausted(std::int64_t patience, std::int64_t epoch) const {
    return patience > 0 && epoch - best_epoch >= patience;
  }
};

}  // namespace turnpike
