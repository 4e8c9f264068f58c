// What training minimises: the mean cost of a roll and the energy of its control,
//
//   J = running/N sum_i int_0^T g(t, P x_i; y_i) dt + terminal/N sum_i g(T, P x_i(T); y_i) + energy int_0^T |u|^2 dt
//
// for one control [slots, P], or for R of them at once: replicas that share a flow and are trained side by side, as a
// sweep over seeds does. A control [R, slots, P] gives results [R] and [R, N, d]; x0, y and the readout have a leading
// R too, or are shared by all.
//
//   TrainingCost cost = training_cost(flow, x0, control, {make_cost("mean_square"), readout, y}, {.running = 1});
//   cost.value.sum().backward();   // R gradients: no replica knows of another, so Adam on [R, slots, P] trains R nets
//
// Where the fused kernels cover the roll and a gradient is recorded, the gradient of `value` is computed with it, in
// one pass while every block of samples is in the cache: the first backward() then only hands it out. Gradients through
// a term or `end`, second ones and those of a second backward() roll again. Replicas run one a thread there, with the
// bits of one thread. Errors: ContractError on shapes that do not fit, else those of Flow::roll.
#pragma once

#include <turnpike/flow/flow.h>

namespace turnpike {

struct TrainingWeights {
  double running = 1, terminal = 0, energy = 0;
};

struct TrainingCost {
  Tensor value, running, terminal, energy;  // scalars or [R]: J and its terms (weighted; zero where the weight is)
  Tensor end;                               // [N, d] or [R, N, d]: x(T)
};

TrainingCost training_cost(const Flow& flow, const Tensor& x0, const Tensor& control, const RunningCost& cost,
                           const TrainingWeights& weights);

}  // namespace turnpike
