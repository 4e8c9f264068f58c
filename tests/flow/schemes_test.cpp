// Every scheme of the registry obeys what it declares.
#include <gtest/gtest.h>

#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>
#include <turnpike/flow/flow.h>
#include <turnpike/laws/laws.h>

namespace turnpike {
namespace {

class Schemes : public testing::TestWithParam<std::string> {
 protected:
  SchemePtr scheme = make_scheme(GetParam());
};

TEST_P(Schemes, HasItsOrder) {
  const Law law = expect_order(*scheme);
  EXPECT_TRUE(law.holds) << law.text;
}

TEST_P(Schemes, IntegratesRunningCostsAtItsOrder) {
  const Law law = expect_quadrature_order(*scheme);
  EXPECT_TRUE(law.holds) << law.text;
}

TEST_P(Schemes, InterpolatesBetweenSteps) {
  const Law law = expect_dense_order(*scheme);
  EXPECT_TRUE(law.holds) << law.text;
}

TEST_P(Schemes, CanBeUndoneIfReversible) {
  if (scheme->reversible()) {
    const Law law = expect_reversible(*scheme, scheme->implicit() ? 1e-11 : 1e-13);  // Newton's tolerance, 50 times
    EXPECT_TRUE(law.holds) << law.text;
  } else {
    EXPECT_THROW(expect_reversible(*scheme), ContractError);
  }
}

TEST_P(Schemes, IsSymplecticIffDeclared) {
  const Law law = expect_symplectic(*scheme);
  EXPECT_EQ(law.holds, scheme->symplectic()) << law.text;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

INSTANTIATE_TEST_SUITE_P(All, Schemes, testing::ValuesIn(scheme_names()), test_name);

// Stiff and stable: x_dot = -lambda tanh(x). Explicit Euler overshoots once h lambda > 2; the implicit midpoint never
// grows.
TEST(ImplicitMidpoint, IsStableAtEveryStep) {
  const FieldPtr stiff =
      make_field("stiff", 1, 1, [](double, const Tensor& x, const Tensor&) { return -1e3 * at::tanh(x); });
  for (const double h : {0.01, 0.1, 1.0, 10.0}) {
    const Flow implicit = Flow::uniform(stiff, "implicit_midpoint", 20 * h, 20);
    const Tensor x0 = at::full({1, 1}, 0.5, at::kDouble), u = at::zeros({20, 1}, at::kDouble);
    const Tensor states = implicit.roll(x0, u, {.save = Save::all}).states.abs();
    EXPECT_LE(states.max().item<double>(), 0.5 + 1e-12) << "h = " << h;
    const Flow explicit_euler = Flow::uniform(stiff, "euler", 20 * h, 20);
    EXPECT_GT(explicit_euler.roll(x0, u, {.save = Save::all}).states.abs().max().item<double>(), 1.0) << "h = " << h;
  }
}

// Of x_dot = t only where in the step the rate is taken matters: there at the end.
TEST(ImplicitEuler, TakesItsRateAtTheEndOfTheStep) {
  const FieldPtr clock =
      make_field("clock", 1, 1, [](double t, const Tensor& x, const Tensor&) { return at::full_like(x, t); });
  const Flow flow = Flow::uniform(clock, "implicit_euler", 2, 4);
  const Tensor end = flow.roll(at::zeros({1, 1}, at::kDouble), at::zeros({4, 1}, at::kDouble)).end;
  EXPECT_NEAR(end.item<double>(), 0.5 * (0.5 + 1 + 1.5 + 2), 1e-14);
}

TEST(ImplicitMidpoint, SaysWhenNewtonFails) {
  // x = x0 + h/2 (1 + x^2) has no solution for h = 4.
  const FieldPtr wild = make_field("wild", 1, 1, [](double, const Tensor& x, const Tensor&) { return 1 + x.square(); });
  const Flow flow = Flow::uniform(wild, "implicit_midpoint", 4, 1);
  const auto run = flow.trajectory(at::zeros({1, 1}, at::kDouble), at::zeros({1, 1}, at::kDouble));
  ASSERT_FALSE(run);
  EXPECT_EQ(run.failure().kind, FailureKind::no_convergence);
  EXPECT_EQ(run.partial().times.size(), 1u);
}

TEST(SchemeTable, SuggestsNearNames) {
  try {
    make_scheme("eulr");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'euler'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace turnpike
