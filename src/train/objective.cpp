#include <turnpike/train/objective.h>

#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {

ObjectiveValue Objective::operator()(const Flow& flow, const Tensor& x0, const Tensor& control, const Readout& readout,
                                     const Tensor& y) const {
  require(cost != nullptr, "an Objective needs a cost, as make_cost(\"mean_square\")");
  RollOptions options;
  if (running != 0) options.running = RunningCost{cost, readout, y};
  const Roll roll = flow.roll(x0, control, options);

  ObjectiveValue value;
  const Tensor zero = control.new_zeros({});
  value.end = roll.end;
  value.running = running != 0 ? running * roll.integral.mean() : zero;
  value.terminal = terminal != 0 ? terminal * (*cost)(flow.grid.horizon(), readout(roll.end), y).mean() : zero;
  value.penalty = penalty.value(flow.grid, control);
  value.smooth = value.running + value.terminal;
  value.total = value.smooth + value.penalty;
  // The bound has no value of its own: only L1 leaves the smooth part.
  if (penalty.kind != PenaltyKind::l1) value.smooth = value.total;
  return value;
}

}  // namespace turnpike
