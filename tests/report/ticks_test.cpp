#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include <turnpike/base/error.h>
#include <turnpike/report/ticks.h>

namespace turnpike {
namespace {

// value = mantissa * 10^k with mantissa in [1, 10).
double mantissa_of(double value) {
  return value / std::pow(10.0, std::floor(std::log10(value) + 1e-9));
}

TEST(LinearTicks, AreRoundCoverTheRangeAndAreFew) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1), decade(-12, 12);
  for (int trial = 0; trial < 5000; ++trial) {
    double scale = std::pow(10.0, decade(random)), a = uniform(random) * scale, b = uniform(random) * scale;
    double low = std::min(a, b), high = std::max(a, b);
    if (high - low < 1e-6 * scale) continue;
    int at_most = 2 + trial % 9;
    Ticks ticks = linear_ticks(low, high, at_most);
    SCOPED_TRACE(testing::Message() << "[" << low << ", " << high << "] at most " << at_most);
    ASSERT_GE(ticks.major.size(), 1u);
    ASSERT_LE(int(ticks.major.size()), at_most);
    ASSERT_EQ(ticks.labels.size(), ticks.major.size());
    EXPECT_TRUE(std::is_sorted(ticks.major.begin(), ticks.major.end()));
    EXPECT_GE(ticks.major.front(), low);
    EXPECT_LE(ticks.major.back(), high);
    std::set<std::string> labels(ticks.labels.begin(), ticks.labels.end());
    EXPECT_EQ(labels.size(), ticks.labels.size()) << "two ticks with one label";
    for (double minor : ticks.minor) {
      EXPECT_GE(minor, low);
      EXPECT_LE(minor, high);
    }
    if (ticks.major.size() < 2) continue;
    double step = ticks.major[1] - ticks.major[0], m = mantissa_of(step);
    EXPECT_TRUE(std::abs(m - 1) < 1e-5 || std::abs(m - 2) < 1e-5 || std::abs(m - 5) < 1e-5 || std::abs(m - 10) < 1e-5)
        << step;
    EXPECT_LT(ticks.major.front() - low, step * 1.0001);
    EXPECT_LT(high - ticks.major.back(), step * 1.0001);
    for (double tick : ticks.major) EXPECT_NEAR(std::remainder(tick, step), 0, 1e-5 * step);
  }
}

TEST(LinearTicks, HaveNoRoundingInTheirValuesOrLabels) {
  Ticks ticks = linear_ticks(0, 1, 6);
  EXPECT_EQ(ticks.major, (std::vector<double>{0, 0.2, 0.4, 0.6, 0.8, 1}));
  EXPECT_EQ(ticks.labels, (std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(ticks.minor.size(), 15u);  // every 0.05
  EXPECT_NEAR(ticks.minor.front(), 0.05, 1e-15);
  EXPECT_EQ(linear_ticks(-1, 1, 5).labels, (std::vector<std::string>{"−1.0", "−0.5", "0.0", "0.5", "1.0"}));
  EXPECT_EQ(linear_ticks(0.13, 4.8, 6).major, (std::vector<double>{1, 2, 3, 4}));
}

TEST(LinearTicks, NameWhatLongLabelsShare) {
  Ticks large = linear_ticks(0, 3e6, 4);
  EXPECT_EQ(large.common, "$\\times 10^{6}$");
  EXPECT_EQ(large.labels, (std::vector<std::string>{"0", "1", "2", "3"}));
  Ticks narrow = linear_ticks(1.0000010, 1.0000020, 3);
  EXPECT_EQ(narrow.common, "$\\times 10^{-6}$ + 1.000001");
  EXPECT_EQ(narrow.labels, (std::vector<std::string>{"0.0", "0.5", "1.0"}));
}

TEST(LogTicks, AreDecadesWithMinorTicksBetween) {
  std::mt19937 random(2);
  std::uniform_real_distribution<double> decade(-20, 20), length(1.5, 40);
  for (int trial = 0; trial < 2000; ++trial) {
    double start = decade(random), low = std::pow(10.0, start), high = std::pow(10.0, start + length(random));
    int at_most = 3 + trial % 8;
    Ticks ticks = log_ticks(low, high, at_most);
    SCOPED_TRACE(testing::Message() << "[" << low << ", " << high << "] at most " << at_most);
    ASSERT_LE(int(ticks.major.size()), at_most);
    ASSERT_EQ(ticks.labels.size(), ticks.major.size());
    for (double tick : ticks.major) {
      EXPECT_NEAR(std::remainder(std::log10(tick), 1), 0, 1e-9);
      EXPECT_GE(tick, low * (1 - 1e-6));
      EXPECT_LE(tick, high * (1 + 1e-6));
    }
    for (std::size_t k = 2; k < ticks.major.size(); ++k) {
      EXPECT_NEAR(ticks.major[k] / ticks.major[k - 1] / (ticks.major[k - 1] / ticks.major[k - 2]), 1, 1e-9);
    }
    for (double tick : ticks.minor) EXPECT_NEAR(std::remainder(mantissa_of(tick), 1), 0, 1e-6);
  }
}

TEST(LogTicks, KnownCases) {
  Ticks decades = log_ticks(1e-3, 1, 6);
  EXPECT_EQ(decades.labels, (std::vector<std::string>{"$10^{-3}$", "$10^{-2}$", "$10^{-1}$", "$10^{0}$"}));
  EXPECT_EQ(decades.minor.size(), 24u);
  EXPECT_EQ(log_ticks(0.01, 0.1, 6).labels, (std::vector<std::string>{"0.01", "0.02", "0.05", "0.1"}));
  Ticks wide = log_ticks(1e-18, 1, 4);
  EXPECT_EQ(wide.major, (std::vector<double>{1e-15, 1e-10, 1e-5, 1}));
}

TEST(Ticks, RefuseWhatIsNoRange) {
  EXPECT_THROW(linear_ticks(1, 1, 5), ContractError);
  EXPECT_THROW(linear_ticks(0, INFINITY, 5), ContractError);
  EXPECT_THROW(log_ticks(0, 1, 5), ContractError);
  EXPECT_THROW(log_ticks(2, 1, 5), ContractError);
}

}  // namespace
}  // namespace turnpike
