// Handwritten digits, drawn: 28 x 28 images in [0, 1] of pen strokes that no two samples share.
//
//   ink(q) = smoothstep((r + s/2 - dist(q, strokes)) / s)    r the pen's radius, s the blur, in pixels
//
// A digit is a few polylines and arcs of ellipses in the box [-1, 1]^2, in one of its common shapes (a seven with or
// without a bar, ...). Each sample bends them, x += a sin(2 y + phi), turns, shears, scales and shifts them, and draws
// the pen anew. Classes are visited in turn, so they are balanced.
#include "digits_internal.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

constexpr std::int64_t side = 28, pixels = side * side;

struct Point {
  double x, y;  // right, down
};
using Stroke = std::vector<Point>;

// From angle `from` to `to` in degrees, clockwise on the page, 0 to the right.
Stroke arc(Point centre, double rx, double ry, double from, double to) {
  constexpr int n = 14;
  Stroke stroke;
  for (int i = 0; i <= n; ++i) {
    const double a = (from + (to - from) * i / n) * std::numbers::pi / 180;
    stroke.push_back({centre.x + rx * std::cos(a), centre.y + ry * std::sin(a)});
  }
  return stroke;
}

Stroke joined(Stroke first, const Stroke& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<Stroke> strokes_of(std::int64_t digit, Random& random) {
  const bool other = random.uniform() < 0.4;  // the second of a digit's common shapes
  switch (digit) {
    case 0: return {arc({0, 0}, other ? 0.45 : 0.62, 0.95, -70, 290)};
    case 1:
      if (other) return {{{-0.35, -0.6}, {0.02, -0.95}, {0, 0.95}}};
      return {{{0, -0.95}, {0, 0.95}}};
    case 2:
      if (other)  // with a loop at the foot
        return {joined(joined(arc({0, -0.42}, 0.55, 0.52, 195, 390), {{-0.3, 0.75}}),
                       joined(arc({-0.35, 0.7}, 0.2, 0.2, 100, 340), {{0.25, 0.9}, {0.65, 0.8}}))};
      return {joined(arc({0, -0.42}, 0.55, 0.52, 195, 390), {{-0.6, 0.95}, {0.62, 0.93}})};
    case 3:
      if (other) return {joined({{-0.5, -0.92}, {0.5, -0.92}, {-0.05, -0.15}}, arc({0, 0.4}, 0.57, 0.55, 275, 510))};
      return {joined(arc({0, -0.48}, 0.5, 0.47, 200, 445), arc({0, 0.47}, 0.58, 0.48, 275, 515))};
    case 4:
      if (other) return {{{-0.42, -0.9}, {-0.52, 0.05}, {0.55, 0.02}}, {{0.42, -0.9}, {0.36, 0.95}}};
      return {{{0.2, -0.95}, {-0.62, 0.3}, {0.65, 0.3}}, {{0.25, -0.9}, {0.25, 0.95}}};
    case 5:
      return {joined({{-0.42, -0.9}, {-0.48, -0.05}}, arc({-0.02, 0.35}, 0.58, 0.58, 230, 510)),
              {{-0.42, -0.9}, {other ? 0.6 : 0.45, other ? -1.0 : -0.9}}};
    case 6:
      if (other) return {joined({{0.3, -0.95}, {-0.45, 0.2}}, arc({0, 0.45}, 0.5, 0.48, 200, 560))};
      return {joined(arc({0.45, 0.4}, 1.0, 1.35, 270, 180), arc({0, 0.42}, 0.55, 0.52, 180, -180))};
    case 7:
      if (other) return {{{-0.55, -0.88}, {0.55, -0.92}, {-0.1, 0.95}}, {{-0.25, 0.02}, {0.5, -0.02}}};
      return {{{-0.55, -0.85}, {0.55, -0.9}, {-0.15, 0.95}}};
    case 8:
      if (other)  // in one line, crossing itself
        return {joined(arc({0, -0.5}, 0.48, 0.42, -20, -200), arc({0.02, 0.48}, 0.52, 0.46, -45, 225)),
                {{-0.45, -0.4}, {0.4, 0.2}},
                {{-0.36, 0.18}, {0.46, -0.62}}};
      return {arc({0, -0.48}, 0.46, 0.46, 90, 450), arc({0, 0.47}, 0.56, 0.48, -90, 270)};
    default:
      if (other) return {joined(arc({0, -0.45}, 0.5, 0.47, 0, 360), arc({-0.3, -0.3}, 0.8, 1.2, 0, 80))};
      return {joined(arc({0, -0.42}, 0.52, 0.5, 0, 360), {{0.48, -0.42}, {0.35, 0.95}})};
  }
}

double distance(Point q, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  const double s = length2 > 0 ? std::clamp(((q.x - a.x) * dx + (q.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(q.x - a.x - s * dx, q.y - a.y - s * dy);
}

void draw(std::int64_t digit, double noise, Random& random, double* image) {
  std::vector<Stroke> strokes = strokes_of(digit, random);
  const double bend = random.uniform(-0.18, 0.18), phase = random.uniform(0, 2 * std::numbers::pi);
  const double turn = 0.13 * random.normal(), shear = 0.2 * random.normal();
  const double half = 9.2 * std::exp(0.1 * random.normal()), aspect = std::exp(0.12 * random.normal());
  const Point shift = {13.5 + random.uniform(-2, 2), 13.5 + random.uniform(-2, 2)};
  const double radius = random.uniform(0.6, 1.7), blur = random.uniform(0.9, 1.8);
  const double c = std::cos(turn), s = std::sin(turn);
  for (Stroke& stroke : strokes) {
    for (Point& p : stroke) {
      const double x = (p.x + bend * std::sin(2 * p.y + phase) - shear * p.y) * half * aspect, y = p.y * half;
      p = {shift.x + c * x - s * y, shift.y + s * x + c * y};
    }
  }

  std::array<double, pixels> nearest;
  const double reach = radius + blur;
  nearest.fill(reach);
  for (const Stroke& stroke : strokes) {
    for (std::size_t k = 0; k + 1 < stroke.size(); ++k) {
      const Point a = stroke[k], b = stroke[k + 1];
      const auto first = [&](double v) {
        return static_cast<std::int64_t>(std::clamp(std::floor(v - reach), 0.0, side - 1.0));
      };
      const auto last = [&](double v) {
        return static_cast<std::int64_t>(std::clamp(std::ceil(v + reach), 0.0, side - 1.0));
      };
      for (std::int64_t i = first(std::min(a.y, b.y)); i <= last(std::max(a.y, b.y)); ++i) {
        for (std::int64_t j = first(std::min(a.x, b.x)); j <= last(std::max(a.x, b.x)); ++j) {
          double& d = nearest[static_cast<std::size_t>(i * side + j)];
          d = std::min(d, distance({static_cast<double>(j), static_cast<double>(i)}, a, b));
        }
      }
    }
  }
  for (std::size_t q = 0; q < pixels; ++q) {
    const double v = std::clamp((radius + blur / 2 - nearest[q]) / blur, 0.0, 1.0);
    image[q] = v * v * (3 - 2 * v);
    if (noise > 0) image[q] = std::clamp(image[q] + noise * random.normal(), 0.0, 1.0);
  }
}

}  // namespace

Dataset digits(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  Random random(seed_for(seed, "generator"));
  Dataset data;
  DataSchema& schema = data.schema;
  schema.task = Task::classify;
  schema.array_shape = {side, side};
  schema.n_columns = pixels;
  schema.targets = {{"class", -1}};
  for (int digit = 0; digit < 10; ++digit) schema.classes.push_back(std::to_string(digit));
  data.x = torch::empty({n, pixels}, torch::kDouble);
  data.y = torch::empty({n}, torch::kLong);
  const auto order = random.permutation(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t row = order[static_cast<std::size_t>(i)];
    draw(i % 10, noise, random, data.x.data_ptr<double>() + row * pixels);
    data.y.data_ptr<std::int64_t>()[row] = i % 10;
  }
  return data;
}

}  // namespace turnpike
