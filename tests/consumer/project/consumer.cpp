// A field of a user's own passes the laws, its flow's two gradients agree, and a field that breaks its promise is
// caught.
#include <iostream>

#include <ATen/ATen.h>
#include <turnpike/laws/laws.h>
#include <turnpike/turnpike.h>

namespace {

using turnpike::FieldFacts;
using turnpike::Tensor;

// A pendulum with a driven length and friction: q_dot = p, p_dot = -u_0 sin q - u_1 p.
struct Pendulum : turnpike::VectorField {
  std::string name() const override { return "pendulum"; }
  std::int64_t dimension() const override { return 2; }
  std::int64_t n_parameters() const override { return 2; }
  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
    const Tensor q = x.select(1, 0), p = x.select(1, 1);
    return at::stack({p, -u[0] * at::sin(q) - u[1] * p}, 1);
  }
};

// The same, claiming what is false: with u = 0 the pendulum still moves at the speed p.
struct Boaster final : Pendulum {
  FieldFacts facts() const override { return {.rests_at_zero = true}; }
};

int n_failed = 0;

void expect(bool as_expected, const turnpike::Law& law) {
  std::cout << (as_expected ? "ok    " : "WRONG ") << law.text << "\n";
  n_failed += !as_expected;
}

}  // namespace

int main() {
  const auto pendulum = std::make_shared<const Pendulum>();
  const turnpike::Law kept = turnpike::expect_field(*pendulum, 1);
  expect(kept.holds, kept);
  const turnpike::Law broken = turnpike::expect_field(Boaster{}, 1);
  expect(!broken.holds, broken);

  auto exact = turnpike::Flow::uniform(pendulum, "rk4", /*horizon=*/2, /*layers=*/10);
  auto reference = exact;
  reference.adjoint.kind = turnpike::AdjointKind::autograd;
  const Tensor x0 = at::linspace(-1, 1, 10, at::kDouble).reshape({5, 2});
  const Tensor u = at::linspace(0.5, 1.5, exact.grid.slots() * 2, at::kDouble).reshape({exact.grid.slots(), 2});
  const turnpike::Law gradient = turnpike::expect_same_gradient(exact, reference, x0, u, 1e-12);
  expect(gradient.holds, gradient);
  return n_failed;
}
