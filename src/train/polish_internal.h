// A polish, step by step, so that the trainer can stop and resume it between steps.
#pragma once

#include <turnpike/train/polish.h>

#include "problem_internal.h"

namespace turnpike {

class Polisher {
 public:
  // Converts the model to float64.
  Polisher(Model& model, const Objective& objective, const Dataset& data, const PolishOptions& options);

  void step();  // of the optimiser: 20 iterations
  bool done() const { return report_.converged || optimiser_->stalled() || report_.iterations >= options_.iterations; }
  const PolishReport& report() const { return report_; }
  std::string progress_line() const;

  NamedTensors state() const { return optimiser_->state(); }
  void load(const NamedTensors& state);  // with the parameters already in place

 private:
  void measure();

  PolishOptions options_;
  Model& model_;
  Problem problem_;
  Examples inputs_;
  std::unique_ptr<Optimiser> optimiser_;
  PolishReport report_;
};

}  // namespace turnpike
