#include <turnpike/tangent/kernels.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>

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

double smallest_eigenvalue(const Tensor& k) {
  return at::linalg_eigvalsh(k).min().item<double>();
}

std::vector<KernelFunction> all_kernels() {
  std::vector<KernelFunction> kernels = {linear_kernel(), polynomial_kernel(3, 1), gaussian_kernel(0.7),
                                         laplace_kernel(0.7)};
  for (int order = 0; order <= 2; ++order) kernels.push_back(arc_cosine_kernel(order));
  return kernels;
}

TEST(Kernels, ValuesByHand) {
  const Tensor x = at::tensor({3.0, 0.0}, at::kDouble).view({1, 2}),
               z = at::tensor({1.0, 1.0}, at::kDouble).view({1, 2});
  const auto value = [&](const KernelFunction& k) { return k(x, z).item<double>(); };
  EXPECT_NEAR(value(linear_kernel()), 3, 1e-15);
  EXPECT_NEAR(value(polynomial_kernel(2, 0.5)), 12.25, 1e-14);
  EXPECT_NEAR(value(gaussian_kernel(2)), std::exp(-5.0 / 8), 1e-15);
  EXPECT_NEAR(value(laplace_kernel(2)), std::exp(-std::sqrt(5.0) / 2), 1e-15);
  // theta = pi/4, |x||z| = 3 sqrt 2.
  EXPECT_NEAR(value(arc_cosine_kernel(0)), 0.75, 1e-15);
  EXPECT_NEAR(value(arc_cosine_kernel(1)), 3 * std::sqrt(2) * (std::sqrt(0.5) * (1 + 0.75 * pi)) / pi, 1e-14);
  EXPECT_NEAR(value(arc_cosine_kernel(2)), 18 * (1.5 + 0.75 * pi * 2) / pi, 1e-13);
}

// 2 E[s(w.x) s(w.z)] by the trapezoidal rule over the angle of w in the plane, which is exact to O(h^2) at the kinks:
// E over |w| of |w|^(2 order) is 1, 2, 8.
TEST(Kernels, ArcCosineIsAnExpectation) {
  const Tensor x = at::tensor({1.0, 0.2}, at::kDouble).view({1, 2}),
               z = at::tensor({-0.4, 1.3}, at::kDouble).view({1, 2});
  const double radial[] = {1, 2, 8};
  const Tensor t = at::arange(200000, at::kDouble) * (2 * pi / 200000);
  const Tensor w = at::stack({at::cos(t), at::sin(t)}, 1);
  for (int order = 0; order <= 2; ++order) {
    const auto step = [&](const Tensor& v) -> Tensor {
      return order == 0 ? (v > 0).to(at::kDouble) : v.clamp_min(0).pow(order);
    };
    const double mean = (step(w.mm(x.t())) * step(w.mm(z.t()))).mean().item<double>();
    EXPECT_NEAR(arc_cosine_kernel(order)(x, z).item<double>(), 2 * radial[order] * mean, 3e-5) << order;
  }
}

TEST(Kernels, AreSymmetricSemidefiniteAndKnowTheirDiagonal) {
  Tensor x = randn({12, 3}, 1);
  x[3] = x[2];        // equal
  x[5] = -x[4];       // opposite
  x[7] = 0;           // zero
  x[8] = x[2] * 1e3;  // parallel
  for (const KernelFunction& kernel : all_kernels()) {
    const Tensor k = kernel(x);
    const double scale = k.abs().max().item<double>();
    EXPECT_TRUE(at::equal(k, k.t())) << kernel.name;
    EXPECT_TRUE(at::isfinite(k).all().item<bool>()) << kernel.name;
    EXPECT_GE(smallest_eigenvalue(k), -1e-13 * scale) << kernel.name;
    EXPECT_LE(difference(k.diagonal(), kernel.diagonal(x)), 1e-14 * scale) << kernel.name;
    EXPECT_LE(difference(k, kernel(x, x.clone())), 1e-14 * scale) << kernel.name;
    const Tensor single = kernel(x.to(at::kFloat));
    EXPECT_EQ(single.scalar_type(), at::kFloat);
    EXPECT_LE(difference(single.to(at::kDouble), k), 2e-5 * scale) << kernel.name;
  }
  // Nearly equal and opposite points keep their digits: an arc cosine of the cosine would lose half of them.
  const Tensor a = at::tensor({1.0, 0.0}, at::kDouble).view({1, 2}),
               b = at::tensor({1.0, 1e-9}, at::kDouble).view({1, 2});
  EXPECT_NEAR(1 - arc_cosine_kernel(0)(a, b).item<double>(), 1e-9 / pi, 1e-16);
  EXPECT_NEAR(arc_cosine_kernel(0)(a, -b).item<double>(), 1e-9 / pi, 1e-16);
}

TEST(Ridge, PrimalAndDualAgree) {
  const Tensor x = randn({60, 4}, 2), y = randn({60, 2}, 3), fresh = randn({20, 4}, 4);
  const auto features = [](const Tensor& p) { return at::cat({p, p.square(), at::sin(p)}, 1); };
  for (const double ridge : {1e-2, 1.0}) {
    const FeatureRidge primal = fit_feature_ridge(features, x, y, ridge);
    const KernelRidge dual = fit_kernel_ridge(feature_kernel("features", features), x, y, ridge);
    EXPECT_LE(difference(primal(fresh), dual(fresh)), 1e-10);
    // The normal equations.
    const Tensor phi = features(x);
    EXPECT_LE(difference(phi.t().mm(phi.mm(primal.weights) - y) + ridge * primal.weights, at::zeros({12, 2})), 1e-10);
  }
}

TEST(Ridge, RowsInBlocksAreRowsTogether) {
  const Tensor x = randn({9000, 3}, 5), y = randn({9000}, 6);
  const FeatureRidge blocks = fit_feature_ridge([](const Tensor& p) { return p; }, x, y, 0.5);
  const Tensor w = at::linalg_solve(x.t().mm(x) + 0.5 * at::eye(3, at::kDouble), x.t().mv(y));
  EXPECT_LE(difference(blocks.weights, w), 1e-13);
  EXPECT_EQ(blocks.weights.dim(), 1);
}

TEST(Ridge, NystroemIsExactWithAllPointsAsLandmarks) {
  const Tensor x = randn({40, 2}, 7), y = randn({40}, 8);
  const KernelFunction kernel = laplace_kernel(1);
  const FeatureMap features = nystroem_features(kernel, x);
  const Tensor phi = features(x);
  EXPECT_LE(difference(phi.mm(phi.t()), kernel(x)), 1e-12);
  const Tensor fresh = randn({10, 2}, 9);
  EXPECT_LE(difference(fit_feature_ridge(features, x, y, 0.1)(fresh), fit_kernel_ridge(kernel, x, y, 0.1)(fresh)),
            1e-11);
  // K - K_approx is semidefinite.
  const Tensor some = nystroem_features(kernel, x.narrow(0, 0, 15))(x);
  EXPECT_GE(smallest_eigenvalue(kernel(x) - some.mm(some.t())), -1e-13);
  // Landmarks that repeat are no obstacle.
  const Tensor twice = nystroem_features(kernel, at::cat({x, x}))(x);
  EXPECT_LE(difference(twice.mm(twice.t()), kernel(x)), 1e-11);
}

TEST(GaussianProcess, ConditionsByTheTextbookFormula) {
  const Tensor x = randn({15, 2}, 10), y = randn({15, 2}, 11), fresh = randn({6, 2}, 12);
  const KernelFunction kernel = gaussian_kernel(1);
  const GaussianProcess process(kernel, x, y, 0.1);
  const Posterior p = process.posterior(fresh);
  const Tensor inverse = at::linalg_inv(kernel(x) + 0.1 * at::eye(15, at::kDouble)), cross = kernel(fresh, x);
  EXPECT_LE(difference(p.mean, cross.mm(inverse).mm(y)), 1e-12);
  const Tensor covariance = kernel(fresh) - cross.mm(inverse).mm(cross.t());
  EXPECT_LE(difference(process.covariance(fresh), covariance), 1e-12);
  EXPECT_LE(difference(p.variance, covariance.diagonal()), 1e-12);
  EXPECT_LE(difference(p.high - p.mean, 1.959963984540054 * p.variance.sqrt().unsqueeze(1).expand({6, 2})), 1e-12);
  EXPECT_LE(difference(p.mean - p.low, p.high - p.mean), 1e-12);
  // log N(y; 0, K + s^2 I), summed over the columns.
  const double log_determinant = -at::logdet(inverse).item<double>();
  const double expected =
      -((y * inverse.mm(y)).sum().item<double>() + 2 * (log_determinant + 15 * std::log(2 * pi))) / 2;
  EXPECT_NEAR(process.log_evidence(), expected, 1e-11);
}

TEST(GaussianProcess, WithoutNoiseItKnowsItsData) {
  const Tensor x = randn({8, 3}, 13), y = randn({8}, 14);
  const Posterior p = GaussianProcess(laplace_kernel(2), x, y, 0).posterior(x);
  EXPECT_LE(difference(p.mean, y), 1e-12);
  EXPECT_LE(p.variance.max().item<double>(), 1e-12);
  // Far from all data the prior remains.
  const Posterior far = GaussianProcess(laplace_kernel(2), x, y, 0).posterior(x + 1e4);
  EXPECT_LE(far.mean.abs().max().item<double>(), 1e-12);
  EXPECT_LE(difference(far.variance, at::ones({8}, at::kDouble)), 1e-12);
}

TEST(Kernels, RefuseWhatDoesNotFit) {
  const Tensor x = randn({4, 2}, 15);
  EXPECT_THROW(gaussian_kernel(0), ContractError);
  EXPECT_THROW(laplace_kernel(-1), ContractError);
  EXPECT_THROW(polynomial_kernel(0, 1), ContractError);
  EXPECT_THROW(arc_cosine_kernel(3), ContractError);
  EXPECT_THROW(linear_kernel()(x, randn({4, 3}, 1)), ContractError);
  EXPECT_THROW(linear_kernel()(x, x.to(at::kFloat)), ContractError);
  EXPECT_THROW(linear_kernel()(at::empty({0, 2}, at::kDouble)), ContractError);
  EXPECT_THROW(linear_kernel()(at::full({2, 2}, std::nan(""), at::kDouble)), ContractError);
  EXPECT_THROW(linear_kernel()(Tensor()), ContractError);
  EXPECT_THROW(fit_kernel_ridge(linear_kernel(), x, randn({3}, 1), 1), ContractError);
  EXPECT_THROW(fit_kernel_ridge(linear_kernel(), x, randn({4}, 1), 0), ContractError);
  EXPECT_THROW(fit_feature_ridge([](const Tensor& p) { return p; }, x, at::full({4}, INFINITY, at::kDouble), 1),
               ContractError);
  // Rank 2 of 4, no noise.
  EXPECT_THROW(GaussianProcess(linear_kernel(), x, randn({4}, 1), 0), Error);
}

}  // namespace
}  // namespace turnpike
