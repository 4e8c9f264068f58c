#include <turnpike/data/generators.h>

#include <torch/types.h>

#include <cmath>

#include <gtest/gtest.h>

#include <io/expect.h>

namespace turnpike {
namespace {

using testing::expect_input_error;

struct Point {
  double x, y;
  std::int64_t label;
  double radius() const { return std::hypot(x, y); }
};

std::vector<Point> points(const Dataset& data) {
  std::vector<Point> out;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    out.push_back({data.x[i][0].item<double>(), data.x[i][1].item<double>(), data.y[i].item<std::int64_t>()});
  }
  return out;
}

std::vector<std::int64_t> counts(const Dataset& data) {
  std::vector<std::int64_t> n;
  for (std::size_t k = 0; k < data.schema.classes.size(); ++k)
    n.push_back((data.y == static_cast<std::int64_t>(k)).sum().item<std::int64_t>());
  return n;
}

double smallest_distance_between_classes(const Dataset& data) {
  const Tensor a = data.x.index({data.y == 0}), b = data.x.index({data.y == 1});
  return (a.unsqueeze(1) - b.unsqueeze(0)).norm(2, 2).min().item<double>();
}

TEST(Generators, EverySetHasItsShapeAndSameSeedSameBits) {
  for (const Generator& generator : generators()) {
    const Dataset data = generate(generator.name, 0, -1, 5);
    EXPECT_EQ(data.x.sizes(), (std::vector<std::int64_t>{generator.n, generator.dimension})) << generator.name;
    EXPECT_EQ(data.x.scalar_type(), torch::kDouble);
    EXPECT_EQ(data.schema.n_inputs(), generator.dimension);
    EXPECT_EQ(data.schema.task, generator.task);
    EXPECT_TRUE(torch::isfinite(data.x).all().item<bool>());
    if (generator.task == Task::classify) {
      EXPECT_EQ(data.y.sizes(), (std::vector<std::int64_t>{generator.n}));
      for (std::int64_t n : counts(data)) EXPECT_GT(n, 0) << generator.name;
    } else {
      EXPECT_EQ(data.y.sizes(), (std::vector<std::int64_t>{generator.n, 1}));
    }
    const Dataset again = generate(generator.name, 0, -1, 5), other = generate(generator.name, 0, 0.3, 6);
    EXPECT_TRUE(torch::equal(data.x, again.x) && torch::equal(data.y, again.y)) << generator.name;
    EXPECT_FALSE(torch::equal(data.x, other.x)) << generator.name;
  }
}

TEST(Generators, AreBalanced) {
  for (const char* name : {"spirals", "moons", "gaussians", "swiss_roll", "ellipses", "xor", "chess2",
                           "playground_gauss", "playground_spiral"}) {
    const auto n = counts(generate(name, 600));
    EXPECT_EQ(n[0], n[1]) << name;
  }
  EXPECT_EQ(counts(generate("spheres", 300)), (std::vector<std::int64_t>{100, 200}));
  EXPECT_EQ(counts(generate("peaks", 1000)), (std::vector<std::int64_t>{200, 200, 200, 200, 200}));
  EXPECT_EQ(counts(generate("chess3", 900)), (std::vector<std::int64_t>{500, 400}));
}

TEST(Generators, SpheresHaveTheirRadiiInAnyDimension) {
  for (std::int64_t d : {1, 2, 3, 7}) {
    const Dataset data = generate("spheres", 600, 0, 1, d);
    EXPECT_EQ(data.x.size(1), d);
    const Tensor inner = data.x.index({data.y == 0}).norm(2, 1), outer = data.x.index({data.y == 1}).norm(2, 1);
    EXPECT_GE(inner.min().item<double>(), 0);
    EXPECT_LE(inner.max().item<double>(), 0.5 + 1e-12);
    EXPECT_GE(outer.min().item<double>(), 1 - 1e-12);
    EXPECT_LE(outer.max().item<double>(), 1.5 + 1e-12);
    EXPECT_NEAR(outer.mean().item<double>(), 1.25, 0.04);  // 4 deviations of a mean of 400 uniforms: 4 * 0.144 / 20
  }
}

TEST(Generators, SpiralsAndRollsKeepApart) {
  // One arm passes the other half a turn later: pi of angle, 0.3 of radius, at most 0.3 apart and never closer than
  // 0.15.
  EXPECT_GT(smallest_distance_between_classes(generate("spirals", 600, 0)), 0.15);
  for (const Point& p : points(generate("spirals", 600, 0))) {
    EXPECT_TRUE(p.radius() >= 0.1 - 1e-12 && p.radius() <= 1) << p.radius();
    const double angle = 3 * M_PI * (p.radius() - 0.1) / 0.9 + M_PI * static_cast<double>(p.label);
    EXPECT_NEAR(p.x, p.radius() * std::cos(angle), 1e-12);
  }
  const Dataset roll = generate("swiss_roll");
  EXPECT_EQ(roll.size(), 512);  // 256 a class
  for (const Point& p : points(roll)) {
    const double s = p.radius() - 0.2 * static_cast<double>(p.label), angle = 4 * M_PI * s;
    EXPECT_NEAR(p.x, p.radius() * std::cos(angle), 1e-12);
    EXPECT_NEAR(p.y, p.radius() * std::sin(angle), 1e-12);
  }
}

TEST(Generators, MoonsAreHalfCircles) {
  for (const Point& p : points(generate("moons", 400, 0))) {
    if (p.label == 0) {
      EXPECT_NEAR(p.radius(), 1, 1e-12);
      EXPECT_GE(p.y, 0);
    } else {
      EXPECT_NEAR(std::hypot(p.x - 1, p.y - 0.5), 1, 1e-12);
      EXPECT_LE(p.y, 0.5);
    }
  }
}

TEST(Generators, BoardsHaveTheirColours) {
  for (const auto& [name, k] : {std::pair<const char*, int>{"xor", 2}, {"chess2", 2}, {"chess3", 3}}) {
    for (const Point& p : points(generate(name, 900, 0))) {
      ASSERT_TRUE(std::abs(p.x) <= 1 && std::abs(p.y) <= 1);
      const int column = static_cast<int>((p.x + 1) / 2 * k), row = static_cast<int>((p.y + 1) / 2 * k);
      EXPECT_EQ(p.label, (column + row) % 2) << name;
    }
  }
  for (const Point& p : points(generate("xor", 100, 0))) EXPECT_EQ(p.label, p.x * p.y > 0 ? 0 : 1);
}

// MATLAB's documentation of peaks: largest value 8.1062 near (-0.009, 1.581), smallest -6.5511 near (0.228, -1.626).
TEST(Generators, PeaksAreLevelSets) {
  EXPECT_NEAR(peaks(-0.0093, 1.5814), 8.1062, 5e-5);
  EXPECT_NEAR(peaks(0.2283, -1.6255), -6.5511, 5e-5);
  for (const Point& p : points(generate("peaks", 500, 0))) {
    const double low = -6.5511 + 14.6573 / 5 * static_cast<double>(p.label);
    EXPECT_GE(peaks(p.x, p.y), low - 1e-4);
    EXPECT_LE(peaks(p.x, p.y), low + 14.6573 / 5 + 1e-4);
  }
}

TEST(Generators, EllipsesLieInsideTheirShell) {
  for (const Point& p : points(generate("ellipses", 1000, 0))) {
    // In the axes of the ellipse, turned by 45 degrees: q = u^2 + (v / 0.4)^2.
    const double u = (p.x + p.y) / std::sqrt(2), v = (p.y - p.x) / std::sqrt(2), q = std::sqrt(u * u + v * v / 0.16);
    if (p.label == 0) {
      EXPECT_LE(q, 1 + 1e-12);
    } else {
      EXPECT_TRUE(q >= 1.25 - 1e-12 && q <= 1.75 + 1e-12) << q;
    }
  }
}

TEST(Generators, NoiseIsTheDeviation) {
  const Dataset clean = generate("gaussians", 20000, 0, 1), noisy = generate("gaussians", 20000, 0.5, 1);
  EXPECT_EQ(clean.x.abs().sub(1).abs().max().item<double>(), 0);
  const Tensor spread = noisy.x - (2 * noisy.y.to(torch::kDouble) - 1).unsqueeze(1);
  EXPECT_NEAR(spread.std().item<double>(), 0.5, 0.01);  // 4 deviations of an estimate from 40000: 4 * 0.5 / sqrt(80000)
}

TEST(Playground, CircleAndXorKeepTheirPointsWhateverTheNoise) {
  for (const Point& p : points(generate("playground_circle", 500, 0))) {
    EXPECT_TRUE(p.label == 1 ? p.radius() <= 2.5 : p.radius() >= 3.5 && p.radius() <= 5) << p.radius();
  }
  for (const Point& p : points(generate("playground_xor", 500, 0))) {
    EXPECT_TRUE(std::abs(p.x) >= 0.3 && std::abs(p.x) <= 5.3 && std::abs(p.y) >= 0.3 && std::abs(p.y) <= 5.3);
    EXPECT_EQ(p.label, p.x * p.y >= 0);
  }
  int flipped = 0;
  for (const Point& p : points(generate("playground_circle", 500, 0.5))) {
    EXPECT_TRUE(p.radius() <= 2.5 || (p.radius() >= 3.5 && p.radius() <= 5)) << p.radius();
    flipped += p.label != (p.radius() <= 2.5);
  }
  EXPECT_GT(flipped, 10);
}

TEST(Playground, SpiralFollowsItsFormula) {
  for (const Point& p : points(generate("playground_spiral", 500, 0))) {
    const double t = 1.75 * p.radius() / 5 * 2 * M_PI + (p.label == 1 ? 0 : M_PI);
    EXPECT_NEAR(p.x, p.radius() * std::sin(t), 1e-12);
    EXPECT_NEAR(p.y, p.radius() * std::cos(t), 1e-12);
  }
}

TEST(Playground, GaussHasItsVariance) {
  const Dataset data = generate("playground_gauss", 20000, 0.25, 1);
  const Tensor positive = data.x.index({data.y == 1});
  EXPECT_NEAR(positive.mean().item<double>(), 2, 0.05);    // v = 0.5 + 7 * 0.25 = 2.25; 4 * 1.5 / sqrt(20000) = 0.042
  EXPECT_NEAR(positive.var().item<double>(), 2.25, 0.09);  // 4 * 2.25 * sqrt(2 / 20000)
}

TEST(Playground, RegressionFormulas) {
  const Dataset plane = generate("playground_plane", 200, 0);
  EXPECT_TRUE(torch::allclose(plane.y.squeeze(1), plane.x.sum(1) / 10, 0, 1e-12));
  const Dataset cones = generate("playground_gaussians", 1200, 0, 2);
  // Centres are more than 4 apart, or exactly 4: the cones do not overlap, so the nearest one decides.
  for (std::int64_t i = 0; i < 300; ++i) {
    const double x = cones.x[i][0].item<double>(), y = cones.x[i][1].item<double>();
    double nearest = 1e9, sign = 0;
    for (int column = -1; column <= 1; ++column) {
      for (int row : {-1, 1}) {
        const double distance = std::hypot(x - 4 * column, y - 2.5 * row);
        if (distance < nearest) {
          nearest = distance;
          sign = (column == 0 ? -1 : 1) * row;
        }
      }
    }
    EXPECT_NEAR(cones.y[i][0].item<double>(), sign * std::max(0.0, 1 - nearest / 2), 1e-12);
  }
}

TEST(Generators, RefuseInOneSentence) {
  expect_input_error([] { generate("spiral"); }, {"'spiral'", "did you mean 'spirals'"});
  expect_input_error([] { generate("nothing like it"); }, {"there are spirals, moons"});
  expect_input_error([] { generate("moons", 3); }, {"got 3"});
  expect_input_error([] { generate("moons", 100, 0, 0, 3); }, {"moons has dimension 2, not 3"});
}

}  // namespace
}  // namespace turnpike
