// Jacobians of flows: adjointness, Taylor slopes and agreement of the three ways to compute them, over every scheme and
// field.
#include <turnpike/operators/jacobian.h>

#include <gtest/gtest.h>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/flow/fields.h>
#include <turnpike/laws/laws.h>
#include <turnpike/math/fit.h>

#include "normal.h"

namespace turnpike {
namespace {

struct Problem {
  Flow flow;
  Tensor control, x0;
};

Problem make_problem(const std::string& scheme, const FieldSpec& spec, ControlKind kind) {
  Problem problem;
  problem.flow.field = make_field(spec);
  problem.flow.grid = ControlGrid(kind, {0, 0.5, 0.8, 1.4});
  problem.flow.scheme = make_scheme(scheme);
  problem.flow.mesh = Mesh{{0, 0.2, 0.5, 0.8, 1.1, 1.4}};
  problem.control = 0.6 * normal({problem.flow.grid.slots(), problem.flow.field->n_parameters()}, 5);
  problem.x0 = normal({3, spec.dimension}, 6);
  return problem;
}

// |F(x + e v) - F(x) - e J v| = O(e^2)
void expect_taylor(const Problem& problem, Wrt wrt, const LinearOperator& J, const std::string& what) {
  const Tensor v = normal({J.cols}, 7) / std::sqrt(static_cast<double>(J.cols));
  const Tensor Jv = J.apply(v), base = problem.flow.roll(problem.x0, problem.control).end.reshape({-1});
  std::vector<double> steps, remainders;
  for (int i = 0; i < 8; ++i) {
    const double e = 0.05 * std::pow(0.5, i);
    const Tensor x = wrt == Wrt::start ? problem.x0 + e * v.view(problem.x0.sizes()) : problem.x0;
    const Tensor u = wrt == Wrt::control ? problem.control + e * v.view(problem.control.sizes()) : problem.control;
    const Tensor moved = problem.flow.roll(x, u).end.reshape({-1});
    steps.push_back(e);
    remainders.push_back((moved - base - e * Jv).norm().item<double>());
  }
  EXPECT_NEAR(fit_order(steps, remainders, 1e-12).slope, 2, 0.1) << what;
}

class JacobianOfEveryScheme : public testing::TestWithParam<std::string> {};

TEST_P(JacobianOfEveryScheme, ProductsObeyTheLawsForEveryField) {
  for (const FieldEntry& entry : field_table()) {
    const FieldSpec spec{.kind = entry.kind, .dimension = 4, .hidden = 3, .gamma = 0.1};
    if (make_scheme(GetParam())->needs_partition() && !make_field(spec)->facts().partitioned) continue;
    // An implicit step is slow, and treats the control as the others do: one kind is enough there.
    const std::vector<ControlKind> kinds =
        make_scheme(GetParam())->implicit()
            ? std::vector{ControlKind::linear}
            : std::vector{ControlKind::constant, ControlKind::linear, ControlKind::shared};
    for (const ControlKind kind : kinds) {
      const Problem problem = make_problem(GetParam(), spec, kind);
      for (const Wrt wrt : {Wrt::start, Wrt::control}) {
        const std::string what = std::string(entry.kind) + " " + name_of(kind) + (wrt == Wrt::start ? " x0" : " u");
        const LinearOperator J = jacobian_operator(problem.flow, problem.control, problem.x0, wrt);
        const Law law = expect_adjoint(J, 3);
        EXPECT_TRUE(law.holds) << what << ": " << law.text;
        expect_taylor(problem, wrt, J, what);
      }
    }
  }
}

TEST_P(JacobianOfEveryScheme, SampleJacobiansAreTheDiagonalBlocks) {
  for (const FieldEntry& entry : field_table()) {
    const FieldSpec spec{.kind = entry.kind, .dimension = 4, .hidden = 3, .gamma = 0.1};
    if (make_scheme(GetParam())->needs_partition() && !make_field(spec)->facts().partitioned) continue;
    const Problem problem = make_problem(GetParam(), spec, ControlKind::linear);
    const Tensor dense = to_dense(jacobian_operator(problem.flow, problem.control, problem.x0, Wrt::start));
    const Tensor blocks = jacobians(problem.flow, problem.control, problem.x0);
    for (std::int64_t i = 0; i < 3; ++i) {
      Tensor block = dense.narrow(0, 4 * i, 4).narrow(1, 4 * i, 4);
      EXPECT_LT((block - blocks[i]).abs().max().item<double>(), 1e-12 * dense.norm().item<double>()) << entry.kind;
      block.zero_();
    }
    EXPECT_EQ(dense.abs().max().item<double>(), 0) << "samples act on each other";
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, JacobianOfEveryScheme, testing::ValuesIn(scheme_names()), test_name);

TEST(Jacobian, EveryAdjointAndAdaptiveSteps) {
  for (const AdjointKind kind : {AdjointKind::autograd, AdjointKind::discrete, AdjointKind::checkpointed}) {
    Problem problem = make_problem("dopri5", {.dimension = 3}, ControlKind::linear);
    problem.flow.adjoint.kind = kind;
    problem.flow.controller = StepController{.rtol = 1e-5};
    for (const Wrt wrt : {Wrt::start, Wrt::control}) {
      const LinearOperator J = jacobian_operator(problem.flow, problem.control, problem.x0, wrt);
      const Law law = expect_adjoint(J, 4);
      EXPECT_TRUE(law.holds) << name_of(kind) << ": " << law.text;
    }
  }
  Problem problem = make_problem("rk4", {.dimension = 3}, ControlKind::constant);
  problem.flow.adjoint.kind = AdjointKind::continuous;
  EXPECT_THROW(jacobian_operator(problem.flow, problem.control, problem.x0, Wrt::start), ContractError);
}

TEST(Jacobian, OfActivationsWithKinks) {
  for (const ActivationFacts& sigma : activation_table()) {
    const Problem problem =
        make_problem("rk4", {.kind = "bottleneck", .dimension = 3, .activation = sigma.kind}, ControlKind::constant);
    const Law law = expect_adjoint(jacobian_operator(problem.flow, problem.control, problem.x0, Wrt::control), 4);
    EXPECT_TRUE(law.holds) << sigma.name << ": " << law.text;
  }
}

TEST(Jacobian, OfALinearFlowIsTheExponential) {
  const Tensor A = at::tensor({-0.3, 1.0, 0.2, -1.2, -0.1, 0.4, 0.0, 0.3, 0.25}, at::kDouble).view({3, 3});
  const FieldPtr field =
      make_field("linear", 3, 1, [A](double, const Tensor& x, const Tensor&) { return x.mm(A.t()); });
  const Flow flow = Flow::uniform(field, "dopri5", 2, 200, ControlKind::shared);
  const Tensor u = at::zeros({1, 1}, at::kDouble), x0 = normal({2, 3}, 1);
  const DepthJacobians run = jacobians_through_depth(flow, u, x0, {0, 0.503, 2});
  EXPECT_EQ(run.times, (std::vector<double>{0, 0.503, 2}));
  for (std::size_t i = 0; i < run.times.size(); ++i) {
    const Tensor exact = at::linalg_matrix_exp(A * run.times[i]);
    for (std::int64_t n = 0; n < 2; ++n) {
      EXPECT_LT((run.jacobians[i][n] - exact).abs().max().item<double>(), 1e-12) << run.times[i];
      EXPECT_LT((run.states[i][n] - exact.mv(x0[n])).abs().max().item<double>(), 1e-12) << run.times[i];
    }
  }
  const LinearOperator du = jacobian_operator(flow, u, x0, Wrt::control);  // the control has no effect
  EXPECT_EQ(to_dense(du).abs().max().item<double>(), 0);
  EXPECT_EQ(du.apply_transpose(normal({6}, 3)).abs().max().item<double>(), 0);
}

TEST(Jacobian, ThroughDepthAtEveryMeshTime) {
  const Problem problem = make_problem("heun", {.dimension = 2}, ControlKind::constant);
  const DepthJacobians run = jacobians_through_depth(problem.flow, problem.control, problem.x0);
  EXPECT_EQ(run.times, problem.flow.mesh.times);
  const Flow::Cut cut = problem.flow.cut(problem.control, 3);
  EXPECT_LT((run.jacobians[3] - jacobians(cut.flow, cut.control, problem.x0)).abs().max().item<double>(), 1e-14);
  EXPECT_TRUE(at::equal(run.jacobians[0], at::eye(2, at::kDouble).expand({3, 2, 2})));
}

TEST(Jacobian, SinglePrecision) {
  const Problem problem = make_problem("rk4", {.dimension = 3}, ControlKind::linear);
  const LinearOperator J =
      jacobian_operator(problem.flow, problem.control.to(at::kFloat), problem.x0.to(at::kFloat), Wrt::control);
  const LinearOperator exact = jacobian_operator(problem.flow, problem.control, problem.x0, Wrt::control);
  EXPECT_EQ(J.dtype, at::kFloat);
  EXPECT_LT((to_dense(J) - to_dense(exact)).abs().max().item<double>(), 1e-5);
}

// x^2 with a backward pass that autograd cannot see through: first derivatives right, second ones silently missing.
struct OpaqueSquare : torch::autograd::Function<OpaqueSquare> {
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x;
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx, torch::autograd::tensor_list g) {
    return {2 * ctx->get_saved_variables()[0].detach() * g[0].detach()};
  }
};

TEST(Jacobian, RefusesABackwardPassThatCannotBeDifferentiated) {
  const FieldPtr field =
      make_field("opaque", 2, 1, [](double, const Tensor& x, const Tensor&) { return OpaqueSquare::apply(x); });
  const Flow flow = Flow::uniform(field, "euler", 1, 3);
  const LinearOperator J = jacobian_operator(flow, at::zeros({3, 1}, at::kDouble), 0.1 * normal({2, 2}, 1), Wrt::start);
  EXPECT_NO_THROW(J.apply_transpose(normal({4}, 2)));
  EXPECT_THROW(J.apply(normal({4}, 2)), Error);
}

}  // namespace
}  // namespace turnpike
