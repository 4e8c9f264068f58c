#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "roll_internal.h"

namespace turnpike {

Rates bind_control(const VectorField& field, const ControlGrid& grid, double start, double end, ControlRow row) {
  // u(t) = sum of one or two weighted rows; constant and shared controls hand the row through untouched.
  const auto control_at = [&grid, start, end, row](double t) -> Tensor {
    const ControlGrid::Stencil at_t = grid.stencil(t, start, end);
    if (at_t.count == 1) return row(at_t.entries[0].slot);
    return at::add(row(at_t.entries[0].slot) * at_t.entries[0].weight, row(at_t.entries[1].slot),
                   at_t.entries[1].weight);
  };
  Rates rates;
  rates.full = [&field, control_at](double t, const Tensor& x) { return field(t, x, control_at(t)); };
  rates.first = [&field, control_at](double t, const Tensor& p) { return field.first_rate(t, p, control_at(t)); };
  rates.second = [&field, control_at](double t, const Tensor& q) { return field.second_rate(t, q, control_at(t)); };
  return rates;
}

StepOutputs take_step(const RollPlan& plan, std::int64_t k, const Tensor& x0, const ControlRow& row,
                      const Readout& readout) {
  const double start = plan.start(k), h = plan.length(k);
  const Rates rates = bind_control(*plan.field, plan.grid, start, start + h, row);
  const StepResult step = plan.scheme->step(rates, start, h, x0, {.nodes = plan.cost != nullptr});
  StepOutputs out{step.x1, {}};
  for (const QuadratureNode& node : step.nodes) {
    const Tensor cost = (*plan.cost)(node.t, readout(node.x), plan.y) * node.weight;
    out.integral = out.integral.defined() ? out.integral + cost : cost;
  }
  if (!plan.active.empty()) {
    const Tensor& active = plan.active[k];
    out.x1 = at::where(active, out.x1, x0);
    if (out.integral.defined()) {
      out.integral = at::where(active.squeeze(1), out.integral, at::zeros_like(out.integral));
    }
  }
  return out;
}

void pull_back_step(const RollPlan& plan, const RollInputs& inputs, std::int64_t k, const Tensor& x, Cotangents& bar) {
  at::AutoGradMode with_gradient(true);
  const double start = plan.start(k), h = plan.length(k);
  const ControlGrid::Stencil slots = plan.grid.stencil(start + h / 2, start, start + h);

  torch::autograd::variable_list leaves{x.detach().requires_grad_()};
  for (int i = 0; i < slots.count; ++i) {
    leaves.push_back(inputs.control.select(0, slots.entries[i].slot).detach().requires_grad_());
  }
  const auto row = [&](std::int64_t slot) { return leaves[slots.entries[0].slot == slot ? 1 : 2]; };
  Readout readout = inputs.readout;
  const auto leaf_of = [&](Tensor& tensor, const Tensor& wanted) {
    if (!tensor.defined()) return;
    tensor = tensor.detach();
    if (wanted.defined()) leaves.push_back(tensor.requires_grad_());
  };
  leaf_of(readout.weight, bar.weight);
  leaf_of(readout.bias, bar.bias);

  const StepOutputs out = take_step(plan, k, leaves[0], row, readout);
  torch::autograd::variable_list outputs{out.x1}, cotangents{bar.x};
  if (out.integral.defined()) {
    outputs.push_back(out.integral);
    cotangents.push_back(bar.integral);
  }
  const auto gradients = torch::autograd::grad(outputs, leaves, cotangents, /*retain_graph=*/false,
                                               /*create_graph=*/false, /*allow_unused=*/true);

  at::NoGradGuard no_gradient;
  bar.x = gradients[0].defined() ? gradients[0] : at::zeros_like(bar.x);
  std::size_t next = 1;
  const auto collect = [&](Tensor target) {
    const Tensor& gradient = gradients[next++];
    if (gradient.defined()) target.add_(gradient);
  };
  for (int i = 0; i < slots.count; ++i) collect(bar.control.select(0, slots.entries[i].slot));
  if (readout.weight.defined() && bar.weight.defined()) collect(bar.weight);
  if (readout.bias.defined() && bar.bias.defined()) collect(bar.bias);
}

RollOutputs roll_reference(const RollPlan& plan, const RollInputs& inputs) {
  const std::vector<Tensor> rows = inputs.control.unbind(0);
  const auto row = [&rows](std::int64_t slot) { return rows[slot]; };
  RollOutputs out;
  std::vector<Tensor> states;
  std::size_t next_saved = 0;
  Tensor x = inputs.x0;
  const std::int64_t n_steps = plan.mesh.steps();
  for (std::int64_t k = 0; k <= n_steps; ++k) {
    if (next_saved < plan.saved.size() && plan.saved[next_saved] == k) {
      states.push_back(x);
      ++next_saved;
    }
    if (k == n_steps) break;
    const StepOutputs step = take_step(plan, k, x, row, inputs.readout);
    x = step.x1;
    if (step.integral.defined()) out.integral = out.integral.defined() ? out.integral + step.integral : step.integral;
  }
  out.end = x;
  if (!states.empty()) out.states = at::stack(states);
  return out;
}

}  // namespace turnpike
