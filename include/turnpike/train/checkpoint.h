// A training run, stopped: all that is needed to go on, bit for bit. One safetensors file, a model (net/model.h reads
// it as one) with more in it:
//
//   tensors    best.NAME           parameters of the best validation loss so far
//              optimiser.NAME      the optimiser's state
//              training.history    [epochs, 9] float64, one EpochRecord a row
//              training.sums       [5] float64, what the unfinished epoch has summed so far
//              training.stopping   [2] float64, the best loss and its epoch
//   metadata   "training"          JSON: schema, phase, epoch, step, settings
//
// The permutation of an epoch is a function of (seed, epoch), so epoch and step are the generator's whole state.
//
// On resume these settings may differ:
//
//   epochs                             unless the schedule is cosine, whose rates depend on it, or the polish has begun
//   patience, checkpoint_seconds, polish.iterations
//   polish.tolerance, polish.history   until the polish has begun
//
// Any other change is refused by name with both values, since the run would then not be the one that was stopped: data,
// validation data, model, objective, dtype, optimiser, batch, seed, schedule, clip; and what makes sums round
// differently: threads, adjoint, kernel, instruction set.
//
//   Checkpoint checkpoint = load_checkpoint(folder / checkpoint_name);
//   checkpoint.model, checkpoint.history.back().score
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <turnpike/net/model.h>
#include <turnpike/train/early_stopping.h>
#include <turnpike/train/trainer.h>

namespace turnpike {

inline constexpr const char* checkpoint_name = "checkpoint.safetensors";
inline constexpr const char* metrics_name = "metrics.jsonl";

enum class Phase { first_order, polish };

struct Checkpoint {
  Model model;
  Phase phase = Phase::first_order;
  std::int64_t epoch = 0;        // completed epochs
  std::int64_t step = 0;         // completed steps of the epoch after
  std::array<double, 5> sums{};  // over those: objective, loss, score, gradient norm, samples
  NamedTensors best, optimiser;
  EarlyStopping stopping;
  std::vector<EpochRecord> history;
  std::map<std::string, std::string> settings;  // name -> value, as text that keeps every bit
};

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
Checkpoint load_checkpoint(const std::filesystem::path& path);  // InputError with the path and the reason

// InputError that names each setting that changed and may not.
void require_resumable(const Checkpoint& checkpoint, const std::map<std::string, std::string>& settings);

}  // namespace turnpike
