#include <turnpike/train/least_norm.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {

LeastNorm least_norm_control(Model& model, const Dataset& data, const LeastNormOptions& options, Progress& progress) {
  require(model.spec.coding == TargetCoding::real && data.y.defined() && data.y.is_floating_point(),
          "least_norm_control interpolates real targets: the labels are classes");
  require(options.weight > 0, fmt::format("least_norm_control needs a positive weight, got {}", options.weight));
  const Objective objective{.cost = make_cost("mean_square"),
                            .running = 0,
                            .terminal = 1,
                            .penalty = {.kind = PenaltyKind::l2, .weight = options.weight}};
  Dataset shifted = data;
  shifted.y = data.y.to(at::kDouble).clone();
  LeastNorm result;
  while (result.rounds < options.rounds && !result.converged) {
    const PolishReport report = polish(model, objective, shifted, options.polish);
    at::NoGradGuard no_gradient;
    const Tensor missing = data.y - model.forward(data.x.to(at::kDouble));
    shifted.y = shifted.y + missing;
    ++result.rounds;
    result.error = missing.norm().item<double>();
    result.residual = report.residual;
    result.converged = result.error <= options.tolerance;
    progress.update("least norm", result.rounds, options.rounds,
                    fmt::format("distance to the targets {:.1e}", result.error));
  }
  at::NoGradGuard no_gradient;
  result.norm_squared = model.flow.grid.l2_squared(model.control).item<double>();
  result.multipliers = (shifted.y - data.y) * (2 / (static_cast<double>(data.size()) * options.weight));
  return result;
}

}  // namespace turnpike
