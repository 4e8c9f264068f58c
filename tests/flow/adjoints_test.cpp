// All adjoints agree on nonlinear, non-autonomous problems; memory is what their table says; second derivatives are
// right or refused.
#include <gtest/gtest.h>

#include <cmath>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <turnpike/core/device.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/laws/laws.h>

namespace turnpike {
namespace {

// A partitioned, non-autonomous field, so that every scheme runs it: the paired Hamiltonian layer with a drive.
class DrivenField final : public VectorField {
 public:
  std::string name() const override { return "driven"; }
  std::int64_t dimension() const override { return 4; }
  std::int64_t n_parameters() const override { return inner_->n_parameters(); }
  FieldFacts facts() const override { return {.partitioned = true}; }
  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
    return at::cat({first_rate(t, x.narrow(1, 2, 2), u), second_rate(t, x.narrow(1, 0, 2), u)}, 1);
  }
  Tensor first_rate(double t, const Tensor& p, const Tensor& u) const override {
    return inner_->first_rate(t, p, u) + 0.3 * std::sin(3 * t);
  }
  Tensor second_rate(double t, const Tensor& q, const Tensor& u) const override {
    return inner_->second_rate(t, q, u) - 0.2 * q.pow(3) + std::cos(2 * t);
  }

 private:
  FieldPtr inner_ = paired_hamiltonian_field({.dimension = 4});
};

struct Problem {
  Flow flow;
  Tensor x0, control, weight, bias, y;
};

Problem make_problem(const std::string& scheme, std::int64_t layers, ControlKind kind,
                     std::int64_t steps_per_cell = 1) {
  Random random(11);
  Problem problem;
  problem.flow.field = std::make_shared<DrivenField>();
  problem.flow.grid = ControlGrid::uniform(kind, 2.0, layers);
  problem.flow.scheme = make_scheme(scheme);
  problem.flow.mesh = Mesh::uniform(2.0, layers * steps_per_cell);
  const auto normal = [&](at::IntArrayRef sizes) {
    Tensor tensor = at::empty(sizes, at::kDouble);
    for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = random.normal();
    return tensor;
  };
  problem.x0 = normal({6, 4});
  problem.control = 0.7 * normal({problem.flow.grid.slots(), problem.flow.field->n_parameters()});
  problem.weight = normal({2, 4});
  problem.bias = normal({2});
  problem.y = normal({6, 2});
  return problem;
}

// Everything at once: end state, running cost through the readout, and saved states, with horizons if asked.
std::vector<Tensor> gradients(const Problem& problem, Adjoint adjoint, std::vector<double> horizons = {}) {
  Flow flow = problem.flow;
  flow.adjoint = adjoint;
  const auto leaf = [](const Tensor& tensor) { return tensor.detach().clone().requires_grad_(); };
  const Tensor x0 = leaf(problem.x0), u = leaf(problem.control), weight = leaf(problem.weight),
               bias = leaf(problem.bias);
  RollOptions options{.save = Save::times, .times = {0.5, 1.5}, .horizons = std::move(horizons)};
  options.running = RunningCost{make_cost("mean_square"), {weight, bias}, problem.y};
  const Roll roll = flow.roll(x0, u, options);
  const Tensor loss = at::sin(roll.end).sum() + (roll.integral * at::arange(1, 7, at::kDouble)).sum() +
                      roll.states[0].square().sum() - roll.states[1].pow(3).sum();
  return torch::autograd::grad({loss}, {x0, u, weight, bias});
}

double gap(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, (a[i] - b[i]).norm().item<double>() / b[i].norm().item<double>());
  }
  return worst;
}

class EveryScheme : public testing::TestWithParam<std::string> {};

TEST_P(EveryScheme, DiscreteAdjointsEqualAutograd) {
  for (const ControlKind kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    const Problem problem = make_problem(GetParam(), 8, kind, 2);
    const auto exact = gradients(problem, {AdjointKind::autograd});
    EXPECT_LE(gap(gradients(problem, {AdjointKind::discrete}), exact), 1e-12) << name_of(kind);
    EXPECT_LE(gap(gradients(problem, {AdjointKind::checkpointed}), exact), 1e-12) << name_of(kind);
    for (const std::int64_t states : {2, 3, 5, 9, 30}) {
      const std::int64_t bytes = states * problem.x0.nbytes();
      EXPECT_LE(gap(gradients(problem, {AdjointKind::checkpointed, bytes}), exact), 1e-12) << states << " states";
    }
    if (problem.flow.scheme->reversible()) {
      EXPECT_LE(gap(gradients(problem, {AdjointKind::reversible}), exact), 1e-10) << name_of(kind);
    } else {
      EXPECT_THROW(gradients(problem, {AdjointKind::reversible}), ContractError);
    }
  }
}

TEST_P(EveryScheme, AgreeWithPerSampleHorizons) {
  const Problem problem = make_problem(GetParam(), 8, ControlKind::constant);
  const std::vector<double> horizons{2.0, 1.0, 0.3, 0.0, 1.77, 2.0};
  const auto exact = gradients(problem, {AdjointKind::autograd}, horizons);
  EXPECT_LE(gap(gradients(problem, {AdjointKind::discrete}, horizons), exact), 1e-12);
  EXPECT_LE(gap(gradients(problem, {AdjointKind::checkpointed}, horizons), exact), 1e-12);
  if (problem.flow.scheme->reversible()) {
    EXPECT_LE(gap(gradients(problem, {AdjointKind::reversible}, horizons), exact), 1e-10);
  }
}

// The continuous adjoint closes its gap to the discrete one at the scheme's order, or faster (Heun's errors cancel:
// order 3).
TEST_P(EveryScheme, ContinuousAdjointConvergesAtTheSchemesOrder) {
  const SchemePtr scheme = make_scheme(GetParam());
  if (scheme->needs_partition() || scheme->implicit()) {
    EXPECT_THROW(gradients(make_problem(GetParam(), 4, ControlKind::linear), {AdjointKind::continuous}), ContractError);
    return;
  }
  const Law law = expect_order(
      "continuous adjoint of " + GetParam(),
      [&](double h) {
        const Problem problem = make_problem(GetParam(), 4, ControlKind::linear, std::llround(0.5 / h));
        return gap(gradients(problem, {AdjointKind::continuous}), gradients(problem, {AdjointKind::autograd}));
      },
      scheme->order(), 0.25 / (scheme->order() < 2 ? 4 : 1), scheme->order() >= 4 ? 5 : 6, 1e-13);
  EXPECT_GE(law.measured, scheme->order() - 0.15) << law.text;
}

TEST_P(EveryScheme, SecondDerivativesAreRight) {
  const Problem problem = make_problem(GetParam(), 4, ControlKind::linear);
  const auto loss_of = [&](Adjoint adjoint) {
    return [&problem, adjoint](const Tensor& control) {
      Flow flow = problem.flow;
      flow.adjoint = adjoint;
      RollOptions options{.save = Save::all};
      options.running = RunningCost{make_cost("mean_square"), {problem.weight, problem.bias}, problem.y};
      const Roll roll = flow.roll(problem.x0, control, options);
      return at::sin(roll.end).sum() + roll.integral.sum() + roll.states[2].pow(3).sum();
    };
  };
  std::vector<AdjointKind> kinds{AdjointKind::autograd, AdjointKind::discrete, AdjointKind::checkpointed};
  if (problem.flow.scheme->reversible()) kinds.push_back(AdjointKind::reversible);
  for (const AdjointKind kind : kinds) {
    const Law law = expect_hessian(loss_of({kind}), problem.control, 3);
    EXPECT_TRUE(law.holds) << name_of(kind) << ": " << law.text;
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, EveryScheme, testing::ValuesIn(scheme_names()), test_name);

TEST(ContinuousAdjoint, RefusesSecondDerivatives) {
  Problem problem = make_problem("rk4", 4, ControlKind::constant);
  problem.flow.adjoint.kind = AdjointKind::continuous;
  const Tensor u = problem.control.clone().requires_grad_();
  const Tensor end = problem.flow.roll(problem.x0, u).end;
  EXPECT_THROW(torch::autograd::grad({end.sum()}, {u}, {}, true, /*create_graph=*/true), Error);
}

TEST(Gradients, CanBeTakenTwiceFromOneRoll) {
  for (const AdjointKind kind : {AdjointKind::discrete, AdjointKind::checkpointed, AdjointKind::reversible}) {
    Problem problem = make_problem("verlet", 12, ControlKind::constant);
    problem.flow.adjoint.kind = kind;
    problem.flow.adjoint.kernel = Kernel::reference;
    const Tensor u = problem.control.clone().requires_grad_();
    const Tensor loss = problem.flow.roll(problem.x0, u).end.square().sum();
    const Tensor first = torch::autograd::grad({loss}, {u}, {}, /*retain_graph=*/true)[0];
    const Tensor second = torch::autograd::grad({loss}, {u})[0];
    EXPECT_TRUE(at::equal(first, second)) << name_of(kind);
  }
}

// Measured peak bytes of one gradient against depth: linear, logarithmic, constant.
std::int64_t peak_bytes(AdjointKind kind, std::int64_t layers) {
  Flow flow = Flow::uniform(paired_hamiltonian_field({.dimension = 8}), "verlet", 2.0, layers);
  flow.adjoint.kind = kind;
  flow.adjoint.kernel = Kernel::reference;  // the table counts the reference's states; the fused kernels keep none
  Random random(1);
  const Tensor x0 = at::ones({2000, 8}, at::kDouble) * 0.1;
  const Tensor u = flow.field->initial_control(layers, 0.5, random).requires_grad_();
  PeakMemory peak;
  torch::autograd::grad({flow.roll(x0, u).end.square().sum()}, {u});
  return peak.bytes();
}

TEST(Memory, GrowsAsTheTableSays) {
  const double state = 2000 * 8 * 8;
  const auto states = [&](AdjointKind kind, std::int64_t layers) {
    return static_cast<double>(peak_bytes(kind, layers)) / state;
  };
  const double discrete_64 = states(AdjointKind::discrete, 64), discrete_512 = states(AdjointKind::discrete, 512);
  EXPECT_GT(discrete_512 - discrete_64, 400);
  EXPECT_LT(discrete_512 - discrete_64, 500);
  const double autograd_512 = states(AdjointKind::autograd, 512);
  EXPECT_GT(autograd_512, 1.5 * discrete_512);
  // log2: 7 and 10 states, on top of the one step's graph
  const double checkpointed_64 = states(AdjointKind::checkpointed, 64),
               checkpointed_512 = states(AdjointKind::checkpointed, 512);
  EXPECT_LT(checkpointed_512, 40);
  EXPECT_LT(checkpointed_512 - checkpointed_64, 8);
  const double reversible_64 = states(AdjointKind::reversible, 64),
               reversible_512 = states(AdjointKind::reversible, 512);
  EXPECT_LT(reversible_512, 30);
  EXPECT_LT(std::abs(reversible_512 - reversible_64), 4);
  RecordProperty("states_at_512_layers", testing::PrintToString(std::vector<double>{autograd_512, discrete_512,
                                                                                    checkpointed_512, reversible_512}));
}

}  // namespace
}  // namespace turnpike
