#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>
#include <turnpike/train/penalty.h>
#include <cmath>
#include <functional>

namespace turnpike {
namespace {

Tensor random_values(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Random random(seed);
  Tensor out = at::empty({rows, columns}, at::kDouble);
  double* data = out.data_ptr<double>();
  for (std::int64_t i = 0; i < out.numel(); ++i) data[i] = random.normal();
  return out;
}

const std::vector<double> knots{0, 0.3, 1, 1.1, 2.5};  // four cells of different lengths

// int_0^T q(u(t), u'(t)) dt by the midpoint rule on a fine grid that respects the knots: error O(h^2). q works on rows.
double quadrature(const ControlGrid& grid, const Tensor& values,
                  const std::function<Tensor(const Tensor& u, const Tensor& rate)>& q) {
  constexpr int n = 1000;
  double sum = 0;
  for (std::size_t cell = 0; cell + 1 < knots.size(); ++cell) {
    const double h = (knots[cell + 1] - knots[cell]) / n, small = 1e-4 * h;
    std::vector<double> left, right;
    for (int i = 0; i < n; ++i) {
      left.push_back(knots[cell] + (i + 0.5) * h - small);
      right.push_back(knots[cell] + (i + 0.5) * h + small);
    }
    const Tensor u = grid.sample(values, left), rate = (grid.sample(values, right) - u) / (2 * small);
    sum += h * q(u, rate).sum().item<double>();
  }
  return sum;
}

double squared_size(const Tensor& x) {
  return x.square().sum().item<double>();
}

TEST(Penalty, ValuesAreTheIntegralsOfTheSampledControl) {
  for (const auto kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    const ControlGrid grid(kind, knots);
    // Away from 0, near which |u| bends within a cell more sharply than 4-point Gauss follows.
    const Tensor u = random_values(grid.slots(), 3, 7) + 3;
    const auto value = [&](PenaltyKind penalty) {
      return Penalty{.kind = penalty, .weight = 0.7}.value(grid, u).item<double>();
    };
    EXPECT_NEAR(value(PenaltyKind::l2),
                0.7 * quadrature(grid, u, [](const Tensor& v, const Tensor&) { return v.square(); }), 2e-5);
    EXPECT_NEAR(value(PenaltyKind::l1),
                0.7 * quadrature(grid, u, [](const Tensor& v, const Tensor&) { return v.norm(2, 1); }), 1e-4);
    if (kind == ControlKind::linear) {
      EXPECT_NEAR(
          value(PenaltyKind::h1),
          0.7 * quadrature(grid, u, [](const Tensor& v, const Tensor& rate) { return v.square() + rate.square(); }),
          2e-4);
    }
  }
}

TEST(Penalty, JumpSumsSquaredStepsOverTheDistanceOfMidpoints) {
  const ControlGrid grid(ControlKind::constant, knots);
  const Tensor u = random_values(4, 2, 3);
  double expected = 0;
  for (int k = 0; k < 4; ++k) expected += (knots[k + 1] - knots[k]) * squared_size(u[k]);
  for (int k = 0; k < 3; ++k) expected += squared_size(u[k + 1] - u[k]) / ((knots[k + 2] - knots[k]) / 2);
  EXPECT_NEAR((Penalty{.kind = PenaltyKind::jump, .weight = 2}.value(grid, u).item<double>()), 2 * expected, 1e-12);
}

TEST(Penalty, GradientHasTaylorSlopeTwo) {
  const struct {
    ControlKind control;
    PenaltyKind penalty;
  } cases[] = {{ControlKind::constant, PenaltyKind::l2},   {ControlKind::linear, PenaltyKind::l2},
               {ControlKind::shared, PenaltyKind::l2},     {ControlKind::constant, PenaltyKind::l1},
               {ControlKind::linear, PenaltyKind::l1},     {ControlKind::shared, PenaltyKind::l1},
               {ControlKind::linear, PenaltyKind::h1},     {ControlKind::shared, PenaltyKind::h1},
               {ControlKind::constant, PenaltyKind::jump}, {ControlKind::shared, PenaltyKind::jump}};
  for (const auto& [control, kind] : cases) {
    const ControlGrid grid(control, knots);
    const Penalty penalty{.kind = kind, .weight = 0.3};
    const Tensor u = random_values(grid.slots(), 3, 11).set_requires_grad(true), v = random_values(grid.slots(), 3, 12);
    const Tensor f = penalty.value(grid, u);
    f.backward();
    const auto remainder = [&](double e) {
      return std::abs((penalty.value(grid, u.detach() + e * v) - f - e * (u.grad() * v).sum()).item<double>());
    };
    EXPECT_NEAR(std::log10(remainder(1e-3) / remainder(1e-4)), 2, 0.02) << name_of(kind) << " " << name_of(control);
  }
}

TEST(Penalty, L1HasAFiniteGradientAtZero) {
  const ControlGrid grid(ControlKind::constant, knots);
  const Tensor u = at::zeros({4, 3}, at::kDouble).set_requires_grad(true);
  Penalty{.kind = PenaltyKind::l1, .weight = 1}.value(grid, u).backward();
  EXPECT_TRUE(u.grad().isfinite().all().item<bool>());
}

// 0 in (v - w) / step + lambda h_k d|v_k|: (w - v) / step = lambda h_k v / |v| where v != 0, |w| / step <= lambda h_k
// where v = 0.
TEST(Penalty, ProxOfL1MeetsItsOptimalityCondition) {
  for (const auto kind : {ControlKind::constant, ControlKind::shared}) {
    const ControlGrid grid(kind, knots);
    const Penalty penalty{.kind = PenaltyKind::l1, .weight = 0.8};
    int zeros = 0, others = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Tensor w = random_values(grid.slots(), 3, seed);
      const double step = 0.2 + 0.15 * static_cast<double>(seed);
      const Tensor v = penalty.prox(grid, w, step);
      for (std::int64_t k = 0; k < grid.slots(); ++k) {
        const double h = kind == ControlKind::shared ? knots.back() : knots[k + 1] - knots[k];
        const double norm = v[k].norm().item<double>();
        if (norm == 0) {
          EXPECT_LE(w[k].norm().item<double>() / step, 0.8 * h * (1 + 1e-15));
          ++zeros;
        } else {
          EXPECT_LE(((w[k] - v[k]) / step - 0.8 * h * v[k] / norm).norm().item<double>(), 1e-12 * (1 + norm / step));
          ++others;
        }
      }
    }
    EXPECT_GT(zeros, 3);
    EXPECT_GT(others, 3);
  }
}

// The minimiser over a fine polar grid, in two dimensions.
TEST(Penalty, ProxOfL1AndTheBoundMatchesBruteForce) {
  const ControlGrid grid(ControlKind::constant, knots);
  const double step = 0.4, lambda = 0.9, bound = 0.6;
  for (const double weight : {0.0, lambda}) {
    const Penalty penalty{.kind = PenaltyKind::l1, .weight = weight, .bound = bound};
    const Tensor w = random_values(4, 2, 5) * at::tensor({0.2, 1.0, 0.7, 2.0}, at::kDouble).unsqueeze(1);
    const Tensor v = penalty.prox(grid, w, step);
    for (int k = 0; k < 4; ++k) {
      const double h = knots[k + 1] - knots[k], x = w[k][0].item<double>(), y = w[k][1].item<double>();
      const auto objective = [&](double a, double b) {
        return ((a - x) * (a - x) + (b - y) * (b - y)) / (2 * step) + weight * h * std::hypot(a, b);
      };
      const double found = objective(v[k][0].item<double>(), v[k][1].item<double>());
      EXPECT_LE(v[k].norm().item<double>(), bound * (1 + 1e-15));
      double best = 1e9;
      for (int i = 0; i <= 1000; ++i)
        for (int j = 0; j < 1000; ++j) {
          const double r = bound * i / 1000, angle = 2 * std::acos(-1.0) * j / 1000;
          best = std::min(best, objective(r * std::cos(angle), r * std::sin(angle)));
        }
      EXPECT_LE(found, best + 1e-12);
      EXPECT_GE(found, best - 1e-4);  // the grid is 1/1000 fine
    }
  }
}

TEST(Penalty, ProxLeavesSmoothPenaltiesAndControlsWithinTheBoundAlone) {
  const ControlGrid grid(ControlKind::linear, knots);
  const Tensor w = random_values(5, 2, 5);
  EXPECT_TRUE(at::equal((Penalty{.kind = PenaltyKind::h1, .weight = 1}.prox(grid, w, 1)), w));
  EXPECT_TRUE(at::equal((Penalty{.kind = PenaltyKind::l2, .weight = 1, .bound = 1e3}.prox(grid, w, 1)), w));
  const Tensor zero = at::zeros({5, 2}, at::kDouble);
  EXPECT_TRUE(at::equal((Penalty{.kind = PenaltyKind::l2, .weight = 1, .bound = 1}.prox(grid, zero, 1)), zero));
}

TEST(Penalty, RefusesWhatIsNotDefined) {
  const ControlGrid constant(ControlKind::constant, knots), linear(ControlKind::linear, knots);
  EXPECT_THROW((Penalty{.kind = PenaltyKind::h1, .weight = 1}.value(constant, at::ones({4, 1}))), ContractError);
  EXPECT_THROW((Penalty{.kind = PenaltyKind::jump, .weight = 1}.value(linear, at::ones({5, 1}))), ContractError);
  EXPECT_THROW((Penalty{.kind = PenaltyKind::l1, .weight = 1}.prox(linear, at::ones({5, 1}), 1)), ContractError);
  EXPECT_THROW(penalty_named("L3"), InputError);
  for (const auto kind : {PenaltyKind::l2, PenaltyKind::l1, PenaltyKind::h1, PenaltyKind::jump})
    EXPECT_EQ(penalty_named(name_of(kind)), kind);
}

}  // namespace
}  // namespace turnpike
