// The problem of a case as tensors, and its gradient by Turnpike: through the public objective, as training does it.
//
//   J(u) = 1/N sum_i ( int_0^T g(P x_i(t); y_i) dt + g(P x_i(T); y_i) ) + lambda int_0^T |u|^2 dt,   T = 10
//
//   FlowProblem problem = make_flow_problem(parse_flow_case("flow d=2 N=500 K=729 euler tanh"), at::kFloat);
//   Tensor gradient = turnpike_gradient(problem);      // [K, P]
#pragma once

#include <turnpike/train/objective.h>

#include "flow_case.h"

namespace turnpike {

struct FlowProblem {
  FlowCase shape;
  Flow flow;
  Objective objective;
  Readout readout;  // weight [m, d]
  Tensor x0;        // [N, d]
  Tensor control;   // [K, P], a leaf
  Tensor y;         // [N, m] or [N]

  c10::ScalarType dtype() const { return x0.scalar_type(); }
  double step() const { return flow.mesh.horizon() / static_cast<double>(shape.layers); }
  double lambda() const { return objective.penalty.weight; }
};

// The same numbers for both types, up to their rounding.
FlowProblem make_flow_problem(const FlowCase& shape, c10::ScalarType dtype, std::uint64_t seed = 1);

Tensor turnpike_gradient(const FlowProblem& problem);

// |a - b| / |b|, in float64.
double relative_difference(const Tensor& a, const Tensor& b);

// How far two correct programs may lie apart: rounding, through K layers.
double gradient_tolerance(const FlowProblem& problem);

}  // namespace turnpike
