#include <turnpike/train/objective.h>

#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {

ObjectiveValue Objective::operator()(const Flow& flow, const Tensor& x0, const Tensor& control, const Readout& readout,
                                     const Tensor& y) const {
  require(cost != nullptr, "an Objective needs a cost, as make_cost(\"mean_square\")");
  const FlowCost data = flow.cost(x0, control, {cost, readout, y}, {running, terminal});
  ObjectiveValue value;
  value.end = data.end;
  value.running = data.running;
  value.terminal = data.terminal;
  value.penalty = penalty.value(flow.grid, control);
  value.smooth = data.value;
  value.total = penalty.weight == 0 ? data.value : data.value + value.penalty;
  // The bound has no value of its own: only L1 leaves the smooth part.
  if (penalty.kind != PenaltyKind::l1) value.smooth = value.total;
  return value;
}

}  // namespace turnpike
