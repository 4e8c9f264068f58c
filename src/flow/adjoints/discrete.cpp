// The exact discrete adjoint with the whole trajectory kept: K + 1 states.
#include "roll_internal.h"

namespace turnpike {
namespace {

class DiscreteSweep final : public Sweep {
 public:
  void keep(std::int64_t, const Tensor& x) override { states_.push_back(x); }

  void pull_back(const RollPlan& plan, const RollInputs& inputs, Cotangents& bar,
                 const std::function<void(std::int64_t)>& arrive) override {
    for (std::int64_t k = plan.mesh.steps() - 1; k >= 0; --k) {
      pull_back_step(plan, inputs, k, states_[k], bar);
      arrive(k);
    }
  }

 private:
  std::vector<Tensor> states_;
};

}  // namespace

std::unique_ptr<Sweep> make_discrete_sweep(const RollPlan&) {
  return std::make_unique<DiscreteSweep>();
}

}  // namespace turnpike
