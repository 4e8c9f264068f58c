#include <turnpike/operators/spectrum.h>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <algorithm>
#include <cmath>
#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/laws/laws.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>
#include <turnpike/operators/hessian.h>

#include "normal.h"

namespace turnpike {
namespace {

// Q diag(values) Q' for a random orthonormal Q.
Tensor with_spectrum(const Tensor& values, std::uint64_t seed) {
  const std::int64_t n = values.size(0);
  const Tensor Q = std::get<0>(at::linalg_qr(normal({n, n}, seed)));
  return (Q * values).mm(Q.t());
}

// The Hessian of a tanh network 3-4-2 on six samples: 26 parameters, 16 of the first layer.
LinearOperator small_hessian() {
  const Tensor x = normal({6, 3}, 1), y = normal({6, 2}, 2);
  return hessian_operator(
      [=](const Tensor& u) {
        const Tensor hidden = at::tanh(at::addmm(u.slice(0, 12, 16), x, u.slice(0, 0, 12).view({4, 3}).t()));
        return (at::addmm(u.slice(0, 24, 26), hidden, u.slice(0, 16, 24).view({2, 4}).t()) - y).square().mean();
      },
      normal({26}, 3));
}

double tr(const Tensor& matrix) {
  return matrix.diagonal().sum().item<double>();
}

TEST(GaussRule, IntegratesPolynomialsOfItsDegree) {
  const Tensor A = with_spectrum(at::linspace(-1, 2, 30, at::kDouble), 4), v = normal({30}, 5);
  for (const std::int64_t m : {1, 2, 5}) {
    const GaussRule rule = lanczos_quadrature(matrix_operator(A), v, m);
    ASSERT_EQ(rule.nodes.size(), static_cast<std::size_t>(m));
    EXPECT_TRUE(std::is_sorted(rule.nodes.begin(), rule.nodes.end()));
    Tensor power = v;
    double off = 0;
    for (std::int64_t degree = 0; degree <= 2 * m; ++degree) {
      double sum = 0;
      for (std::size_t i = 0; i < rule.nodes.size(); ++i)
        sum += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(degree));
      off = std::abs(sum - (v.dot(power) / v.dot(v)).item<double>());
      if (degree < 2 * m) {
        EXPECT_LT(off, 1e-12) << m << " nodes, degree " << degree;
      }
      power = A.mv(power);
    }
    EXPECT_GT(off, 1e-3) << "degree 2 m must not be integrated";
  }
}

TEST(GaussRule, EndsWhereTheStartsSpaceEnds) {
  const Tensor A = at::diag(at::tensor({3.0, 3.0, 3.0, -1.0, -1.0, 7.0}));
  const GaussRule rule = lanczos_quadrature(matrix_operator(A), at::tensor({1.0, 1.0, 0.0, 1.0, 1.0, 0.0}), 6);
  ASSERT_EQ(rule.products, 2);
  EXPECT_NEAR(rule.nodes[0], -1, 1e-14);
  EXPECT_NEAR(rule.nodes[1], 3, 1e-14);
  EXPECT_NEAR(rule.weights[0], 0.5, 1e-14);
}

TEST(GaussRule, RefusesWhatItCannotUse) {
  const LinearOperator A = matrix_operator(at::eye(3, at::kDouble));
  EXPECT_THROW(lanczos_quadrature(A, at::zeros({3}, at::kDouble), 2), ContractError);
  EXPECT_THROW(lanczos_quadrature(A, at::ones({4}, at::kDouble), 2), ContractError);
  EXPECT_THROW(lanczos_quadrature(A, at::ones({3}, at::kFloat), 2), ContractError);
  EXPECT_THROW(lanczos_quadrature(A, at::ones({3}, at::kDouble), 0), ContractError);
}

TEST(Trace, IsExactForLowRankAndForSmallOperators) {
  Tensor values = at::zeros({80}, at::kDouble);
  for (int i = 0; i < 9; ++i) values[i] = i % 2 == 0 ? 1.0 + i : -2.0 * i;
  const TraceEstimate low_rank = hutchpp_trace(matrix_operator(with_spectrum(values, 6)), {.products = 30});
  EXPECT_EQ(low_rank.products, 30);
  EXPECT_NEAR(low_rank.value, values.sum().item<double>(), 1e-11);
  EXPECT_LT(low_rank.standard_error, 1e-11);
  const Tensor A = normal({20, 20}, 7), S = A + A.t();
  const TraceEstimate small = hutchpp_trace(matrix_operator(S), {.products = 24});
  EXPECT_EQ(small.products, 20);
  EXPECT_NEAR(small.value, tr(S), 1e-12);
  EXPECT_EQ(small.low, small.high);
  EXPECT_NEAR(hutchpp_trace(matrix_operator(-3 * at::eye(50, at::kDouble)), {.products = 30}).value, -150, 1e-12);
  EXPECT_EQ(hutchpp_trace(matrix_operator(at::zeros({50, 50}, at::kDouble)), {.products = 30}).value, 0);
}

// Hutchinson: the mean of g'Ag over random signs.
double hutchinson(const Tensor& A, std::int64_t products, std::uint64_t seed) {
  Random random(seed);
  double sum = 0;
  for (std::int64_t p = 0; p < products; ++p) {
    Tensor g = at::empty({A.size(0)}, at::kDouble);
    for (std::int64_t i = 0; i < A.size(0); ++i) g[i] = random.below(2) == 0 ? -1.0 : 1.0;
    sum += g.dot(A.mv(g)).item<double>();
  }
  return sum / static_cast<double>(products);
}

TEST(Trace, IsWithoutBiasCoversTheTruthAndBeatsHutchinson) {
  const Tensor values = at::arange(1, 121, at::kDouble).pow(-1.5), A = with_spectrum(values, 8);
  const double truth = values.sum().item<double>();
  constexpr int n_seeds = 300;
  int covered = 0;
  double bias = 0, error = 0, reported = 0, plain = 0;
  for (int seed = 0; seed < n_seeds; ++seed) {
    const TraceEstimate trace =
        hutchpp_trace(matrix_operator(A), {.products = 45, .seed = static_cast<std::uint64_t>(seed)});
    covered += trace.low <= truth && truth <= trace.high;
    bias += (trace.value - truth) / n_seeds;
    error += std::pow(trace.value - truth, 2) / n_seeds;
    reported += std::pow(trace.standard_error, 2) / n_seeds;
    if (seed < 60) plain += std::pow(hutchinson(A, 45, 1000 + static_cast<std::uint64_t>(seed)) - truth, 2) / 60;
  }
  // Binomial(300, 0.95) is below 271 once in 2000.
  EXPECT_GE(covered, 271);
  EXPECT_LT(std::abs(bias), 4 * std::sqrt(error / n_seeds));
  EXPECT_NEAR(reported / error, 1, 0.3);  // the standard error is the deviation that one sees
  EXPECT_LT(std::sqrt(error / plain), 0.3);
}

TEST(Trace, OfAHessianAndItsLayersAddUp) {
  const LinearOperator H = small_hessian();
  const Tensor dense = to_dense(H);
  const TraceEstimate whole = hutchpp_trace(H, {.products = 30});
  EXPECT_NEAR(whole.value, tr(dense), 1e-12);
  const TraceEstimate first = hutchpp_trace(restricted_operator(H, {{0, 16}}), {.products = 30});
  const TraceEstimate second = hutchpp_trace(restricted_operator(H, {{16, 26}}), {.products = 30});
  EXPECT_NEAR(first.value + second.value, whole.value, 1e-12);
}

TEST(Density, FullLengthLanczosIsTheSpectrum) {
  const LinearOperator H = small_hessian();
  const Tensor values = std::get<0>(at::linalg_eigh(to_dense(H)));
  const SpectralDensity one = spectral_density(H, {.probes = 1, .steps = 26});
  ASSERT_EQ(one.nodes.size(), 26U);
  for (std::int64_t i = 0; i < 26; ++i)
    EXPECT_NEAR(one.nodes[static_cast<std::size_t>(i)], values[i].item<double>(), 1e-10);
  // n probes see every eigenvalue with weight 1/n: any function's mean is exact.
  const SpectralDensity all = spectral_density(H, {.probes = 100, .steps = 100});
  EXPECT_EQ(all.products, 26 * 26);
  for (const double edge : {-0.1, 0.01, 0.3}) {
    const auto below = [edge](double x) { return x < edge ? 1.0 : 0.0; };
    EXPECT_NEAR(all.mean(below).value, (values < edge).sum().item<double>() / 26, 1e-12);
    EXPECT_EQ(all.mean(below).standard_error, 0);
  }
  EXPECT_NEAR(26 * all.mean([](double x) { return x; }).value, values.sum().item<double>(), 1e-11);
}

TEST(Density, WeightsSumToOneAndTheFirstMomentIsTheTrace) {
  const Tensor A = with_spectrum(at::linspace(-1, 4, 150, at::kDouble), 9);
  const LinearOperator a = matrix_operator(A);
  for (const std::int64_t probes : {1, 3, 10}) {
    for (const std::int64_t steps : {1, 4, 40}) {
      const SpectralDensity density = spectral_density(a, {.probes = probes, .steps = steps});
      double sum = 0;
      for (const double weight : density.weights) {
        EXPECT_GE(weight, 0);
        sum += weight;
      }
      EXPECT_NEAR(sum, 1, 1e-13);
      EXPECT_EQ(density.products, probes * steps);
      const auto [mean, error] = density.mean([](double x) { return x; });
      if (probes == 1) {
        EXPECT_TRUE(std::isnan(error));
      } else {
        EXPECT_NEAR(mean, 1.5, 6 * error);
      }
    }
  }
}

// Wigner: the semicircle of radius 2 has moments 1 and 2 and the density sqrt(4 - x^2) / (2 pi).
TEST(Density, OfARandomMatrixIsTheSemicircle) {
  const std::int64_t n = 600;
  const Tensor G = normal({n, n}, 10), A = (G + G.t()) / std::sqrt(2.0 * static_cast<double>(n));
  const SpectralDensity density = spectral_density(matrix_operator(A), {.probes = 40, .steps = 30});
  EXPECT_NEAR(density.mean([](double x) { return x * x; }).value, 1, 0.02);
  EXPECT_NEAR(density.mean([](double x) { return x * x * x * x; }).value, 2, 0.06);
  // 56 eigenvalues under a bell, 40 probes: a deviation of 3 %.
  const std::vector<double> drawn = smoothed(density, {-1.0, 0.0, 1.0, 3.0}, 0.15);
  EXPECT_NEAR(drawn[0], std::sqrt(3.0) / (2 * M_PI), 0.04);
  EXPECT_NEAR(drawn[1], 1 / M_PI, 0.04);
  EXPECT_NEAR(drawn[2], std::sqrt(3.0) / (2 * M_PI), 0.04);
  EXPECT_LT(drawn[3], 1e-6);
}

TEST(Density, OfAMultipleOfTheIdentityIsOnePoint) {
  const SpectralDensity density = spectral_density(matrix_operator(2 * at::eye(40, at::kDouble)), {.probes = 3});
  ASSERT_EQ(density.nodes.size(), 3U);
  for (const double node : density.nodes) EXPECT_NEAR(node, 2, 1e-14);
  EXPECT_LT(density.width(), 1e-14);
}

TEST(Density, SmoothedHasAreaOne) {
  const SpectralDensity density = spectral_density(small_hessian(), {.probes = 4, .steps = 8});
  std::vector<double> x;
  for (int i = -2000; i <= 4000; ++i) x.push_back(i * 0.005);
  double area = 0;
  for (const double value : smoothed(density, x, 0.05)) area += 0.005 * value;
  EXPECT_NEAR(area, 1, 1e-6);
  EXPECT_THROW(smoothed(density, x, 0), ContractError);
}

TEST(Restricted, IsTheBlockOfTheMatrix) {
  const LinearOperator H = small_hessian();
  const Tensor dense = to_dense(H);
  const LinearOperator block = restricted_operator(H, {{2, 5}, {20, 26}});
  const Tensor kept = at::cat({at::arange(2, 5), at::arange(20, 26)});
  EXPECT_TRUE(at::equal(to_dense(block), dense.index_select(0, kept).index_select(1, kept)));
  const Law law = expect_adjoint(block, 3);
  EXPECT_TRUE(law.holds) << law.text;
  const double top = std::get<0>(at::linalg_eigh(dense.slice(0, 0, 16).slice(1, 0, 16)))[-1].item<double>();
  EXPECT_NEAR(lanczos(restricted_operator(H, {{0, 16}}), 1, Extreme::largest).value().values[0].item<double>(), top,
              1e-10);
}

TEST(Spectrum, RefusesWhatItCannotUse) {
  const LinearOperator wide = matrix_operator(at::ones({2, 3}, at::kDouble));
  const LinearOperator square = matrix_operator(at::eye(30, at::kDouble));
  const LinearOperator broken =
      matrix_operator(at::full({30, 30}, std::numeric_limits<double>::quiet_NaN(), at::kDouble));
  EXPECT_THROW(hutchpp_trace(wide), ContractError);
  EXPECT_THROW(hutchpp_trace(square, {.products = 8}), ContractError);
  EXPECT_THROW(hutchpp_trace(broken, {.products = 12}), Error);
  EXPECT_THROW(hutchpp_trace({.rows = 3, .cols = 3}), ContractError);
  EXPECT_THROW(spectral_density(wide), ContractError);
  EXPECT_THROW(spectral_density(square, {.probes = 0}), ContractError);
  EXPECT_THROW(spectral_density(square, {.steps = 0}), ContractError);
  EXPECT_THROW(spectral_density(broken, {.probes = 1}), Error);
  EXPECT_THROW(restricted_operator(wide, {{0, 1}}), ContractError);
  EXPECT_THROW(restricted_operator(square, {}), ContractError);
  EXPECT_THROW(restricted_operator(square, {{3, 3}}), ContractError);
  EXPECT_THROW(restricted_operator(square, {{0, 31}}), ContractError);
  EXPECT_THROW(restricted_operator(square, {{0, 5}, {4, 9}}), ContractError);
  EXPECT_THROW(restricted_operator(square, {{0, 5}}).apply(at::ones({4}, at::kDouble)), ContractError);
}

}  // namespace
}  // namespace turnpike
