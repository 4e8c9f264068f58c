// Time to accuracy: the same model, data, first parameters, optimiser and order of rows, by Turnpike and by PyTorch, to
// an accuracy on the test part that is stated beforehand.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <bench/pairs.h>
#include <turnpike/base/progress.h>

namespace turnpike {

struct Training {
  std::vector<double> seconds, accuracy, objective;  // of each epoch; the evaluation on the test part is in its time

  double inside = 0;  // share of its time inside the fused kernels

  double seconds_to(double target) const;  // NaN: not reached
  std::size_t epochs_to(double target) const;
};

struct AccuracyTask {
  std::string name;                // "spirals"
  std::vector<std::string> words;  // of `turnpike train`
  double target;                   // accuracy
  int pairs;                       // of trainings, one by each
};

struct AccuracyResult {
  AccuracyTask task;
  std::string source, dtype, model, peer_description;
  int threads = 1;
  Training ours, peer;  // of the middle pair
  Median ratio;         // of the times to the target, over the pairs; NaN: not reached
};

// Spirals, and MNIST where $TURNPIKE_DATA holds it.
std::vector<AccuracyTask> accuracy_tasks();

// PeerMissing without a Python that has PyTorch.
AccuracyResult measure_accuracy(const AccuracyTask& task, int threads, Progress& progress);

// {"schema", "case", "dtype", "threads", "peer", "target", "ours_s", "peer_s", "ratio", "ratio_interval",
// "ours_epochs", "peer_epochs", "inside"}
nlohmann::ordered_json to_json(const AccuracyResult& result);

}  // namespace turnpike
