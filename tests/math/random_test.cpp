#include <turnpike/math/random.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

TEST(Philox, KnownAnswers) {
  // kat_vectors of Random123, philox4x32 with 10 rounds: zeros, ones, the digits of pi.
  using Block = std::array<std::uint32_t, 4>;
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, PositionLeadsBackIntoTheStream) {
  Random random(42);
  for (int i = 0; i < 7; ++i) random.normal();
  random.below(10);
  Random again(42, random.position());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(random.uniform(), again.uniform());
  EXPECT_EQ(random.position(), again.position());
  EXPECT_EQ(Random(1, 9).position(), 9u);
}

TEST(Random, NormalConsumesTwoWords) {
  Random random(0), uniforms(0);
  const double u = uniforms.uniform(), v = uniforms.uniform();
  // 1 - u lies in (0, 1], so that the logarithm is finite.
  EXPECT_DOUBLE_EQ(random.normal(), std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * std::numbers::pi * v));
  EXPECT_EQ(random.position(), 2u);
  random.uniform();
  EXPECT_EQ(random.position(), 3u);
}

TEST(Random, UniformHasItsMoments) {
  // n = 2e5: mean +-4.5 sigma of 1/sqrt(12 n), variance of U^2 alike; the seed is fixed, so this never flickers.
  Random random(1);
  const int n = 200000;
  double sum = 0, squares = 0, low = 1, high = 0;
  for (int i = 0; i < n; ++i) {
    double u = random.uniform();
    sum += u;
    squares += u * u;
    low = std::min(low, u);
    high = std::max(high, u);
  }
  EXPECT_NEAR(sum / n, 0.5, 4.5 / std::sqrt(12.0 * n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 4.5 * std::sqrt(4.0 / 45 / n));
  EXPECT_GE(low, 0);
  EXPECT_LT(high, 1);
  EXPECT_LT(low, 1e-4);
  EXPECT_GT(high, 1 - 1e-4);
  double shifted = random.uniform(-3, 5);
  EXPECT_TRUE(shifted >= -3 && shifted < 5);
}

TEST(Random, NormalHasItsMoments) {
  Random random(2);
  const int n = 200000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (int i = 0; i < n; ++i) {
    double z = random.normal();
    m1 += z / n;
    m2 += z * z / n;
    m3 += z * z * z / n;
    m4 += z * z * z * z / n;
  }
  // Deviations of the sample moments of N(0,1): 1, 2, 15, 96 over n, under the root.
  EXPECT_NEAR(m1, 0, 4.5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(m2, 1, 4.5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m3, 0, 4.5 * std::sqrt(15.0 / n));
  EXPECT_NEAR(m4, 3, 4.5 * std::sqrt(96.0 / n));
}

TEST(Random, BelowIsUniform) {
  Random random(3);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  double chi_squared = 0;
  for (int count : counts) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000;
  EXPECT_LT(chi_squared, 22.5);  // 6 degrees of freedom, probability 0.001
  EXPECT_EQ(random.below(1), 0u);
  EXPECT_THROW(random.below(0), ContractError);
  // n = 3 * 2^62: a quarter of all words is drawn again; without that, answers below 2^62 come half the time, not a
  // third.
  const std::uint64_t third = std::uint64_t{1} << 62;
  int low = 0;
  for (int i = 0; i < 9000; ++i) {
    std::uint64_t answer = random.below(3 * third);
    EXPECT_LT(answer, 3 * third);
    low += answer < third;
  }
  EXPECT_NEAR(low, 3000, 4.5 * std::sqrt(9000 * 2.0 / 9));
}

TEST(Random, PermutationsAreUniform) {
  Random random(4);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) {
    std::vector<std::int64_t> p = random.permutation(3);
    EXPECT_EQ(p[0] + p[1] + p[2], 3);
    ++counts[static_cast<std::size_t>(2 * p[0] + (p[1] > p[2]))];
  }
  double chi_squared = 0;
  for (int count : counts) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000;
  EXPECT_LT(chi_squared, 20.5);  // 5 degrees of freedom, probability 0.001
  EXPECT_TRUE(random.permutation(0).empty());
  EXPECT_THROW(random.permutation(-1), ContractError);
}

}  // namespace
}  // namespace turnpike
