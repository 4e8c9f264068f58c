// A roll that nobody holds any more frees its states: an output that its own node keeps would never go.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>

namespace turnpike {
namespace {

TEST(Release, ARollThatNobodyHoldsIsFreed) {
  for (const AdjointKind kind : {AdjointKind::discrete, AdjointKind::autograd, AdjointKind::checkpointed,
                                 AdjointKind::reversible, AdjointKind::continuous}) {
    const bool reversible = kind == AdjointKind::reversible;
    Flow flow =
        Flow::uniform(make_field({.kind = "hamiltonian", .dimension = 2}), reversible ? "verlet" : "rk4", 1.0, 4);
    flow.adjoint.kind = kind;
    Random random(1);
    const Tensor control = flow.field->initial_control(4, 0.5, random).requires_grad_();
    for (const bool backward : {false, true}) {
      Roll roll = flow.roll(at::ones({3, 2}, at::kDouble), control);
      if (backward) roll.end.sum().backward();
      const c10::weak_intrusive_ptr<c10::TensorImpl> end(roll.end.getIntrusivePtr());
      roll = Roll();
      EXPECT_TRUE(end.expired()) << name_of(kind) << (backward ? " after" : " without") << " backward";
    }
  }
}

}  // namespace
}  // namespace turnpike
