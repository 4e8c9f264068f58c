// The backward sweep rebuilds each state from the next by the scheme's inverse: one state is kept, whatever the depth.
#include <ATen/ATen.h>

#include "roll_internal.h"

namespace turnpike {
namespace {

class ReversibleSweep final : public Sweep {
 public:
  void keep(std::int64_t, const Tensor& x) override { end_ = x; }

  void pull_back(const RollPlan& plan, const RollInputs& inputs, Cotangents& bar,
                 const std::function<void(std::int64_t)>& arrive) override {
    const std::vector<Tensor> rows = inputs.control.unbind(0);
    Tensor x = end_;
    for (std::int64_t k = plan.mesh.steps() - 1; k >= 0; --k) {
      {
        at::NoGradGuard no_gradient;
        const double start = plan.start(k), h = plan.length(k);
        const Rates rates =
            bind_control(*plan.field, plan.grid, start, start + h, [&](std::int64_t s) { return rows[s]; });
        const Tensor before = plan.scheme->inverse(rates, start, h, x);
        x = plan.active.empty() ? before : at::where(plan.active[k], before, x);
      }
      pull_back_step(plan, inputs, k, x, bar);
      arrive(k);
    }
  }

 private:
  Tensor end_;
};

}  // namespace

std::unique_ptr<Sweep> make_reversible_sweep(const RollPlan& plan) {
  require(plan.scheme->reversible(),
          "the reversible adjoint needs a reversible scheme (symplectic_euler, verlet or "
          "implicit_midpoint), not '" +
              plan.scheme->name() + "'");
  return std::make_unique<ReversibleSweep>();
}

}  // namespace turnpike
