// Every field of the registry, with every activation, keeps its promises.
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>
#include <turnpike/flow/fields.h>
#include <turnpike/laws/laws.h>

namespace turnpike {
namespace {

TEST(Fields, KeepTheirPromises) {
  for (const FieldEntry& entry : field_table()) {
    for (const ActivationFacts& sigma : activation_table()) {
      for (const double gamma : {0.0, 0.3}) {
        const FieldPtr field =
            make_field({.kind = entry.kind, .dimension = 4, .activation = sigma.kind, .hidden = 3, .gamma = gamma});
        const Law law = expect_field(*field, 7);
        EXPECT_TRUE(law.holds) << law.text << " with " << sigma.name << ", gamma " << gamma;
      }
    }
  }
}

// Values by hand: d = 2, u = (W row by row, b).
TEST(Fields, ReadTheControlInTheOrderOfTheFormula) {
  const Tensor x = at::tensor({0.5, -1.0}, at::kDouble).view({1, 2});
  const Tensor u = at::tensor({1.0, 2.0, 3.0, 4.0, 0.1, 0.2}, at::kDouble);
  const auto expect_rates = [&](const char* kind, double first, double second) {
    const Tensor f = (*make_field({.kind = kind, .dimension = 2}))(0, x, u);
    EXPECT_NEAR(f[0][0].item<double>(), first, 1e-15) << kind;
    EXPECT_NEAR(f[0][1].item<double>(), second, 1e-15) << kind;
  };
  const double a = std::tanh(0.5), b = std::tanh(-1.0);
  expect_rates("inner", a + 2 * b + 0.1, 3 * a + 4 * b + 0.2);
  expect_rates("outer", std::tanh(0.5 - 2 + 0.1), std::tanh(1.5 - 4 + 0.2));
  expect_rates("antisymmetric", std::tanh((2.0 - 3.0) * -1.0 + 0.1), std::tanh((3.0 - 2.0) * 0.5 + 0.2));
  // K = 1, b_q = 2, b_p = 3: q_dot = tanh(p + 2), p_dot = tanh(-q + 3)
  const Tensor v = at::tensor({1.0, 2.0, 3.0}, at::kDouble);
  const Tensor f = (*paired_hamiltonian_field({.dimension = 2}))(0, x, v);
  EXPECT_NEAR(f[0][0].item<double>(), std::tanh(1.0), 1e-15);
  EXPECT_NEAR(f[0][1].item<double>(), std::tanh(2.5), 1e-15);
}

// The network Hamiltonian's closed gradient equals autograd through H.
TEST(Fields, HamiltonianNetworkIsJGradH) {
  Random random(3);
  for (const Activation sigma : {Activation::tanh, Activation::softplus, Activation::gelu, Activation::sine}) {
    const FieldSpec spec{.dimension = 4, .activation = sigma, .hidden = 5};
    const FieldPtr closed = hamiltonian_network_field(spec);
    const FieldPtr general =
        hamiltonian_field("H", 4, closed->n_parameters(), [sigma](const Tensor& x, const Tensor& u) {
          const Tensor W = u.narrow(0, 0, 20).view({5, 4}), b = u.narrow(0, 20, 5), a = u.narrow(0, 25, 5);
          return at::mv(activate(sigma, at::addmm(b, x, W.t())), a);
        });
    const Tensor u = closed->initial_control(1, 1.0, random)[0], x = at::randn({6, 4}, at::kDouble);
    EXPECT_LE(((*closed)(0, x, u) - (*general)(0, x, u)).abs().max().item<double>(), 1e-13);
    EXPECT_TRUE(expect_field(*general, 5).holds) << expect_field(*general, 5).text;
  }
}

// A general Hamiltonian is conserved by its flow: implicit midpoint keeps H to O(h^2) without drift.
TEST(Fields, HamiltonianFlowConservesEnergy) {
  const auto energy = [](const Tensor& x, const Tensor&) {
    return 0.5 * x.select(1, 1).square() - at::cos(x.select(1, 0));
  };
  const Flow flow =
      Flow::uniform(hamiltonian_field("pendulum", 2, 1, energy), "implicit_midpoint", 40, 400, ControlKind::shared);
  const Tensor x0 = at::tensor({1.0, 0.3}, at::kDouble).view({1, 2}), u = at::zeros({1, 1}, at::kDouble);
  const Tensor states = flow.roll(x0, u, {.save = Save::all}).states.squeeze(1);
  std::vector<double> values;
  const Tensor H = energy(states, u);
  for (std::int64_t k = 0; k < H.size(0); ++k) values.push_back(H[k].item<double>());
  const Law law = expect_conserves("energy", values, 1e-3);
  EXPECT_TRUE(law.holds) << law.text;
}

// W2 sigma(W1 x): between the identities the bound is the slope itself, 2 . 3.
TEST(Fields, TheLipschitzBoundOfABottleneckHasBothLayers) {
  const FieldPtr field =
      make_field({.kind = "bottleneck", .dimension = 1, .activation = Activation::identity, .hidden = 1});
  const Tensor u = at::tensor({3.0, 2.0, 0.0, 0.0}, at::kDouble);
  EXPECT_NEAR(field->lipschitz(u).value(), 6, 1e-12);
}

TEST(Fields, RefuseWhatTheyCannotBe) {
  EXPECT_THROW(make_field({.kind = "hamiltonian", .dimension = 3}), ContractError);
  EXPECT_THROW(make_field({.kind = "iner", .dimension = 3}), InputError);
}

TEST(Activations, AgreeWithTheTable) {
  const Tensor x = at::linspace(-4, 4, 81, at::kDouble) + 0.013;
  for (const ActivationFacts& sigma : activation_table()) {
    const Tensor value = activate(sigma.kind, x), slope = activation_slope(sigma.kind, x);
    for (std::int64_t i = 0; i < x.size(0); ++i) {
      const double at = x[i].item<double>();
      EXPECT_NEAR(value[i].item<double>(), value_of(sigma.kind, at), 1e-14) << sigma.name << " at " << at;
      EXPECT_NEAR(slope[i].item<double>(), slope_of(sigma.kind, at), 1e-14) << sigma.name << " at " << at;
    }
  }
}

}  // namespace
}  // namespace turnpike
