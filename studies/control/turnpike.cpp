// C7. Time on the turnpike, how optima end, and the linear-quadratic problem, where all is known.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/steering.h>
#include <turnpike/study/study.h>
#include <turnpike/train/continuation.h>
#include <turnpike/train/optimiser.h>

namespace turnpike::studies {
namespace {

Objective running_cost(double lambda) {
  return {.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = {.weight = lambda}};
}

// Time at which max(sqrt phi, sqrt lambda |u|) exceeds epsilon: the distance to the static optimum phi = 0, u = 0.
double time_away(const OptimumProfile& p, double lambda, double epsilon) {
  double time = 0;
  for (std::size_t k = 0; k < p.u.size(); ++k)
    if (std::max(std::sqrt(p.phi[k]), std::sqrt(lambda) * p.u[k]) > epsilon) time += p.times[k + 1] - p.times[k];
  return time;
}

// min int_0^T |x - x_d|^2 + lambda u^2 dt,  x_dot = A x + B u: a damped spring pushed by u.
struct Linear {
  Tensor A = at::tensor({0.0, 1.0, -1.0, -0.5}, at::kDouble).view({2, 2});
  Tensor B = at::tensor({0.0, 1.0}, at::kDouble).view({2, 1});
  Tensor x0 = at::tensor({-1.0, 0.5}, at::kDouble).view({2, 1});
  Tensor target = at::tensor({1.0, 0.0}, at::kDouble).view({2, 1});
  double lambda = 0.5;

  // At rest A x + B u = 0: x = G u, G = -A^{-1} B, and |G u - x_d|^2 + lambda u^2 is least.
  Tensor static_state() const { return gain() * static_control(); }
  double static_control() const {
    const Tensor G = gain();
    return (G.t().matmul(target) / (G.t().matmul(G) + lambda)).item<double>();
  }
  Tensor gain() const { return -at::linalg_solve(A, B); }
};

struct LinearSolution {
  Tensor x, u;  // [K + 1, 2], [K] (of the continuous one [K + 1])
};

// By the engine: forward roll, discrete adjoint, L-BFGS.
LinearSolution by_the_engine(const Linear& problem, const char* scheme, double T, std::int64_t layers) {
  const FieldPtr field =
      make_field("spring", 2, 1, [A = problem.A, B = problem.B](double, const Tensor& x, const Tensor& u) -> Tensor {
        return x.matmul(A.t()) + u * B.t();
      });
  const Flow flow = Flow::uniform(field, scheme, T, layers);
  const Objective objective = running_cost(problem.lambda);
  Tensor control = at::zeros({layers, 1}, at::kDouble).requires_grad_();
  const Tensor x0 = problem.x0.t().contiguous(), y = problem.target.t().contiguous();
  auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = 50, .tolerance = 1e-12}, {control});
  const auto closure = [&](bool gradient) {
    control.mutable_grad() = Tensor();
    const Tensor total = objective(flow, x0, control, {}, y).total;
    if (gradient) total.backward();
    return total.detach();
  };
  for (int k = 0; k < 20 && !optimiser->stalled(); ++k) {
    optimiser->step(closure);
    if (optimiser->residual_here(closure) <= 1e-12) break;
  }
  at::NoGradGuard no_gradient;
  return {flow.roll(x0, control, {.save = Save::all}).states.squeeze(1), control.detach().squeeze(1)};
}

// The same for Euler layers by dynamic programming: V_k(x) = x'Px + 2 q'x + const, backwards from V_K = 0, with
//   x_{k+1} = F x_k + G u_k,  F = I + hA, G = hB,   cost h (|x_k - x_d|^2 + lambda u_k^2)
//   u_k = -(h lambda + G'PG)^{-1} G'(P F x_k + q)
LinearSolution by_riccati(const Linear& problem, double T, std::int64_t layers) {
  const double h = T / static_cast<double>(layers);
  const Tensor I = at::eye(2, at::kDouble), F = I + h * problem.A, G = h * problem.B;
  Tensor P = at::zeros({2, 2}, at::kDouble), q = at::zeros({2, 1}, at::kDouble);
  std::vector<Tensor> gains, offsets;  // u_k = -(gain x_k + offset)
  for (std::int64_t k = layers; k-- > 0;) {
    const Tensor S = G.t().matmul(P).matmul(G) + h * problem.lambda;
    const Tensor gain = G.t().matmul(P).matmul(F) / S, offset = G.t().matmul(q) / S;
    gains.push_back(gain);
    offsets.push_back(offset);
    q = F.t().matmul(q) - F.t().matmul(P).matmul(G).matmul(offset) - h * problem.target;
    P = F.t().matmul(P).matmul(F - G.matmul(gain)) + h * I;
  }
  std::vector<Tensor> x = {problem.x0}, u;
  for (std::int64_t k = 0; k < layers; ++k) {
    const auto back = static_cast<std::size_t>(layers - 1 - k);
    u.push_back(-(gains[back].matmul(x.back()) + offsets[back]));
    x.push_back(F.matmul(x.back()) + G.matmul(u.back()));
  }
  return {at::stack(x).squeeze(2), at::stack(u).view({-1})};
}

// The continuous optimum at mesh times: x_dot = A x - BB'p / (2 lambda), p_dot = -A'p - 2 (x - x_d), p(T) = 0, as one
// linear system of (x, p, 1) solved by matrix exponentials.
LinearSolution in_continuous_time(const Linear& problem, double T, std::int64_t layers) {
  Tensor H = at::zeros({5, 5}, at::kDouble);
  H.slice(0, 0, 2).slice(1, 0, 2).copy_(problem.A);
  H.slice(0, 0, 2).slice(1, 2, 4).copy_(-problem.B.matmul(problem.B.t()) / (2 * problem.lambda));
  H.slice(0, 2, 4).slice(1, 0, 2).copy_(-2 * at::eye(2, at::kDouble));
  H.slice(0, 2, 4).slice(1, 2, 4).copy_(-problem.A.t());
  H.slice(0, 2, 4).slice(1, 4, 5).copy_(2 * problem.target);
  const Tensor whole = at::matrix_exp(T * H);
  const Tensor rows = whole.slice(0, 2, 4);  // p(T) = rows (x0, p0, 1) = 0
  const Tensor p0 =
      at::linalg_solve(rows.slice(1, 2, 4), -(rows.slice(1, 0, 2).matmul(problem.x0) + rows.slice(1, 4, 5)));
  const Tensor start = at::cat({problem.x0, p0, at::ones({1, 1}, at::kDouble)});
  std::vector<Tensor> x, u;
  for (std::int64_t k = 0; k <= layers; ++k) {
    const Tensor z = at::matrix_exp(H * (T * static_cast<double>(k) / static_cast<double>(layers))).matmul(start);
    x.push_back(z.slice(0, 0, 2));
    u.push_back(-problem.B.t().matmul(z.slice(0, 2, 4)) / (2 * problem.lambda));
  }
  return {at::stack(x).squeeze(2), at::stack(u).view({-1})};
}

// The slowest rate at which optima come and go: the least positive real part among eigenvalues of (x, p)'s matrix.
double slowest_rate(const Linear& problem) {
  Tensor H = at::zeros({4, 4}, at::kDouble);
  H.slice(0, 0, 2).slice(1, 0, 2).copy_(problem.A);
  H.slice(0, 0, 2).slice(1, 2, 4).copy_(-problem.B.matmul(problem.B.t()) / (2 * problem.lambda));
  H.slice(0, 2, 4).slice(1, 0, 2).copy_(-2 * at::eye(2, at::kDouble));
  H.slice(0, 2, 4).slice(1, 2, 4).copy_(-problem.A.t());
  return at::real(at::linalg_eigvals(H)).abs().min().item<double>();
}

}  // namespace

StudyReport run_turnpike(StudyContext& study) {
  const double lambda = study.real("lambda"), h = study.real("h");
  StudyReport report;

  // ---- networks
  Figure figure({.title = "Time on the turnpike",
                 .caption = "Left: the first draw's distance $\\max(\\sqrt{\\varphi}, \\sqrt{\\lambda}|u|)$ to the "
                            "static optimum, against the fraction of the depth. "
                            "Right: the share of time farther than $\\epsilon$ from it, a line for each draw."});
  Panel& distance_panel = figure.panel("distance to the static optimum");
  distance_panel.x({.label = "fraction of the depth $t/T$"})
      .y({.label = "distance", .scale = Scale::log, .low = 1e-12});
  Panel& share_panel = figure.panel("share of time away");
  share_panel.x({.label = "depth $T$", .scale = Scale::log})
      .y({.label = "1 - share within $\\epsilon$", .scale = Scale::log});
  const std::vector<double> horizons = {10, 20, 40, 80};
  const double epsilons[] = {0.1, 0.01};
  std::vector<double> slopes, endings, rises, residuals, last_weights;
  Table table{.head = {"draw", "$T$", "$\\mu$", "away, $\\epsilon = 0.1$", "$\\epsilon = 0.01$", "end", "predicted"},
              .caption =
                  "Time away from the turnpike, and the slowest mode's error at $T$ over its own exponential: measured "
                  "where that "
                  "error is above $10^{-11}$ and $\\sqrt{\\varphi}$ is below 0.03 at $T - 8/\\mu$."};
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(study.integer("samples"), study.integer("features"), random);
    ModelSpec spec = task.spec;
    spec.horizon = horizons[0];
    spec.layers = std::llround(horizons[0] / h);
    study.at("draws", s, study.seeds(), "starts");
    Model model = optimum(spec, running_cost(lambda), task.data,
                          {.starts = study.integer("starts"), .seed = seed_for(study.seed(), "starts", s)})
                      .model;
    std::vector<double> share[2];
    for (std::size_t i = 0; i < horizons.size(); ++i) {
      const double T = horizons[i];
      study.at("draws", s, study.seeds(), fmt::format("T = {:g}", T));
      model = with_horizon(model, T, std::llround(T / h), Stretch::extend);
      residuals.push_back(
          polish(model, running_cost(lambda), task.data, {.iterations = 2000, .tolerance = 1e-13}).residual);
      const OptimumProfile p = optimum_profile(model, running_cost(lambda), task.data);
      double away[2];
      for (int e = 0; e < 2; ++e) {
        away[e] = time_away(p, lambda, epsilons[e]);
        share[e].push_back(away[e] / T);
      }

      // The end. The slowest mode's error is r^k + r^(2K - 1 - k), r = exp(-mu h / 2), the last layer having nothing to
      // gain: at K it is 1 + 1/r times r^K alone. Eight time constants earlier the mirrored part is e^-8 of it.
      const Tensor features = at::tanh(p.end);
      const auto [kappa, modes] = at::linalg_eigh(features.matmul(features.t()) + 1);
      const double mu = 2 * std::sqrt(kappa[0].item<double>() / (static_cast<double>(task.data.size()) * lambda));
      const std::vector<double> slowest =
          numbers((p.outputs.squeeze(2) - task.data.y.squeeze(1)).matmul(modes.select(1, 0)));
      const double rate = 4 / h * std::asinh(h * mu / 4), predicted = 1 + std::exp(rate * h / 2);
      double ending = std::numeric_limits<double>::quiet_NaN();
      // Where the error is still large there, the linearisation does not hold; states of order 1 carry rounding of
      // 1e-16.
      const auto late = static_cast<std::size_t>(std::max<std::int64_t>(0, std::llround((T - 8 / mu) / h)));
      if (std::sqrt(p.phi[late]) < 0.03 && std::abs(slowest.back()) > 1e-11) {
        ending = slowest.back() / (slowest[late] * std::exp(-rate / 2 * (T - p.times[late])));
        endings.push_back(ending / predicted);
        // Below 1e-6 that rounding is more of a distance than the check allows it to grow: there by as much of 1e-6.
        for (std::size_t k = late; k + 1 < p.phi.size(); ++k) {
          const double now = std::sqrt(p.phi[k]), next = std::sqrt(p.phi[k + 1]);
          rises.push_back(1 + (next - now) / std::max(now, 1e-6));
        }
      }
      last_weights.push_back(p.u.back() / p.u.front());
      table.rows.push_back({Cell(s), Cell(T), Cell(mu), Cell(away[0]), Cell(away[1]),
                            std::isnan(ending) ? Cell("") : Cell(ending), Cell(predicted)});
      if (s == 0) {
        std::vector<double> fraction, distance;
        for (std::size_t k = 0; k < p.u.size(); ++k) {
          fraction.push_back(p.times[k] / T);
          distance.push_back(std::max(std::sqrt(p.phi[k]), std::sqrt(lambda) * p.u[k]));
        }
        distance_panel.line(fraction, distance, {.label = fmt::format("$T = {:g}$", T)});
      }
    }
    for (int e = 0; e < 2; ++e) {
      slopes.push_back(fit_order(horizons, share[e]).slope);
      share_panel.line(horizons, share[e],
                       {.label = s == 0 ? fmt::format("$\\epsilon = {:g}$", epsilons[e]) : "",
                        .colour = e,
                        .marker = e == 0 ? Marker::circle : Marker::square,
                        .size = 4});
    }
  }
  report.checks.push_back(
      check_each_equal("C7", "slope of the share of time away against $T$, logarithms", "", -1, slopes, 0.15));
  report.checks.push_back(check_each_at_most(
      "C7", "$\\sqrt{\\varphi}$ from layer to layer near the end, largest growth: no exit", "", 1, rises, 1e-9));
  report.checks.push_back(check_each_equal(
      "C7", "slowest error at $T$ over $1 + e^{\\mu h/2}$ times its own exponential", "", 1, endings, 0.05));
  report.checks.push_back(check_each_at_most("C7", "$|u|$ of the last layer over the first", "", 1e-9, last_weights));
  report.checks.push_back(check_each_at_most("C7", "$|\\nabla J|$ at the optima, largest", "", 1e-10, residuals));
  report.figures.push_back({"time_on_the_turnpike", figure});
  report.tables.push_back(table);

  // ---- the linear-quadratic problem
  const Linear spring;
  double gap = 0;
  for (const double T : {5.0, 20.0}) {
    study.at("linear-quadratic", 0, 1, fmt::format("Riccati, T = {:g}", T));
    const std::int64_t layers = std::llround(T * 10);
    const LinearSolution engine = by_the_engine(spring, "euler", T, layers), riccati = by_riccati(spring, T, layers);
    gap = std::max(
        {gap, (engine.u - riccati.u).abs().max().item<double>(), (engine.x - riccati.x).abs().max().item<double>()});
  }
  report.checks.push_back(
      check_equal("C7", "linear-quadratic optimum against the discrete Riccati recursion, largest", "", 0, gap, 1e-8));
  Figure linear({.title = "A spring that must be held",
                 .caption = "Left: the static optimum needs a push; the optimal trajectory comes to it, stays, and "
                            "leaves at the end, since "
                            "pushing then no longer pays. Dashed, the static optimum. Right: distance of the layers' "
                            "optimum to the continuous one."});
  Panel& spring_panel = linear.panel("leaving the turnpike");
  spring_panel.x({.label = "time $t$"}).y({.label = "state and control"});
  Panel& order_panel = linear.panel("against continuous time");
  order_panel.x({.label = "step $h$", .scale = Scale::log}).y({.label = "largest error of $x$", .scale = Scale::log});
  struct Family {
    const char* scheme;
    int order;
  };
  for (const Family& family : {Family{"euler", 1}, {"midpoint", 2}}) {
    const OrderMeasurement order = measure_order(
        [&](double step) {
          study.at("linear-quadratic", 0, 1, fmt::format("{}, h = {:g}", family.scheme, step));
          const std::int64_t layers = std::llround(4 / step);
          return (by_the_engine(spring, family.scheme, 4, layers).x - in_continuous_time(spring, 4, layers).x)
              .abs()
              .max()
              .item<double>();
        },
        0.2, 5);
    report.checks.push_back(check_equal("C7", fmt::format("order against the continuous optimum, {}", family.scheme),
                                        "", family.order, order.fit.slope, 0.15)
                                .with(order.fit.slope_low, order.fit.slope_high));
    order_panel.line(order.h, order.error, {.label = family.scheme, .marker = Marker::circle, .size = 4});
  }

  // Leaving: on [0, 20], the distance to the static optimum in the middle, at the end, and its rate on the way out.
  const double T = 20;
  const std::int64_t layers = study.full() ? 400 : 200;
  const LinearSolution exact = in_continuous_time(spring, T, layers);
  const LinearSolution engine = by_the_engine(spring, "midpoint", T, layers);
  const std::vector<double> away = numbers((engine.x - spring.static_state().t()).norm(2, {1}));
  const double rate = slowest_rate(spring), start = away.front();
  report.checks.push_back(check_at_most("C7",
                                        "spring: distance to the static optimum in the middle over that at the start",
                                        "", 1e-3, away[away.size() / 2] / start));
  report.checks.push_back(check_at_least("C7", "spring: the same at the end: it leaves", "", 0.1, away.back() / start));
  report.checks.push_back(check_equal("C7", "spring: distance at the end against the continuous optimum's", "",
                                      (exact.x[-1] - spring.static_state().view({2})).norm().item<double>(),
                                      away.back(), 1e-2));
  // The same spring with nothing to hold, x_d = 0: it comes to rest and stays.
  Linear idle;
  idle.target = at::zeros({2, 1}, at::kDouble);
  const std::vector<double> rest = numbers(by_the_engine(idle, "midpoint", T, layers).x.norm(2, {1}));
  report.checks.push_back(
      check_at_most("C7", "spring with target 0, whose static optimum is rest: distance at the end over the start", "",
                    1e-3, rest.back() / rest.front()));
  std::vector<double> times, middles;
  for (std::int64_t k = 0; k <= layers; ++k) times.push_back(T * static_cast<double>(k) / static_cast<double>(layers));
  spring_panel.line(times, numbers(engine.x.select(1, 0)), {.label = "position", .colour = 0});
  spring_panel.line(times, numbers(engine.x.select(1, 1)), {.label = "velocity", .colour = 1});
  spring_panel.steps(times, numbers(engine.u), {.label = "push $u$", .colour = 2});
  const Tensor rest_state = spring.static_state();
  for (int i = 0; i < 2; ++i)
    spring_panel.line({0, T}, std::vector<double>(2, rest_state[i][0].item<double>()),
                      {.colour = i, .dash = Dash::dashed, .width = 1});
  spring_panel.line({0, T}, std::vector<double>(2, spring.static_control()),
                    {.colour = 2, .dash = Dash::dashed, .width = 1});
  report.findings.push_back(fmt::format(
      "The spring's static optimum is $x = ({:.4f}, {:.4f})$ with $u = {:.4f}$; optima come and go at the "
      "rate {:.4f} per unit time.",
      rest_state[0][0].item<double>(), std::abs(rest_state[1][0].item<double>()), spring.static_control(), rate));
  report.figures.push_back({"leaving", linear});
  report.method.push_back(fmt::format(
      "Networks: {} draws of {} normal points in dimension {}, Euler layers of step {:g}, $\\lambda = {:g}$, best of "
      "{} random starts "
      "at $T = 10$, then $T = 20$, 40 and 80, each from the one before. The spring: $\\ddot q = -q - \\dot q/2 + u$ "
      "from $(-1, 0.5)$ towards "
      "$(1, 0)$, $\\lambda = 0.5$, solved by the engine (discrete adjoint, L-BFGS), by the Riccati recursion of its "
      "Euler layers, and in continuous time by "
      "matrix exponentials.",
      study.seeds(), study.integer("samples"), study.integer("features"), h, lambda, study.integer("starts")));
  return report;
}

}  // namespace turnpike::studies
