// Best of several starts: problems of this kind have many local optima, and one run says little about the best of them.
//
//   auto starts = multistart([&](std::uint64_t seed) { return Model::make(spec, at::kDouble, seed); }, /*n=*/5,
//   /*seed=*/1,
//                            objective, data, nullptr, options);
//   starts.best, starts.objectives   // [5], J of each: their spread is worth a look
#pragma once

#include <functional>
#include <vector>

#include <turnpike/train/trainer.h>

namespace turnpike {

struct Starts {
  Model best;
  TrainResult result;  // of the best
  std::int64_t best_start = 0;
  std::vector<double> objectives;  // J on all the training data at each run's end; NaN for a run that diverged
};

// Run k = 0 .. n-1 makes its model and shuffles with seed_for(seed, "start", k). A run that diverges counts as lost;
// Error with the last one's reason if all do. In memory: options.folder must be empty.
Starts multistart(const std::function<Model(std::uint64_t seed)>& make, std::int64_t n, std::uint64_t seed,
                  const Objective& objective, const Dataset& data, const Dataset* validation,
                  const TrainOptions& options, Progress& progress = no_progress());

// J on all rows, in batches of bounded memory.
double objective_on(const Model& model, const Objective& objective, const Dataset& data);

}  // namespace turnpike
