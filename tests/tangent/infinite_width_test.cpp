#include <turnpike/tangent/infinite_width.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/math/fit.h>

namespace turnpike {
namespace {

constexpr double pi = std::numbers::pi;

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

Tensor randn(at::IntArrayRef shape, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble);
}

// Unit vectors of the plane at these angles.
Tensor circle(const std::vector<double>& angles) {
  const Tensor t = at::tensor(angles, at::kDouble);
  return at::stack({at::cos(t), at::sin(t)}, 1);
}

WideActivation integrated(Activation kind) {
  return WideActivation::other(std::string(facts_of(kind).name) + " integrated",
                               [kind](const double* x, double* value, double* slope, std::int64_t n) {
                                 for (std::int64_t i = 0; i < n; ++i) {
                                   value[i] = value_of(kind, x[i]);
                                   slope[i] = slope_of(kind, x[i]);
                                 }
                               });
}

std::vector<WideActivation> all_activations() {
  std::vector<WideActivation> all = {WideActivation::erf(), WideActivation::rectifier(-1),
                                     WideActivation::rectifier(0.3)};
  for (const ActivationFacts& facts : activation_table()) all.push_back(facts.kind);
  return all;
}

// Made with 50 digits: T and S of ReLU nets at sigma_w^2 = 2, unit inputs, no bias.
TEST(InfiniteWidth, ClosedValuesOfReluNets) {
  struct Row {
    double angle, k1, tangent[3];
  };
  const Row rows[] = {{0, 1, {2, 3, 4}},
                      {pi / 4, .755409164929, {1.285739250819, 1.785487042959, 2.233323719299}},
                      {pi / 3, .608997781044, {.942331114378, 1.351479561123, 1.737844679215}},
                      {pi / 2, 1 / pi, {1 / pi, .685708636283, 1.060388106803}},
                      {2 * pi / 3, .108997781044, {-.057668885622, .343862246273, .742249322561}},
                      {pi, 0, {0, 1 / pi, .685708636283}}};
  for (const Row& row : rows) {
    const Tensor x = circle({0}), z = circle({row.angle});
    EXPECT_NEAR(wide_kernels({.hidden_layers = 1}, x, z).nngp.item<double>(), row.k1, 6e-13);
    for (std::int64_t L = 1; L <= 3; ++L)
      EXPECT_NEAR(wide_kernels({.hidden_layers = L}, x, z).tangent.item<double>(), row.tangent[L - 1], 6e-13)
          << "angle " << row.angle << ", " << L << " hidden";
  }
  for (const std::int64_t L : {5, 40}) {
    EXPECT_NEAR(wide_kernels({.hidden_layers = L}, circle({1})).tangent.item<double>(), L + 1, 1e-13 * L);
    EXPECT_NEAR(wide_kernels({.hidden_layers = L + 1}, circle({0}), circle({pi})).tangent.item<double>(),
                wide_kernels({.hidden_layers = L}, circle({0}), circle({pi / 2})).tangent.item<double>(), 1e-12);
  }
}

TEST(InfiniteWidth, IdentityIsTheLinearKernel) {
  const Tensor x = randn({5, 3}, 1), gram = x.mm(x.t());
  const WideKernels k = wide_kernels(
      {.hidden_layers = 3, .activation = Activation::identity, .weight_variance = 1, .input_variance = 0.5}, x);
  EXPECT_LE(difference(k.nngp, 0.5 * gram), 1e-14);
  EXPECT_LE(difference(k.tangent, 4 * 0.5 * gram), 1e-13);
}

// erf and sine from the formulas in their own variables, one layer, with biases.
TEST(InfiniteWidth, ErfAndSineByTheirFormulas) {
  const Tensor x = randn({6, 3}, 2), S = 0.7 * x.mm(x.t()) + 0.2, q = S.diagonal();
  WideNet net{.activation = WideActivation::erf(), .weight_variance = 1.5, .bias_variance = 0.2, .input_variance = 0.7};
  const Tensor size = (1 + 2 * q).unsqueeze(1) * (1 + 2 * q);
  const Tensor erf = at::asin(2 * S / size.sqrt()) * (2 / pi), erf_slope = (4 / pi) / (size - 4 * S.square()).sqrt();
  EXPECT_LE(difference(wide_kernels(net, x).nngp, 0.2 + 1.5 * erf), 1e-14);
  EXPECT_LE(difference(wide_kernels(net, x).tangent, 0.2 + 1.5 * erf + 1.5 * erf_slope * S), 1e-13);
  net.activation = Activation::sine;
  const Tensor decay = at::exp(-(q.unsqueeze(1) + q) / 2);
  EXPECT_LE(difference(wide_kernels(net, x).nngp, 0.2 + 1.5 * decay * at::sinh(S)), 1e-14);
  EXPECT_LE(difference(wide_kernels(net, x).tangent, 0.2 + 1.5 * decay * at::sinh(S) + 1.5 * decay * at::cosh(S) * S),
            1e-13);
}

TEST(InfiniteWidth, QuadratureMeetsTheClosedForms) {
  const Tensor x = at::cat({randn({3, 2}, 3), at::zeros({1, 2}, at::kDouble)});
  for (const Activation kind : {Activation::relu, Activation::leaky_relu, Activation::identity, Activation::sine}) {
    WideNet net{.hidden_layers = 2, .activation = kind, .weight_variance = 1.3, .bias_variance = 0.1};
    const WideKernels closed = wide_kernels(net, x);
    net.activation = integrated(kind);
    const WideKernels numeric = wide_kernels(net, x);
    EXPECT_LE(difference(closed.nngp, numeric.nngp), 1e-12) << facts_of(kind).name;
    EXPECT_LE(difference(closed.tangent, numeric.tangent), 3e-12) << facts_of(kind).name;
  }
}

// E tanh(g)^2 and E tanh'(g)^2, g ~ N(0, 1): by the trapezoidal rule, exact to rounding for this analytic function.
TEST(InfiniteWidth, QuadratureOfTanh) {
  const Tensor g = at::arange(-1000, 1001, at::kDouble) * 0.01;
  const Tensor weight = 0.01 * at::exp(-g.square() / 2) / std::sqrt(2 * pi);
  for (const auto& [variance, tolerance] : {std::pair{1.0, 1e-13}, {4.0, 1e-11}, {100.0, 1e-7}}) {
    const Tensor t = at::tanh(std::sqrt(variance) * g);
    const double value = (weight * t.square()).sum().item<double>();
    const double slope = (weight * (1 - t.square()).square()).sum().item<double>();
    const WideKernels k =
        wide_kernels({.activation = Activation::tanh, .weight_variance = 1, .input_variance = variance}, circle({0.3}));
    EXPECT_NEAR(k.nngp.item<double>(), value, tolerance);
    EXPECT_NEAR(k.tangent.item<double>(), value + variance * slope, tolerance * (1 + variance));
  }
}

TEST(InfiniteWidth, EqualOppositeAndZeroInputs) {
  Tensor x = randn({9, 3}, 4);
  x[1] = x[0];
  x[2] = -x[0];
  x[3] = 0;
  x[4] = x[0] * 1e-160;  // the square underflows
  x[5] = x[0] * (1 + 1e-12);
  for (const WideActivation& activation : all_activations())
    for (const bool residual : {false, true}) {
      const double bias = residual ? 0.3 : 0;
      const WideNet net{.hidden_layers = 3, .activation = activation, .bias_variance = bias, .residual = residual};
      const WideKernels k = wide_kernels(net, x);
      for (const Tensor& kernel : {k.nngp, k.tangent}) {
        const double scale = kernel.abs().max().item<double>();
        EXPECT_TRUE(at::isfinite(kernel).all().item<bool>()) << activation.name;
        EXPECT_TRUE(at::equal(kernel, kernel.t())) << activation.name;
        EXPECT_GE(at::linalg_eigvalsh(kernel).min().item<double>(), -1e-12 * scale) << activation.name;
        EXPECT_LE(difference(kernel[0], kernel[1]), 1e-13 * scale) << activation.name;
        EXPECT_LE(difference(kernel[3], kernel[4]), 1e-13 * scale) << activation.name;
      }
      const WideKernels cross = wide_kernels(net, x, x.narrow(0, 2, 4));
      EXPECT_LE(difference(cross.tangent, k.tangent.narrow(1, 2, 4)), 1e-12 * k.tangent.abs().max().item<double>());
      EXPECT_LE(difference(nngp_kernel(net).diagonal(x), k.nngp.diagonal()), 1e-12 * k.nngp.max().item<double>());
    }
}

// sigma_1^2 x.z + sigma_b^2 is the covariance of a constant coordinate more, and biases act as one there.
TEST(InfiniteWidth, FirstBiasIsACoordinate) {
  const Tensor x = randn({4, 2}, 5), more = at::cat({x, at::full({4, 1}, 0.5, at::kDouble)}, 1);
  // Identity: S = sigma_w^2 (x.z + 0.25) + 0.25.
  const WideKernels k =
      wide_kernels({.activation = Activation::identity, .weight_variance = 3, .bias_variance = 0.25}, x);
  EXPECT_LE(difference(k.nngp, 3 * more.mm(more.t()) + 0.25), 1e-14);
}

// Residual nets of the identity: S grows by 1 + sigma_w^2 a layer.
TEST(InfiniteWidth, ResidualIdentity) {
  const Tensor x = randn({4, 2}, 6), gram = x.mm(x.t());
  const WideKernels k = wide_kernels(
      {.hidden_layers = 3, .activation = Activation::identity, .weight_variance = 0.5, .residual = true}, x);
  EXPECT_LE(difference(k.nngp, 0.5 * 1.5 * 1.5 * gram), 1e-13);
  // T_{l+1} = 0.5 S_l + 1.5 T_l from T_1 = S_1 = G: 2 G, 3.75 G; then the readout 0.5 (2.25 + 3.75) G.
  EXPECT_LE(difference(k.tangent, 3 * gram), 1e-13);
}

// The recursion against random networks: at most one entry in a hundred lies beyond 2.6 standard errors of the mean.
TEST(InfiniteWidth, SampledNetworksAgree) {
  const Tensor x = at::cat({circle({0, pi / 3, pi / 2, pi}), 0.5 * circle({1})});
  constexpr int n_seeds = 40;
  for (const WideNet& net :
       {WideNet{.hidden_layers = 3},
        WideNet{.hidden_layers = 2,
        .activation = Activation::tanh,
        .weight_variance = 1.5,
        .bias_variance = 0.3,
        .input_variance = 2},
        WideNet{.hidden_layers = 3, .activation = WideActivation::erf(), .bias_variance = 0.1, .residual = true}}) {
    const WideKernels limit = wide_kernels(net, x);
    std::vector<Tensor> nngp, tangent;
    for (int s = 0; s < n_seeds; ++s) {
      const WideKernels k = sample_kernels(net, x, 4096, s);
      nngp.push_back(k.nngp);
      tangent.push_back(k.tangent);
    }
    const auto expect_near = [&](const std::vector<Tensor>& samples, const Tensor& expected) {
      const Tensor all = at::stack(samples), error = all.mean(0) - expected;
      const Tensor standard = all.std(0) / std::sqrt(n_seeds);
      // 5 standard errors of 40 samples: 1e-5 an entry; the limit itself is off by O(1/width).
      const double slack = expected.abs().max().item<double>() * 10 / 4096;
      EXPECT_LE((error.abs() - 5 * standard).max().item<double>(), slack) << net.activation.name;
      EXPECT_LE(error.abs().max().item<double>(), 0.02 * expected.abs().max().item<double>()) << net.activation.name;
    };
    expect_near(nngp, limit.nngp);
    expect_near(tangent, limit.tangent);
  }
}

// The law of sample_kernels is that of networks with explicit matrices, at a width where it is far from its limit.
TEST(InfiniteWidth, SamplesHaveTheLawOfExplicitNetworks) {
  const Tensor x = circle({0, 1.1, 2.5});
  constexpr std::int64_t width = 8;
  constexpr int n_samples = 2000;
  const WideNet net{.hidden_layers = 3, .bias_variance = 0.2};
  std::vector<Tensor> explicit_nets, sampled;
  at::manual_seed(7);
  const double scale = std::sqrt(2.0 / width), b = std::sqrt(0.2);
  for (int s = 0; s < n_samples; ++s) {
    const Tensor W1 = at::randn({width, 2}, at::kDouble), W2 = at::randn({width, width}, at::kDouble),
                 W3 = at::randn({width, width}, at::kDouble), v = at::randn({width, 1}, at::kDouble);
    const auto bias = [&] { return b * at::randn({width, 1}, at::kDouble); };
    const Tensor y1 = W1.mm(x.t()) + bias(), a1 = y1.clamp_min(0), y2 = scale * W2.mm(a1) + bias(),
                 a2 = y2.clamp_min(0), y3 = scale * W3.mm(a2) + bias(), a3 = y3.clamp_min(0);
    const auto gram = [](const Tensor& a) { return a.t().mm(a); };
    const Tensor B3 = scale * v * (y3 > 0), B2 = scale * W3.t().mm(B3) * (y2 > 0),
                 B1 = scale * W2.t().mm(B2) * (y1 > 0);
    explicit_nets.push_back(scale * scale * gram(a3) + 0.2 + gram(B3) * (scale * scale * gram(a2) + 0.2) +
                            gram(B2) * (scale * scale * gram(a1) + 0.2) + gram(B1) * (x.mm(x.t()) + 0.2));
    sampled.push_back(sample_kernels(net, x, width, s).tangent);
  }
  const Tensor a = at::stack(explicit_nets), c = at::stack(sampled);
  const auto expect_equal_means = [&](const Tensor& p, const Tensor& q, const char* what) {
    const Tensor standard = ((p.var(0) + q.var(0)) / n_samples).sqrt();
    EXPECT_LE(((p.mean(0) - q.mean(0)).abs() / standard).max().item<double>(), 4.5) << what;
  };
  expect_equal_means(a, c, "means");
  expect_equal_means(a.abs().log1p(), c.abs().log1p(), "means of the logarithm");
  const Tensor centre = a.mean(0);
  expect_equal_means((a - centre).abs(), (c - centre).abs(), "spreads");
}

TEST(InfiniteWidth, Float32IsTheRoundedFloat64) {
  const Tensor x = randn({6, 3}, 8);
  const WideKernels k = wide_kernels({.hidden_layers = 2}, x.to(at::kFloat));
  EXPECT_EQ(k.tangent.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(k.tangent,
                        wide_kernels({.hidden_layers = 2}, x.to(at::kFloat).to(at::kDouble)).tangent.to(at::kFloat)));
}

TEST(FusedTangent, IsTheReference) {
  const WideNet net{.hidden_layers = 4, .weight_variance = 1.5, .input_variance = 0.2};
  Tensor x = randn({150, 7}, 10);
  x[3] = x[2];
  x[4] = -x[2];
  x[5] = 0;
  const Tensor expected = wide_kernels(net, x).tangent;
  const double scale = expected.diagonal().max().item<double>();
  EXPECT_LE(difference(fused_tangent_kernel(net, x), expected), 1e-13 * scale);
  const Tensor single = x.to(at::kFloat), exact = wide_kernels(net, single.to(at::kDouble)).tangent;
  EXPECT_LE(difference(fused_tangent_kernel(net, single).to(at::kDouble), exact), 1e-6 * scale);
  for (const WideNet& other :
       {WideNet{.hidden_layers = 3, .activation = Activation::leaky_relu},
        WideNet{.hidden_layers = 4, .weight_variance = 1.3, .input_variance = 0.4, .residual = true},
        WideNet{.hidden_layers = 2, .activation = WideActivation::rectifier(-0.7), .residual = true},
        WideNet{.hidden_layers = 5, .bias_variance = 0.1, .input_variance = 0.25},
        WideNet{.hidden_layers = 3, .activation = Activation::leaky_relu, .bias_variance = 0.4, .residual = true}}) {
    const Tensor whole = wide_kernels(other, x).tangent;
    EXPECT_LE(difference(fused_tangent_kernel(other, x), whole), 1e-13 * whole.diagonal().max().item<double>());
  }
  // Columns are as good as rows.
  EXPECT_LE(difference(fused_tangent_kernel(net, x.t().contiguous().t()), expected), 1e-13 * scale);
}

TEST(FusedTangent, SolvesWithoutTheMatrix) {
  const WideNet net{.hidden_layers = 2};
  const Tensor x = randn({300, 4}, 11), y = randn({300}, 12);
  LinearOperator K = fused_tangent_operator(net, x);
  EXPECT_LE(difference(K.apply(y), wide_kernels(net, x).tangent.mv(y)), 1e-11);
  EXPECT_EQ(K.apply(y).dot(x.select(1, 0)).item<double>(), K.apply_transpose(y).dot(x.select(1, 0)).item<double>());
  const LinearOperator ridge{
      .rows = 300, .cols = 300, .apply = [&](const Tensor& v) -> Tensor { return K.apply(v) + 5 * v; }};
  const Tensor c = cg(ridge, y).value().x;
  EXPECT_LE(difference(c, fit_kernel_ridge(tangent_kernel(net), x, y, 5).coefficients), 1e-9);
  EXPECT_THROW(K.apply(y.to(at::kFloat)), ContractError);
  EXPECT_THROW(K.apply(y.narrow(0, 0, 10)), ContractError);
}

TEST(FusedTangent, RefusesOtherNets) {
  const Tensor x = randn({3, 2}, 13);
  EXPECT_THROW(fused_tangent_kernel({.activation = Activation::tanh}, x), ContractError);
  EXPECT_THROW(fused_tangent_operator({.activation = WideActivation::erf(), .residual = true}, x), ContractError);
  EXPECT_THROW(fused_tangent_kernel({}, at::full({2, 2}, NAN, at::kDouble)), ContractError);
}

TEST(InfiniteWidth, RefusesWhatDoesNotFit) {
  const Tensor x = randn({3, 2}, 9);
  EXPECT_THROW(wide_kernels({.hidden_layers = 0}, x), ContractError);
  EXPECT_THROW(wide_kernels({.weight_variance = -1}, x), ContractError);
  EXPECT_THROW(wide_kernels({.bias_variance = std::nan("")}, x), ContractError);
  EXPECT_THROW(wide_kernels({}, x, randn({3, 4}, 1)), ContractError);
  EXPECT_THROW(wide_kernels({}, x, x.to(at::kFloat)), ContractError);
  EXPECT_THROW(wide_kernels({}, at::full({2, 2}, INFINITY, at::kDouble)), ContractError);
  EXPECT_THROW(sample_kernels({}, x, 2, 0), ContractError);
  EXPECT_THROW(WideActivation::rectifier(INFINITY), ContractError);
  EXPECT_THROW(WideActivation::other("none", nullptr), ContractError);
}

}  // namespace
}  // namespace turnpike
