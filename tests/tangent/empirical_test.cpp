#include <turnpike/tangent/empirical.h>

#include <torch/types.h>

#include <cmath>
#include <numbers>
#include <string>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/laws/laws.h>
#include <turnpike/math/random.h>

#include "normal.h"

namespace turnpike {
namespace {

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

// With biases that are not zero, so that their part is seen.
FeedForward make_net(const FeedForwardSpec& spec, std::uint64_t seed) {
  FeedForward net = FeedForward::make(spec, at::kDouble, seed);
  for (std::size_t l = 0; l < net.biases.size(); ++l) net.biases[l] = 0.3 * normal(net.biases[l].sizes(), seed + l);
  return net;
}

const FeedForwardSpec specs[] = {
    {.widths = {3, 7, 5, 2}, .activation = Activation::tanh},
    {.widths = {3, 6, 1}, .activation = Activation::relu},
    {.widths = {3, 5, 2}, .activation = Activation::gelu, .affine_end = false},
    {.widths = {3, 6, 4, 3}, .form = LayerForm::inner, .activation = Activation::softplus},
    {.widths = {3, 3, 3}, .form = LayerForm::residual, .activation = Activation::tanh, .step = 0.7},
    {.widths = {3, 4, 2}, .pieces = 3},
    {.widths = {3, 3, 3}, .form = LayerForm::residual, .pieces = 2, .step = 0.5},
    {.widths = {3, 2}},
};

// J by hand: one backward pass an entry of f at all samples together.
Tensor plain_jacobian(const ParametricMap& map, const Tensor& x) {
  const Tensor theta = map.theta.clone().requires_grad_();
  const Tensor z = map.f(x, theta).reshape({-1});
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < z.numel(); ++i) {
    z[i].backward({}, /*retain_graph=*/true);
    rows.push_back(theta.grad().clone());
    theta.mutable_grad().zero_();
  }
  return at::stack(rows);
}

TEST(TangentKernel, EveryMethodIsTheExplicitProduct) {
  const Tensor x1 = normal({5, 3}, 1), x2 = normal({4, 3}, 2);
  for (const FeedForwardSpec& spec : specs) {
    const ParametricMap map = map_of(make_net(spec, 3));
    const Tensor rates =
        layer_rates(*map.layers, std::vector<double>(spec.depth(), 0.5), std::vector<double>(spec.depth(), 2.0));
    const Tensor J1 = plain_jacobian(map, x1), J2 = plain_jacobian(map, x2);
    const Tensor same = at::mm(J1, J1.t()), cross = at::mm(J1 * rates, J2.t());
    for (TangentMethod method : {TangentMethod::jacobian, TangentMethod::products, TangentMethod::structured}) {
      const Tensor K = tangent_kernel(map, x1, {}, {.method = method});
      EXPECT_LE(largest(K - same), 1e-12 * largest(same)) << name_of(method) << ", " << spec.widths.size();
      EXPECT_TRUE(at::equal(K, K.t()));
      const Tensor C = tangent_kernel(map, x1, x2, {.method = method, .rates = rates});
      EXPECT_LE(largest(C - cross), 1e-12 * largest(cross)) << name_of(method);
    }
    // Blocks of one sample.
    const Tensor small = tangent_kernel(map, x1, {}, {.block_bytes = 1});
    EXPECT_LE(largest(small - same), 1e-12 * largest(same));
    const LinearOperator product = tangent_operator(map, x1, x2, rates);
    EXPECT_LE(largest(to_dense(product) - cross), 1e-12 * largest(cross));
    const Law law = expect_adjoint(product, 4);
    EXPECT_TRUE(law.holds) << law.text;
  }
}

TEST(TangentKernel, OfFlowsGoesThroughTheirAdjoints) {
  for (const char* field : {"inner", "antisymmetric", "outer"}) {
    ModelSpec spec{.n_features = 2, .width = 3, .n_outputs = 2, .lift = Lift::linear, .head = Head::linear};
    spec.field.kind = field;
    spec.field.dimension = 3;
    spec.layers = 4;
    spec.initial_scale = 0.8;
    const Model model = Model::make(spec, at::kDouble, 5);
    const ParametricMap map = map_of(model);
    EXPECT_EQ(map.theta.numel(), model.n_parameters());
    const Tensor x = normal({4, 2}, 6);
    EXPECT_TRUE(at::allclose(map(x), model.forward(x), 1e-14, 1e-14));
    const Tensor J = plain_jacobian(map, x), K = at::mm(J, J.t());
    for (TangentMethod method : {TangentMethod::jacobian, TangentMethod::products})
      EXPECT_LE(largest(tangent_kernel(map, x, {}, {.method = method}) - K), 1e-12 * largest(K)) << field;
    // The flow alone: only its control is a parameter.
    const ParametricMap flow = map_of(model.flow, model.control);
    const Tensor x0 = normal({3, 3}, 7);
    const Tensor J0 = plain_jacobian(flow, x0);
    EXPECT_LE(largest(tangent_kernel(flow, x0) - at::mm(J0, J0.t())), 1e-12);
    EXPECT_LE(largest(to_dense(tangent_operator(flow, x0)) - at::mm(J0, J0.t())), 1e-12);
  }
}

// f = sqrt(2/n) sum v_i relu(w_i . x), entries N(0, 1), trained in v and w: the kernel tends to k1 + rho k0, with
// k0 = (pi - a) / pi, k1 = (sin a + (pi - a) cos a) / pi, rho = cos a (notes on exact truths; Cho & Saul 2009). Rows
// of both signs and at a right angle.
TEST(TangentKernel, OfAWideReluNetIsTheClosedForm) {
  constexpr std::int64_t width = 1 << 15;
  FeedForward net = FeedForward::make({.widths = {2, width, 1}, .activation = Activation::relu}, at::kDouble, 8);
  net.weights[0] = net.weights[0] * std::sqrt(2.0);
  net.weights[1] = net.weights[1] * std::sqrt(2.0);
  const ParametricMap map = map_of(net);
  const Tensor rates = layer_rates(net, {1, 2.0 / width}, {0, 0});
  const std::vector<double> angles = {
      0, std::numbers::pi / 4, std::numbers::pi / 3, std::numbers::pi / 2, 2 * std::numbers::pi / 3, std::numbers::pi};
  std::vector<Tensor> rows;
  for (double a : angles) rows.push_back(at::tensor({std::cos(a), std::sin(a)}, at::kDouble));
  const Tensor K = tangent_kernel(map, at::stack(rows), {}, {.method = TangentMethod::structured, .rates = rates});
  const double published[] = {2, 1.285739250819, 0.942331114378, 1 / std::numbers::pi, -0.057668885622, 0};
  for (std::size_t i = 0; i < angles.size(); ++i)  // the deviation of a mean of 2^15 terms of size 4 is 0.02
    EXPECT_NEAR(K[0][static_cast<std::int64_t>(i)].item<double>(), published[i], 0.06) << angles[i];
}

TEST(TangentKernel, LanczosFindsItsEigenvalues) {
  const ParametricMap map = map_of(make_net({.widths = {3, 20, 2}}, 9));
  const Tensor x = normal({8, 3}, 10);
  const EigenPairs top = lanczos(tangent_operator(map, x), 3, Extreme::largest).value();
  const Tensor all = at::linalg_eigvalsh(tangent_kernel(map, x));
  EXPECT_LE(largest(top.values - all.narrow(0, all.size(0) - 3, 3).flip(0)), 1e-9 * largest(all));
}

TEST(TangentKernel, MeanOverOutputsIsTheBlockTrace) {
  const ParametricMap map = map_of(make_net({.widths = {3, 5, 2}}, 11));
  const Tensor x = normal({3, 3}, 12), K = tangent_kernel(map, x), mean = mean_over_outputs(K, 2);
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 3; ++j)
      EXPECT_NEAR(mean[i][j].item<double>(), 0.5 * (K[2 * i][2 * j] + K[2 * i + 1][2 * j + 1]).item<double>(), 1e-13);
}

TEST(TangentKernel, ParametersGoThereAndBack) {
  const FeedForward net = make_net({.widths = {3, 5, 2}}, 13);
  const ParametricMap map = map_of(net);
  const FeedForward again = with_parameters(net, map.theta);
  const Tensor x = normal({4, 3}, 14);
  EXPECT_TRUE(at::equal(again.forward(x), net.forward(x)));
  EXPECT_TRUE(at::equal(map_of(again).theta, map.theta));
}

TEST(MapOfAnEnsemble, HoldsTheOutputsOfItsNetworksOneBesideTheOther) {
  const Ensemble nets{.widths = {3, 6, 5, 2}, .activation = Activation::gelu};
  const Tensor theta = normal({3, nets.n_parameters()}, 30), x = normal({4, 3}, 33);
  const ParametricMap all = map_of(nets, theta);
  const Tensor z = all(x);
  ASSERT_EQ(z.sizes(), (std::vector<std::int64_t>{4, 6}));
  for (std::int64_t s = 0; s < 3; ++s) {
    const FeedForward net = nets.member(theta, s);
    EXPECT_LE(largest(z.narrow(1, 2 * s, 2) - net.forward(x)), 1e-13);
    EXPECT_TRUE(at::equal(all.theta.view({3, -1})[s], map_of(net).theta));
  }
}

TEST(Linearised, IsTheTaylorPolynomial) {
  const ParametricMap map = map_of(make_net({.widths = {3, 6, 2}}, 15)), line = linearised(map);
  const Tensor x = normal({4, 3}, 16), v = normal(map.theta.sizes(), 17);
  EXPECT_TRUE(at::allclose(line(x), map(x), 0, 1e-14));
  EXPECT_LE(largest(line.f(x, map.theta + v) - map(x) - at::mv(tangent_jacobian(map, x), v).view({4, 2})), 1e-12);
  // The remainder is of second order: halving the step quarters it.
  const auto remainder = [&](double e) { return largest(line.f(x, map.theta + e * v) - map.f(x, map.theta + e * v)); };
  EXPECT_NEAR(std::log2(remainder(1e-3) / remainder(5e-4)), 2, 0.02);
  // Its kernel is the same wherever it is taken.
  ParametricMap moved = line;
  moved.theta = line.theta + v;
  const Tensor K = tangent_kernel(map, x);
  EXPECT_LE(largest(tangent_kernel(moved, x) - K), 1e-12 * largest(K));
}

template <class Act>
void expect_refused(const Act& act, const std::string& part) {
  try {
    act();
    FAIL() << "no error with '" << part << "'";
  } catch (const ContractError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(TangentKernel, RefusesWhatDoesNotFit) {
  const ParametricMap map = map_of(make_net({.widths = {3, 5, 2}}, 18));
  const Tensor x = normal({4, 3}, 19);
  expect_refused([&] { tangent_kernel(map, x, normal({4, 2}, 1)); }, "one shape");
  expect_refused([&] { tangent_kernel(map, x, {}, {.rates = at::ones({3}, at::kDouble)}); }, "rates");
  ParametricMap plain = map;
  plain.layers.reset();
  expect_refused([&] { tangent_kernel(plain, x, {}, {.method = TangentMethod::structured}); }, "dense layers");
  const Tensor uneven = at::arange(map.theta.numel(), at::kDouble);
  expect_refused([&] { tangent_kernel(map, x, {}, {.method = TangentMethod::structured, .rates = uneven}); },
                 "one rate for each weight");
  plain.f = [](const Tensor& at, const Tensor& theta) { return (at.sum() * theta.sum()).view({1, 1}); };
  expect_refused([&] { tangent_kernel(plain, x, {}, {.method = TangentMethod::products}); }, "one row a sample");
  expect_refused([&] { with_parameters(*map.layers, at::zeros({5}, at::kDouble)); }, "theta");
  expect_refused([&] { mean_over_outputs(at::zeros({4, 4}, at::kDouble), 3); }, "mean_over_outputs");
  // No sample: an empty kernel; a map without parameters in it: zero.
  EXPECT_EQ(tangent_kernel(map, x.narrow(0, 0, 0)).numel(), 0);
  plain.f = [](const Tensor& at, const Tensor&) { return at.narrow(1, 0, 1); };
  EXPECT_EQ(largest(tangent_kernel(plain, x)), 0);
  EXPECT_EQ(largest(tangent_kernel(plain, x, {}, {.method = TangentMethod::products})), 0);
}

}  // namespace
}  // namespace turnpike
