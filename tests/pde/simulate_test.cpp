#include <turnpike/pde/simulate.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <turnpike/pde/catalogue.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;
using Values = std::vector<Complex>;

std::vector<double> times_to(double end, int n) {
  std::vector<double> times;
  for (int i = 0; i <= n; ++i) times.push_back(end * i / n);
  return times;
}

Equation one_field(std::initializer_list<std::pair<const char*, Complex>> terms, int time_order = 1) {
  Equation equation{.axes = {"x"}, .fields = {{.name = "u", .time_order = time_order}}};
  for (const auto& [text, xi] : terms) equation.fields[0].terms.push_back(parse_term(text, xi, equation));
  return equation;
}

template <class F>
Values sampled(const SpaceAxis& axis, F f) {
  Values values;
  for (const double x : axis.points()) values.push_back(f(x));
  return values;
}

double value(const Solution& run, std::int64_t i, std::int64_t t) {
  return run.fields[0].values[i * static_cast<std::int64_t>(run.times.size()) + t];
}

TEST(Simulate, ProductsAreFreeOfAliasing) {
  // sin(6x) on 16 points: the square's mode 12 does not exist there, and must not be taken for mode 4.
  const SpaceAxis axis{"x", 0, 2 * std::numbers::pi, 16};
  const Values start = sampled(axis, [](double x) { return std::sin(6 * x); });
  const Solution run = simulate(one_field({{"u*u_x", -1}}), {axis}, {{start}}, {0, 1}).value();
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(value(run, i, 1), start[i].real(), 1e-13);
  const Solution cube = simulate(one_field({{"u^3", 1}}), {axis}, {{start}}, {0, 0.01}, {.step = 0.01}).value();
  // sin^3 = (3 sin - sin 3) / 4: mode 18 is lost, mode 6 grows by 3/4 its size.
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(value(cube, i, 1), start[i].real() * (1 + 0.75 * 0.01), 2e-4) << i;
}

TEST(Simulate, FramesLieAtTheTimesAskedFor) {
  const SpaceAxis axis{"x", 0, 2 * std::numbers::pi, 32};
  const Values start = sampled(axis, [](double x) { return std::sin(x) + std::cos(2 * x); });
  const Equation burgers = one_field({{"u*u_x", -1}, {"u_xx", 0.1}});
  const Solution even = simulate(burgers, {axis}, {{start}}, {0, 0.25, 0.5, 0.75, 1}, {.tolerance = 1e-10}).value();
  const Solution odd = simulate(burgers, {axis}, {{start}}, {0, 0.1, 0.25, 1}, {.tolerance = 1e-10}).value();
  for (int i = 0; i < 32; ++i) {
    EXPECT_NEAR(value(even, i, 1), value(odd, i, 2), 1e-8);
    EXPECT_NEAR(value(even, i, 4), value(odd, i, 3), 1e-8);
  }
}

TEST(Simulate, ConstantsGivenFieldsAndFunctions) {
  // u_t = 1 + g - sin(u) at every point for itself: compared with the same as an ordinary equation.
  Equation equation{.axes = {"x"}, .fields = {{.name = "u"}, {.name = "g", .role = FieldRole::given}}};
  for (const auto& [text, xi] : {std::pair{"1", 1.0}, {"g", 1.0}, {"sin(u)", -1.0}})
    equation.fields[0].terms.push_back(parse_term(text, xi, equation));
  const SpaceAxis axis{"x", 0, 2 * std::numbers::pi, 48};
  const Solution run = simulate(equation, {axis},
                                {{sampled(axis, [](double) { return 0.2; })},
                                 {sampled(axis, [](double x) { return 0.1 * std::cos(x); })}},
                                {0, 1}, {.tolerance = 1e-10})
                           .value();
  for (const int i : {0, 7, 24}) {
    Equation point{.axes = {}, .fields = {{.name = "u"}}};
    const double g = 0.1 * std::cos(axis.points()[i]);
    for (const auto& [text, xi] : {std::pair{"1", 1 + g}, {"sin(u)", -1.0}})
      point.fields[0].terms.push_back(parse_term(text, xi, point));
    const Solution alone = simulate(point, {}, {{{0.2}}}, {0, 1}, {.tolerance = 1e-11}).value();
    EXPECT_NEAR(value(run, i, 1), value(alone, 0, 1), 1e-8);
  }
}

TEST(Simulate, FailuresAreTyped) {
  const SpaceAxis axis{"x", 0, 2 * std::numbers::pi, 32};
  const Values start = sampled(axis, [](double x) { return 1 + 0.1 * std::sin(x); });
  // Ill-posed: the backward heat equation.
  Values rough = start;
  rough[3] += 1e-3;
  const auto backward = simulate(one_field({{"u_xx", -1}}), {axis}, {{rough}}, times_to(1, 10));
  ASSERT_FALSE(backward);
  EXPECT_EQ(backward.failure().kind, FailureKind::divergence);
  EXPECT_LT(backward.partial().times.size(), 11u);
  EXPECT_EQ(backward.partial().fields[0].values.size(), 32 * backward.partial().times.size());
  // u_t = u^2 from 1 + 0.1 sin x is infinite at t = 1 / 1.1.
  const auto blow_up = simulate(one_field({{"u^2", 1}}), {axis}, {{start}}, times_to(2, 20));
  ASSERT_FALSE(blow_up);
  EXPECT_NEAR(blow_up.failure().time, 1 / 1.1, 0.03);
  // The same for an ordinary equation, from 1.
  const auto ordinary = simulate({.axes = {}, .fields = {{.name = "u", .terms = {{1.0, {{.power = 2}}}}}}}, {},
                                 {{{1.0}}}, times_to(2, 20));
  ASSERT_FALSE(ordinary);
  EXPECT_EQ(ordinary.failure().kind, FailureKind::divergence);
  EXPECT_NEAR(ordinary.failure().time, 1, 1e-3);
  const auto limited =
      simulate(one_field({{"u*u_x", -1}}), {axis}, {{start}}, times_to(2, 20), {.step = 0.01, .max_steps = 50});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.failure().kind, FailureKind::step_limit);
}

// A window cut from a periodic solution, its ends given by that solution, interpolated between its frames (cubic,
// local).
void expect_window(const SimulationProblem& problem, std::int64_t first, std::int64_t n, double tolerance) {
  const Solution whole = simulate(problem).value();
  const std::int64_t m = static_cast<std::int64_t>(whole.times.size());
  const std::vector<double> x = problem.axes[0].points();
  const SpaceAxis window{"x", x[first], x[first + n - 1], n, false};
  const double interval = whole.times[1];
  const auto boundary = [&](int, double time, Values& values) {
    const std::int64_t k = std::clamp<std::int64_t>(static_cast<std::int64_t>(time / interval) - 1, 0, m - 4);
    values.resize(n);
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int a = 0; a < 4; ++a) {
        double weight = 1;
        for (int b = 0; b < 4; ++b)
          if (b != a) weight *= (time / interval - static_cast<double>(k + b)) / (a - b);
        sum += weight * value(whole, first + i, k + a);
      }
      values[i] = sum;
    }
  };
  FieldState state;
  for (std::int64_t i = 0; i < n; ++i) state.values.push_back(value(whole, first + i, 0));
  if (problem.equation.fields[0].time_order == 2) state.rate.assign(n, 0.0);
  const auto run =
      simulate(problem.equation, {window}, {state}, whole.times, {.tolerance = 1e-6, .boundary = boundary});
  ASSERT_TRUE(run) << run.failure().text();
  double error = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t t = 0; t < m; ++t)
      error = std::max(error, std::abs(value(run.value(), i, t) - value(whole, first + i, t)));
  EXPECT_LT(error, tolerance);
}

SimulationProblem problem_of(const char* name, std::initializer_list<const char*> words) {
  const Simulator& simulator = simulator_named(name);
  Options options(simulator.options);
  for (const char* word : words) options.set_word(word, "test");
  return simulator.make(options);
}

TEST(Simulate, WindowsWithGivenEnds) {
  expect_window(problem_of("burgers", {"T=4", "frames=81"}), 60, 120, 2e-5);
  expect_window(problem_of("kdv", {"T=4", "frames=161", "c2=0", "a1=-8", "low=-30"}), 150, 120, 2e-4);
  expect_window(problem_of("heat", {"T=1", "frames=41"}), 20, 60, 1e-6);
  expect_window(problem_of("wave", {"T=4", "frames=161"}), 80, 90, 1e-3);
}

TEST(Simulate, PlaneWithAWall) {
  // Heat between walls held at 0 in y, periodic in x: sin(x) sin(y) e^(-2 t).
  Equation equation{.axes = {"x", "y"}, .fields = {{.name = "u"}}};
  for (const char* text : {"u_xx", "u_yy"}) equation.fields[0].terms.push_back(parse_term(text, 1.0, equation));
  const std::vector<SpaceAxis> axes = {{"x", 0, 2 * std::numbers::pi, 24}, {"y", 0, std::numbers::pi, 17, false}};
  Values start;
  for (const double x : axes[0].points())
    for (const double y : axes[1].points()) start.push_back(std::sin(x) * std::sin(y));
  const Solution run = simulate(equation, axes, {{start}}, {0, 0.5}).value();
  for (std::size_t i = 0; i < start.size(); ++i)
    EXPECT_NEAR(value(run, static_cast<std::int64_t>(i), 1), start[i].real() * std::exp(-1.0), 2e-4);
}

TEST(Simulate, NonsenseIsRefused) {
  const SpaceAxis axis{"x", 0, 1, 16};
  const Equation heat = one_field({{"u_xx", 1}});
  const Values start(16, 1.0);
  EXPECT_THROW((void)simulate(heat, {{"x", 0, 1, 2}}, {{Values(2)}}, {0, 1}), InputError);
  EXPECT_THROW((void)simulate(heat, {{"x", 1, 0, 16}}, {{start}}, {0, 1}), InputError);
  EXPECT_THROW((void)simulate(heat, {axis}, {{Values(15)}}, {0, 1}), InputError);
  EXPECT_THROW((void)simulate(heat, {axis}, {{Values(16, NAN)}}, {0, 1}), InputError);
  EXPECT_THROW((void)simulate(heat, {axis}, {{start}}, {1, 0}), InputError);
  EXPECT_THROW((void)simulate(heat, {axis}, {{start}}, {}), InputError);
  EXPECT_THROW((void)simulate(heat, {{"y", 0, 1, 16}}, {{start}}, {0, 1}), ContractError);
  EXPECT_THROW((void)simulate(heat, {axis}, {}, {0, 1}), ContractError);
}

TEST(Simulate, StopsWhenAsked) {
  stop_requested() = true;
  EXPECT_THROW((void)simulate(problem_of("burgers", {})), Interrupted);
  stop_requested() = false;
}

}  // namespace
}  // namespace turnpike
