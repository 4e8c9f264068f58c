// The report of a training run: what was run, what came out, and what the depth does, on one page.
#pragma once

#include <string>
#include <vector>

#include "diagnosis.h"
#include "run_setup.h"

namespace turnpike {

struct Scores {
  double train = 0, validation = not_measured, test = not_measured;  // accuracy, or RMSE in original units
};

// One learner on the same split.
struct Contender {
  std::string name;
  std::int64_t parameters = 0;
  Scores scores;
  double seconds = not_measured;  // of training
};

struct TrainReport {
  const RunSetup& setup;
  const Model& model;
  const TrainResult& training;
  const DiagnosisTask& task;
  const Diagnosis& diagnosis;
  std::vector<Contender> contenders;  // the flow, its cut, the baselines
  double training_seconds = 0;
  Provenance provenance;
};

std::string result_sentence(const TrainReport& report);
Page train_page(const TrainReport& report, RunFolder& folder);  // writes figures and data into the folder

}  // namespace turnpike
