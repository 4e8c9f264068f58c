// What every adjoint shares: the plan of a roll (all that is not a differentiable tensor), one step of it, and the
// pull-back of a step. The adjoints differ only in where the states of the backward sweep come from.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <turnpike/flow/training_cost.h>

namespace turnpike {

struct RollPlan {
  FieldPtr field;
  ControlGrid grid;
  SchemePtr scheme;
  Mesh mesh;
  Adjoint adjoint;
  CostPtr cost;  // of the running cost; null: none
  Tensor y;
  std::vector<std::int64_t> saved;  // mesh indices of the states to return, ascending
  std::vector<Tensor> active;       // [K] of [N, 1] bool, or empty: which samples still move in step k

  double start(std::int64_t k) const { return mesh.times[k]; }
  double length(std::int64_t k) const { return mesh.times[k + 1] - mesh.times[k]; }
};

struct RollInputs {
  Tensor x0, control;
  Readout readout;  // tensors undefined where there is no running cost
};

struct RollOutputs {
  Tensor end, integral;  // integral undefined without a running cost
  Tensor states;         // [n_saved, N, d] or undefined
};

// An autograd function takes no undefined tensor, so that an empty one stands for "none", and returns a list: end, then
// integral if there is a running cost, then states if any are saved.
Tensor none_as_empty(const Tensor& tensor, const Tensor& like);
Tensor empty_as_none(const Tensor& tensor);
RollOutputs outputs_of(const RollPlan& plan, const std::vector<Tensor>& list);

// A row of the control, by slot.
using ControlRow = std::function<Tensor(std::int64_t slot)>;

// The field with the control of step k bound.
Rates bind_control(const VectorField& field, const ControlGrid& grid, double start, double end, ControlRow row);

struct StepOutputs {
  Tensor x1, integral;  // integral over the step, [N]
};
StepOutputs take_step(const RollPlan& plan, std::int64_t k, const Tensor& x0, const ControlRow& row,
                      const Readout& readout);

// Cotangents that a backward sweep carries and collects.
struct Cotangents {
  Tensor x;             // [N, d] of the current state
  Tensor integral;      // [N]
  Tensor control;       // [slots, P]
  Tensor weight, bias;  // of the readout; undefined if no gradient is wanted
};

// Pulls `bar.x` (of x_{k+1}) and `bar.integral` back through step k, from its start state: bar.x becomes that of x_k.
void pull_back_step(const RollPlan& plan, const RollInputs& inputs, std::int64_t k, const Tensor& x, Cotangents& bar);

// The whole roll with autograd's graph (or without, under NoGradGuard): the reference.
RollOutputs roll_reference(const RollPlan& plan, const RollInputs& inputs);

// The same with a backward sweep of plan.adjoint.kind; second derivatives go through roll_reference.
RollOutputs roll_with_adjoint(const RollPlan& plan, const RollInputs& inputs);

// The same by the fused kernels, with or without a graph. Call it only where fused_gap() is empty: otherwise that says
// what of the plan they do not cover.
std::string fused_gap(const RollPlan& plan, const RollInputs& inputs);
RollOutputs roll_fused(const RollPlan& plan, const RollInputs& inputs);

// training_cost by rolls and libtorch's operations (cost.readout is not looked at); and by the fused kernels, with the
// gradient of its value, where fused_gap() is empty for the plan, which saves no states and holds the first replica's
// y.
TrainingCost cost_of_rolls(const Flow& flow, const RollInputs& inputs, const RunningCost& cost,
                           const TrainingWeights& weights);
TrainingCost cost_fused(const Flow& flow, const RollPlan& plan, const RollInputs& inputs, const Tensor& y,
                        const TrainingWeights& weights);
// The inputs of replica r, if the control [R, slots, P] is of replicas.
RollInputs of_replica(const RollInputs& inputs, std::int64_t r);

// Gradients of x0, control, weight and bias that are themselves recorded: through roll_reference. Undefined where an
// input needs none. `cotangents` are those of end, then integral and states where the plan has them; an undefined one
// is zero.
std::vector<Tensor> differentiable_pull_back(const RollPlan& plan, const RollInputs& inputs,
                                             const std::vector<Tensor>& cotangents);

// A backward sweep: the forward pass keeps what `keep` says, the sweep visits steps K-1 ... 0.
class Sweep {
 public:
  virtual ~Sweep() = default;
  virtual void keep(std::int64_t k, const Tensor& x) = 0;  // called for k = 0 .. K in the forward pass
  // Pulls the cotangents from x_K back to x_0; `arrive(k)` must be called when bar.x is that of x_k, before going on.
  virtual void pull_back(const RollPlan& plan, const RollInputs& inputs, Cotangents& bar,
                         const std::function<void(std::int64_t)>& arrive) = 0;
};
std::unique_ptr<Sweep> make_discrete_sweep(const RollPlan& plan);
std::unique_ptr<Sweep> make_checkpointed_sweep(const RollPlan& plan, std::int64_t state_bytes);
std::unique_ptr<Sweep> make_reversible_sweep(const RollPlan& plan);
std::unique_ptr<Sweep> make_continuous_sweep(const RollPlan& plan);

}  // namespace turnpike
