// The fused kernels are the reference: same outputs and gradients for every field, scheme, activation, dtype, control,
// cost and shape they cover; second derivatives through the reference; what they do not cover falls back or is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <turnpike/core/device.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/training_cost.h>
#include <turnpike/laws/laws.h>

namespace turnpike {
namespace {

struct RollCase {
  std::string field = "inner", scheme = "euler", cost = "mean_square";
  Activation activation = Activation::tanh;
  std::int64_t d = 2, N = 17, layers = 6, outputs = 2, hidden = 0;
  ControlKind control = ControlKind::constant;
  std::int64_t steps_per_cell = 1;
  bool readout = true;
  Save save = Save::times;

  std::string text() const {
    return field + " " + scheme + " " + cost + " " + facts_of(activation).name + " " + name_of(control) +
           " d=" + std::to_string(d) + " N=" + std::to_string(N);
  }
};

struct Problem {
  Flow flow;
  Tensor x0, control, weight, bias, y, end_bar, integral_bar, states_bar;
  RollOptions options;
};

Tensor normal(at::IntArrayRef sizes, Random& random) {
  Tensor tensor = at::empty(sizes, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = random.normal();
  return tensor;
}

Problem make_problem(const RollCase& s) {
  Random random(s.N * 1000 + s.d);
  Problem p;
  p.flow.field =
      make_field({.kind = s.field, .dimension = s.d, .activation = s.activation, .hidden = s.hidden, .gamma = 0.2});
  // Steps of different lengths.
  std::vector<double> knots{0};
  for (std::int64_t k = 0; k < s.layers; ++k) knots.push_back(knots.back() + 0.1 + 0.03 * static_cast<double>(k % 3));
  p.flow.grid = ControlGrid(s.control, knots);
  std::vector<double> times{0};
  for (std::int64_t k = 0; k < s.layers; ++k) {
    for (std::int64_t i = 1; i <= s.steps_per_cell; ++i) {
      times.push_back(knots[k] +
                      (knots[k + 1] - knots[k]) * static_cast<double>(i) / static_cast<double>(s.steps_per_cell));
    }
  }
  p.flow.mesh = Mesh{times};
  p.flow.scheme = make_scheme(s.scheme);
  p.x0 = normal({s.N, s.d}, random);
  // Of a size that does not amplify rounding at any d: the comparison is of kernels, not of conditioning.
  p.control =
      0.9 / std::sqrt(static_cast<double>(s.d)) * normal({p.flow.grid.slots(), p.flow.field->n_parameters()}, random);
  const std::int64_t m = s.readout ? s.outputs : s.d;
  if (s.readout) {
    p.weight = normal({m, s.d}, random);
    p.bias = normal({m}, random);
  }
  p.y = s.cost == "cross_entropy" ? at::arange(s.N, at::kLong).remainder(m) : normal({s.N, m}, random);
  p.options.save = s.save;
  if (s.save == Save::times) p.options.times = {knots[1], knots[s.layers / 2]};
  const std::int64_t saved = s.save == Save::end ? 0 : s.save == Save::times ? 2 : p.flow.mesh.steps() + 1;
  p.end_bar = normal({s.N, s.d}, random);
  p.integral_bar = normal({s.N}, random);
  p.states_bar = normal({saved, s.N, s.d}, random);
  return p;
}

// end, integral, states, then the gradients of x0, control, weight and bias.
std::vector<Tensor> run(const Problem& p, Kernel kernel, at::ScalarType dtype) {
  Flow flow = p.flow;
  flow.adjoint.kernel = kernel;
  const auto leaf = [dtype](const Tensor& tensor) { return tensor.detach().to(dtype).clone().requires_grad_(); };
  std::vector<Tensor> leaves{leaf(p.x0), leaf(p.control)};
  RollOptions options = p.options;
  Readout readout;
  if (p.weight.defined()) {
    leaves.push_back(readout.weight = leaf(p.weight));
    leaves.push_back(readout.bias = leaf(p.bias));
  }
  const Tensor y = p.y.is_floating_point() ? p.y.to(dtype) : p.y;
  options.running = RunningCost{make_cost(p.y.is_floating_point() ? "mean_square" : "cross_entropy"), readout, y};
  const Roll roll = flow.roll(leaves[0], leaves[1], options);
  std::vector<Tensor> outputs{roll.end, roll.integral}, bars{p.end_bar.to(dtype), p.integral_bar.to(dtype)};
  if (roll.states.defined()) {
    outputs.push_back(roll.states);
    bars.push_back(p.states_bar.to(dtype));
  }
  const auto gradients = torch::autograd::grad(outputs, leaves, bars);
  outputs.insert(outputs.end(), gradients.begin(), gradients.end());
  return outputs;
}

double gap(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Tensor exact = b[i].to(at::kDouble);
    const double size = exact.norm().item<double>();
    const double error = (a[i].detach().to(at::kDouble) - exact).norm().item<double>();
    worst = std::max(worst, size > 0 ? error / size : error);
  }
  return worst;
}

// A field whose argument and value are off by half a unit in the last place of float32, up or down at random, at every
// evaluation forward and back: what rounding does to a roll, in float64.
class RoundedField final : public VectorField {
 public:
  RoundedField(FieldPtr exact, Random& random) : exact_(std::move(exact)), random_(&random) {}
  std::string name() const override { return "rounded"; }
  std::int64_t dimension() const override { return exact_->dimension(); }
  std::int64_t n_parameters() const override { return exact_->n_parameters(); }
  FieldFacts facts() const override { return exact_->facts(); }
  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
    return round((*exact_)(t, round(x), u));
  }
  Tensor first_rate(double t, const Tensor& second, const Tensor& u) const override {
    return round(exact_->first_rate(t, round(second), u));
  }
  Tensor second_rate(double t, const Tensor& first, const Tensor& u) const override {
    return round(exact_->second_rate(t, round(first), u));
  }
  static Tensor round(const Tensor& x, Random& random) { return x * (1 + 0x1p-24 * normal(x.sizes(), random).sign()); }

 private:
  Tensor round(const Tensor& x) const { return round(x, *random_); }
  FieldPtr exact_;
  Random* random_;
};

// The gap to the exact result where all inputs and all stages are rounded to float32: the largest of 4 draws.
double rounding_gap(const Problem& p, const std::vector<Tensor>& exact) {
  Random random(7);
  double worst = 0;
  for (int draw = 0; draw < 4; ++draw) {
    Problem rounded = p;
    rounded.flow.field = std::make_shared<RoundedField>(p.flow.field, random);
    for (Tensor* tensor : {&rounded.x0, &rounded.control, &rounded.weight, &rounded.bias, &rounded.y, &rounded.end_bar,
                           &rounded.integral_bar, &rounded.states_bar}) {
      if (tensor->defined() && tensor->is_floating_point()) *tensor = RoundedField::round(*tensor, random);
    }
    worst = std::max(worst, gap(run(rounded, Kernel::reference, at::kDouble), exact));
  }
  return worst;
}

// float64 to 1e-13 of each tensor's norm, float32 to 5e-6 of the reference in float64 on the same rounded inputs. Where
// a roll amplifies rounding beyond that: 10 times what one rounding of half a unit at every input and stage does, since
// the kernels' tanh, the worst of their functions, may be off by 5 units (and libtorch's by 1). ReLU's slope jumps, so
// that a float32 state that rounds across a kink changes the gradient by order one: only float64 is compared there.
void expect_equal(const RollCase& setup, bool with_f32) {
  constexpr double roundings = 10;
  Problem p = make_problem(setup);
  const std::vector<Tensor> reference = run(p, Kernel::reference, at::kDouble);
  const double f64 = gap(run(p, Kernel::fused, at::kDouble), reference);
  if (f64 > 1e-13) {
    EXPECT_LE(f64, roundings * 0x1p-29 * rounding_gap(p, reference)) << "f64, " << setup.text();
  }
  const ActivationFacts& facts = facts_of(setup.activation);
  if (!with_f32 || !(facts.smooth || setup.activation == Activation::elu)) return;
  for (Tensor* tensor : {&p.x0, &p.control, &p.weight, &p.bias, &p.y, &p.end_bar, &p.integral_bar, &p.states_bar}) {
    if (tensor->defined() && tensor->is_floating_point()) *tensor = tensor->to(at::kFloat).to(at::kDouble);
  }
  const std::vector<Tensor> exact = run(p, Kernel::reference, at::kDouble);
  const double f32 = gap(run(p, Kernel::fused, at::kFloat), exact);
  if (f32 > 5e-6) {
    EXPECT_LE(f32, roundings * rounding_gap(p, exact)) << "f32, " << setup.text();
  }
}

const std::vector<std::string> fields = {"inner", "outer", "antisymmetric", "bottleneck", "hamiltonian"};
const std::vector<std::string> explicit_schemes = {"euler", "midpoint", "heun", "rk4", "dopri5"};

TEST(Fused, EqualsTheReferenceForEveryFieldSchemeAndActivation) {
  for (const std::string& field : fields) {
    for (const std::string& scheme : explicit_schemes) {
      for (const ActivationFacts& facts : activation_table()) {
        expect_equal({.field = field, .scheme = scheme, .activation = facts.kind, .d = 4}, true);
      }
    }
  }
  for (const std::string scheme : {"symplectic_euler", "verlet"}) {
    for (const ActivationFacts& facts : activation_table()) {
      for (const std::int64_t d : {2, 4, 6}) {
        expect_equal({.field = "hamiltonian", .scheme = scheme, .activation = facts.kind, .d = d}, true);
      }
    }
  }
}

TEST(Fused, EqualsTheReferenceForEveryDimensionAndSampleCount) {
  for (const std::int64_t d : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 31}) {
    for (const std::int64_t N : {1, 3, 16, 37, 261}) {
      for (const std::string field : {"inner", "outer"}) {
        expect_equal({.field = field, .d = d, .N = N, .outputs = 1 + N % 3}, true);
      }
    }
    expect_equal({.field = "outer", .scheme = "rk4", .d = d, .N = 21}, true);
    expect_equal({.field = "bottleneck", .d = d, .N = 21, .hidden = 1 + d % 5}, true);
  }
}

// From lanes = samples to lanes = dimensions; the widest fill several tiles and cut the depth of a product.
TEST(Fused, EqualsTheReferenceForWideLayers) {
  for (const std::int64_t d : {11, 12, 15, 16, 17, 33, 47, 64, 65, 99, 130}) {
    for (const std::int64_t N : {1, 29, 101}) {
      const std::string field = std::vector<std::string>{"inner", "outer", "antisymmetric", "bottleneck"}[(d + N) % 4];
      expect_equal({.field = field, .d = d, .N = N, .layers = 4, .outputs = 1 + N % 20, .hidden = 1 + (7 * d) % 61},
                   true);
    }
  }
  for (const std::int64_t d : {24, 34, 66, 128}) {
    for (const std::string scheme : {"euler", "rk4", "verlet", "symplectic_euler"}) {
      for (const bool readout : {true, false}) {
        expect_equal({.field = "hamiltonian", .scheme = scheme, .d = d, .N = 31, .layers = 4, .readout = readout},
                     true);
      }
    }
  }
  for (const std::string cost : {"mean_square", "cross_entropy"}) {
    for (const bool readout : {true, false}) {
      expect_equal({.scheme = "heun",
                    .cost = cost,
                    .activation = Activation::sigmoid,
                    .d = 37,
                    .N = 50,
                    .outputs = 10,
                    .readout = readout},
                   true);
    }
  }
  expect_equal({.field = "outer", .d = 257, .N = 205, .layers = 4}, true);
  expect_equal({.field = "bottleneck", .d = 20, .N = 205, .layers = 4, .hidden = 300}, true);
  // Where BLAS multiplies.
  expect_equal({.field = "inner", .scheme = "heun", .d = 520, .N = 29, .layers = 4}, true);
  expect_equal({.field = "antisymmetric", .d = 515, .N = 29, .layers = 4, .outputs = 3}, true);
  expect_equal({.field = "bottleneck", .d = 514, .N = 29, .layers = 4, .hidden = 530}, true);
  expect_equal({.field = "hamiltonian", .scheme = "verlet", .d = 1030, .N = 29, .layers = 4}, true);
}

TEST(Fused, EqualsTheReferenceForEveryControlCostAndSave) {
  for (const ControlKind control : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    for (const std::string cost : {"mean_square", "cross_entropy"}) {
      for (const Save save : {Save::end, Save::times, Save::all}) {
        for (const bool readout : {true, false}) {
          for (const std::string scheme : {"euler", "rk4", "verlet", "symplectic_euler"}) {
            expect_equal({.field = "hamiltonian",
                          .scheme = scheme,
                          .cost = cost,
                          .d = 4,
                          .control = control,
                          .steps_per_cell = 2,
                          .readout = readout,
                          .save = save},
                         true);
          }
        }
      }
    }
  }
}

TEST(Fused, EqualsTheReferenceOnRandomShapes) {
  Random random(2024);
  const auto pick = [&random](std::int64_t n) {
    return static_cast<std::int64_t>(random.uniform() * static_cast<double>(n));
  };
  for (int i = 0; i < 60; ++i) {
    RollCase s;
    s.d = 1 + pick(i % 10 == 0 ? 130 : i % 2 == 0 ? 40 : 12);
    s.hidden = pick(30);
    s.field = fields[pick(s.d % 2 ? 4 : 5)];
    s.scheme = explicit_schemes[pick(5)];
    s.cost = pick(2) ? "mean_square" : "cross_entropy";
    s.activation = activation_table()[pick(9)].kind;
    s.N = 1 + pick(90);
    s.layers = 4 + pick(9);
    s.outputs = 1 + pick(5);
    s.control = std::vector<ControlKind>{ControlKind::constant, ControlKind::linear, ControlKind::shared}[pick(3)];
    s.steps_per_cell = 1 + pick(3);
    s.save = std::vector<Save>{Save::end, Save::times, Save::all}[pick(3)];
    expect_equal(s, true);
  }
}

// Deep and narrow, the case the kernels are for: rounding must not grow with depth beyond the reference's own.
TEST(Fused, StaysAccurateAtDepth) {
  expect_equal({.field = "outer", .d = 2, .N = 101, .layers = 400}, true);
  expect_equal({.field = "outer", .d = 2, .N = 101, .layers = 400, .control = ControlKind::shared}, true);
}

TEST(Fused, SecondDerivativesAreTheReferences) {
  const Problem p = make_problem({.field = "outer", .scheme = "heun", .d = 3});
  const auto loss = [&p](Kernel kernel) {
    return [&p, kernel](const Tensor& control) {
      Flow flow = p.flow;
      flow.adjoint.kernel = kernel;
      RollOptions options{.save = Save::all};
      options.running = RunningCost{make_cost("mean_square"), {p.weight, p.bias}, p.y};
      const Roll roll = flow.roll(p.x0, control, options);
      return at::sin(roll.end).sum() + roll.integral.sum() + roll.states[2].pow(3).sum();
    };
  };
  const auto hessian_times = [&](Kernel kernel, const Tensor& v) {
    const Tensor u = p.control.clone().requires_grad_();
    const Tensor gradient = torch::autograd::grad({loss(kernel)(u)}, {u}, {}, true, /*create_graph=*/true)[0];
    return torch::autograd::grad({(gradient * v).sum()}, {u})[0];
  };
  Random random(1);
  const Tensor v = normal(p.control.sizes(), random);
  const Tensor exact = hessian_times(Kernel::reference, v);
  EXPECT_LE(((hessian_times(Kernel::fused, v) - exact).norm() / exact.norm()).item<double>(), 1e-13);
  const Law law = expect_hessian(loss(Kernel::fused), p.control, 3);
  EXPECT_TRUE(law.holds) << law.text;
}

// Values and gradients of Flow::cost, the one-pass gradient of its value and those through its terms.
TEST(Fused, CostEqualsTheReference) {
  const auto pass = [](const RollCase& setup, Kernel kernel, int used, const TrainingWeights& weights,
                       at::ScalarType dtype) {
    const Problem p = make_problem(setup);
    Flow flow = p.flow;
    flow.adjoint.kernel = kernel;
    std::vector<Tensor> leaves;
    for (const Tensor& tensor : {p.x0, p.control, p.weight, p.bias})
      if (tensor.defined()) leaves.push_back(tensor.detach().to(dtype).clone().requires_grad_());
    Readout readout;
    if (setup.readout) readout = {leaves[2], leaves[3]};
    const Tensor y = p.y.is_floating_point() ? p.y.to(dtype) : p.y;
    const TrainingCost cost = training_cost(flow, leaves[0], leaves[1], {make_cost(setup.cost), readout, y}, weights);
    std::vector<Tensor> out{cost.value, cost.running, cost.terminal, cost.energy, cost.end};
    const Tensor loss = used == 0   ? 3 * cost.value
                        : used == 1 ? cost.running.square() + at::exp(cost.terminal) + 2 * cost.energy
                                    : cost.value * cost.end.square().sum();
    for (const bool again : {true, false}) {  // a second backward rolls again
      const auto gradients = torch::autograd::grad({loss}, leaves, {}, again, false, /*allow_unused=*/true);
      for (const Tensor& gradient : gradients)
        if (gradient.defined()) out.push_back(gradient);
    }
    return out;
  };
  for (const std::string& field : fields) {
    for (const std::string scheme : {"euler", "rk4"}) {
      for (const std::string cost : {"mean_square", "cross_entropy"}) {
        for (const std::int64_t d : {2, 8, 18}) {
          const RollCase setup{.field = field,
                               .scheme = scheme,
                               .cost = cost,
                               .d = d,
                               .N = 37,
                               .outputs = 3,
                               .hidden = 5,
                               .readout = d != 8};
          for (const TrainingWeights weights :
               {TrainingWeights{1, 0}, TrainingWeights{0.7, 0.4, 0.3}, TrainingWeights{0, 2, 0.1}}) {
            EXPECT_LE(gap(pass(setup, Kernel::fused, 0, weights, at::kDouble),
                          pass(setup, Kernel::reference, 0, weights, at::kDouble)),
                      1e-13)
                << setup.text() << " " << weights.running;
          }
          EXPECT_LE(gap(pass(setup, Kernel::fused, 0, {1, 1, 0.2}, at::kFloat),
                        pass(setup, Kernel::reference, 0, {1, 1, 0.2}, at::kDouble)),
                    5e-6)
              << setup.text();
        }
      }
    }
  }
  for (const ControlKind control : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    const RollCase setup{.field = "outer", .d = 3, .control = control};
    for (const int used : {0, 1, 2}) {
      EXPECT_LE(gap(pass(setup, Kernel::fused, used, {1, 1, 0.2}, at::kDouble),
                    pass(setup, Kernel::reference, used, {1, 1, 0.2}, at::kDouble)),
                1e-13)
          << name_of(control) << " " << used;
    }
  }
}

TEST(Fused, CostHasTheReferencesSecondDerivatives) {
  const Problem p = make_problem({.field = "outer", .d = 3});
  const auto value = [&p](const Tensor& control) {
    return training_cost(p.flow, p.x0, control, {make_cost("mean_square"), {p.weight, p.bias}, p.y}, {0.5, 2, 0.1})
        .value;
  };
  const Law law = expect_hessian(value, p.control, 3);
  EXPECT_TRUE(law.holds) << law.text;
}

// Replicas are as many calls: for all that they share or have of their own, through the value and through the terms.
TEST(Fused, ReplicasEqualCallsOfTheirOwn) {
  constexpr std::int64_t R = 5;
  Random random(11);
  for (const ControlKind control : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    for (const std::string cost : {"mean_square", "cross_entropy"}) {
      for (const bool own : {true, false}) {
        for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
          const RollCase setup{.field = "outer",
                               .scheme = "heun",
                               .cost = cost,
                               .d = own ? 2 : 24,
                               .N = 19,
                               .outputs = 3,
                               .control = control};
          const Problem p = make_problem(setup);
          const auto leaf = [&](const Tensor& tensor, bool many) {
            Tensor full = tensor;
            if (many) {
              std::vector<Tensor> each;
              for (std::int64_t r = 0; r < R; ++r) each.push_back(tensor + 0.1 * normal(tensor.sizes(), random));
              full = at::stack(each);
            }
            return full.to(dtype).clone().requires_grad_();
          };
          std::vector<Tensor> leaves{leaf(p.x0, own), leaf(p.control, true), leaf(p.weight, own), leaf(p.bias, own)};
          Tensor y = p.y.is_floating_point() ? p.y.to(dtype) : p.y;
          if (own) y = at::stack({y, y.flip(0), y, y.roll(1, 0), y});
          const TrainingWeights weights{0.7, 0.4, 0.3};
          const Tensor factors = at::arange(1, R + 1, dtype);
          const auto pass = [&](bool together, Kernel kernel, bool terms) {
            Flow flow = p.flow;
            flow.adjoint.kernel = kernel;
            const auto of = [](const Tensor& tensor, bool many, std::int64_t r) { return many ? tensor[r] : tensor; };
            std::vector<Tensor> value, running, end;
            for (std::int64_t r = 0; r < (together ? 1 : R); ++r) {
              const bool split = own && !together;
              const TrainingCost out = training_cost(
                  flow, of(leaves[0], split, r), of(leaves[1], !together, r),
                  {make_cost(cost), {of(leaves[2], split, r), of(leaves[3], split, r)}, of(y, split, r)}, weights);
              value.push_back(out.value);
              running.push_back(out.running + out.terminal * out.energy);
              end.push_back(out.end);
            }
            const auto join = [&](const std::vector<Tensor>& parts) { return together ? parts[0] : at::stack(parts); };
            std::vector<Tensor> out{join(value), join(running), join(end)};
            const Tensor loss = (factors * (terms ? out[1] + out[0].square() : out[0])).sum();
            for (const Tensor& gradient : torch::autograd::grad({loss}, leaves)) out.push_back(gradient);
            return out;
          };
          for (const bool terms : {false, true}) {
            const auto reference = pass(false, Kernel::reference, terms);
            const double bound = dtype == at::kDouble ? 1e-13 : 5e-6;
            EXPECT_LE(gap(pass(true, Kernel::fused, terms), reference), bound) << setup.text() << own << terms;
            if (dtype == at::kDouble) {
              EXPECT_LE(gap(pass(true, Kernel::reference, terms), reference), bound) << setup.text() << own << terms;
            }
          }
        }
      }
    }
  }
}

TEST(Fused, ReplicasHaveBitsOfOneThread) {
  const Problem p = make_problem({.field = "outer", .d = 2, .N = 200, .layers = 50});
  const Tensor controls = at::stack({p.control, 0.5 * p.control, -p.control}).requires_grad_();
  const RunningCost cost{make_cost("mean_square"), {p.weight, p.bias}, p.y};
  const auto gradient = [&](const Tensor& u, int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const Tensor out = torch::autograd::grad({training_cost(p.flow, p.x0, u, cost, {1, 1}).value.sum()}, {u})[0];
    at::set_num_threads(before);
    return out;
  };
  const Tensor together = gradient(controls, 2);
  for (std::int64_t r = 0; r < 3; ++r)
    EXPECT_TRUE(at::equal(together[r], gradient(controls[r].detach().requires_grad_(), 1)));
}

TEST(Fused, ReplicasMustFit) {
  const Problem p = make_problem({.d = 3});
  const Tensor controls = at::stack({p.control, p.control}).requires_grad_();
  const auto message = [&](const Tensor& x0, const Tensor& control, const Tensor& y) -> std::string {
    try {
      training_cost(p.flow, x0, control, {make_cost("mean_square"), {p.weight, p.bias}, y}, {});
    } catch (const ContractError& error) {
      return error.what();
    }
    return "fits";
  };
  EXPECT_EQ(message(p.x0, controls, p.y), "fits");
  EXPECT_NE(
      message(at::stack({p.x0, p.x0, p.x0}), controls, p.y).find("x0 must have 2 dimensions, or one more of the 2"),
      std::string::npos);
  EXPECT_NE(message(p.x0, controls, at::stack({p.y})).find("y must have"), std::string::npos);
  EXPECT_NE(message(p.x0, controls.narrow(0, 0, 0), p.y).find("no replicas"), std::string::npos);
}

// An output that the loss does not use has no cotangent.
TEST(Fused, UnusedOutputsCountAsZero) {
  const Problem p = make_problem({.d = 3, .save = Save::all});
  for (int used = 0; used < 3; ++used) {
    const auto gradient = [&](Kernel kernel, bool twice) {
      Flow flow = p.flow;
      flow.adjoint.kernel = kernel;
      const Tensor u = p.control.clone().requires_grad_();
      RollOptions options = p.options;
      options.running = RunningCost{make_cost("mean_square"), {p.weight, p.bias}, p.y};
      const Roll roll = flow.roll(p.x0, u, options);
      const Tensor output = used == 0 ? roll.end : used == 1 ? roll.integral : roll.states;
      const Tensor first = torch::autograd::grad({output.square().sum()}, {u}, {}, twice, twice)[0];
      return twice ? torch::autograd::grad({first.square().sum()}, {u})[0] : first;
    };
    for (const bool twice : {false, true}) {
      const Tensor exact = gradient(Kernel::reference, twice);
      EXPECT_LE(((gradient(Kernel::fused, twice) - exact).norm() / exact.norm()).item<double>(), 1e-13) << used;
    }
  }
}

TEST(Fused, IsTheDefaultAndNothingElseChanges) {
  const Problem p = make_problem({.field = "outer", .d = 2});
  const auto automatic = run(p, Kernel::automatic, at::kDouble), fused = run(p, Kernel::fused, at::kDouble);
  for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_TRUE(at::equal(automatic[i], fused[i]));
  // Without gradients too; not contiguous inputs too.
  at::NoGradGuard no_gradient;
  const Tensor x0 = p.x0.t().contiguous().t(), control = p.control.repeat({1, 2}).narrow(1, 0, p.control.size(1));
  EXPECT_TRUE(at::equal(p.flow.roll(x0, control).end, fused[0]));
}

TEST(Fused, SaysWhatItDoesNotCover) {
  const Problem p = make_problem({.d = 4});
  const auto refusal = [&](Flow flow, const RollOptions& options) -> std::string {
    flow.adjoint.kernel = Kernel::automatic;
    flow.roll(p.x0, p.control, options);  // falls back without a word
    flow.adjoint.kernel = Kernel::fused;
    try {
      flow.roll(p.x0, p.control, options);
    } catch (const InputError& error) {
      return error.what();
    }
    return "covered";
  };
  EXPECT_EQ(refusal(p.flow, {}), "covered");
  RollOptions horizons{.horizons = std::vector<double>(17, 0.1)};
  EXPECT_NE(refusal(p.flow, horizons).find("horizons"), std::string::npos);
  RollOptions distance;
  distance.running = RunningCost{make_cost("distance"), {p.weight, p.bias}, p.y};
  EXPECT_NE(refusal(p.flow, distance).find("'distance'"), std::string::npos);
  Flow implicit = p.flow;
  implicit.scheme = make_scheme("implicit_midpoint");
  EXPECT_NE(refusal(implicit, {}).find("'implicit_midpoint'"), std::string::npos);
  Flow other = p.flow;
  other.adjoint.kind = AdjointKind::checkpointed;
  EXPECT_NE(refusal(other, {}).find("checkpointed"), std::string::npos);
  Flow own = p.flow;
  own.field = make_field("own", 4, 20, [](double, const Tensor& x, const Tensor&) { return -x; });
  EXPECT_NE(refusal(own, {}).find("'own'"), std::string::npos);
  EXPECT_EQ(kernel_named("fused"), Kernel::fused);
  EXPECT_THROW(kernel_named("fast"), InputError);
}

TEST(Fused, NanStaysInItsSample) {
  Problem p = make_problem({.field = "outer", .scheme = "rk4", .d = 3, .N = 37});
  const auto clean = run(p, Kernel::fused, at::kDouble);
  p.x0[20][1] = std::numeric_limits<double>::quiet_NaN();
  const auto dirty = run(p, Kernel::fused, at::kDouble);
  const Tensor others = at::arange(37, at::kLong).ne(20);
  for (const std::size_t i : {0, 1, 3}) {  // end, integral, gradient of x0
    EXPECT_TRUE(at::equal(dirty[i].index({others}), clean[i].index({others})));
    EXPECT_TRUE(dirty[i][20].isnan().all().item<bool>());
  }
}

}  // namespace
}  // namespace turnpike
