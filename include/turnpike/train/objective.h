// J(u, P) = running/N sum_i int_0^T g(t, P x_i(t); y_i) dt + terminal/N sum_i g(T, P x_i(T); y_i) + penalty(u)
//
// Lecture L4's problems are two settings of it: (SL1) running = 0, terminal = 1; (SL*) running = 1, terminal = 0.
//
//   Objective objective{.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = {.weight = 1e-3}};
//   ObjectiveValue value = objective(flow, x0, control, readout, y);
//   value.total.backward();
#pragma once

#include <turnpike/flow/flow.h>
#include <turnpike/train/penalty.h>

namespace turnpike {

struct ObjectiveValue {
  Tensor total;    // running + terminal + penalty: scalars, all differentiable
  Tensor running;  // weighted mean of the integrals (zero if its weight is)
  Tensor terminal;
  Tensor penalty;
  Tensor smooth;  // total without the non-smooth penalty: what a proximal method differentiates
  Tensor end;     // [N, d] x(T)
};

struct Objective {
  CostPtr cost;
  double running = 1, terminal = 0;
  Penalty penalty;

  ObjectiveValue operator()(const Flow& flow, const Tensor& x0, const Tensor& control, const Readout& readout,
                            const Tensor& y) const;
};

}  // namespace turnpike
