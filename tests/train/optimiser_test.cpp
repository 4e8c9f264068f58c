// Closed-form functions: no flow is needed to see whether an optimiser finds a minimum.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/train/optimiser.h>
#include <cmath>
#include <numbers>

namespace turnpike {
namespace {

Tensor parameter(const std::vector<double>& values, at::ScalarType dtype = at::kDouble) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble).to(dtype).set_requires_grad(true);
}

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

Optimiser::Closure closure_of(std::vector<Tensor> parameters, Function f) {
  return [parameters, f](bool gradient) mutable {
    Tensor loss = f(parameters);
    if (gradient) {
      for (Tensor& p : parameters) p.mutable_grad() = Tensor();
      loss.backward();
    }
    return loss;
  };
}

double gradient_norm(std::vector<Tensor> parameters, const Function& f) {
  closure_of(parameters, f)(true);
  double sum = 0;
  for (const Tensor& p : parameters) sum += p.grad().square().sum().item<double>();
  return std::sqrt(sum);
}

// Rosenbrock (1960): 100 (y - x^2)^2 + (1 - x)^2, minimum 0 at (1, 1); chained over n variables.
Tensor rosenbrock(const std::vector<Tensor>& u) {
  const Tensor& x = u[0];
  const auto n = x.size(0);
  const Tensor a = x.narrow(0, 0, n - 1), b = x.narrow(0, 1, n - 1);
  return (100 * (b - a.square()).square() + (1 - a).square()).sum();
}

// (u - 1)' diag(1 .. condition) (u - 1) / 2 + offset in a rotated basis (a Householder reflection).
Function quadratic(std::int64_t n, double condition, double offset) {
  const Tensor eigenvalues = at::logspace(0, std::log10(condition), n, 10, at::kDouble);
  const Tensor v = at::ones({n}, at::kDouble) / std::sqrt(static_cast<double>(n));
  return [=](const std::vector<Tensor>& u) {
    const Tensor w = u[0] - 1;
    const Tensor reflected = w - 2 * v * v.dot(w);
    return 0.5 * (eigenvalues * reflected.square()).sum() + offset;
  };
}

int run(Optimiser& optimiser, const Optimiser::Closure& closure, double tolerance, int steps) {
  for (int k = 0; k < steps; ++k) {
    optimiser.step(closure);
    if (optimiser.residual() <= tolerance || optimiser.stalled()) return k + 1;
  }
  return steps;
}

TEST(Lbfgs, ConvergesOnRosenbrock) {
  for (std::int64_t n : {2, 10, 100}) {
    std::vector<double> start(n, 1.0);
    for (std::size_t i = 0; i < start.size(); i += 2) start[i] = -1.2;
    const std::vector<Tensor> u{parameter(start)};
    auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .tolerance = 1e-11}, u);
    const int steps = run(*optimiser, closure_of(u, rosenbrock), 1e-11, 200);
    EXPECT_LE(gradient_norm(u, rosenbrock), 1e-11) << "n = " << n << " after " << steps;
  }
}

// With an objective that does not vanish at the optimum, differences of f carry no digits below |u - u*| ~ 1e-8.
TEST(Lbfgs, ConvergesOnIllConditionedQuadraticsWhoseMinimumIsNotZero) {
  for (double condition : {1e2, 1e6, 1e10})
    for (double offset : {0.0, 0.2, 1e3}) {
      // The gradient itself is no better than the rounding of u times the curvature: 2e-16 * 1e10.
      const double attainable = std::max(1e-9, 1e-16 * condition);
      const auto f = quadratic(30, condition, offset);
      const std::vector<Tensor> u{parameter(std::vector<double>(30, 0.0))};
      auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .tolerance = attainable}, u);
      const int steps = run(*optimiser, closure_of(u, f), attainable, 500);
      EXPECT_LE(gradient_norm(u, f), attainable) << condition << " + " << offset << " after " << steps;
    }
}

TEST(Lbfgs, WalksBackFromTrialPointsThatAreNotFinite) {
  // A barrier at +-1: the first step, of length 1, crosses it to where the logarithm is not a number.
  const Function f = [](const std::vector<Tensor>& u) {
    return (10 * (u[0] - 0.9).square() - at::log(1 - u[0].square())).sum();
  };
  const std::vector<Tensor> u{parameter({0.5})};
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .tolerance = 1e-12}, u);
  run(*optimiser, closure_of(u, f), 1e-12, 50);
  EXPECT_LE(gradient_norm(u, f), 1e-12);
}

// -H g by the two-loop recursion (Nocedal & Wright, algorithm 7.4), the oldest pair first.
Tensor two_loop(const std::vector<std::pair<Tensor, Tensor>>& pairs, const Tensor& g) {
  Tensor q = g.clone();
  std::vector<Tensor> alpha(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    const auto& [s, y] = pairs[i];
    alpha[i] = s.dot(q) / s.dot(y);
    q = q - alpha[i] * y;
  }
  if (!pairs.empty()) q = q * pairs.back().first.dot(pairs.back().second) / pairs.back().second.square().sum();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [s, y] = pairs[i];
    q = q + (alpha[i] - y.dot(q) / s.dot(y)) * s;
  }
  return -q;
}

TEST(Lbfgs, GoesAlongTheTwoLoopRecursionsDirectionAsFarAsTheWolfeConditionsAsk) {
  constexpr std::int64_t history = 3;
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const std::vector<Tensor> u{parameter({-1.2, 1, -1.2, 1, 0.3, 0.8, -0.4, 0.1, 0.9, 1.1, -0.2}, dtype)};
    struct Evaluation {
      Tensor x, g;
      double f;
    };
    std::vector<Evaluation> calls;
    const auto f = closure_of(u, rosenbrock);
    const auto closure = [&](bool gradient) {
      const Tensor x = u[0].detach().to(at::kDouble, false, true), value = f(gradient);
      calls.push_back({x, u[0].grad().to(at::kDouble, false, true), value.item<double>()});
      return value;
    };
    auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .history = history, .iterations = 1}, u);
    std::vector<std::pair<Tensor, Tensor>> pairs;
    for (int k = 0; k < 15; ++k) {
      calls.clear();
      optimiser->step(closure);
      const Evaluation start = calls[0];
      const Tensor d = calls[1].x - start.x, expected = two_loop(pairs, start.g);
      // The first step has length 1 in the sum of absolute values.
      const Tensor off = k == 0 ? d - expected / start.g.abs().sum() : d - expected;
      EXPECT_LE((off.norm() / d.norm()).item<double>(), dtype == at::kDouble ? 1e-10 : 2e-3) << k;

      calls.clear();
      closure(true);
      const Evaluation& end = calls[0];
      const Tensor s = end.x - start.x;
      const double slope = start.g.dot(s).item<double>();
      EXPECT_LE(end.f, start.f + 1e-4 * slope);
      EXPECT_LE(std::abs(end.g.dot(s).item<double>()), 0.9 * std::abs(slope));
      pairs.emplace_back(s, end.g - start.g);
      if (pairs.size() > history) pairs.erase(pairs.begin());
    }
  }
}

TEST(Lbfgs, GoesOnWhereTheSlopeHasHardlyFallen) {
  const Function f = [](const std::vector<Tensor>& u) { return (u[0] - 1000).square().sum(); };
  const std::vector<Tensor> u{parameter({0})};
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = 1}, u);
  const double before = gradient_norm(u, f);
  optimiser->step(closure_of(u, f));  // its first trial is 1
  EXPECT_LE(gradient_norm(u, f), 0.9 * before);
}

TEST(Lbfgs, RefusesAStartThatIsNotFinite) {
  const Function f = [](const std::vector<Tensor>& u) { return at::log(u[0]).sum(); };
  const std::vector<Tensor> u{parameter({-1})};
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs}, u);
  EXPECT_THROW(optimiser->step(closure_of(u, f)), Error);
  EXPECT_EQ(u[0].item<double>(), -1);
}

TEST(Lbfgs, SaysWhenItIsStuck) {
  // The kink of |x^2 - 2| is no number: on both sides of it the gradient asks for more.
  const Function f = [](const std::vector<Tensor>& u) { return (u[0].square() - 2).abs().sum(); };
  const std::vector<Tensor> u{parameter({0.3})};
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs}, u);
  for (int k = 0; k < 20 && !optimiser->stalled(); ++k) optimiser->step(closure_of(u, f));
  EXPECT_TRUE(optimiser->stalled());
}

TEST(FirstOrder, SgdWithMomentumFollowsItsRecurrence) {
  // v = m v + g, u -= rate v, g = u + 0.01 u.
  const std::vector<Tensor> u{parameter({2})};
  const Function f = [](const std::vector<Tensor>& p) { return 0.5 * p[0].square().sum(); };
  auto optimiser = make_optimiser({.kind = OptimiserKind::sgd, .rate = 0.1, .momentum = 0.9, .weight_decay = 0.01}, u);
  double x = 2, v = 0;
  for (int k = 0; k < 20; ++k) {
    if (k == 10) optimiser->set_rate(0.05);
    optimiser->step(closure_of(u, f));
    v = 0.9 * v + 1.01 * x;
    x -= (k < 10 ? 0.1 : 0.05) * v;
    EXPECT_NEAR(u[0].item<double>(), x, 1e-14);
  }
}

TEST(FirstOrder, AdamAndAdamWFollowTheirRecurrence) {
  constexpr std::int64_t n = 1'001;  // no multiple of a vector
  const Function f = [](const std::vector<Tensor>& p) { return 0.5 * p[0].square().sum(); };
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto kind : {OptimiserKind::adam, OptimiserKind::adamw}) {
      const Tensor start = at::linspace(-2, 2, n, dtype);
      const std::vector<Tensor> u{start.clone().requires_grad_()};
      auto optimiser = make_optimiser({.kind = kind, .rate = 0.1, .weight_decay = 0.01}, u);
      Tensor x = start.to(at::kDouble), m = at::zeros_like(x), v = at::zeros_like(x);
      for (int k = 1; k <= 20; ++k) {
        if (k == 11) optimiser->set_rate(0.05);
        const double rate = k < 11 ? 0.1 : 0.05;
        optimiser->step(closure_of(u, f));
        Tensor g = x.clone();
        if (kind == OptimiserKind::adam)
          g = g + 0.01 * x;
        else
          x = x - rate * 0.01 * x;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        x = x - rate * (m / (1 - std::pow(0.9, k))) / ((v / (1 - std::pow(0.999, k))).sqrt() + 1e-8);
      }
      const double off = (u[0].detach().to(at::kDouble) - x).abs().max().item<double>();
      EXPECT_LE(off, dtype == at::kDouble ? 1e-12 : 3e-5) << name_of(kind) << dtype;
    }
}

// |A u - b|^2 / 2 + lambda |u|_1 (each entry its own group).
struct Lasso {
  Tensor A, b;
  double lambda;
  Function smooth() const {
    return [A = A, b = b](const std::vector<Tensor>& u) { return 0.5 * (A.matmul(u[0]) - b).square().sum(); };
  }
  NonSmooth l1() const {
    return {[l = lambda](const Tensor& u) { return l * u.abs().sum().item<double>(); },
            [l = lambda](const Tensor& w, double step) { return w.sign() * (w.abs() - step * l).clamp_min(0); }};
  }
};

Lasso lasso() {
  const Tensor i = at::arange(20, at::kDouble).unsqueeze(1), j = at::arange(30, at::kDouble).unsqueeze(0);
  return {at::sin(1 + 3 * i + 7 * j * j) + 0.3 * at::cos(i * j), at::cos(5 * at::arange(20, at::kDouble)), 0.7};
}

TEST(Proximal, MeetsTheOptimalityConditionsOfTheLasso) {
  const Lasso problem = lasso();
  const std::vector<Tensor> u{parameter(std::vector<double>(30, 0.0))};
  auto optimiser = make_optimiser({.kind = OptimiserKind::proximal, .rate = 1, .tolerance = 1e-12}, u, problem.l1());
  const int steps = run(*optimiser, closure_of(u, problem.smooth()), 1e-12, 200);
  closure_of(u, problem.smooth())(true);
  // 0 in g + lambda d|u|: g = -lambda sign u where u != 0, |g| <= lambda elsewhere.
  const Tensor g = u[0].grad(), active = u[0] != 0;
  EXPECT_LE(((g + problem.lambda * u[0].sign()) * active).abs().max().item<double>(), 1e-11) << steps;
  EXPECT_LE(g.abs().max().item<double>(), problem.lambda * (1 + 1e-11));
  EXPECT_LT(active.sum().item<std::int64_t>(), 25);
  EXPECT_GT(active.sum().item<std::int64_t>(), 3);
}

TEST(Proximal, ReportsTheResidualItClaims) {
  const Lasso problem = lasso();
  const std::vector<Tensor> u{parameter(std::vector<double>(30, 0.1))};
  auto optimiser = make_optimiser({.kind = OptimiserKind::proximal, .rate = 1, .iterations = 1}, u, problem.l1());
  for (int k = 0; k < 300; ++k) optimiser->step(closure_of(u, problem.smooth()));
  // At the optimum every step length gives residual 0, and it is Lipschitz in u: check with our own step.
  closure_of(u, problem.smooth())(true);
  const double s = 1e-3;
  const Tensor moved = problem.l1().prox(u[0].detach() - s * u[0].grad(), s);
  const double own = ((u[0].detach() - moved) / s).norm().item<double>();
  EXPECT_LT(optimiser->residual(), 1e-8);
  EXPECT_LT(own, 1e-8);
}

TEST(Proximal, AcceleratesOnIllConditionedQuadraticsAndNeverRises) {
  // Without momentum it takes about condition * log(1 / tolerance) / 2 iterations, with it a small multiple of the root
  // of condition. An offset must not matter, though differences of the objective then lose their digits long before the
  // end.
  for (const double offset : {0.0, 1e3}) {
    const auto f = quadratic(30, 1e3, offset);
    const std::vector<Tensor> u{parameter(std::vector<double>(30, 0.0))};
    auto optimiser =
        make_optimiser({.kind = OptimiserKind::proximal, .rate = 1, .iterations = 1, .tolerance = 1e-10}, u);
    const auto closure = closure_of(u, f);
    double before = closure(false).item<double>();
    int k = 0;
    for (; k < 2000 && !(optimiser->residual() <= 1e-10); ++k) {
      optimiser->step(closure);
      const double now = closure(false).item<double>();
      EXPECT_LE(now, before + 1e-13 * std::abs(before));
      before = now;
    }
    EXPECT_LT(k, 1200);
    EXPECT_LE(gradient_norm(u, f), 1e-9);
  }
}

TEST(Proximal, FollowsItsRecurrence) {
  // f = u^2 / 2, s = 0.1, no backtracking and no restart: z = 0.9 y, y+ = z + (t - 1) / t+ (z - x).
  const Function f = [](const std::vector<Tensor>& p) { return 0.5 * p[0].square().sum(); };
  const std::vector<Tensor> u{parameter({1})};
  auto optimiser = make_optimiser({.kind = OptimiserKind::proximal, .rate = 0.1, .iterations = 1}, u);
  double x = 1, y = 1, t = 1;
  for (int k = 0; k < 6; ++k) {
    optimiser->step(closure_of(u, f));
    const double z = 0.9 * y, t_next = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    EXPECT_NEAR(u[0].item<double>(), z, 1e-15);
    y = z + (t - 1) / t_next * (z - x);
    x = z;
    t = t_next;
  }
}

TEST(Proximal, HoldsABound) {
  // The minimum of (u - 1)^2 summed lies outside |u| <= 1/2: the optimum is its projection.
  const std::vector<Tensor> u{parameter({3, 3, 3})};
  const Function f = [](const std::vector<Tensor>& p) { return (p[0] - 1).square().sum(); };
  NonSmooth ball{[](const Tensor&) { return 0.0; },
                 [](const Tensor& w, double) { return w * (0.5 / w.norm()).clamp_max(1); }};
  auto optimiser = make_optimiser({.kind = OptimiserKind::proximal, .rate = 1}, u, ball);
  run(*optimiser, closure_of(u, f), 1e-13, 20);
  EXPECT_LE((u[0] - 0.5 / std::numbers::sqrt3).abs().max().item<double>(), 1e-13);
}

// The state of every optimiser continues bit for bit, after any number of steps.
class Resume : public testing::TestWithParam<OptimiserKind> {};

TEST_P(Resume, ContinuesBitForBit) {
  const OptimiserOptions options{
      .kind = GetParam(), .rate = 1e-4, .momentum = 0.9, .weight_decay = 0.01, .history = 5, .iterations = 3};
  const Function f = [](const std::vector<Tensor>& u) {
    return rosenbrock(u) + (u[1] - u[0].sum()).square().sum() + at::cos(u[1]).sum();
  };
  NonSmooth l1;
  if (GetParam() == OptimiserKind::proximal) {
    l1.value = [](const Tensor& u) { return 0.1 * u.abs().sum().item<double>(); };
    l1.prox = [](const Tensor& w, double step) { return w.sign() * (w.abs() - 0.1 * step).clamp_min(0); };
  }
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (int before : {0, 1, 2, 7}) {
      std::vector<Tensor> a{parameter({-1.2, 1, -0.5, 0.3}, dtype), parameter({0.4, 0.1}, dtype)};
      auto first = make_optimiser(options, a, l1);
      for (int k = 0; k < before; ++k) first->step(closure_of(a, f));
      std::vector<Tensor> b;
      for (const Tensor& p : a) b.push_back(p.detach().clone().set_requires_grad(true));
      auto second = make_optimiser(options, b, l1);
      second->load(first->state());
      for (int k = 0; k < 9; ++k) {
        first->step(closure_of(a, f));
        second->step(closure_of(b, f));
      }
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << before;
      const NamedTensors x = first->state(), y = second->state();
      ASSERT_EQ(x.size(), y.size());
      for (const auto& [name, tensor] : x)
        EXPECT_TRUE(at::equal(tensor, y.at(name)) || tensor.ne(tensor).all().item<bool>()) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(All, Resume,
                         testing::Values(OptimiserKind::sgd, OptimiserKind::adam, OptimiserKind::adamw,
                                         OptimiserKind::lbfgs, OptimiserKind::proximal),
                         [](const auto& info) { return name_of(info.param); });

TEST(Optimiser, RefusesWhatDoesNotFit) {
  const std::vector<Tensor> u{parameter({1, 2})}, v{parameter({1, 2, 3})};
  const Function f = [](const std::vector<Tensor>& p) { return p[0].square().sum(); };
  for (const std::string& name : optimiser_names()) {
    auto a = make_optimiser({.kind = optimiser_named(name), .momentum = 0.5}, u);
    a->step(closure_of(u, f));
    auto b = make_optimiser({.kind = optimiser_named(name), .momentum = 0.5}, v);
    EXPECT_THROW(b->load(a->state()), ContractError) << name;
  }
  EXPECT_THROW(optimiser_named("admw"), InputError);
  EXPECT_THROW(make_optimiser({}, {at::ones({2})}), ContractError);
  EXPECT_THROW(make_optimiser({.kind = OptimiserKind::lbfgs, .history = 0}, u), ContractError);
}

}  // namespace
}  // namespace turnpike
