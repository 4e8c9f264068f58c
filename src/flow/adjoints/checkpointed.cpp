// Binomial checkpointing (Griewank & Walther, Algorithm 799): with c free snapshots and r repetitions of a step
// allowed, C(c + r, c) steps can be reversed. [lo, hi) is split at the first snapshot; the right part is reversed with
// c - 1 snapshots, then the left part with c.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <ATen/ATen.h>

#include "roll_internal.h"

namespace turnpike {
namespace {

double binomial(std::int64_t n, std::int64_t k) {
  double value = 1;
  for (std::int64_t i = 1; i <= k; ++i) value *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return value;
}

// Where to put the next snapshot in an interval of `length` > 1 steps with `free` > 0 snapshots.
std::int64_t first_part(std::int64_t length, std::int64_t free) {
  std::int64_t r = 1;
  while (binomial(free + r, free) < static_cast<double>(length)) ++r;
  const double right = binomial(free - 1 + r, free - 1);  // steps the right part can have
  const double left_least = r >= 2 ? binomial(free + r - 2, free) : 1;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::max(left_least, static_cast<double>(length) - right)),
                                  1, length - 1);
}

class CheckpointedSweep final : public Sweep {
 public:
  CheckpointedSweep(const RollPlan& plan, std::int64_t state_bytes) {
    const std::int64_t n_steps = plan.mesh.steps();
    const std::int64_t logarithmic = static_cast<std::int64_t>(std::ceil(std::log2(std::max<double>(2, n_steps)))) + 1;
    const std::int64_t budget = plan.adjoint.budget_bytes > 0
                                    ? plan.adjoint.budget_bytes / std::max<std::int64_t>(1, state_bytes)
                                    : logarithmic;
    free_ = std::clamp<std::int64_t>(budget - 1, 1, n_steps);  // x_0 takes one
    // The forward pass stores the snapshots that the first descent of the sweep will want.
    kept_[0] = Tensor();
    for (std::int64_t lo = 0, free = free_; n_steps - lo > 1 && free > 0; --free) {
      lo += first_part(n_steps - lo, free);
      kept_[lo] = Tensor();
    }
  }

  void keep(std::int64_t k, const Tensor& x) override {
    const auto slot = kept_.find(k);
    if (slot != kept_.end()) slot->second = x;
  }

  void pull_back(const RollPlan& plan, const RollInputs& inputs, Cotangents& bar,
                 const std::function<void(std::int64_t)>& arrive) override {
    rows_ = inputs.control.unbind(0);
    // A copy, so that a second backward pass (retain_graph) finds the snapshots of the forward pass again.
    std::map<std::int64_t, Tensor> kept = kept_;
    reverse(plan, inputs, 0, plan.mesh.steps(), kept_.at(0), free_, kept, bar, arrive);
  }

 private:
  Tensor advance(const RollPlan& plan, std::int64_t from, std::int64_t to, Tensor x) const {
    at::NoGradGuard no_gradient;
    RollPlan states_only = plan;
    states_only.cost = nullptr;
    for (std::int64_t k = from; k < to; ++k)
      x = take_step(states_only, k, x, [this](std::int64_t s) { return rows_[s]; }, {}).x1;
    return x;
  }

  void reverse(const RollPlan& plan, const RollInputs& inputs, std::int64_t lo, std::int64_t hi, const Tensor& x_lo,
               std::int64_t free, std::map<std::int64_t, Tensor>& kept, Cotangents& bar,
               const std::function<void(std::int64_t)>& arrive) const {
    if (hi - lo == 1) {  // so is every right part without a free snapshot
      pull_back_step(plan, inputs, lo, x_lo, bar);
      arrive(lo);
      return;
    }
    const std::int64_t middle = lo + first_part(hi - lo, free);
    const auto stored = kept.find(middle);
    Tensor x_middle = stored != kept.end() ? stored->second : advance(plan, lo, middle, x_lo);
    if (stored != kept.end()) kept.erase(stored);
    reverse(plan, inputs, middle, hi, x_middle, free - 1, kept, bar, arrive);
    x_middle.reset();
    reverse(plan, inputs, lo, middle, x_lo, free, kept, bar, arrive);
  }

  std::int64_t free_ = 1;
  std::map<std::int64_t, Tensor> kept_;
  std::vector<Tensor> rows_;
};

}  // namespace

std::unique_ptr<Sweep> make_checkpointed_sweep(const RollPlan& plan, std::int64_t state_bytes) {
  return std::make_unique<CheckpointedSweep>(plan, state_bytes);
}

}  // namespace turnpike
