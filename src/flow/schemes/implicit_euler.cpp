// x1 = x0 + h f(t + h, x1): order 1, L-stable, so stiff decay is damped at every step. Tolerance and derivatives:
// implicit_stage.cpp.
#include <ATen/ATen.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

class ImplicitEuler final : public Scheme {
 public:
  std::string name() const override { return "implicit_euler"; }
  int order() const override { return 1; }
  int evaluations() const override { return 2; }
  bool implicit() const override { return true; }

  StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const override {
    StepResult result;
    result.x1 = implicit_stage(rates, t + h, h, x0);
    if (needs.nodes) result.nodes.push_back({t + h, h, result.x1});
    if (needs.dense) result.stages = {rates.full(t, x0), rates.full(t + h, result.x1)};
    return result;
  }
};

}  // namespace

SchemePtr implicit_euler() {
  return std::make_shared<ImplicitEuler>();
}

}  // namespace turnpike
