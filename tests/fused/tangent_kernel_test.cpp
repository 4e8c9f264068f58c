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

// One entry by the recursion in long double. 1 - cos and 1 + cos of each layer's angle are sums of terms >= 0, so that
// no small angle is lost.
Real reference(const WideRectifier& net, const double* x, const double* z, std::int64_t d) {
  Real xx = 0, zz = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    xx += Real(x[k]) * x[k];
    zz += Real(z[k]) * z[k];
  }
  Real p = std::sqrt(xx), q = std::sqrt(zz), apart = 0, along = 0;  // lengths, 1 - cos, 1 + cos
  for (std::int64_t k = 0; k < d; ++k) {
    const Real a = p > 0 ? x[k] / p : 0, b = q > 0 ? z[k] / q : 0;
    apart += (a - b) * (a - b) / 2;
    along += (a + b) * (a + b) / 2;
  }
  if (p == 0 || q == 0) apart = along = 1;
  const Real pi = std::numbers::pi_v<Real>, a = net.slope, m = (1 + a * a) / 2, bias = net.bias_variance;
  // u = g v + bias, of which the gaps of v are known: |u| |u'| (1 -+ cos) = g^2 |v| |v'| (1 -+ cos) + what the bias
  // adds
  const auto add_bias = [&](Real g2) {
    const Real P = std::sqrt(g2 * p * p + bias), Q = std::sqrt(g2 * q * q + bias), inner = g2 * p * q;
    if (P > 0 && Q > 0) {
      const Real lengths = g2 * bias * (p - q) * (p - q) / (P * Q + inner + bias);
      apart = (lengths + inner * apart) / (P * Q);
      along = (lengths + inner * along + 2 * bias) / (P * Q);
    }
    p = P;
    q = Q;
  };
  add_bias(net.input_variance);
  Real t = p * q * (1 - apart);
  for (int l = 0; l < net.hidden_layers; ++l) {
    const Real theta = 2 * std::atan2(std::sqrt(apart), std::sqrt(along));
    // phi(u) = r(u) - a r(-u), r(x) = max(x, 0), E[r(u) r(v)] = k1(theta) / 2, and -v lies at the angle pi - theta of
    // u. From t = theta or t = pi - theta, whichever is small:
    const auto opposite = [pi](Real t) -> Real { return (std::sin(t) - t * std::cos(t)) / pi; };  // k1(pi - t)
    const auto less = [&](Real t) -> Real {                                                       // 1 - k1(t)
      return 2 * std::sin(t / 2) * std::sin(t / 2) - opposite(t);
    };
    const Real skip = net.residual && l + 1 < net.hidden_layers ? 1 : 0, w = net.weight_variance;
    // m -+ phi; for a = -1 opposite points become equal.
    const bool obtuse = theta > pi / 2;
    const Real other = pi - theta;
    const Real apart_phi =
        obtuse ? m + a - m * opposite(other) - a * less(other) : m * less(theta) + a * opposite(theta);
    const Real along_phi =
        obtuse ? m - a + m * opposite(other) + a * less(other) : 2 * m - m * less(theta) - a * opposite(theta);
    const Real slopes = m * (1 - theta / pi) + a * theta / pi;
    t = bias + w * (p * q * (m - apart_phi) + slopes * t) + skip * t;
    const Real g2 = w * m + skip;
    apart = g2 > 0 ? (w * apart_phi + skip * apart) / g2 : 1;
    along = g2 > 0 ? (w * along_phi + skip * along) / g2 : 1;
    add_bias(g2);
  }
  return net.tangent ? t : p * q * (1 - apart);
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
                                  {.hidden_layers = 10, .slope = -0.3, .residual = true, .tangent = false},
                                  {.hidden_layers = 1, .bias_variance = 0.1},
                                  {.hidden_layers = 5, .weight_variance = 1.7, .bias_variance = 0.3},
                                  {.hidden_layers = 5, .bias_variance = 1e-6, .input_variance = 0.2},
                                  {.hidden_layers = 4, .slope = 0.2, .bias_variance = 2, .tangent = false},
                                  {.hidden_layers = 4, .slope = -1, .bias_variance = 0.5},
                                  {.hidden_layers = 3, .slope = 1, .bias_variance = 0.01},
                                  {.hidden_layers = 10, .residual = true, .bias_variance = 0.05},
                                  {.hidden_layers = 2, .weight_variance = 0, .bias_variance = 1}};
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
          << ", residual " << net.residual << ", tangent " << net.tangent << ", bias " << net.bias_variance;
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
                                   {.hidden_layers = 40, .residual = true},
                                   {.hidden_layers = 40, .bias_variance = 0.05},
                                   {.hidden_layers = 25, .slope = -0.4, .residual = true, .bias_variance = 0.1}}) {
    std::vector<T> K(n * n);
    WideRectifierKernel<T>(net, x.data(), n, d).matrix(K.data());
    const double times = net.hidden_layers / 10.0, with_biases = sizeof(T) == 4 && net.bias_variance > 0 ? times : 1;
    EXPECT_LE(worst_error(net, x, d, K), contract<T> * times * with_biases) << net.hidden_layers << net.tangent;
  }
}

TYPED_TEST(WideRectifierKernelTest, CrossAndProductsAreTheMatrix) {
  using T = TypeParam;
  for (const std::int64_t n : {5, 64, 700}) {
    constexpr std::int64_t d = 6;
    const std::vector<T> x = hard_points<T>(n, d, n), v = normal_points<T>(n, 1, n + 1);
    for (const auto& [threads, bias] : {std::pair{1, 0.0}, {3, 0.0}, {3, 0.2}}) {
      const WideRectifier net{.hidden_layers = 3, .bias_variance = bias};
      const WideRectifierKernel<T> kernel(net, x.data(), n, d, threads);
      std::vector<T> K(n * n), again(n * n), C(n * n), out(n), repeated(n);
      kernel.matrix(K.data());
      kernel.cross(x.data(), n, C.data());
      EXPECT_EQ(K, C);
      WideRectifierKernel<T>(net, x.data(), n, d, 1).matrix(again.data());
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

// Rows that start and end within lines of the cache, which the kernel's vectors do not fit.
TYPED_TEST(WideRectifierKernelTest, WritesItsMatrixAlone) {
  using T = TypeParam;
  for (const std::int64_t n : {1, 64, 96, 129}) {
    for (const std::int64_t offset : {0, 1, 7}) {
      const std::vector<T> x = normal_points<T>(n, 3, n);
      const WideRectifierKernel<T> kernel({.hidden_layers = 2, .bias_variance = 0.1}, x.data(), n, 3);
      std::vector<T> K(n * n), inside(n * n + 64, T(-7)), C(n * 5 + 64, T(-7));
      kernel.matrix(K.data());
      kernel.matrix(inside.data() + offset);
      kernel.cross(x.data(), std::min<std::int64_t>(n, 5), C.data() + offset);
      for (std::int64_t i = 0; i < n * n + 64; ++i) {
        const bool within = i >= offset && i < offset + n * n;
        ASSERT_EQ(inside[i], within ? K[i - offset] : T(-7)) << n << ", " << offset << ": " << i;
        if (i >= n * 5 + 64) continue;
        const bool crossed = i >= offset && i < offset + n * std::min<std::int64_t>(n, 5);
        ASSERT_EQ(C[i], crossed ? K[i - offset] : T(-7)) << n << ", " << offset << ": " << i;
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
  EXPECT_THROW(WideRectifierKernel<T>({.bias_variance = -1}, x, 1, 2), ContractError);
  EXPECT_THROW(WideRectifierKernel<T>({.slope = std::numeric_limits<double>::infinity()}, x, 1, 2), ContractError);
  T silent = 1;
  WideRectifierKernel<T>({.weight_variance = 0}, x, 1, 2).matrix(&silent);
  EXPECT_EQ(silent, 0);
  EXPECT_THROW(WideRectifierKernel<T>({}, x, 1, 2).cross(x, 0, nullptr), ContractError);
}

}  // namespace
}  // namespace turnpike
