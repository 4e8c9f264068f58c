#include <turnpike/operators/hessian.h>

#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/flow/fields.h>
#include <turnpike/laws/laws.h>
#include <turnpike/math/fit.h>
#include <turnpike/operators/jacobian.h>
#include <turnpike/train/objective.h>

#include "normal.h"

namespace turnpike {
namespace {

struct Problem {
  Flow flow;
  Tensor control, x0, y;
  Readout readout;
  Objective objective{.cost = make_cost("mean_square"), .running = 0.7, .terminal = 0.5, .penalty = {.weight = 0.1}};

  Tensor operator()(const Tensor& u) const { return objective(flow, x0, u, readout, y).total; }
};

Problem make_problem(const std::string& scheme, const FieldSpec& spec) {
  Problem problem;
  problem.flow = Flow::uniform(make_field(spec), scheme, 1, 3, ControlKind::linear);
  problem.control = 0.6 * normal({4, problem.flow.field->n_parameters()}, 5);
  problem.x0 = normal({3, spec.dimension}, 6);
  problem.y = normal({3, 2}, 7);
  problem.readout = {normal({2, spec.dimension}, 8), normal({2}, 9)};
  return problem;
}

Tensor gradient_at(const Problem& problem, const Tensor& u) {
  const Tensor leaf = u.detach().clone().requires_grad_();
  return torch::autograd::grad({problem(leaf)}, {leaf})[0].reshape({-1});
}

class HessianOfEveryScheme : public testing::TestWithParam<std::string> {};

TEST_P(HessianOfEveryScheme, HessianIsSymmetricAndTheSlopeOfTheGradient) {
  for (const FieldEntry& entry : field_table()) {
    const FieldSpec spec{.kind = entry.kind, .dimension = 4, .hidden = 3, .gamma = 0.1};
    if (make_scheme(GetParam())->needs_partition() && !make_field(spec)->facts().partitioned) continue;
    const Problem problem = make_problem(GetParam(), spec);
    const LinearOperator H = hessian_operator(problem, problem.control);
    const Law law = expect_adjoint(H, 3);
    EXPECT_TRUE(law.holds) << entry.kind << ": " << law.text;
    const Tensor v = normal({H.cols}, 4) / std::sqrt(static_cast<double>(H.cols)), Hv = H.apply(v);
    const Tensor base = gradient_at(problem, problem.control);
    std::vector<double> steps, remainders;
    for (int i = 0; i < 8; ++i) {
      const double e = 0.05 * std::pow(0.5, i);
      steps.push_back(e);
      remainders.push_back((gradient_at(problem, problem.control + e * v.view(problem.control.sizes())) - base - e * Hv)
                               .norm()
                               .item<double>());
    }
    EXPECT_NEAR(fit_order(steps, remainders, 1e-12).slope, 2, 0.1) << entry.kind;
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, HessianOfEveryScheme, testing::ValuesIn(scheme_names()), test_name);

TEST(Hessian, OfKnownFunctions) {
  const Tensor A = normal({5, 5}, 1), Q = A + A.t(), point = normal({5}, 2);
  const LinearOperator quadratic = hessian_operator([&](const Tensor& u) { return 0.5 * u.dot(Q.mv(u)); }, point);
  EXPECT_LT((to_dense(quadratic) - Q).abs().max().item<double>(), 1e-14);
  const LinearOperator quartic = hessian_operator([](const Tensor& u) { return u.pow(4).sum(); }, point);
  EXPECT_LT((to_dense(quartic) - at::diag(12 * point.square())).abs().max().item<double>(), 1e-13);
  for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{
           [](const Tensor& u) { return u.sum(); }, [](const Tensor&) { return at::ones({}, at::kDouble); }}) {
    EXPECT_EQ(to_dense(hessian_operator(f, point)).abs().max().item<double>(), 0);
  }
  EXPECT_THROW(hessian_operator([](const Tensor& u) { return u * u; }, point), ContractError);
}

TEST(Hessian, ContinuousAdjointIsRefused) {
  Problem problem = make_problem("rk4", {.dimension = 3});
  problem.flow.adjoint.kind = AdjointKind::continuous;
  EXPECT_THROW(hessian_operator(problem, problem.control), Error);
}

TEST(Hessian, LanczosFindsTheDenseExtremes) {
  const Problem problem = make_problem("rk4", {.dimension = 2});
  const LinearOperator H = hessian_operator(problem, problem.control);
  const Tensor all = std::get<0>(at::linalg_eigh(to_dense(H)));
  EXPECT_NEAR(lanczos(H, 2, Extreme::largest).value().values[1].item<double>(), all[-2].item<double>(), 1e-10);
  EXPECT_NEAR(lanczos(H, 1, Extreme::smallest).value().values[0].item<double>(), all[0].item<double>(), 1e-10);
}

// f(u) = |x(u) - x(u*)|^2 at u*: no residual, so the Gauss-Newton matrix is the Hessian.
TEST(GaussNewton, IsTheHessianWhereTheResidualVanishes) {
  const Problem problem = make_problem("heun", {.dimension = 3});
  const Tensor target = problem.flow.roll(problem.x0, problem.control).end;
  const LinearOperator H = hessian_operator(
      [&](const Tensor& u) { return (problem.flow.roll(problem.x0, u).end - target).square().sum(); }, problem.control);
  const LinearOperator J = jacobian_operator(problem.flow, problem.control, problem.x0, Wrt::control);
  const LinearOperator outer = hessian_operator([&](const Tensor& x) { return (x - target).square().sum(); }, target);
  const Tensor G = to_dense(gauss_newton_operator(J, outer));
  EXPECT_LT((G - to_dense(H)).abs().max().item<double>(), 1e-12 * G.norm().item<double>());
  EXPECT_THROW(gauss_newton_operator(J, J), ContractError);
}

}  // namespace
}  // namespace turnpike
