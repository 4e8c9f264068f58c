#include <turnpike/train/objective.h>

#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/flow/training_cost.h>

namespace turnpike {

ObjectiveValue Objective::operator()(const Flow& flow, const Tensor& x0, const Tensor& control, const Readout& readout,
                                     const Tensor& y) const {
  require(cost != nullptr, "an Objective needs a cost, as make_cost(\"mean_square\")");
  // The gradient of int |u|^2 dt comes with that of the roll.
  const bool inside = penalty.kind == PenaltyKind::l2;
  const TrainingCost data =
      training_cost(flow, x0, control, {cost, readout, y}, {running, terminal, inside ? penalty.weight : 0});
  const auto price = [&](const Tensor& u) {
    if (u.dim() < 3) return penalty.value(flow.grid, u);
    std::vector<Tensor> each;
    for (const Tensor& own : u.unbind(0)) each.push_back(penalty.value(flow.grid, own));
    return at::stack(each);
  };
  ObjectiveValue value;
  value.end = data.end;
  value.running = data.running;
  value.terminal = data.terminal;
  value.penalty = inside ? data.energy : price(control);
  value.smooth = data.value;
  value.total = inside || penalty.weight == 0 ? data.value : data.value + value.penalty;
  // The bound has no value of its own: only L1 leaves the smooth part.
  if (penalty.kind != PenaltyKind::l1) value.smooth = value.total;
  return value;
}

}  // namespace turnpike
