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
Real reference(const WideRelu& net, const double* x, const double* z, std::int64_t d) {
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
  Real theta = 2 * std::atan2(std::sqrt(apart), std::sqrt(along)), c = std::cos(theta), t = c;
  const Real pi = std::numbers::pi_v<Real>;
  for (int l = 0; l < net.hidden_layers; ++l) {
    const Real k1 = (std::sin(theta) + (pi - theta) * std::cos(theta)) / pi;
    // 1 - k1 = (1 - cos theta) - (sin theta - theta cos theta) / pi
    const Real u = 2 * std::sin(theta / 2) * std::sin(theta / 2) - (std::sin(theta) - theta * std::cos(theta)) / pi;
    t = k1 + t * (1 - theta / pi);
    c = k1;
    theta = 2 * std::asin(std::sqrt(std::max<Real>(u, 0) / 2));
  }
  return (net.tangent ? t : c) * std::sqrt(xx * zz) * net.input_variance *
         std::pow(Real(net.weight_variance) / 2, net.hidden_layers);
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
class WideReluKernelTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(WideReluKernelTest, Types);

template <class T>
constexpr double contract = sizeof(T) == 4 ? 1e-6 : 1e-13;

TYPED_TEST(WideReluKernelTest, KeepsItsContract) {
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
    const std::vector<double> exact(x.begin(), x.end());
    for (const int L : {1, 3, 10})
      for (const bool tangent : {true, false}) {
        const WideRelu net{.hidden_layers = L, .weight_variance = 1.7, .input_variance = 0.3, .tangent = tangent};
        std::vector<T> K(n * n, T(-7));
        WideReluKernel<T>(net, x.data(), n, d).matrix(K.data());
        std::vector<Real> size(n);
        for (std::int64_t i = 0; i < n; ++i) size[i] = std::sqrt(reference(net, &exact[i * d], &exact[i * d], d));
        double worst = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            const Real expected = reference(net, &exact[i * d], &exact[j * d], d), scale = size[i] * size[j];
            ASSERT_EQ(K[i * n + j], K[j * n + i]) << i << ", " << j;
            ASSERT_TRUE(std::isfinite(K[i * n + j]));
            const Real error = std::abs(K[i * n + j] - expected);
            if (scale == 0) {
              ASSERT_EQ(error, 0);
            } else {
              worst = std::max(worst, double(error / scale));
            }
          }
        }
        EXPECT_LE(worst, contract<T>) << n << " points of dimension " << d << ", L = " << L << ", tangent " << tangent;
      }
  }
}

TYPED_TEST(WideReluKernelTest, CrossAndProductsAreTheMatrix) {
  using T = TypeParam;
  for (const std::int64_t n : {5, 64, 700}) {
    constexpr std::int64_t d = 6;
    const std::vector<T> x = hard_points<T>(n, d, n), v = normal_points<T>(n, 1, n + 1);
    for (const int threads : {1, 3}) {
      const WideReluKernel<T> kernel({.hidden_layers = 3}, x.data(), n, d, threads);
      std::vector<T> K(n * n), again(n * n), C(n * n), out(n), repeated(n);
      kernel.matrix(K.data());
      kernel.cross(x.data(), n, C.data());
      EXPECT_EQ(K, C);
      WideReluKernel<T>({.hidden_layers = 3}, x.data(), n, d, 1).matrix(again.data());
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

TYPED_TEST(WideReluKernelTest, CrossOfFewPoints) {
  using T = TypeParam;
  const std::vector<T> x = normal_points<T>(100, 4, 1), z = normal_points<T>(3, 4, 2);
  std::vector<T> C(300);
  const WideRelu net{.hidden_layers = 2};
  WideReluKernel<T>(net, x.data(), 100, 4).cross(z.data(), 3, C.data());
  const std::vector<double> a(z.begin(), z.end()), b(x.begin(), x.end());
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 100; ++j)
      EXPECT_NEAR(C[i * 100 + j], double(reference(net, &a[i * 4], &b[j * 4], 4)), 50 * contract<T>);
}

TYPED_TEST(WideReluKernelTest, DiagonalAndExtremeSizes) {
  using T = TypeParam;
  const T huge = sizeof(T) == 4 ? T(1e18) : T(1e150), tiny = 1 / huge;
  const std::vector<T> x = {3, 4, huge, 0, -tiny, 0, 0, 0};
  std::vector<T> K(16);
  WideReluKernel<T>({.hidden_layers = 4}, x.data(), 4, 2).matrix(K.data());
  EXPECT_NEAR(K[0], 125, 125 * contract<T>);  // (L + 1) |x|^2
  EXPECT_NEAR(K[5] / huge, 5 * huge, 5 * huge * contract<T>);
  EXPECT_TRUE(std::isfinite(K[6]));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(K[12 + i], 0);
}

TYPED_TEST(WideReluKernelTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  const T x[] = {1, 2};
  EXPECT_THROW(WideReluKernel<T>({.hidden_layers = 0}, x, 1, 2), ContractError);
  EXPECT_THROW(WideReluKernel<T>({}, x, 0, 2), ContractError);
  EXPECT_THROW(WideReluKernel<T>({}, x, 1, 0), ContractError);
  EXPECT_THROW(WideReluKernel<T>({}, x, 1, 2, 0), ContractError);
  EXPECT_THROW(WideReluKernel<T>({.weight_variance = -1}, x, 1, 2), ContractError);
  EXPECT_THROW(WideReluKernel<T>({}, x, 1, 2).cross(x, 0, nullptr), ContractError);
}

}  // namespace
}  // namespace turnpike
