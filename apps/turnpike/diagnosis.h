// What depth does in a trained model, on given data: the numbers, and the sections of a report that show them.
// `turnpike train` and `turnpike analyze` share it.
//
//   Diagnosis diagnosis = diagnose({.model = model, .data = test, .profiled = train, .judged = validation, .epsilon =
//   0.005}); draw_diagnosis(page, folder, task, diagnosis);
//
// What needs the truth (cost through depth, layer cut, residuals, confusion) is left out where the data have no labels.
// Samples are thinned, evenly over the rows, to what a picture can show and the Jacobians can afford; the numbers kept
// say how many.
#pragma once

#include <optional>
#include <string>

#include <turnpike/analysis/decay.h>
#include <turnpike/analysis/depth_profile.h>
#include <turnpike/analysis/layer_cut.h>
#include <turnpike/analysis/stability.h>
#include <turnpike/base/progress.h>
#include <turnpike/report/page.h>
#include <turnpike/report/run_folder.h>

#include "predictions.h"

namespace turnpike {

struct DiagnosisTask {
  const Model& model;
  const Dataset& data;      // drawn and scored
  std::string part;         // what it is called: "test", "given"
  const Dataset& profiled;  // phi(x(t)) is measured on it
  std::string profiled_part;
  const Dataset& judged;  // the layer cut is chosen on it
  std::string judged_part;
  double epsilon = 0.005;  // of the layer cut: of all samples (classes), of the full network's error (regression)
};

struct Diagnosis {
  bool labelled = false;
  Predictions predictions;  // of task.data
  double score = 0;         // of them, where labelled
  std::optional<DepthProfile> profile;
  std::vector<double> control_times, control_norm;
  // Of phi(x(t)); of what it is above its end, phi(x(t)) - phi(x(T)): a cost that cannot fall to zero still falls to
  // its static value; of |u(t)|. The last two end where the horizon is near: both must vanish at T.
  Decay cost_decay, excess_decay, control_decay;
  std::vector<double> excess;
  std::optional<LayerCut> cut;
  SingularProfile singular;
  Amplification amplification;
};

Diagnosis diagnose(const DiagnosisTask& task, Progress& progress);
nlohmann::ordered_json to_json(const DiagnosisTask& task, const Diagnosis& diagnosis);

void draw_decisions(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis);
void draw_errors(Page& page, RunFolder& folder, const DiagnosisTask& task,
                 const Diagnosis& diagnosis);  // residuals, confusion
void draw_depth(Page& page, RunFolder& folder, const DiagnosisTask& task,
                const Diagnosis& diagnosis);  // paths, decay, Jacobian
// score against depth with t*; `outcome` is a sentence on the cut network
void draw_cut(Page& page, RunFolder& folder, const DiagnosisTask& task, const Diagnosis& diagnosis,
              const std::string& outcome);

std::string field_formula(const ModelSpec& spec);                      // TeX: "W\\tanh(x) + b"
std::string score_words(const Model& model, double score);             // "98.1 % right", "an error (RMSE) of 0.52"
std::vector<std::int64_t> thinned(std::int64_t n, std::int64_t most);  // at most that many rows, evenly spread

}  // namespace turnpike
