#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include <turnpike/report/curves.h>

namespace turnpike {
namespace {

double distance(Point p, Point a, Point b) {
  double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  double s = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - s * dx, p.y - a.y - s * dy);
}

double length_of(const Polyline& line) {
  double length = 0;
  for (std::size_t i = 1; i < line.size(); ++i)
    length += std::hypot(line[i].x - line[i - 1].x, line[i].y - line[i - 1].y);
  return length;
}

// Of closed rings under the even-odd rule, when outer and inner rings turn in opposite directions or do not nest.
double area_of(const std::vector<Polyline>& rings) {
  double area = 0;
  for (const Polyline& ring : rings) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const Point &a = ring[i], &b = ring[(i + 1) % ring.size()];
      area += (a.x * b.y - b.x * a.y) / 2;
    }
  }
  return std::abs(area);
}

template <class F>
Grid sample(F f, long n, double low = -1, double high = 1) {
  Grid grid{low, high, low, high, n, n};
  for (long j = 0; j < n; ++j) {
    for (long i = 0; i < n; ++i) grid.values.push_back(f(grid.x(i), grid.y(j)));
  }
  return grid;
}

TEST(Decimate, KeepsEveryPointWithinTheTolerance) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (double tolerance : {0.01, 0.2, 3.0}) {
    Polyline walk{{0, 0}};
    for (int k = 0; k < 2000; ++k) walk.push_back({walk.back().x + 0.1, walk.back().y + 0.2 * normal(random)});
    Polyline few = decimate(walk, tolerance);
    ASSERT_GE(few.size(), 2u);
    EXPECT_LT(few.size(), walk.size());
    EXPECT_EQ(few.front().x, walk.front().x);
    EXPECT_EQ(few.back().y, walk.back().y);
    std::size_t k =
        0;  // kept points are points of the walk, in order; those between two of them are near their segment
    for (std::size_t i = 1; i < few.size(); ++i) {
      for (++k; walk[k].x != few[i].x; ++k) {
        ASSERT_LT(k, walk.size());
        EXPECT_LE(distance(walk[k], few[i - 1], few[i]), tolerance);
      }
      EXPECT_EQ(walk[k].y, few[i].y);
    }
  }
}

TEST(Decimate, AStraightLineIsTwoPoints) {
  Polyline line;
  for (int k = 0; k <= 1000; ++k) line.push_back({double(k), 3.0 * k});
  EXPECT_EQ(decimate(line, 1e-6).size(), 2u);
  EXPECT_EQ(decimate(Polyline{}, 1).size(), 0u);
  EXPECT_EQ(decimate(Polyline{{1, 2}}, 1).size(), 1u);
}

TEST(ContourLines, OfARadiusAreOneClosedCircle) {
  Grid grid = sample([](double x, double y) { return std::hypot(x, y); }, 101);
  auto lines = contour_lines(grid, 0.7);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].front().x, lines[0].back().x);
  EXPECT_EQ(lines[0].front().y, lines[0].back().y);
  double h = 0.02;
  for (Point p : lines[0]) EXPECT_NEAR(std::hypot(p.x, p.y), 0.7, h * h);  // linear interpolation: h^2 / (8 r)
  EXPECT_NEAR(length_of(lines[0]), 2 * std::numbers::pi * 0.7, 1e-2);
}

TEST(ContourLines, OfALinearFunctionAreExact) {
  Grid grid = sample([](double x, double y) { return 2 * x - y; }, 7);
  auto lines = contour_lines(grid, 0.25);
  ASSERT_EQ(lines.size(), 1u);
  for (Point p : lines[0]) EXPECT_NEAR(2 * p.x - p.y, 0.25, 1e-14);
  EXPECT_NEAR(length_of(lines[0]), std::sqrt(5.0), 1e-12);  // from y = -1 to y = 1
}

TEST(ContourLines, OfASaddleDoNotCross) {
  Grid saddle{0, 1, 0, 1, 2, 2, {1, 0, 0, 1}};
  auto high = contour_lines(saddle, 0.4), low = contour_lines(saddle, 0.6);
  ASSERT_EQ(high.size(), 2u);  // the centre (.5) is above .4: the two corners at 0 are cut off
  for (const Polyline& line : high)
    EXPECT_LT(distance({1, 0}, line[0], line[1]) * distance({0, 1}, line[0], line[1]), 0.6 * 0.9);
  double near_zero = std::min(distance({1, 0}, high[0][0], high[0][1]), distance({1, 0}, high[1][0], high[1][1]));
  EXPECT_NEAR(near_zero, 0.4 / std::numbers::sqrt2, 1e-12);
  ASSERT_EQ(low.size(), 2u);
  double near_one = std::min(distance({0, 0}, low[0][0], low[0][1]), distance({0, 0}, low[1][0], low[1][1]));
  EXPECT_NEAR(near_one, 0.4 / std::numbers::sqrt2, 1e-12);
}

TEST(ContourLines, LeaveHolesAtNaN) {
  Grid grid = sample([](double x, double y) { return x; }, 21);
  std::size_t whole = contour_lines(grid, 0.05).size();
  grid.values[10 * 21 + 10] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(whole, 1u);
  EXPECT_EQ(contour_lines(grid, 0.05).size(), 2u);
  EXPECT_TRUE(contour_lines(Grid{0, 1, 0, 1, 1, 3, {1, 2, 3}}, 2).empty());
}

// Law: higher values lie to the left, so that a ring round a region turns counter-clockwise, and one round a hole
// clockwise.
TEST(ContourRings, TurnCounterClockwiseRoundTheRegion) {
  auto turn = [](const Polyline& ring) {
    double area = 0;
    for (std::size_t i = 1; i < ring.size(); ++i) area += (ring[i - 1].x * ring[i].y - ring[i].x * ring[i - 1].y) / 2;
    return area;
  };
  auto hill = contour_rings(sample([](double x, double y) { return -x * x - y * y; }, 41), -0.25);
  ASSERT_EQ(hill.size(), 1u);
  EXPECT_NEAR(turn(hill[0]), std::numbers::pi / 4, 1e-2);
  auto bowl = contour_rings(sample([](double x, double y) { return x * x + y * y; }, 41), 0.25);
  ASSERT_EQ(bowl.size(), 2u);  // the border and the hole
  EXPECT_NEAR(turn(bowl[0]) + turn(bowl[1]), 4 - std::numbers::pi / 4, 1e-2);
  EXPECT_LT(std::min(turn(bowl[0]), turn(bowl[1])), 0);
}

TEST(ContourRings, EncloseTheAreaOfTheRegion) {
  // x in [-1, 1] >= .3: a rectangle of .7 x 2, exact for a linear function.
  EXPECT_NEAR(area_of(contour_rings(sample([](double x, double y) { return x; }, 11), 0.3)), 1.4, 1e-12);
  EXPECT_NEAR(area_of(contour_rings(sample([](double x, double y) { return 1.0; }, 5), 0)), 4, 1e-12);
  EXPECT_TRUE(contour_rings(sample([](double x, double y) { return -1.0; }, 5), 0).empty());
  auto wave = [](double x, double y) { return std::sin(5 * x + y) + std::cos(4 * y - x); };
  double above = area_of(contour_rings(sample(wave, 200), 0.1));
  double below = area_of(contour_rings(sample([&](double x, double y) { return -wave(x, y); }, 200), -0.1));
  EXPECT_NEAR(above + below, 4, 1e-3);
}

}  // namespace
}  // namespace turnpike
