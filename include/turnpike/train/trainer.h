// Training: first-order epochs on mini-batches (or any optimiser on the full batch), then, if asked for, a polish.
//
//   Model model = Model::make(spec, at::kDouble, seed);
//   Objective objective{.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = {.weight = 1e-3}};
//   TrainResult result = train(model, objective, data, nullptr, {.epochs = 200, .optimiser = {.rate = 1e-2}});
//
// Each epoch passes over a new permutation of the rows, drawn from (seed, epoch) alone. The record of an epoch holds
// means over its samples, measured as they were used; validation is measured after it. Where validation data are given,
// the model ends with the weights of its best validation loss (and a polish starts from them). With lbfgs and proximal
// an epoch is one step() on all rows: `optimiser.iterations` iterations; a stop waits for its end.
//
// In `folder`, if it is not empty: metrics.jsonl, a line an epoch, and checkpoint.safetensors (train/checkpoint.h)
// every checkpoint_seconds, when stopped, and at the end. With `resume` the run continues from it, bit for bit as if it
// had never stopped.
//
// Errors: InputError for options that do not fit one another or the data, and for a resume that is not possible;
// Interrupted after stop_requested(), once a checkpoint is written; Error if the objective leaves the finite numbers:
// it says in which epoch and which layer, what grew, and what to try; the model then holds the weights of the last
// epoch that ended well.
#pragma once

#include <filesystem>
#include <limits>
#include <optional>
#include <vector>

#include <turnpike/base/progress.h>
#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>
#include <turnpike/train/optimiser.h>
#include <turnpike/train/polish.h>
#include <turnpike/train/schedule.h>

namespace turnpike {

struct TrainOptions {
  std::int64_t epochs = 100;
  std::int64_t batch = 0;  // rows a step; 0: all
  std::uint64_t seed = 0;  // of the permutations
  OptimiserOptions optimiser;
  Schedule schedule;  // of the first-order optimisers' rate
  double clip = 0;    // bound on the gradient's Euclidean norm, first-order optimisers; 0: none
  std::int64_t patience =
      0;  // stop after so many epochs without a better validation loss (without validation: objective); 0: never
  PolishOptions polish;
  std::filesystem::path folder;    // "": write nothing
  double checkpoint_seconds = 30;  // 0: after every epoch
  bool resume = false;
};

inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

struct EpochRecord {
  std::int64_t epoch = 0;  // completed epochs, from 1
  double objective = 0;    // J
  double loss = 0;         // J without the penalty
  double score = 0;        // train/evaluate.h
  double validation_loss = not_measured, validation_score = not_measured;
  double gradient_norm = 0;  // |grad J| before clipping, mean over the epoch's steps
  double rate = 0;
  double seconds = 0;
};

enum class StopReason { epochs, patience, tolerance, stalled };
const char* name_of(StopReason reason);  // "all epochs done", ...

struct TrainResult {
  std::vector<EpochRecord> history;
  StopReason stopped = StopReason::epochs;
  std::int64_t best_epoch = 0;  // of the validation loss; 0 without validation data
  std::optional<PolishReport> polish;
};

TrainResult train(Model& model, const Objective& objective, const Dataset& data, const Dataset* validation,
                  const TrainOptions& options, Progress& progress = no_progress());

}  // namespace turnpike
