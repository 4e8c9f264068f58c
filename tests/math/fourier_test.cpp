#include <turnpike/math/fourier.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <thread>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;
using Shape = std::vector<std::int64_t>;

std::int64_t count_of(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) count *= n;
  return count;
}

std::vector<Complex> random_values(std::int64_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<Complex> values(n);
  for (Complex& z : values) z = {random.normal(), random.normal()};
  return values;
}

// The definition, axis by axis: X_k = sum_j x_j exp(-2 pi i j k / n).
std::vector<Complex> by_definition(std::vector<Complex> x, const Shape& shape) {
  std::int64_t inner = 1;
  for (auto axis = shape.rbegin(); axis != shape.rend(); ++axis) {
    const std::int64_t n = *axis;
    std::vector<Complex> y(x.size());
    for (std::int64_t at = 0; at < static_cast<std::int64_t>(x.size()); ++at) {
      const std::int64_t k = at / inner % n, start = at - k * inner;
      for (std::int64_t j = 0; j < n; ++j)
        y[at] += x[start + j * inner] * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(j * k % n) / n);
    }
    x = y;
    inner *= n;
  }
  return x;
}

double largest_difference(const std::vector<Complex>& a, const std::vector<Complex>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

TEST(Fourier, EveryLengthIsTheDefinition) {
  // All radices (4, 2, 3, 5, other odd ones) and their products, primes beyond the direct sum (67, 127, 139).
  Shape lengths = {127, 128, 134, 139, 144, 169, 210, 243, 256, 625};
  for (std::int64_t n = 1; n <= 75; ++n) lengths.push_back(n);
  for (const std::int64_t n : lengths) {
    const std::vector<Complex> x = random_values(n, n);
    std::vector<Complex> modes = x;
    Fourier({n}).forward(modes);
    EXPECT_LT(largest_difference(modes, by_definition(x, {n})), 2e-14 * n) << n;
    Fourier({n}).inverse(modes);
    EXPECT_LT(largest_difference(modes, x), 2e-14) << n;
  }
}

TEST(Fourier, EveryShapeIsTheDefinition) {
  for (const Shape& shape : {Shape{3, 5}, {8, 6}, {1, 7}, {7, 1}, {9, 20}, {4, 3, 10}, {2, 67, 3}, {5, 4, 3, 2}}) {
    const std::vector<Complex> x = random_values(count_of(shape), 7);
    std::vector<Complex> modes = x;
    Fourier(shape).forward(modes);
    EXPECT_LT(largest_difference(modes, by_definition(x, shape)), 1e-12);
    Fourier(shape).inverse(modes);
    EXPECT_LT(largest_difference(modes, x), 1e-14);
  }
}

TEST(Fourier, ChosenAxesAlone) {
  const Shape shape = {4, 3, 10};
  const std::vector<Complex> x = random_values(120, 3);
  std::vector<Complex> both = x, step = x;
  Fourier(shape, {0, 2}).forward(both);
  Fourier(shape, {2}).forward(step);
  Fourier(shape, {0}).forward(step);
  EXPECT_LT(largest_difference(both, step), 1e-14);
  Fourier(shape, {1}).forward(step);
  EXPECT_LT(largest_difference(step, by_definition(x, shape)), 1e-12);
}

TEST(Fourier, RealValuesHaveHalfTheModes) {
  for (const Shape& shape : {Shape{1},
                             {2},
                             {3},
                             {4},
                             {5},
                             {6},
                             {15},
                             {16},
                             {67},
                             {134},
                             {200},
                             {6, 8},
                             {5, 9},
                             {3, 4, 7},
                             {20, 1},
                             {17, 2}}) {
    const std::int64_t n = count_of(shape), last = shape.back(), half = last / 2 + 1;
    std::vector<Complex> x = random_values(n, 11);
    std::vector<double> values(n), again(n);
    for (std::int64_t i = 0; i < n; ++i) values[i] = x[i].real(), x[i] = values[i];
    const std::vector<Complex> all = by_definition(x, shape);
    const RealFourier transform(shape);
    ASSERT_EQ(transform.n_modes(), n / last * half);
    std::vector<Complex> modes(transform.n_modes());
    transform.forward(values, modes);
    for (std::int64_t i = 0; i < transform.n_modes(); ++i)
      EXPECT_LT(std::abs(modes[i] - all[i / half * last + i % half]), 2e-13) << last;
    transform.inverse(modes, again);
    for (std::int64_t i = 0; i < n; ++i) EXPECT_NEAR(again[i], values[i], 1e-14);
  }
}

TEST(Fourier, RoundingStaysSmallAtLength) {
  for (const std::int64_t n : {std::int64_t{1} << 18, std::int64_t{3 * 5 * 7 * 11 * 13 * 16}, std::int64_t{65537}}) {
    const std::vector<Complex> x = random_values(n, 5);
    std::vector<Complex> modes = x;
    const Fourier transform({n});
    transform.forward(modes);
    double in = 0, out = 0;
    for (const Complex& z : x) in += std::norm(z);
    for (const Complex& z : modes) out += std::norm(z);
    EXPECT_NEAR(out / n / in, 1, 1e-13);  // Parseval
    transform.inverse(modes);
    EXPECT_LT(largest_difference(modes, x), 3e-14);
  }
}

TEST(Fourier, DerivativeByWavenumbers) {
  const std::int64_t n = 48;
  const double length = 5;
  std::vector<double> u(n), slope(n);
  for (std::int64_t i = 0; i < n; ++i) u[i] = std::exp(std::sin(2 * std::numbers::pi * i / n));
  const RealFourier transform({n});
  std::vector<Complex> modes(transform.n_modes());
  transform.forward(u, modes);
  const std::vector<double> k = wavenumbers(n, length);
  EXPECT_EQ(k[n - 1], -k[1]);
  for (std::int64_t i = 0; i < n / 2; ++i) modes[i] *= Complex(0, k[i]);
  modes[n / 2] = 0;
  transform.inverse(modes, slope);
  const double w = 2 * std::numbers::pi / length;
  for (std::int64_t i = 0; i < n; ++i) EXPECT_NEAR(slope[i], w * std::cos(2 * std::numbers::pi * i / n) * u[i], 1e-12);
}

TEST(Fourier, OnePlanServesManyThreads) {
  const Fourier transform({300});
  const std::vector<Complex> x = random_values(300, 1);
  std::vector<std::vector<Complex>> results(4, x);
  std::vector<std::thread> threads;
  for (std::vector<Complex>& result : results)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) transform.forward(result), transform.inverse(result);
      transform.forward(result);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Complex>& result : results) EXPECT_EQ(result, results[0]);
  EXPECT_LT(largest_difference(results[0], by_definition(x, {300})), 1e-11);
}

TEST(Fourier, BrokenContractsAreRefused) {
  std::vector<Complex> three(3);
  EXPECT_THROW(Fourier({}), ContractError);
  EXPECT_THROW(Fourier({4, 0}), ContractError);
  EXPECT_THROW(Fourier({4}, {1}), ContractError);
  EXPECT_THROW(Fourier({4}).forward(three), ContractError);
  EXPECT_THROW(RealFourier({4}).forward(std::vector<double>(4), std::span(three).first(2)), ContractError);
  EXPECT_THROW(wavenumbers(4, 0), ContractError);
}

}  // namespace
}  // namespace turnpike
