#include <turnpike/operators/jacobian.h>

#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>
#include <torch/types.h>
#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

using torch::autograd::grad;

// The flow on a fixed mesh: an adaptive one on the mesh that it accepts at x0.
Flow frozen(const Flow& flow, const Tensor& control, const Tensor& x0, const std::vector<double>& stops) {
  Flow fixed = flow;
  if (flow.controller) {
    at::NoGradGuard no_gradient;
    fixed.mesh = Mesh{flow.roll(x0, control, {.save = Save::all}).times};
    fixed.controller.reset();
  }
  if (!stops.empty()) fixed.mesh = fixed.mesh.with_stops(stops);
  return fixed;
}

// One step of the flow with the control's rows given one by one.
struct Step {
  const Flow& flow;
  std::int64_t k;
  double start = flow.mesh.times[k], end = flow.mesh.times[k + 1];
  ControlGrid::Stencil slots = flow.grid.stencil(0.5 * (start + end), start, end);  // the slots u has in this step

  // rows[i] is the control's value at slots.entries[i].
  Tensor operator()(const Tensor& x, const std::vector<Tensor>& rows) const {
    const auto control = [&](double t) {
      const ControlGrid::Stencil at_t = flow.grid.stencil(t, start, end);
      Tensor u;
      for (int i = 0; i < at_t.count; ++i) {
        const Tensor& row = rows[at_t.entries[i].slot == slots.entries[0].slot ? 0 : 1];
        u = u.defined() ? u + row * at_t.entries[i].weight : row * at_t.entries[i].weight;
      }
      return u;
    };
    const VectorField& field = *flow.field;
    const Rates rates{[&](double t, const Tensor& at) { return field(t, at, control(t)); },
                      [&](double t, const Tensor& second) { return field.first_rate(t, second, control(t)); },
                      [&](double t, const Tensor& first) { return field.second_rate(t, first, control(t)); }};
    return flow.scheme->step(rates, start, end - start, x, {}).x1;
  }

  std::vector<Tensor> rows_of(const Tensor& control) const {
    std::vector<Tensor> rows;
    for (int i = 0; i < slots.count; ++i) rows.push_back(control[slots.entries[i].slot]);
    return rows;
  }
};

// The state and its tangent at the end of a step. g(w) = J' w is linear in w: <J v, w'> = d/dw <g(w), v> . w'.
struct Tangent {
  Tensor x, dx;
};
Tangent push_forward(const Step& step, const Tangent& at_start, const Tensor& control, const Tensor& du,
                     const Tensor& probe) {
  at::AutoGradMode with_gradient(true);
  const Tensor w = probe.detach().requires_grad_();
  torch::autograd::variable_list leaves = {at_start.x.detach().requires_grad_()}, directions = {at_start.dx};
  std::vector<Tensor> rows;
  for (const Tensor& row : step.rows_of(control)) rows.push_back(row.detach().requires_grad_(du.defined()));
  if (du.defined()) {
    leaves.insert(leaves.end(), rows.begin(), rows.end());
    for (const Tensor& row : step.rows_of(du)) directions.push_back(row);
  }

  const Tensor x1 = step(leaves[0], rows);
  Tangent result{x1.detach(), at::zeros_like(x1)};
  if (!x1.requires_grad()) return result;
  const auto pulled = grad({x1}, leaves, {w}, /*retain_graph=*/true, /*create_graph=*/true, /*allow_unused=*/true);
  torch::autograd::variable_list outputs, cotangents;
  double right = 0, scale = 0;  // <v, J' w>
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!pulled[i].defined()) continue;
    right += (pulled[i].detach() * directions[i]).sum().item<double>();
    scale += pulled[i].detach().norm().item<double>() * directions[i].norm().item<double>();
    if (!pulled[i].requires_grad()) continue;
    outputs.push_back(pulled[i]);
    cotangents.push_back(directions[i]);
  }
  if (!outputs.empty()) {
    const Tensor dx = grad(outputs, {w}, cotangents, false, false, /*allow_unused=*/true)[0];
    if (dx.defined()) result.dx = dx;
  }
  const double left = (result.dx * probe).sum().item<double>();
  scale += result.dx.norm().item<double>() * probe.norm().item<double>();
  const double tolerance = x1.scalar_type() == at::kFloat ? 1e-3 : 1e-9;
  if (std::abs(left - right) > tolerance * scale) {
    throw Error(fmt::format(
        "the forward product of the Jacobian failed its check in step {}: <Jv,w> = {:.6g}, <v,J'w> = {:.6g}; the "
        "backward pass of field '{}' cannot be differentiated: write the field with differentiable operations",
        step.k, left, right, step.flow.field->name()));
  }
  return result;
}

}  // namespace

LinearOperator jacobian_operator(const Flow& flow, const Tensor& control, const Tensor& x0, Wrt wrt) {
  require(flow.adjoint.kind != AdjointKind::continuous,
          "jacobian_operator: the continuous adjoint is not the transpose of the discrete flow's Jacobian; use the "
          "discrete adjoint");
  const Tensor start = x0.detach().clone().requires_grad_(wrt == Wrt::start);
  const Tensor values = control.detach().clone().requires_grad_(wrt == Wrt::control);
  const Flow fixed = frozen(flow, values.detach(), start.detach(), {});
  const Tensor leaf = wrt == Wrt::start ? start : values;
  Tensor end;
  {
    at::AutoGradMode with_gradient(true);
    end = fixed.roll(start, values).end;
  }

  auto apply = [fixed, start, values, wrt, shape = end.sizes().vec()](const Tensor& v) {
    require_shape(v, {wrt == Wrt::start ? start.numel() : values.numel()}, "v of the Jacobian");
    const Tensor direction = v.detach();
    Tangent tangent{start.detach(), wrt == Wrt::start ? direction.view(start.sizes()) : at::zeros_like(start.detach())};
    const Tensor du = wrt == Wrt::control ? direction.view(values.sizes()) : Tensor();
    // Any w without accidental symmetry.
    const Tensor probe =
        at::cos(at::arange(1, start.numel() + 1, at::kDouble).square()).to(start.scalar_type()).view(shape);
    for (std::int64_t k = 0; k < fixed.mesh.steps(); ++k)
      tangent = push_forward(Step{fixed, k}, tangent, values.detach(), du, probe);
    return tangent.dx.reshape({-1});
  };
  auto apply_transpose = [end, leaf](const Tensor& w) {
    require_shape(w, {end.numel()}, "w of the Jacobian's transpose");
    const Tensor g =
        grad({end}, {leaf}, {w.detach().view(end.sizes())}, /*retain_graph=*/true, false, /*allow_unused=*/true)[0];
    return g.defined() ? g.reshape({-1}) : at::zeros({leaf.numel()}, w.options());
  };
  return {.rows = end.numel(),
          .cols = leaf.numel(),
          .apply = apply,
          .apply_transpose = apply_transpose,
          .dtype = end.scalar_type()};
}

DepthJacobians jacobians_through_depth(const Flow& flow, const Tensor& control, const Tensor& x0,
                                       const std::vector<double>& times) {
  const Flow fixed = frozen(flow, control.detach(), x0.detach(), times);
  const std::int64_t d = x0.size(1);
  DepthJacobians result;
  {
    at::NoGradGuard no_gradient;
    Roll roll = fixed.roll(x0, control, {.save = times.empty() ? Save::all : Save::times, .times = times});
    result.times = std::move(roll.times);
    result.states = roll.states;
  }
  const auto n = static_cast<std::int64_t>(result.times.size());
  const Tensor identity = at::eye(d, x0.options().requires_grad(false));
  result.jacobians = at::empty({n, x0.size(0), d, d}, identity.options());

  // Samples in pieces of bounded memory; each is carried d times, once for a row of its Jacobian.
  const std::int64_t piece = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / (d * d));
  for (std::int64_t first = 0; first < x0.size(0); first += piece) {
    const std::int64_t size = std::min(piece, x0.size(0) - first);
    const Tensor cotangents = identity.expand({size, d, d}).reshape({size * d, d});
    Tensor x = x0.detach().narrow(0, first, size), M = identity.expand({size, d, d});
    std::int64_t saved = 0;
    for (std::int64_t k = 0; saved < n; ++k) {
      if (std::abs(fixed.mesh.times[k] - result.times[saved]) <= 1e-12 * fixed.mesh.horizon())
        result.jacobians[saved++].narrow(0, first, size).copy_(M);
      if (k == fixed.mesh.steps()) break;
      at::AutoGradMode with_gradient(true);
      const Step step{fixed, k};
      const Tensor copies = x.unsqueeze(1).expand({size, d, d}).reshape({size * d, d}).requires_grad_();
      const Tensor x1 = step(copies, step.rows_of(control.detach()));
      Tensor D;
      if (x1.requires_grad())
        D = grad({x1}, {copies}, {cotangents}, /*retain_graph=*/false, false, /*allow_unused=*/true)[0];
      M = D.defined() ? D.view({size, d, d}).bmm(M) : at::zeros_like(M);
      x = x1.detach().view({size, d, d}).select(1, 0);
    }
  }
  return result;
}

Tensor jacobians(const Flow& flow, const Tensor& control, const Tensor& x0) {
  return jacobians_through_depth(flow, control, x0, {flow.grid.horizon()}).jacobians[0];
}

}  // namespace turnpike
