// The adjoint equation, solved backwards with the scheme itself from x(T):
//
//   x_dot = f,  p_dot = -f_x' p - g_x' s,  u_bar_dot = -f_u' p,  P_bar_dot = -g_P' s,      s the cotangent of the
//   integral
//
// All of it is one flat state, so any explicit scheme can carry it; it agrees with the discrete gradient to the
// scheme's order.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "roll_internal.h"

namespace turnpike {
namespace {

class ContinuousSweep final : public Sweep {
 public:
  void keep(std::int64_t, const Tensor& x) override { end_ = x; }

  void pull_back(const RollPlan& plan, const RollInputs& inputs, Cotangents& bar,
                 const std::function<void(std::int64_t)>& arrive) override {
    at::NoGradGuard no_gradient;
    Tensor x = end_;
    for (std::int64_t k = plan.mesh.steps() - 1; k >= 0; --k) {
      const double start = plan.start(k), h = plan.length(k);
      const ControlGrid::Stencil slots = plan.grid.stencil(start + h / 2, start, start + h);

      std::vector<Tensor> parts{x, bar.x};
      for (int i = 0; i < slots.count; ++i) parts.push_back(bar.control.select(0, slots.entries[i].slot));
      if (bar.weight.defined()) parts.push_back(bar.weight);
      if (bar.bias.defined()) parts.push_back(bar.bias);
      const Rates rates{
          [&](double t, const Tensor& packed) { return rate(plan, inputs, bar, slots, k, t, unpack(packed, parts)); },
          {},
          {}};
      const Tensor packed = plan.scheme->step(rates, start + h, -h, pack(parts), {}).x1;
      const std::vector<Tensor> next = unpack(packed, parts);
      x = next[0];
      bar.x = next[1];
      for (std::size_t i = 2; i < parts.size(); ++i) parts[i].copy_(next[i]);
      arrive(k);
    }
  }

 private:
  static Tensor pack(const std::vector<Tensor>& parts) {
    std::vector<Tensor> flat;
    for (const Tensor& part : parts) flat.push_back(part.reshape({1, -1}));
    return at::cat(flat, 1);
  }
  static std::vector<Tensor> unpack(const Tensor& packed, const std::vector<Tensor>& like) {
    std::vector<Tensor> parts;
    std::int64_t position = 0;
    for (const Tensor& part : like) {
      parts.push_back(packed.narrow(1, position, part.numel()).view(part.sizes()));
      position += part.numel();
    }
    return parts;
  }

  static Tensor rate(const RollPlan& plan, const RollInputs& inputs, const Cotangents& bar,
                     const ControlGrid::Stencil& slots, std::int64_t k, double t, const std::vector<Tensor>& state) {
    at::AutoGradMode with_gradient(true);
    torch::autograd::variable_list leaves{state[0].detach().requires_grad_()};
    for (int i = 0; i < slots.count; ++i) {
      leaves.push_back(inputs.control.select(0, slots.entries[i].slot).detach().requires_grad_());
    }
    Readout readout = inputs.readout;
    if (readout.weight.defined()) readout.weight = readout.weight.detach();
    if (readout.bias.defined()) readout.bias = readout.bias.detach();
    if (bar.weight.defined()) leaves.push_back(readout.weight.requires_grad_());
    if (bar.bias.defined()) leaves.push_back(readout.bias.requires_grad_());

    const double start = plan.start(k), h = plan.length(k);
    const auto row = [&](std::int64_t slot) { return leaves[slots.entries[0].slot == slot ? 1 : 2]; };
    Tensor x_dot = bind_control(*plan.field, plan.grid, start, start + h, row).full(t, leaves[0]);
    if (!plan.active.empty()) x_dot = at::where(plan.active[k], x_dot, at::zeros_like(x_dot));
    torch::autograd::variable_list outputs{x_dot}, cotangents{state[1].detach()};
    if (plan.cost) {
      Tensor g = (*plan.cost)(t, readout(leaves[0]), plan.y);
      if (!plan.active.empty()) g = at::where(plan.active[k].squeeze(1), g, at::zeros_like(g));
      outputs.push_back(g);
      cotangents.push_back(bar.integral);
    }
    const auto gradients = torch::autograd::grad(outputs, leaves, cotangents, false, false, /*allow_unused=*/true);
    std::vector<Tensor> rates{x_dot.detach()};
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      rates.push_back(gradients[i].defined() ? -gradients[i] : at::zeros_like(leaves[i]));
    }
    return pack(rates).detach();
  }

  Tensor end_;
};

}  // namespace

std::unique_ptr<Sweep> make_continuous_sweep(const RollPlan& plan) {
  require(!plan.scheme->needs_partition() && !plan.scheme->implicit(),
          "the continuous adjoint needs an explicit Runge-Kutta scheme, not '" + plan.scheme->name() +
              "'; use the discrete adjoint");
  return std::make_unique<ContinuousSweep>();
}

}  // namespace turnpike
