#include <turnpike/train/polish.h>

#include "polish_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

// Runs before the parameters become leaves.
Model& in_float64(Model& model, const Dataset& data) {
  check_data(model, data, "training");
  convert(model, at::kDouble);
  return model;
}

}  // namespace

Polisher::Polisher(Model& model, const Objective& objective, const Dataset& data, const PolishOptions& options)
    : options_(options),
      model_(in_float64(model, data)),
      problem_(model_, objective, /*smooth_only=*/!objective.penalty.smooth()),
      inputs_(model_.examples(data.all(at::kDouble))) {
  const bool smooth = objective.penalty.smooth();
  optimiser_ = make_optimiser({.kind = smooth ? OptimiserKind::lbfgs : OptimiserKind::proximal,
                               .rate = 1,
                               .history = options.history,
                               .tolerance = options.tolerance},
                              problem_.parameters(), problem_.non_smooth());
  problem_.project();
  measure();
}

void Polisher::step() {
  optimiser_->step([this](bool gradient) { return problem_.evaluate(inputs_, gradient).value; });
  measure();
}

void Polisher::measure() {
  report_.residual = optimiser_->residual_here([this](bool gradient) {
    const Measured measured = problem_.evaluate(inputs_, gradient);
    report_.objective = measured.objective;
    return measured.value;
  });
  report_.iterations = optimiser_->iterations();
  report_.converged = report_.residual <= options_.tolerance;
}

void Polisher::load(const NamedTensors& state) {
  optimiser_->load(state);
  measure();
}

std::string Polisher::progress_line() const {
  return fmt::format("objective {:.6g}  residual {:.2e}", report_.objective, report_.residual);
}

PolishReport polish(Model& model, const Objective& objective, const Dataset& data, const PolishOptions& options,
                    Progress& progress) {
  Polisher polisher(model, objective, data, options);
  while (!polisher.done()) {
    if (stop_requested()) throw Interrupted("the polish was stopped; the model holds what it had reached");
    polisher.step();
    progress.update("polish", polisher.report().iterations, options.iterations, polisher.progress_line());
  }
  return polisher.report();
}

}  // namespace turnpike
