#include <turnpike/data/generators.h>

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

#include "digits_internal.h"

namespace turnpike {
namespace {

constexpr double pi = std::numbers::pi;

struct Sample {
  std::vector<double> x;
  double y;  // the class's number, or the value
};

// The samples in random order, as a table with columns x1, x2, ... would give them.
Dataset collect(std::vector<Sample> samples, std::vector<std::string> classes, Random& random) {
  const auto n = static_cast<std::int64_t>(samples.size());
  const auto d = static_cast<std::int64_t>(samples[0].x.size());
  Dataset data;
  DataSchema& schema = data.schema;
  schema.task = classes.empty() ? Task::regress : Task::classify;
  schema.named = true;
  schema.n_columns = d + 1;
  for (std::int64_t k = 0; k < d; ++k) schema.features.push_back({.name = fmt::format("x{}", k + 1), .column = k});
  schema.targets = {{classes.empty() ? "y" : "class", d}};
  schema.classes = std::move(classes);
  data.x = torch::empty({n, d}, torch::kDouble);
  data.y = schema.task == Task::classify ? torch::empty({n}, torch::kLong) : torch::empty({n, 1}, torch::kDouble);
  double* x = data.x.data_ptr<double>();
  const auto order = random.permutation(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const Sample& sample = samples[order[i]];
    std::copy(sample.x.begin(), sample.x.end(), x + i * d);
    if (schema.task == Task::classify) {
      data.y.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(sample.y);
    } else {
      data.y.data_ptr<double>()[i] = sample.y;
    }
  }
  return data;
}

// n samples; `draw(i)` gives the i-th with its class, to which normal noise is then added.
Dataset noisy(std::int64_t n, double noise, std::uint64_t seed, std::vector<std::string> classes,
              const std::function<Sample(std::int64_t, Random&)>& draw) {
  Random random(seed_for(seed, "generator"));
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < n; ++i) {
    samples.push_back(draw(i, random));
    if (noise > 0) {
      for (double& coordinate : samples.back().x) coordinate += noise * random.normal();
    }
  }
  return collect(std::move(samples), std::move(classes), random);
}

// Two arms from radius 0.1 to 1 with one turn and a half, evenly filled along the radius squared:
//   r = 0.1 + 0.9 s,  angle = 3 pi s (+ pi),  s = sqrt(uniform)
Dataset spirals(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return noisy(n, noise, seed, {"first arm", "second arm"}, [](std::int64_t i, Random& random) -> Sample {
    const double s = std::sqrt(random.uniform()), r = 0.1 + 0.9 * s, angle = 3 * pi * s + (i % 2) * pi;
    return {{r * std::cos(angle), r * std::sin(angle)}, double(i % 2)};
  });
}

// Two half circles of radius 1, the lower one moved by (1, 0.5):  (cos a, sin a)  and  (1 - cos a, 0.5 - sin a),  a in
// [0, pi].
Dataset moons(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return noisy(n, noise, seed, {"upper", "lower"}, [](std::int64_t i, Random& random) -> Sample {
    const double a = random.uniform(0, pi);
    if (i % 2 == 0) return {{std::cos(a), std::sin(a)}, 0};
    return {{1 - std::cos(a), 0.5 - std::sin(a)}, 1};
  });
}

// A ball inside a shell in R^d: direction uniform, radius uniform in [0, 0.5] (one sample in three) and in [1, 1.5].
Dataset spheres(std::int64_t n, double noise, std::uint64_t seed, std::int64_t d) {
  return noisy(n, noise, seed, {"inner", "outer"}, [d](std::int64_t i, Random& random) -> Sample {
    const bool inner = i % 3 == 0;
    const double radius = inner ? random.uniform(0, 0.5) : random.uniform(1, 1.5);
    std::vector<double> x(static_cast<std::size_t>(d));
    double norm = 0;
    while (norm < 1e-12) {
      norm = 0;
      for (double& coordinate : x) {
        coordinate = random.normal();
        norm += coordinate * coordinate;
      }
      norm = std::sqrt(norm);
    }
    for (double& coordinate : x) coordinate *= radius / norm;
    return {std::move(x), inner ? 0.0 : 1.0};
  });
}

// Two normal clouds around (-1, -1) and (1, 1); the noise is their deviation.
Dataset gaussians(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return noisy(n, noise, seed, {"left", "right"}, [](std::int64_t i, Random&) -> Sample {
    const double centre = i % 2 ? 1 : -1;
    return {{centre, centre}, double(i % 2)};
  });
}

// A board of k x k fields on [-1, 1]^2, visited in turn, uniform within; black where column + row is even.
Dataset board(std::int64_t n, double noise, std::uint64_t seed, std::int64_t k, std::vector<std::string> classes) {
  return noisy(n, noise, seed, std::move(classes), [k](std::int64_t i, Random& random) -> Sample {
    const std::int64_t column = i % k, row = i / k % k;
    const double side = 2.0 / static_cast<double>(k);
    return {{-1 + side * (static_cast<double>(column) + random.uniform()),
             -1 + side * (static_cast<double>(row) + random.uniform())},
            double((column + row) % 2)};
  });
}
Dataset xor_set(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return board(n, noise, seed, 2, {"same sign", "other sign"});
}
Dataset chess2(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return board(n, noise, seed, 2, {"black", "white"});
}
Dataset chess3(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return board(n, noise, seed, 3, {"black", "white"});
}

// Two rolls of two turns, the second further out by 0.2:  r = s (+ 0.2),  angle = 4 pi s,  s = 0 ... 1 evenly.
// Haber and Ruthotto, Inverse Problems 34 (2018), doi:10.1088/1361-6420/aa9a90, section 6.
Dataset swiss_roll(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return noisy(n, noise, seed, {"inner roll", "outer roll"}, [n](std::int64_t i, Random&) -> Sample {
    const double s = static_cast<double>(i / 2) / static_cast<double>(std::max<std::int64_t>(1, (n - 1) / 2));
    const double r = s + 0.2 * (i % 2), angle = 4 * pi * s;
    return {{r * std::cos(angle), r * std::sin(angle)}, double(i % 2)};
  });
}

// [-3, 3]^2 cut by five equal steps of the peaks function between its extremes on the square; the classes have equally
// many samples. Haber and Ruthotto (as above).
Dataset peaks_set(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  constexpr double low = -6.551133332835841,
                   high = 8.106213589442334;  // at (0.2283, -1.6255) and (-0.0093, 1.5814)
  return noisy(n, noise, seed, {"deep", "low", "middle", "high", "peak"}, [](std::int64_t i, Random& random) -> Sample {
    for (;;) {
      const double x = random.uniform(-3, 3), y = random.uniform(-3, 3);
      const auto level =
          std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(5 * (peaks(x, y) - low) / (high - low))), 0, 4);
      if (level == i % 5) return {{x, y}, double(level)};
    }
  });
}

// A filled ellipse with half axes 1 and 0.4, turned by 45 degrees, and the same ellipse's shell between 1.25 and 1.75
// times its size. Areas are filled evenly: the square of the scale is uniform.
Dataset ellipses(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return noisy(n, noise, seed, {"inner", "outer"}, [](std::int64_t i, Random& random) -> Sample {
    const bool inner = i % 2 == 0;
    const double scale = std::sqrt(inner ? random.uniform() : random.uniform(1.25 * 1.25, 1.75 * 1.75)),
                 a = random.uniform(0, 2 * pi);
    const double u = scale * std::cos(a), v = 0.4 * scale * std::sin(a), c = std::numbers::sqrt2 / 2;
    return {{c * (u - v), c * (u + v)}, inner ? 0.0 : 1.0};
  });
}

// The sets of the TensorFlow playground (github.com/tensorflow/playground, src/dataset.ts): its formulas, with our
// random numbers. `noise` is its slider / 100, from 0 to 0.5; classes are its labels -1 and +1.
std::vector<std::string> signs() {
  return {"-1", "1"};
}

Dataset playground(std::int64_t n, std::uint64_t seed, std::vector<std::string> classes,
                   const std::function<Sample(std::int64_t, Random&)>& draw) {
  return noisy(n, 0, seed, std::move(classes), draw);
}

// N((2, 2), v I) labelled +1 and N((-2, -2), v I) labelled -1, v = 0.5 + 7 noise.
Dataset playground_gauss(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  const double deviation = std::sqrt(0.5 + 7 * noise);
  return playground(n, seed, signs(), [=](std::int64_t i, Random& random) -> Sample {
    const bool positive = i < n / 2;
    const double centre = positive ? 2 : -2;
    const double x = centre + deviation * random.normal(), y = centre + deviation * random.normal();
    return {{x, y}, positive ? 1.0 : 0.0};
  });
}

// R = 5: r in [0, R/2], then r in [0.7 R, R]; +1 where |(x, y) + noise| < R/2, noise in R noise [-1, 1]^2: it flips
// labels only.
Dataset playground_circle(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  constexpr double R = 5;
  return playground(n, seed, signs(), [=](std::int64_t i, Random& random) -> Sample {
    const double r = i < n / 2 ? random.uniform(0, 0.5 * R) : random.uniform(0.7 * R, R), a = random.uniform(0, 2 * pi);
    const double x = r * std::sin(a), y = r * std::cos(a);
    const double nx = random.uniform(-R, R) * noise, ny = random.uniform(-R, R) * noise;
    return {{x, y}, std::hypot(x + nx, y + ny) < 0.5 * R ? 1.0 : 0.0};
  });
}

// r = 5 i / m, t = 1.75 (i / m) 2 pi + d, (r sin t, r cos t) + noise [-1, 1]^2, m = n / 2; d = 0 labelled +1, d = pi
// labelled -1.
Dataset playground_spiral(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  const std::int64_t m = n / 2;
  return playground(2 * m, seed, signs(), [=](std::int64_t k, Random& random) -> Sample {
    const bool positive = k < m;
    const double s = static_cast<double>(k % m) / static_cast<double>(m);
    const double r = 5 * s, t = 1.75 * s * 2 * pi + (positive ? 0 : pi);
    const double x = r * std::sin(t) + random.uniform(-1, 1) * noise,
                 y = r * std::cos(t) + random.uniform(-1, 1) * noise;
    return {{x, y}, positive ? 1.0 : 0.0};
  });
}

// x, y in [-5, 5], each moved away from 0 by 0.3; +1 where (x + nx)(y + ny) >= 0, nx, ny in 5 noise [-1, 1].
Dataset playground_xor(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return playground(n, seed, signs(), [=](std::int64_t, Random& random) -> Sample {
    double x = random.uniform(-5, 5), y = random.uniform(-5, 5);
    x += x > 0 ? 0.3 : -0.3;
    y += y > 0 ? 0.3 : -0.3;
    const double nx = random.uniform(-5, 5) * noise, ny = random.uniform(-5, 5) * noise;
    return {{x, y}, (x + nx) * (y + ny) >= 0 ? 1.0 : 0.0};
  });
}

// x, y in [-6, 6]; the value is (x + nx + y + ny) / 10, nx, ny in 6 noise [-1, 1].
Dataset playground_plane(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  return playground(n, seed, {}, [=](std::int64_t, Random& random) -> Sample {
    const double x = random.uniform(-6, 6), y = random.uniform(-6, 6);
    const double nx = random.uniform(-6, 6) * noise, ny = random.uniform(-6, 6) * noise;
    return {{x, y}, (x + nx + y + ny) / 10};
  });
}

// Six cones of height 1 and radius 2 with signs: of sign max(0, 1 - distance / 2) at (x, y) + noise, the one of largest
// size.
Dataset playground_gaussians(std::int64_t n, double noise, std::uint64_t seed, std::int64_t) {
  constexpr std::array<std::array<double, 3>, 6> cones = {
      {{-4, 2.5, 1}, {0, 2.5, -1}, {4, 2.5, 1}, {-4, -2.5, -1}, {0, -2.5, 1}, {4, -2.5, -1}}};
  return playground(n, seed, {}, [=](std::int64_t, Random& random) -> Sample {
    const double x = random.uniform(-6, 6), y = random.uniform(-6, 6);
    const double nx = random.uniform(-6, 6) * noise, ny = random.uniform(-6, 6) * noise;
    double value = 0;
    for (const auto& [cx, cy, sign] : cones) {
      const double height = sign * std::clamp(1 - std::hypot(x + nx - cx, y + ny - cy) / 2, 0.0, 1.0);
      if (std::abs(height) > std::abs(value)) value = height;
    }
    return {{x, y}, value};
  });
}

}  // namespace

double peaks(double x, double y) {
  // 3 (1-x)^2 e^{-x^2-(y+1)^2} - 10 (x/5 - x^3 - y^5) e^{-x^2-y^2} - 1/3 e^{-(x+1)^2-y^2}
  return 3 * (1 - x) * (1 - x) * std::exp(-x * x - (y + 1) * (y + 1)) -
         10 * (x / 5 - x * x * x - std::pow(y, 5)) * std::exp(-x * x - y * y) -
         std::exp(-(x + 1) * (x + 1) - y * y) / 3;
}

const std::vector<Generator>& generators() {
  constexpr Task classify = Task::classify, regress = Task::regress;
  static const std::vector<Generator> table = {
      {"spirals", "two arms of one turn and a half", classify, 600, 0.02, 2, false, spirals},
      {"moons", "two interleaved half circles", classify, 600, 0.1, 2, false, moons},
      {"circles", "a disc inside a ring: radii in [0, 0.5] and [1, 1.5]", classify, 600, 0, 2, false, spheres},
      {"spheres", "a ball inside a shell in any dimension", classify, 600, 0, 3, true, spheres},
      {"gaussians", "two normal clouds", classify, 600, 0.5, 2, false, gaussians},
      {"xor", "the sign of x1 x2 on a square", classify, 600, 0, 2, false, xor_set},
      {"chess2", "a board of 2 x 2 fields", classify, 3000, 0, 2, false, chess2},
      {"chess3", "a board of 3 x 3 fields", classify, 3000, 0, 2, false, chess3},
      {"swiss_roll", "two rolls of two turns", classify, 512, 0, 2, false, swiss_roll},
      {"peaks", "five level sets of the peaks function", classify, 1000, 0, 2, false, peaks_set},
      {"ellipses", "a filled ellipse inside its own shell", classify, 2400, 0, 2, false, ellipses},
      {"playground_circle", "the playground's circle", classify, 500, 0, 2, false, playground_circle},
      {"playground_spiral", "the playground's spiral", classify, 500, 0, 2, false, playground_spiral},
      {"playground_xor", "the playground's exclusive or", classify, 500, 0, 2, false, playground_xor},
      {"playground_gauss", "the playground's two normal clouds", classify, 500, 0, 2, false, playground_gauss},
      {"playground_plane", "the playground's plane", regress, 1200, 0, 2, false, playground_plane},
      {"playground_gaussians", "the playground's six cones", regress, 1200, 0, 2, false, playground_gaussians},
      {"digits", "handwritten digits, drawn: 28 x 28 images of pen strokes", classify, 1000, 0.1, 784, false, digits},
  };
  return table;
}

std::vector<std::string> generator_names() {
  std::vector<std::string> names;
  for (const Generator& generator : generators()) names.emplace_back(generator.name);
  return names;
}

const Generator& generator_named(const std::string& name) {
  for (const Generator& generator : generators()) {
    if (name == generator.name) return generator;
  }
  const auto names = generator_names();
  const std::string nearest = did_you_mean(name, names);
  throw InputError(fmt::format("no data set is named '{}'; {}", name,
                               nearest.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                                               : fmt::format("did you mean '{}'?", nearest)));
}

Dataset generate(const std::string& name, std::int64_t n, double noise, std::uint64_t seed, std::int64_t dimension) {
  const Generator& generator = generator_named(name);
  if (n <= 0) n = generator.n;
  if (!(noise >= 0)) noise = generator.noise;
  if (dimension <= 0) dimension = generator.dimension;
  constexpr std::int64_t least = 10, most = 100'000'000;
  if (n < least || n > most)
    throw InputError(fmt::format("a data set is made of {} to {} samples, got {}", least, most, n));
  if (!std::isfinite(noise)) throw InputError("the noise of a data set must be finite");
  if (dimension != generator.dimension && !generator.any_dimension) {
    throw InputError(
        fmt::format("the set {} has dimension {}, not {}; spheres has any", name, generator.dimension, dimension));
  }
  return generator.function(n, noise, seed, dimension);
}

}  // namespace turnpike
