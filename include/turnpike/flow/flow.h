// A flow: field + control grid + scheme + mesh + adjoint, rolled forward from x0 with gradients for x0, the control and
// the readout.
//
//   x_{k+1} = scheme step of x_dot = f(t, x; u(t)) on [t_k, t_{k+1}],  I = int_0^T g(t, P x(t); y) dt  by the scheme's
//   own quadrature
//
//   Flow flow = Flow::uniform(inner_field({.dimension = 2}), "euler", /*horizon=*/20, /*layers=*/100);
//   Tensor u = flow.field->initial_control(flow.grid.slots(), 0.1, random);      // [slots, P]
//   Roll roll = flow.roll(x0, u.requires_grad_());                               // x0 [N, d]
//   roll.end.square().mean().backward();                                         // u.grad() by the exact discrete
//   adjoint
//
// Costs: forward K steps; see adjoint.h for gradients. Throws ContractError on wrong shapes or dtypes (x0 and control
// agree), on a scheme that needs a partitioned field, on a mesh whose steps cross the control's knots; Error when an
// adaptive run fails.
#pragma once

#include <optional>
#include <vector>

#include <turnpike/flow/adjoint.h>
#include <turnpike/flow/cost.h>
#include <turnpike/flow/integrate.h>

namespace turnpike {

enum class Save { end, times, all };

struct RollOptions {
  Save save = Save::end;
  std::vector<double> times;  // for Save::times: each becomes a mesh time
  std::optional<RunningCost> running;
  std::vector<double>
      horizons;  // [N] or empty: per-sample horizons, each becomes a mesh time; the integral stops there too
};

struct Roll {
  Tensor end;                 // [N, d] x(T), or x(horizon_i)
  Tensor integral;            // [N], undefined without a running cost
  Tensor states;              // [n, N, d] for Save::times and Save::all
  std::vector<double> times;  // [n] times of `states`
};

// J = running/N sum_i int_0^T g(t, P x_i; y_i) dt + terminal/N sum_i g(T, P x_i(T); y_i)
struct CostWeights {
  double running = 1, terminal = 0;
};

struct FlowCost {
  Tensor value, running, terminal;  // scalars: J and its two terms (weighted; zero where the weight is)
  Tensor end;                       // [N, d] x(T)
};

struct Flow {
  FieldPtr field;
  ControlGrid grid;
  SchemePtr scheme;
  Mesh mesh;
  Adjoint adjoint;
  std::optional<StepController> controller;  // adaptive: the accepted mesh is differentiated; `mesh` is then unused

  static Flow uniform(FieldPtr field, std::string_view scheme, double horizon, std::int64_t layers,
                      ControlKind kind = ControlKind::constant);

  Roll roll(const Tensor& x0, const Tensor& control, const RollOptions& options = {}) const;

  // The mean cost of a roll, all of it differentiable: what training minimises. Where the fused kernels cover the roll
  // and a gradient is recorded, the gradient of `value` is computed with it, in one pass while every block of samples
  // is in the cache: backward() then only scales it. Gradients through `running`, `terminal` or `end`, and second ones,
  // roll again.
  FlowCost cost(const Tensor& x0, const Tensor& control, const RunningCost& cost, const CostWeights& weights) const;

  // The roll without gradients, with a typed failure and the partial trajectory instead of NaN.
  Outcome<Trajectory> trajectory(const Tensor& x0, const Tensor& control, std::vector<double> save_times = {}) const;

  // The flow of the first layers alone, up to mesh step `steps`: its horizon is mesh.times[steps]. The control is cut
  // with it.
  struct Cut;
  Cut cut(const Tensor& control, std::int64_t steps) const;
};

struct Flow::Cut {
  Flow flow;
  Tensor control;
};

}  // namespace turnpike
