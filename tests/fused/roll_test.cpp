// The fused roll against a plain scalar one, and its pull-back against differences of it. (Equality with the engine's
// own reference, over every field, scheme and activation, is tests/flow/fused_test.cpp.)
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/fused/roll.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

std::vector<double> normal(std::int64_t n, double deviation, Random& random) {
  std::vector<double> values(n);
  for (double& value : values) value = deviation * random.normal();
  return values;
}

struct Case {
  FusedProblem problem;
  std::vector<double> x0, control, weight, bias, targets;
  std::vector<std::int64_t> classes;

  FusedInputs<double> inputs() const {
    return {x0.data(), control.data(), weight.data(), bias.data(), targets.data(), classes.data()};
  }
};

Case make_case(LayerSpec layer, FusedScheme scheme, std::int64_t K, std::int64_t N, FusedCost cost) {
  Random random(7);
  Case made;
  FusedProblem& problem = made.problem;
  problem = {.layer = layer,
             .scheme = scheme,
             .n_rows = K,
             .n_samples = N,
             .cost = cost,
             .n_outputs = 3,
             .saved = {0, K / 2, K}};
  for (std::int64_t k = 0; k < K; ++k) {
    problem.steps.push_back(0.1 + 0.05 * static_cast<double>(k % 3));
    for (int e = 0; e < scheme.evaluations(); ++e) problem.control_row.push_back(k);
  }
  made.x0 = normal(N * layer.dimension, 1, random);
  made.control = normal(K * layer.n_parameters(), 0.6, random);
  made.weight = normal(3 * layer.dimension, 0.7, random);
  made.bias = normal(3, 1, random);
  made.targets = normal(N * 3, 1, random);
  for (std::int64_t i = 0; i < N; ++i) made.classes.push_back(i % 3);
  return made;
}

// A scalar function of all outputs, with its cotangents.
struct Outputs {
  std::vector<double> end, integral, states;
};
Outputs roll(const Case& c) {
  const std::int64_t N = c.problem.n_samples, d = c.problem.layer.dimension;
  Outputs out{std::vector<double>(N * d), std::vector<double>(N), std::vector<double>(3 * N * d)};
  fused_roll<double>(c.problem, c.inputs(), {out.end.data(), out.integral.data(), out.states.data()});
  return out;
}

TEST(FusedRoll, EulerIsTheFormula) {
  for (const LayerKind kind : {LayerKind::inner, LayerKind::outer}) {
    const Case c = make_case({kind, Activation::tanh, 3}, {&euler_tableau()}, 5, 11, FusedCost::mean_square);
    const Outputs out = roll(c);
    for (std::int64_t n = 0; n < 11; ++n) {
      std::vector<double> x(c.x0.begin() + n * 3, c.x0.begin() + n * 3 + 3);
      double integral = 0;
      for (std::int64_t k = 0; k < 5; ++k) {
        const double* u = c.control.data() + k * 12;
        std::vector<double> next = x;
        for (int o = 0; o < 3; ++o) {
          double z = c.bias[o], rate = u[9 + o];
          for (int j = 0; j < 3; ++j) {
            z += c.weight[o * 3 + j] * x[j];
            rate += u[o * 3 + j] * (kind == LayerKind::inner ? std::tanh(x[j]) : x[j]);
          }
          integral += c.problem.steps[k] * (z - c.targets[n * 3 + o]) * (z - c.targets[n * 3 + o]);
          next[o] += c.problem.steps[k] * (kind == LayerKind::inner ? rate : std::tanh(rate));
        }
        x = next;
      }
      for (int j = 0; j < 3; ++j) EXPECT_NEAR(out.end[n * 3 + j], x[j], 1e-14);
      EXPECT_NEAR(out.integral[n], integral, 1e-13 * (1 + integral));
    }
    EXPECT_TRUE(std::equal(c.x0.begin(), c.x0.end(), out.states.begin()));
    EXPECT_TRUE(std::equal(out.end.begin(), out.end.end(), out.states.end() - 33));
  }
}

// d/de of loss(point + e direction) by central differences is <gradient, direction>, for every input at once.
void expect_gradient(LayerSpec layer, FusedScheme scheme, FusedCost cost, std::int64_t N, int threads) {
  Case c = make_case(layer, scheme, 6, N, cost);
  c.problem.threads = threads;
  Random random(5);
  const std::int64_t d = layer.dimension;
  const std::vector<double> end_bar = normal(N * d, 1, random), integral_bar = normal(N, 1, random),
                            states_bar = normal(3 * N * d, 1, random);
  std::vector<double> x0_bar(c.x0.size()), control_bar(c.control.size()), weight_bar(c.weight.size()), bias_bar(3);
  fused_pull_back<double>(c.problem, c.inputs(), {end_bar.data(), integral_bar.data(), states_bar.data()},
                          {x0_bar.data(), control_bar.data(), weight_bar.data(), bias_bar.data()});

  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const std::vector<double> dx = normal(N * d, 1, random), du = normal(c.control.size(), 1, random),
                            dw = normal(c.weight.size(), 1, random), db = normal(3, 1, random);
  const auto loss = [&](double e) {
    Case moved = c;
    const auto add = [e](std::vector<double>& target, const std::vector<double>& direction) {
      for (std::size_t i = 0; i < target.size(); ++i) target[i] += e * direction[i];
    };
    add(moved.x0, dx);
    add(moved.control, du);
    add(moved.weight, dw);
    add(moved.bias, db);
    const Outputs out = roll(moved);
    return dot(out.end, end_bar) + dot(out.integral, integral_bar) + dot(out.states, states_bar);
  };
  const double expected = dot(x0_bar, dx) + dot(control_bar, du) + dot(weight_bar, dw) + dot(bias_bar, db);
  // Central differences of order 4: error ~ e^4, rounding ~ 1e-16 / e.
  const double e = 1e-3;
  const double measured = (8 * (loss(e) - loss(-e)) - (loss(2 * e) - loss(-2 * e))) / (12 * e);
  double scale = std::sqrt(dot(x0_bar, x0_bar)) + std::sqrt(dot(control_bar, control_bar)) +
                 std::sqrt(dot(weight_bar, weight_bar)) + std::sqrt(dot(bias_bar, bias_bar));
  EXPECT_NEAR(measured, expected, 1e-7 * scale * 10) << static_cast<int>(layer.kind) << " d = " << d;
}

TEST(FusedRoll, PullBackIsTheDerivative) {
  for (const std::int64_t d : {1, 2, 3, 4, 5, 8, 11, 21, 34}) {
    for (const LayerKind kind : {LayerKind::inner, LayerKind::outer, LayerKind::antisymmetric}) {
      for (const Tableau* tableau : {&euler_tableau(), &midpoint_tableau(), &heun_tableau(), &rk4_tableau()}) {
        const LayerSpec layer{kind, Activation::tanh, d, kind == LayerKind::antisymmetric ? 0.3 : 0.0};
        expect_gradient(layer, {tableau}, d % 2 ? FusedCost::cross_entropy : FusedCost::mean_square, 13, 1);
      }
    }
  }
  for (const std::int64_t d : {2, 4, 6}) {
    const LayerSpec layer{LayerKind::paired, Activation::tanh, d};
    for (const Tableau* tableau : {&euler_tableau(), &rk4_tableau()})
      expect_gradient(layer, {tableau}, FusedCost::mean_square, 9, 1);
    for (const auto kind : {FusedScheme::Kind::symplectic_euler, FusedScheme::Kind::verlet})
      expect_gradient(layer, {nullptr, kind}, FusedCost::cross_entropy, 9, 1);
  }
}

// The one-pass cost is the roll and the pull-back of the mean's cotangents.
TEST(FusedRoll, CostIsRollAndPullBack) {
  for (const std::int64_t d : {2, 6, 20}) {
    for (const FusedCost kind : {FusedCost::mean_square, FusedCost::cross_entropy}) {
      for (const Tableau* tableau : {&euler_tableau(), &heun_tableau()}) {
        Case c = make_case({LayerKind::outer, Activation::tanh, d}, {tableau}, 5, 53, kind);
        c.problem.saved = {};
        const std::int64_t N = c.problem.n_samples;
        std::vector<double> end(N * d), integral(N), end_too(N * d);
        fused_roll<double>(c.problem, c.inputs(), {end.data(), integral.data(), nullptr});
        const std::vector<double> bar(N, 0.25);
        std::vector<double> expected(c.control.size()), found(c.control.size()), x0_expected(N * d), x0_found(N * d),
            weight_expected(3 * d), weight_found(3 * d), bias_expected(3), bias_found(3);
        fused_pull_back<double>(c.problem, c.inputs(), {.integral = bar.data()},
                                {x0_expected.data(), expected.data(), weight_expected.data(), bias_expected.data()});
        const FusedCostSums sums =
            fused_cost<double>(c.problem, c.inputs(), {.running = 0.25}, end_too.data(),
                               {x0_found.data(), found.data(), weight_found.data(), bias_found.data()});
        EXPECT_EQ(end, end_too);
        EXPECT_EQ(sums.terminal, 0);
        EXPECT_NEAR(sums.running, std::accumulate(integral.begin(), integral.end(), 0.0), 1e-11);
        EXPECT_EQ(found, expected);
        EXPECT_EQ(x0_found, x0_expected);
        EXPECT_EQ(weight_found, weight_expected);
        EXPECT_EQ(bias_found, bias_expected);
      }
    }
  }
}

std::vector<LayerSpec> all_layers(std::int64_t d) {
  return {{LayerKind::inner, Activation::tanh, d},
          {LayerKind::outer, Activation::tanh, d},
          {LayerKind::antisymmetric, Activation::tanh, d, 0.3},
          {LayerKind::paired, Activation::tanh, d},
          {.kind = LayerKind::bottleneck, .activation = Activation::sine, .dimension = d, .hidden = 5}};
}
std::vector<FusedScheme> all_schemes(const LayerSpec& layer) {
  std::vector<FusedScheme> schemes{{&euler_tableau()}, {&rk4_tableau()}};
  if (layer.kind == LayerKind::paired) {
    schemes.push_back({nullptr, FusedScheme::Kind::symplectic_euler});
    schemes.push_back({nullptr, FusedScheme::Kind::verlet});
  }
  return schemes;
}

// <J v, w> = <v, J' w> for directions of the state and of the control.
TEST(FusedRoll, PushForwardIsTheTransposeOfThePullBack) {
  for (const std::int64_t d : {2, 6, 24, 44}) {
    for (const LayerSpec& layer : all_layers(d)) {
      for (const FusedScheme& scheme : all_schemes(layer)) {
        Case c = make_case(layer, scheme, 5, 29, FusedCost::none);
        c.problem.saved = {};
        Random random(3);
        const std::vector<double> dx = normal(c.x0.size(), 1, random), du = normal(c.control.size(), 1, random),
                                  w = normal(c.x0.size(), 1, random);
        std::vector<double> pushed(dx.size()), end(dx.size()), rolled(dx.size()), x0_bar(dx.size()),
            control_bar(du.size());
        fused_push_forward<double>(c.problem, c.inputs(), {dx.data(), du.data()}, end.data(), pushed.data());
        fused_roll<double>(c.problem, c.inputs(), {rolled.data()});
        fused_pull_back<double>(c.problem, c.inputs(), {.end = w.data()}, {x0_bar.data(), control_bar.data()});
        const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
          return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
        };
        for (std::size_t i = 0; i < end.size(); ++i) EXPECT_NEAR(end[i], rolled[i], 1e-12 * (1 + std::abs(rolled[i])));
        const double size = std::sqrt(dot(pushed, pushed) * dot(w, w));
        EXPECT_NEAR(dot(pushed, w), dot(dx, x0_bar) + dot(du, control_bar), 1e-12 * size)
            << static_cast<int>(layer.kind) << " d = " << d;
      }
    }
  }
}

// The samples' own gradients add up to the pull-back's, and each is that of the sample alone.
TEST(FusedRoll, SampleGradientsAreThoseOfEachSample) {
  for (const std::int64_t d : {2, 6, 24, 44}) {
    for (const LayerSpec& layer : all_layers(d)) {
      for (const FusedScheme& scheme : all_schemes(layer)) {
        Case c = make_case(layer, scheme, 3, 19, FusedCost::mean_square);
        c.problem.saved = {};
        c.problem.control_row.back() = 0;  // a row that two steps share
        Random random(3);
        const std::int64_t N = 19, n = static_cast<std::int64_t>(c.control.size());
        const std::vector<double> end_bar = normal(N * d, 1, random), integral_bar = normal(N, 1, random);
        std::vector<double> each(N * n), alone(n);
        fused_sample_gradients<double>(c.problem, c.inputs(), {end_bar.data(), integral_bar.data()}, each.data());
        for (const std::int64_t chosen : {0, 7, 18}) {
          std::vector<double> end_own(N * d, 0.0), integral_own(N, 0.0);
          std::copy_n(&end_bar[chosen * d], d, &end_own[chosen * d]);
          integral_own[chosen] = integral_bar[chosen];
          fused_pull_back<double>(c.problem, c.inputs(), {end_own.data(), integral_own.data()},
                                  {.control = alone.data()});
          const double size = std::sqrt(std::inner_product(alone.begin(), alone.end(), alone.begin(), 0.0));
          for (std::int64_t i = 0; i < n; ++i) EXPECT_NEAR(each[chosen * n + i], alone[i], 1e-13 * size);
        }
      }
    }
  }
}

// Many samples, so that more than one thread has work.
TEST(FusedRoll, ThreadsChangeOnlyTheRounding) {
  for (const std::int64_t d : {2, 7, 30}) {
    for (const Tableau* tableau : {&euler_tableau(), &rk4_tableau()}) {
      Case c = make_case({LayerKind::outer, Activation::tanh, d}, {tableau}, 10, 1501, FusedCost::mean_square);
      const std::vector<double> integral_bar(1501, 1.0 / 1501);
      std::vector<double> one(c.control.size()), two(c.control.size()), again(c.control.size());
      const auto gradient = [&](int threads, std::vector<double>& control_bar) {
        c.problem.threads = threads;
        fused_pull_back<double>(c.problem, c.inputs(), {.integral = integral_bar.data()},
                                {.control = control_bar.data()});
      };
      gradient(1, one);
      const double size = std::sqrt(std::inner_product(one.begin(), one.end(), one.begin(), 0.0));
      for (const int threads : {2, 3, 5}) {
        gradient(threads, two);
        gradient(threads, again);
        EXPECT_EQ(two, again) << threads << " threads";
        for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(two[i], one[i], 1e-14 * size);
      }
    }
  }
}

TEST(FusedRoll, BlasHasTheSameBitsForTheSameThreads) {
  Case c = make_case({LayerKind::outer, Activation::tanh, 520}, {&euler_tableau()}, 2, 201, FusedCost::mean_square);
  const std::vector<double> integral_bar(201, 1.0 / 201);
  const auto gradient = [&](int threads) {
    std::vector<double> control_bar(c.control.size());
    c.problem.threads = threads;
    fused_pull_back<double>(c.problem, c.inputs(), {.integral = integral_bar.data()}, {.control = control_bar.data()});
    return control_bar;
  };
  const std::vector<double> one = gradient(1), two = gradient(2);
  EXPECT_EQ(one, gradient(1));
  EXPECT_EQ(two, gradient(2));
  const double size = std::sqrt(std::inner_product(one.begin(), one.end(), one.begin(), 0.0));
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(two[i], one[i], 1e-14 * size);
}

void expect_nan_contained(std::int64_t d, std::int64_t N, const Tableau& tableau) {
  Case c = make_case({LayerKind::inner, Activation::relu, d}, {&tableau}, 4, N, FusedCost::mean_square);
  const Outputs clean = roll(c);
  const std::int64_t bad = N / 2;
  c.x0[bad * d + 1] = std::numeric_limits<double>::quiet_NaN();
  const Outputs out = roll(c);
  std::vector<double> x0_bar(c.x0.size());
  const std::vector<double> end_bar(c.x0.size(), 1.0), integral_bar(N, 1.0);
  fused_pull_back<double>(c.problem, c.inputs(), {end_bar.data(), integral_bar.data()}, {.x0 = x0_bar.data()});
  for (std::int64_t n = 0; n < N; ++n) {
    if (n == bad) {
      EXPECT_TRUE(std::isnan(out.end[n * d]) && std::isnan(out.integral[n]) && std::isnan(x0_bar[n * d]));
      continue;
    }
    EXPECT_EQ(out.integral[n], clean.integral[n]);
    for (std::int64_t j = 0; j < d; ++j) {
      EXPECT_EQ(out.end[n * d + j], clean.end[n * d + j]);
      EXPECT_TRUE(std::isfinite(x0_bar[n * d + j]));
    }
  }
}

TEST(FusedRoll, NanStaysInItsSample) {
  for (const std::int64_t N : {1, 16, 37}) expect_nan_contained(4, N, rk4_tableau());
  expect_nan_contained(30, 37, euler_tableau());
  expect_nan_contained(520, 37, euler_tableau());
}

TEST(FusedRoll, RefusesWhatItCannotRun) {
  Case c = make_case({LayerKind::outer, Activation::tanh, 3}, {&euler_tableau()}, 4, 5, FusedCost::none);
  c.problem.control_row.back() = 4;
  EXPECT_THROW(roll(c), ContractError);
  c.problem.control_row.pop_back();
  EXPECT_THROW(roll(c), ContractError);
  c = make_case({LayerKind::outer, Activation::tanh, 4}, {nullptr, FusedScheme::Kind::verlet}, 4, 5, FusedCost::none);
  EXPECT_THROW(roll(c), ContractError);
}

}  // namespace
}  // namespace turnpike
