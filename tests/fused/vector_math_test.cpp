// The contract of fused/vector_math.h, against the C library in higher precision.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <turnpike/base/provenance.h>
#include <turnpike/fused/vector_math.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

// |got - want| in units in the last place of want; infinite where one is NaN or the sign is wrong.
template <class T>
double ulps(T got, long double want) {
  constexpr double never = std::numeric_limits<double>::infinity();
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : never;
  const T rounded = static_cast<T>(want);
  if (got == rounded) return std::signbit(got) == std::signbit(rounded) || got != 0 ? 0 : never;
  if (std::isinf(rounded) || std::isinf(got)) return never;
  const T size = std::abs(rounded);
  const long double unit = static_cast<long double>(std::nextafter(size, std::numeric_limits<T>::infinity())) -
                           static_cast<long double>(size);
  return static_cast<double>(std::abs(static_cast<long double>(got) - want) / unit);
}

struct Function {
  std::string name;
  void (*f32)(const float*, float*, std::int64_t);
  void (*f64)(const double*, double*, std::int64_t);
  double (*exact_for_f32)(double);  // 29 digits more than float32 needs
  long double (*exact)(long double);
  double f32_ulps, f64_ulps;
};

template <class T>
void tanh_value(const T* x, T* y, std::int64_t n) {
  vector_activate<T>(Activation::tanh, x, y, nullptr, n);
}
template <class T>
void sine_value(const T* x, T* y, std::int64_t n) {
  vector_activate<T>(Activation::sine, x, y, nullptr, n);
}
template <class T>
void sine_slope(const T* x, T* y, std::int64_t n) {
  std::vector<T> value(n);
  vector_activate<T>(Activation::sine, x, value.data(), y, n);
}

const Function functions[] = {
    {"exp", vector_exp<float>, vector_exp<double>, std::exp, std::exp, 2, 2},
    {"tanh", tanh_value<float>, tanh_value<double>, std::tanh, std::tanh, 6, 4},
    {"erf", vector_erf<float>, vector_erf<double>, std::erf, std::erf, 4, 3},
    {"sin", sine_value<float>, sine_value<double>, std::sin, std::sin, 3, 3},
    {"cos", sine_slope<float>, sine_slope<double>, std::cos, std::cos, 3, 3},
};

TEST(VectorMath, RunsOnTheDispatchTarget) {
  const std::map<std::string, std::string> highway{{"avx512", "AVX3"}, {"avx2", "AVX2"}, {"sse4", "SSE4"}};
  const std::string target = dispatch_target(), own = vector_target();
  if (highway.contains(target)) {
    EXPECT_EQ(own, highway.at(target));
  } else {
    EXPECT_FALSE(own.starts_with("AVX") || own == "SSE4") << own;
  }
}

// One in 4999 (prime, so that every pattern of bits occurs) of all 2^32 float32 values, NaN and denormals among them;
// with TURNPIKE_EVERY_FLOAT set, every one, which takes minutes.
TEST(VectorMath, Float32KeepsItsContract) {
  const std::uint64_t stride = std::getenv("TURNPIKE_EVERY_FLOAT") ? 1 : 4999, end = std::uint64_t{1} << 32;
  for (const Function& function : functions) {
    double worst = 0;
    float where = 0;
    for (std::uint64_t bits = 0; bits < end;) {
      std::vector<float> x;
      for (; bits < end && x.size() < 1 << 20; bits += stride)
        x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
      std::vector<float> y(x.size());
      function.f32(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = ulps(y[i], function.exact_for_f32(x[i]));
        if (error > worst) worst = error, where = x[i];
      }
    }
    EXPECT_LE(worst, function.f32_ulps) << function.name << " at " << where;
    RecordProperty(function.name + "_ulps", std::to_string(worst));
  }
}

// The largest errors of tanh stand just below 1, one value in a million: all are looked at.
TEST(VectorMath, Float32TanhKeepsItsContractNearOne) {
  double worst = 0;
  float where = 0;
  for (std::uint32_t bits = std::bit_cast<std::uint32_t>(4.0f), end = std::bit_cast<std::uint32_t>(9.2f); bits < end;) {
    std::vector<float> x;
    for (; bits < end && x.size() < 1 << 20; ++bits) x.push_back(std::bit_cast<float>(bits));
    std::vector<float> y(x.size());
    tanh_value(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], static_cast<long double>(std::tanh(static_cast<double>(x[i]))));
      if (error > worst) worst = error, where = x[i];
      ASSERT_LE(y[i], 1);
    }
  }
  EXPECT_LE(worst, 6) << "at " << where;
}

TEST(VectorMath, Float64KeepsItsContract) {
  Random random(3);
  std::vector<double> x, y;
  for (int i = 0; i < 20000; ++i) {
    const double u = 2 * random.uniform() - 1;
    for (const double scale : {1.0, 3.0, 10.0, 40.0, 800.0, 1e5}) x.push_back(scale * u);
    x.push_back(std::copysign(std::exp2(-1074 + 2097 * random.uniform()), u));  // every exponent
  }
  y.resize(x.size());
  for (const Function& function : functions) {
    function.f64(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    double worst = 0, where = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], function.exact(x[i]));
      if (error > worst) worst = error, where = x[i];
    }
    EXPECT_LE(worst, function.f64_ulps) << function.name << " at " << where;
    RecordProperty(function.name + "_ulps", std::to_string(worst));
  }
}

template <class T>
void expect_special_values() {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<T> x{infinity, -infinity, nan, T(0), -T(0)};
  std::vector<T> y(x.size());
  const auto run = [&](auto function) {
    function(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    EXPECT_TRUE(std::isnan(y[2]));
  };
  run(vector_exp<T>);
  EXPECT_EQ(y[0], infinity);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[3], 1);
  run(vector_erf<T>);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], -1);
  EXPECT_TRUE(std::signbit(y[4]) && !std::signbit(y[3]));
  run(tanh_value<T>);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], -1);
  EXPECT_TRUE(std::signbit(y[4]) && !std::signbit(y[3]));
  run(sine_value<T>);
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_TRUE(std::signbit(y[4]) && !std::signbit(y[3]));
}
TEST(VectorMath, KeepsNanInfinityAndSignedZero) {
  expect_special_values<float>();
  expect_special_values<double>();
}

// Every activation and its slope against math/activation.h, of odd lengths, in place. The bound is absolute for values
// and slopes of order 1 and relative above.
template <class T>
void expect_activations(double tolerance) {
  std::vector<T> grid;
  for (double x = -40; x <= 40; x += 0.0617) grid.push_back(static_cast<T>(x));
  grid.push_back(T(0));
  for (const ActivationFacts& facts : activation_table()) {
    for (const std::int64_t n : {std::int64_t{1}, std::int64_t{7}, static_cast<std::int64_t>(grid.size())}) {
      std::vector<T> value(grid.end() - n, grid.end()), slope(n);
      vector_activate<T>(facts.kind, value.data(), value.data(), slope.data(), n);
      for (std::int64_t i = 0; i < n; ++i) {
        const double x = grid[grid.size() - n + i];
        const double exact = value_of(facts.kind, x), exact_slope = slope_of(facts.kind, x);
        EXPECT_NEAR(value[i], exact, tolerance * std::max(1.0, std::abs(exact))) << facts.name << " at " << x;
        EXPECT_NEAR(slope[i], exact_slope, tolerance) << facts.name << "' at " << x;
      }
    }
    T nan = std::numeric_limits<T>::quiet_NaN(), y;
    vector_activate<T>(facts.kind, &nan, &y, nullptr, 1);
    EXPECT_TRUE(std::isnan(y)) << facts.name;
  }
}
TEST(VectorMath, ActivationsAreTheEngines) {
  expect_activations<float>(1e-6);
  expect_activations<double>(2e-15);
}

}  // namespace
}  // namespace turnpike
