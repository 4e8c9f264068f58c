#include <turnpike/flow/flow.h>

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "adjoints/roll_internal.h"

namespace turnpike {

Flow Flow::uniform(FieldPtr field, std::string_view scheme, double horizon, std::int64_t layers, ControlKind kind) {
  Flow flow;
  flow.field = std::move(field);
  flow.grid = ControlGrid::uniform(kind, horizon, layers);
  flow.scheme = make_scheme(scheme);
  flow.mesh = Mesh::uniform(horizon, layers);
  return flow;
}

namespace {

std::int64_t index_of(const Mesh& mesh, double time) {
  const auto near = std::lower_bound(mesh.times.begin(), mesh.times.end(), time - 1e-12 * mesh.horizon());
  return near - mesh.times.begin();
}

void check_inputs(const Flow& flow, const Tensor& x0, const Tensor& control) {
  require_shape(x0, {-1, flow.field->dimension()}, "x0 of field '" + flow.field->name() + "'");
  require_shape(control, {flow.grid.slots(), flow.field->n_parameters()},
                "control of field '" + flow.field->name() + "'");
  require(x0.scalar_type() == control.scalar_type(),
          fmt::format("x0 and control must have one dtype, got {} and {}", describe(x0), describe(control)));
  require(!flow.scheme->needs_partition() || flow.field->facts().partitioned,
          fmt::format("the scheme '{}' needs a partitioned field (hamiltonian, or your own with facts().partitioned); "
                      "'{}' is not one",
                      flow.scheme->name(), flow.field->name()));
}

// Steps must end at the control's knots, where u or its slope jumps.
void check_knots(const Mesh& mesh, const ControlGrid& grid) {
  const double rounding = 1e-9 * grid.horizon();
  require(std::abs(mesh.horizon() - grid.horizon()) <= rounding,
          fmt::format("the mesh ends at {} and the control at {}: they must agree", mesh.horizon(), grid.horizon()));
  if (grid.kind() == ControlKind::shared || mesh.times == grid.knots()) return;
  auto after = mesh.times.begin();
  for (const double knot : grid.knots()) {
    while (after != mesh.times.end() && *after < knot - rounding) ++after;
    require(
        after != mesh.times.end() && *after <= knot + rounding,
        fmt::format("a step crosses the control's knot at t = {}: give the mesh a multiple of the control's {} cells",
                    knot, grid.cells()));
  }
}

// Which samples still move in each step; none are stopped inside one, since every horizon is a mesh time.
std::vector<Tensor> active_masks(const Mesh& mesh, const std::vector<double>& horizons,
                                 const at::TensorOptions& options) {
  std::vector<Tensor> masks;
  const Tensor stop = at::tensor(horizons, options.dtype(at::kDouble)).unsqueeze(1);
  for (std::int64_t k = 0; k < mesh.steps(); ++k) masks.push_back(stop > 0.5 * (mesh.times[k] + mesh.times[k + 1]));
  return masks;
}

bool differentiable(const Tensor& tensor) {
  return tensor.defined() && tensor.requires_grad();
}
bool records(const RollInputs& inputs) {
  return at::GradMode::is_enabled() && (differentiable(inputs.x0) || differentiable(inputs.control) ||
                                        differentiable(inputs.readout.weight) || differentiable(inputs.readout.bias));
}

// What of a roll the fused kernels do not cover, or why they may not run; empty: they run it.
std::string kernel_gap(const RollPlan& plan, const RollInputs& inputs) {
  const std::string gap =
      plan.adjoint.kernel == Kernel::reference ? "the reference was asked for" : fused_gap(plan, inputs);
  if (plan.adjoint.kernel == Kernel::fused && !gap.empty())
    throw InputError("the fused kernel was asked for, but " + gap + "; choose the kernel automatic");
  return gap;
}

}  // namespace

Roll Flow::roll(const Tensor& x0, const Tensor& control, const RollOptions& options) const {
  check_inputs(*this, x0, control);
  require(options.horizons.empty() || static_cast<std::int64_t>(options.horizons.size()) == x0.size(0),
          fmt::format("horizons must hold one time a sample: {} samples, {} horizons", x0.size(0),
                      options.horizons.size()));

  RollPlan plan{field, grid, scheme, {}, adjoint, nullptr, {}, {}, {}};
  std::vector<double> stops = options.horizons;
  if (options.save == Save::times) stops.insert(stops.end(), options.times.begin(), options.times.end());
  if (controller) {
    IntegrateOptions adaptive{.controller = *controller, .horizons = options.horizons};
    adaptive.divergence_bound = std::numeric_limits<double>::max();
    const Outcome<Trajectory> run = integrate({field, grid, scheme}, control, x0, adaptive);
    plan.mesh = Mesh{run.value().mesh};
  } else {
    check_knots(mesh, grid);
    plan.mesh = mesh;
  }
  if (!stops.empty()) plan.mesh = plan.mesh.with_stops(stops);
  if (!options.horizons.empty()) plan.active = active_masks(plan.mesh, options.horizons, x0.options());

  Roll result;
  if (options.save == Save::all) {
    for (std::int64_t k = 0; k <= plan.mesh.steps(); ++k) plan.saved.push_back(k);
    result.times = plan.mesh.times;
  } else if (options.save == Save::times) {
    require(std::is_sorted(options.times.begin(), options.times.end()), "save times must ascend");
    for (const double time : options.times) {
      const std::int64_t k = index_of(plan.mesh, time);
      require(plan.saved.empty() || plan.saved.back() < k, fmt::format("save times must differ, got {} twice", time));
      plan.saved.push_back(k);
    }
    result.times = options.times;
  }
  RollInputs inputs{x0, control, {}};
  if (options.running) {
    plan.cost = options.running->cost;
    plan.y = options.running->y;
    inputs.readout = options.running->readout;
  }

  const RollOutputs out = kernel_gap(plan, inputs).empty()                           ? roll_fused(plan, inputs)
                          : records(inputs) && adjoint.kind != AdjointKind::autograd ? roll_with_adjoint(plan, inputs)
                                                                                     : roll_reference(plan, inputs);
  result.end = out.end;
  result.integral = out.integral;
  result.states = out.states;
  return result;
}

FlowCost Flow::cost(const Tensor& x0, const Tensor& control, const RunningCost& cost,
                    const CostWeights& weights) const {
  require(cost.cost != nullptr, "Flow::cost needs a cost, as make_cost(\"mean_square\")");
  const RollInputs inputs{x0, control, cost.readout};
  if (!controller && records(inputs)) {
    check_inputs(*this, x0, control);
    check_knots(mesh, grid);
    const RollPlan plan{field, grid, scheme, mesh, adjoint, cost.cost, cost.y, {}, {}};
    if (kernel_gap(plan, inputs).empty()) return cost_fused(*this, plan, inputs, weights);
  }
  return cost_of_roll(*this, x0, control, cost, weights);
}

FlowCost cost_of_roll(const Flow& flow, const Tensor& x0, const Tensor& control, const RunningCost& cost,
                      const CostWeights& weights) {
  RollOptions options;
  if (weights.running != 0) options.running = cost;
  const Roll roll = flow.roll(x0, control, options);
  FlowCost out;
  out.end = roll.end;
  if (weights.running != 0) out.running = weights.running * roll.integral.mean();
  if (weights.terminal != 0) {
    const double horizon = flow.grid.horizon();
    out.terminal = weights.terminal * (*cost.cost)(horizon, cost.readout(roll.end), cost.y).mean();
  }
  const Tensor zero = control.new_zeros({});
  if (!out.running.defined()) out.running = zero;
  if (!out.terminal.defined()) out.terminal = zero;
  out.value = out.running + out.terminal;
  return out;
}

Outcome<Trajectory> Flow::trajectory(const Tensor& x0, const Tensor& control, std::vector<double> save_times) const {
  check_inputs(*this, x0, control);
  IntegrateOptions options{.save_times = std::move(save_times)};
  if (controller) {
    options.controller = *controller;
  } else {
    options.mesh = mesh;
  }
  return integrate({field, grid, scheme}, control, x0, options);
}

Flow::Cut Flow::cut(const Tensor& control, std::int64_t steps) const {
  require(steps >= 1 && steps <= mesh.steps(),
          fmt::format("a flow of {} steps cannot be cut after {}", mesh.steps(), steps));
  require_shape(control, {grid.slots(), field->n_parameters()}, "control");
  const double end = mesh.times[steps], rounding = 1e-9 * grid.horizon();
  std::vector<double> knots;
  for (const double knot : grid.knots()) {
    if (knot < end - rounding) knots.push_back(knot);
  }
  const std::int64_t whole = static_cast<std::int64_t>(knots.size());  // knots before the cut
  knots.push_back(end);

  Cut cut{*this, control};
  cut.flow.grid = ControlGrid(grid.kind(), knots);
  cut.flow.mesh = Mesh{{mesh.times.begin(), mesh.times.begin() + steps + 1}};
  if (grid.kind() == ControlKind::constant) {
    cut.control = control.narrow(0, 0, whole).clone();
  } else if (grid.kind() == ControlKind::linear) {
    // u at the cut, seen from the cut's left: a knot's own value, or interpolated.
    const ControlGrid::Stencil at_end = grid.stencil(end, mesh.times[steps - 1], end);
    const Tensor last = control[at_end.entries[0].slot] * at_end.entries[0].weight +
                        control[at_end.entries[1].slot] * at_end.entries[1].weight;
    cut.control = at::cat({control.narrow(0, 0, whole), last.unsqueeze(0)});
  }
  return cut;
}

}  // namespace turnpike
