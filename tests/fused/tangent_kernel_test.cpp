#include <turnpike/fused/tangent_kernel.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Real = long double;

// One entry by the recursion in long double, the angle from differences.
Real reference(const WideRectifier& net, const double* x, const double* z, std::int64_t d) {
  Real xx = 0, zz = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    xx += Real(x[k]) * x[k];
    zz += Real(z[k]) * z[k];
  }
  if (xx == 0 || zz == 0) return 0;
  Real apart = 0, along = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    const Real a = x[k] / std::sqrt(xx), b = z[k] / std::sqrt(zz);
    apart += (a - b) * (a - b);
    along += (a + b) * (a + b);
  }
  const Real pi = std::numbers::pi_v<Real>, a = net.slope, m = (1 + a * a) / 2;
  // phi(u) = r(u) - a r(-u), r(x) = max(x, 0), E[r(u) r(v)] = k1(theta) / 2, and -v lies at the angle pi - theta of u.
  // From t = theta or t = pi - theta, whichever is small:
  const auto opposite = [pi](Real t) -> Real { return (std::sin(t) - t * std::cos(t)) / pi; };  // k1(pi - t)
  const auto less = [&](Real t) -> Real {                                                       // 1 - k1(t)
    return 2 * std::sin(t / 2) * std::sin(t / 2) - opposite(t);
  };
  Real theta = 2 * std::atan2(std::sqrt(apart), std::sqrt(along)), t = std::cos(theta), s = t, variance = 1;
  for (int l = 0; l < net.hidden_layers; ++l) {
    const Real skip = net.residual && l + 1 < net.hidden_layers ? 1 : 0, w = net.weight_variance, next = w * m + skip;
    // m - phi; for a = -1 opposite points become equal.
    const Real apart_phi = theta < pi / 2 ? m * less(theta) + a * opposite(theta)
                                          : m + a - m * opposite(pi - theta) - a * less(pi - theta);
    const Real phi = m - apart_phi, slopes = m * (1 - theta / pi) + a * theta / pi;
    const Real one_less = (w * apart_phi + skip * 2 * std::sin(theta / 2) * std::sin(theta / 2)) / next;
    t = (w * (phi + slopes * t) + skip * t) / next;
    s = (w * phi + skip * s) / next;
    variance *= next;
    theta = 2 * std::asin(std::sqrt(std::min<Real>(std::max<Real>(one_less, 0) / 2, 1)));
  }
  return (net.tangent ? t : s) * variance * std::sqrt(xx * zz) * net.input_variance;
}

template <class T>
std::vector<T> normal_points(std::int64_t n, std::int64_t d, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> x(n * d);
  for (T& entry : x) entry = static_cast<T>(random.normal());
  return x;
}

// Equal, parallel, opposite, nearly equal, nearly opposite and zero points among them.
template <class T>
std::vector<T> hard_points(std::int64_t n, std::int64_t d, std::uint64_t seed) {
  std::vector<T> x = normal_points<T>(n, d, seed);
  Random random(seed + 1);
  for (std::int64_t i = 5; i < n; i += 3) {
    const T factors[] = {1, -1, 2, -3, 0};
    const T factor = factors[i % 5], noise = i % 2 ? T(0) : static_cast<T>(std::pow(10.0, -1 - double(i % 8)));
    for (std::int64_t k = 0; k < d; ++k)
      x[i * d + k] = factor * (x[k] + (factor == 0 ? 0 : noise * static_cast<T>(random.normal())));
  }
  return x;
}

template <class T>
class WideRectifierKernelTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(WideRectifierKernelTest, Types);

template <class T>
constexpr double contract = sizeof(T) == 4 ? 1e-6 : 1e-13;

// Relative to the diagonal; where that is zero so must be the entry.
template <class T>
double worst_error(const WideRectifier& net, const std::vector<T>& x, std::int64_t d, const std::vector<T>& K) {
  const auto n = static_cast<std::int64_t>(x.size()) / d;
  const std::vector<double> exact(x.begin(), x.end());
  std::vector<Real> size(n);
  for (std::int64_t i = 0; i < n; ++i) size[i] = std::sqrt(reference(net, &exact[i * d], &exact[i * d], d));
  double worst = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const Real error = std::abs(K[i * n + j] - reference(net, &exact[i * d], &exact[j * d], d));
      const Real scale = size[i] * size[j];
      worst = std::max(worst, static_cast<double>(scale > 0 ? error / scale : error == 0 ? 0 : 1));
    }
  }
  return worst;
}

TYPED_TEST(WideRectifierKernelTest, KeepsItsContract) {
  using T = TypeParam;
  for (const auto& [n, d] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                             {2, 3},
                             {63, 2},
                             {64, 10},
                             {65, 1},
                             {130, 17},
                             {200, 3},
                             {70, 300}}) {
    const std::vector<T> x = hard_points<T>(n, d, 10 * n + d);
    const WideRectifier nets[] = {{.hidden_layers = 1, .tangent = false},
                                  {.hidden_layers = 1},
                                  {.hidden_layers = 3, .weight_variance = 1.7, .input_variance = 0.3},
                                  {.hidden_layers = 10, .weight_variance = 1.7, .input_variance = 0.3},
                                  {.hidden_layers = 10, .tangent = false},
                                  {.hidden_layers = 5, .slope = 0.2},
                                  {.hidden_layers = 4, .slope = -1},
                                  {.hidden_layers = 2, .slope = 1, .tangent = false},
                                  {.hidden_layers = 6, .residual = true, .weight_variance = 1.3},
                                  {.hidden_layers = 10, .slope = -0.3, .residual = true, .tangent = false}};
    for (const WideRectifier& net : nets) {
      std::vector<T> K(n * n, T(-7));
      WideRectifierKernel<T>(net, x.data(), n, d).matrix(K.data());
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          ASSERT_EQ(K[i * n + j], K[j * n + i]) << i << ", " << j;
          ASSERT_TRUE(std::isfinite(K[i * n + j]));
        }
      }
      EXPECT_LE(worst_error(net, x, d, K), contract<T>)
          << n << " points of dimension " << d << ", L = " << net.hidden_layers << ", slope " << net.slope
          << ", residual " << net.residual << ", tangent " << net.tangent;
    }
  }
}

// Where powers would cancel, and the angles of hidden layers crowd about zero.
TYPED_TEST(WideRectifierKernelTest, DeepNetsToo) {
  using T = TypeParam;
  constexpr std::int64_t n = 150, d = 3;
  const std::vector<T> x = hard_points<T>(n, d, 4);
  for (const WideRectifier& net : {WideRectifier{.hidden_layers = 25},
                                   {.hidden_layers = 80},
                                   {.hidden_layers = 80, .tangent = false},
                                   {.hidden_layers = 40, .residual = true}}) {
    std::vector<T> K(n * n);
    WideRectifierKernel<T>(net, x.data(), n, d).matrix(K.data());
    EXPECT_LE(worst_error(net, x, d, K), contract<T> * net.hidden_layers / 10) << net.hidden_layers << net.tangent;
  }
}

TYPED_TEST(WideRectifierKernelTest, CrossAndProductsAreTheMatrix) {
  using T = TypeParam;
  for (const std::int64_t n : {5, 64, 700}) {
    constexpr std::int64_t d = 6;
    const std::vector<T> x = hard_points<T>(n, d, n), v = normal_points<T>(n, 1, n + 1);
    for (const int threads : {1, 3}) {
      const WideRectifierKernel<T> kernel({.hidden_layers = 3}, x.data(), n, d, threads);
      std::vector<T> K(n * n), again(n * n), C(n * n), out(n), repeated(n);
      kernel.matrix(K.data());
      kernel.cross(x.data(), n, C.data());
      EXPECT_EQ(K, C);
      WideRectifierKernel<T>({.hidden_layers = 3}, x.data(), n, d, 1).matrix(again.data());
      EXPECT_EQ(K, again) << "threads change nothing";
      kernel.times(v.data(), out.data());
      kernel.times(v.data(), repeated.data());
      EXPECT_EQ(out, repeated);
      for (std::int64_t i = 0; i < n; ++i) {
        double sum = 0, size = 0;
        for (std::int64_t j = 0; j < n; ++j) {
          sum += double(K[i * n + j]) * v[j];
          size += std::abs(double(K[i * n + j]) * v[j]);
        }
        EXPECT_NEAR(out[i], sum, 20 * std::numeric_limits<T>::epsilon() * size);
      }
    }
  }
}

TYPED_TEST(WideRectifierKernelTest, CrossOfFewPoints) {
  using T = TypeParam;
  const std::vector<T> x = normal_points<T>(100, 4, 1), z = normal_points<T>(3, 4, 2);
  std::vector<T> C(300);
  const WideRectifier net{.hidden_layers = 2};
  WideRectifierKernel<T>(net, x.data(), 100, 4).cross(z.data(), 3, C.data());
  const std::vector<double> a(z.begin(), z.end()), b(x.begin(), x.end());
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 100; ++j)
      EXPECT_NEAR(C[i * 100 + j], double(reference(net, &a[i * 4], &b[j * 4], 4)), 50 * contract<T>);
}

TYPED_TEST(WideRectifierKernelTest, DiagonalAndExtremeSizes) {
  using T = TypeParam;
  const T huge = sizeof(T) == 4 ? T(1e18) : T(1e150), tiny = 1 / huge;
  const std::vector<T> x = {3, 4, huge, 0, -tiny, 0, 0, 0};
  std::vector<T> K(16);
  WideRectifierKernel<T>({.hidden_layers = 4}, x.data(), 4, 2).matrix(K.data());
  EXPECT_NEAR(K[0], 125, 125 * contract<T>);  // (L + 1) |x|^2
  EXPECT_NEAR(K[5] / huge, 5 * huge, 5 * huge * contract<T>);
  EXPECT_TRUE(std::isfinite(K[6]));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(K[12 + i], 0);
}

TYPED_TEST(WideRectifierKernelTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  const T x[] = {1, 2};
  EXPECT_THROW(WideRectifierKernel<T>({.hidden_layers = 0}, x, 1, 2), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({}, x, 0, 2), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({}, x, 1, 0), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({}, x, 1, 2, 0), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({.weight_variance = -1}, x, 1, 2), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({.slope = std::numeric_limits<double>::infinity()}, x, 1, 2), ContractError);
  T silent = 1;
  WideRectifierKernel<T>({.weight_variance = 0}, x, 1, 2).matrix(&silent);
  EXPECT_EQ(silent, 0);
  EXPECT_THROW(WideRectifierKernel<T>({}, x, 1, 2).cross(x, 0, nullptr), ContractError);
}

}  // namespace
}  // namespace turnpike
