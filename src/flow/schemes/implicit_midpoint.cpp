// z = x0 + h/2 f(t + h/2, z),  x1 = 2 z - x0: order 2, symplectic, symmetric, A-stable. Tolerance and derivatives:
// implicit_stage.cpp.
#include <ATen/ATen.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

class ImplicitMidpoint final : public Scheme {
 public:
  std::string name() const override { return "implicit_midpoint"; }
  int order() const override { return 2; }
  int evaluations() const override { return 2; }
  bool symplectic() const override { return true; }
  bool reversible() const override { return true; }
  bool implicit() const override { return true; }

  StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const override {
    const Tensor z = implicit_stage(rates, t + h / 2, h / 2, x0);
    StepResult result;
    result.x1 = 2 * z - x0;
    if (needs.nodes) result.nodes.push_back({t + h / 2, h, z});
    if (needs.dense) result.stages = {rates.full(t, x0), rates.full(t + h, result.x1)};
    return result;
  }

  Tensor inverse(const Rates& rates, double t, double h, const Tensor& x1) const override {
    return step(rates, t + h, -h, x1, {}).x1;
  }
};

}  // namespace

SchemePtr implicit_midpoint() {
  return std::make_shared<ImplicitMidpoint>();
}

}  // namespace turnpike
