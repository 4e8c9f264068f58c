// The roll as one autograd function: forward without a graph, backward by a sweep.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>

#include "roll_internal.h"

namespace turnpike {

const char* name_of(AdjointKind kind) {
  switch (kind) {
    case AdjointKind::discrete: return "discrete";
    case AdjointKind::autograd: return "autograd";
    case AdjointKind::checkpointed: return "checkpointed";
    case AdjointKind::reversible: return "reversible";
    case AdjointKind::continuous: return "continuous";
  }
  return "";
}

AdjointKind adjoint_named(std::string_view name) {
  std::vector<std::string> names;
  for (const AdjointKind kind : {AdjointKind::discrete, AdjointKind::autograd, AdjointKind::checkpointed,
                                 AdjointKind::reversible, AdjointKind::continuous}) {
    if (name == name_of(kind)) return kind;
    names.emplace_back(name_of(kind));
  }
  throw InputError(fmt::format("unknown adjoint '{}'; choose one of {}", name, fmt::join(names, ", ")));
}

const char* name_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::automatic: return "automatic";
    case Kernel::reference: return "reference";
    case Kernel::fused: return "fused";
  }
  return "";
}

Kernel kernel_named(std::string_view name) {
  for (const Kernel kernel : {Kernel::automatic, Kernel::reference, Kernel::fused}) {
    if (name == name_of(kernel)) return kernel;
  }
  throw InputError(fmt::format("unknown kernel '{}'; choose automatic, reference or fused", name));
}

Tensor none_as_empty(const Tensor& tensor, const Tensor& like) {
  return tensor.defined() ? tensor : at::empty({0}, like.options().requires_grad(false));
}

Tensor empty_as_none(const Tensor& tensor) {
  return tensor.numel() == 0 ? Tensor() : tensor;
}

RollOutputs outputs_of(const RollPlan& plan, const std::vector<Tensor>& list) {
  RollOutputs out;
  std::size_t next = 0;
  out.end = list[next++];
  if (plan.cost) out.integral = list[next++];
  if (!plan.saved.empty()) out.states = list[next];
  return out;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SweepHolder : torch::CustomClassHolder {
  RollPlan plan;
  std::unique_ptr<Sweep> sweep;
};

std::unique_ptr<Sweep> make_sweep(const RollPlan& plan, std::int64_t state_bytes) {
  switch (plan.adjoint.kind) {
    case AdjointKind::checkpointed: return make_checkpointed_sweep(plan, state_bytes);
    case AdjointKind::reversible: return make_reversible_sweep(plan);
    case AdjointKind::continuous: return make_continuous_sweep(plan);
    default: return make_discrete_sweep(plan);
  }
}

struct RollFunction : torch::autograd::Function<RollFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x0, const Tensor& control, const Tensor& weight,
                               const Tensor& bias, const RollPlan& plan) {
    auto holder = c10::make_intrusive<SweepHolder>();
    holder->plan = plan;
    holder->sweep = make_sweep(plan, x0.nbytes());
    ctx->save_for_backward({x0, control, weight, bias});

    const RollInputs inputs{x0, control, {empty_as_none(weight), empty_as_none(bias)}};
    const std::vector<Tensor> rows = control.unbind(0);
    const auto row = [&rows](std::int64_t slot) { return rows[slot]; };
    Tensor x = x0.detach(), integral;
    std::vector<Tensor> states;
    std::size_t next_saved = 0;
    const std::int64_t n_steps = plan.mesh.steps();
    for (std::int64_t k = 0; k <= n_steps; ++k) {
      // The end is an output, which will own this node: kept as it is it would keep itself alive.
      holder->sweep->keep(k, k == n_steps ? x.detach() : x);
      if (next_saved < plan.saved.size() && plan.saved[next_saved] == k) {
        states.push_back(x);
        ++next_saved;
      }
      if (k == n_steps) break;
      const StepOutputs step = take_step(plan, k, x, row, inputs.readout);
      x = step.x1;
      if (step.integral.defined()) integral = integral.defined() ? integral + step.integral : step.integral;
    }
    ctx->saved_data["sweep"] = c10::IValue::make_capsule(holder);
    variable_list outputs{x.is_same(x0) ? x.clone() : x};
    if (integral.defined()) outputs.push_back(integral);
    if (!states.empty()) outputs.push_back(at::stack(states));
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, variable_list cotangents) {
    const auto holder = c10::static_intrusive_pointer_cast<SweepHolder>(ctx->saved_data["sweep"].toCapsule());
    const RollPlan& plan = holder->plan;
    const variable_list saved = ctx->get_saved_variables();
    const RollInputs inputs{saved[0], saved[1], {empty_as_none(saved[2]), empty_as_none(saved[3])}};
    if (at::GradMode::is_enabled()) {
      variable_list gradients = differentiable_pull_back(plan, inputs, cotangents);
      gradients.emplace_back();  // the plan
      return gradients;
    }

    Cotangents bar;
    bar.x = cotangents[0];
    std::size_t next = 1;
    if (plan.cost) bar.integral = cotangents[next++];
    const Tensor states = plan.saved.empty() ? Tensor() : cotangents[next];
    bar.control = at::zeros_like(inputs.control);
    if (plan.cost && inputs.readout.weight.defined() && inputs.readout.weight.requires_grad()) {
      bar.weight = at::zeros_like(inputs.readout.weight);
    }
    if (plan.cost && inputs.readout.bias.defined() && inputs.readout.bias.requires_grad()) {
      bar.bias = at::zeros_like(inputs.readout.bias);
    }
    std::int64_t last = static_cast<std::int64_t>(plan.saved.size()) - 1;
    const auto arrive = [&](std::int64_t k) {
      if (last >= 0 && plan.saved[last] == k) bar.x = bar.x + states[last--];
    };
    arrive(plan.mesh.steps());
    holder->sweep->pull_back(plan, inputs, bar, arrive);
    return {bar.x, bar.control, bar.weight, bar.bias, Tensor()};
  }
};

}  // namespace

std::vector<Tensor> differentiable_pull_back(const RollPlan& plan, const RollInputs& inputs,
                                             const std::vector<Tensor>& cotangents) {
  if (plan.adjoint.kind == AdjointKind::continuous) {
    throw Error("the continuous adjoint has no second derivatives; use the discrete adjoint");
  }
  const RollOutputs out = roll_reference(plan, inputs);
  variable_list outputs, used, wanted;
  std::size_t position = 0;
  for (const Tensor& output : {out.end, out.integral, out.states}) {
    if (!output.defined()) continue;
    const Tensor& cotangent = cotangents[position++];
    if (!cotangent.defined()) continue;  // zero
    outputs.push_back(output);
    used.push_back(cotangent);
  }
  const variable_list all{inputs.x0, inputs.control, inputs.readout.weight, inputs.readout.bias};
  for (const Tensor& input : all) {
    if (input.defined() && input.requires_grad()) wanted.push_back(input);
  }
  const variable_list gradients = torch::autograd::grad(outputs, wanted, used, /*retain_graph=*/true,
                                                        /*create_graph=*/true, /*allow_unused=*/true);
  variable_list result;
  std::size_t next = 0;
  for (const Tensor& input : all) {
    result.push_back(input.defined() && input.requires_grad() ? gradients[next++] : Tensor());
  }
  return result;
}

RollOutputs roll_with_adjoint(const RollPlan& plan, const RollInputs& inputs) {
  return outputs_of(plan,
                    RollFunction::apply(inputs.x0, inputs.control, none_as_empty(inputs.readout.weight, inputs.x0),
                                        none_as_empty(inputs.readout.bias, inputs.x0), plan));
}

}  // namespace turnpike
