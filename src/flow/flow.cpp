#include <turnpike/flow/flow.h>

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/training_cost.h>

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

Tensor own_of(const Tensor& tensor, std::int64_t shared_dims, std::int64_t replica) {
  return tensor.defined() && tensor.dim() > shared_dims ? tensor.select(0, replica) : tensor;
}

void check_replicas(const RollInputs& inputs, const RunningCost& cost) {
  const std::int64_t R = inputs.control.size(0);
  require(R > 0, "training_cost: there are no replicas in a control of shape " + describe(inputs.control));
  const auto check = [R](const Tensor& tensor, std::int64_t shared_dims, const char* name) {
    if (!tensor.defined() || tensor.dim() == shared_dims) return;
    require(tensor.dim() == shared_dims + 1 && tensor.size(0) == R,
            fmt::format("training_cost: {} must have {} dimensions, or one more of the {} replicas, got {}", name,
                        shared_dims, R, describe(tensor)));
  };
  check(inputs.x0, 2, "x0");
  check(inputs.readout.weight, 2, "the readout's weight");
  check(inputs.readout.bias, 1, "the readout's bias");
  check(cost.y, cost.cost->classes() ? 1 : 2, "y");
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
  check_inputs(*this, x0, control);
  const TrainingCost out = training_cost(*this, x0, control, cost, {weights.running, weights.terminal});
  return {out.value, out.running, out.terminal, out.end};
}

TrainingCost training_cost(const Flow& flow, const Tensor& x0, const Tensor& control, const RunningCost& cost,
                           const TrainingWeights& weights) {
  require(cost.cost != nullptr, "a mean cost needs a cost, as make_cost(\"mean_square\")");
  const RollInputs inputs{x0, control, cost.readout};
  if (control.dim() == 3) check_replicas(inputs, cost);
  if (!flow.controller && records(inputs)) {
    const RollInputs first = of_replica(inputs, 0);
    check_inputs(flow, first.x0, first.control);
    check_knots(flow.mesh, flow.grid);
    const Tensor y = control.dim() == 3 ? own_of(cost.y, cost.cost->classes() ? 1 : 2, 0) : cost.y;
    const RollPlan plan{flow.field, flow.grid, flow.scheme, flow.mesh, flow.adjoint, cost.cost, y, {}, {}};
    if (kernel_gap(plan, first).empty()) return cost_fused(flow, plan, inputs, cost.y, weights);
  }
  return cost_of_rolls(flow, inputs, cost, weights);
}

namespace {

TrainingCost cost_of_roll(const Flow& flow, const Tensor& x0, const Tensor& control, const RunningCost& cost,
                          const TrainingWeights& weights) {
  RollOptions options;
  if (weights.running != 0) options.running = cost;
  const Roll roll = flow.roll(x0, control, options);
  TrainingCost out;
  out.end = roll.end;
  if (weights.running != 0) out.running = weights.running * roll.integral.mean();
  if (weights.terminal != 0) {
    const double horizon = flow.grid.horizon();
    out.terminal = weights.terminal * (*cost.cost)(horizon, cost.readout(roll.end), cost.y).mean();
  }
  const Tensor zero = control.new_zeros({});
  if (!out.running.defined()) out.running = zero;
  if (!out.terminal.defined()) out.terminal = zero;
  out.energy = weights.energy == 0 ? zero : weights.energy * flow.grid.l2_squared(control);
  out.value = out.running + out.terminal + out.energy;
  return out;
}

}  // namespace

RollInputs of_replica(const RollInputs& inputs, std::int64_t r) {
  if (inputs.control.dim() < 3) return inputs;
  return {own_of(inputs.x0, 2, r),
          inputs.control.select(0, r),
          {own_of(inputs.readout.weight, 2, r), own_of(inputs.readout.bias, 1, r)}};
}

TrainingCost cost_of_rolls(const Flow& flow, const RollInputs& inputs, const RunningCost& cost,
                           const TrainingWeights& weights) {
  if (inputs.control.dim() < 3) {
    return cost_of_roll(flow, inputs.x0, inputs.control, {cost.cost, inputs.readout, cost.y}, weights);
  }
  constexpr Tensor TrainingCost::*members[] = {&TrainingCost::value, &TrainingCost::running, &TrainingCost::terminal,
                                               &TrainingCost::energy, &TrainingCost::end};
  std::vector<Tensor> parts[std::size(members)];
  for (std::int64_t r = 0; r < inputs.control.size(0); ++r) {
    const RollInputs one = of_replica(inputs, r);
    const RunningCost own{cost.cost, one.readout, own_of(cost.y, cost.cost->classes() ? 1 : 2, r)};
    const TrainingCost out = cost_of_roll(flow, one.x0, one.control, own, weights);
    for (std::size_t i = 0; i < std::size(members); ++i) parts[i].push_back(out.*members[i]);
  }
  TrainingCost all;
  for (std::size_t i = 0; i < std::size(members); ++i) all.*members[i] = at::stack(parts[i]);
  return all;
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
