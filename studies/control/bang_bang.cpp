// C8. An L1 price on bounded controls: full power, then rest.
#include <algorithm>
#include <cmath>
#include <memory>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/steering.h>
#include <turnpike/study/study.h>
#include <turnpike/train/continuation.h>
#include <turnpike/train/optimiser.h>
#include <turnpike/train/polish.h>

namespace turnpike::studies {
namespace {

struct Price {
  double lambda, M, h;
  Penalty penalty() const { return {.kind = PenaltyKind::l1, .weight = lambda, .bound = M}; }
};

Objective squared_loss(const Price& price, double running = 1, double terminal = 0) {
  return {.cost = make_cost("mean_square"), .running = running, .terminal = terminal, .penalty = price.penalty()};
}

// |e| = max of q e over |q| <= 1, at mesh time k h of every sample: the augmented Lagrangian of that maximum,
//   max_{|q| <= B_k} q e - (q - q_k)^2 / (2 rho) = b (s - b/2) / rho,   s = rho e + q_k, b = s cut to [-B_k, B_k],
// up to a constant. At the last time, after which the control rests, e stays as it is for (T - t) / h more layers: B =
// (T - t) / h.
struct KinkCost final : Cost {
  double h, rho;
  Tensor q, bound;  // [K + 1, N], [K + 1]
  std::string name() const override { return "kink"; }
  Tensor operator()(double t, const Tensor& z, const Tensor& y) const override {
    const std::int64_t k = std::llround(t / h);
    const Tensor s = rho * (z - y).squeeze(1) + q[k];
    const Tensor b = at::min(at::max(s, -bound[k]), bound[k]);
    return b * (s - 0.5 * b) / rho;
  }
};

// q e with fixed q: its gradient is that of the loss at subgradients q.
struct LinearCost final : Cost {
  double h;
  Tensor q;
  std::string name() const override { return "linear"; }
  Tensor operator()(double t, const Tensor& z, const Tensor& y) const override {
    return q[std::min<std::int64_t>(std::llround(t / h), q.size(0) - 1)] * (z - y).squeeze(1);
  }
};

struct BangBang {
  Tensor u;                       // [K, P] on the whole horizon
  Tensor e;                       // [K + 1, N] P x - y
  double switch_time = 0;         // T*: sum h |u_k| / M
  std::int64_t between = 0;       // layers neither at M nor at 0
  double left = 0;                // largest |e| from the switch on
  double kkt = 0;                 // largest residual of a layer's optimality condition, over lambda h
  double subgradient = 0;         // largest violation of |q| <= 1, or of q = sign(e) where e is not zero
  double longest_multiplier = 0;  // max_i |p_i| N: what T must exceed T* by
  double J = 0;
};

// Largest |u_k - prox(u_k - g_k)| over lambda h, g the gradient of the smooth part.
double residual_of(const Price& price, const ControlGrid& grid, const Tensor& u, const Tensor& g) {
  return ((u - price.penalty().prox(grid, u - g, 1)).norm(2, {1}).max() / (price.lambda * price.h)).item<double>();
}

// Problem with the loss |P x - y|, by the method of multipliers. Layers 0 .. n-1 sit at |u| = M (their directions are
// free), layer n is free if `switching`, the others rest; n is moved until the free layer fits below M.
class KinkSolver {
 public:
  KinkSolver(const Steering& task, const Price& price, double T, const StudyContext& study)
      : task_(task), price_(price), T_(T), layers_(std::llround(T / price.h)), study_(study) {}

  BangBang solve(std::uint64_t seed) {
    start(seed);
    bool settled = false, grew = false;
    for (int round = 0; round < 40; ++round) {
      study_.at("kink loss", n_, layers_, fmt::format("T = {:g}, {} layers at full power", T_, n_));
      const double last = switching_ ? multipliers(settled ? 60 : 4, settled ? 1e-12 : 1e-6) : multipliers(60, 1e-12);
      if (!switching_) break;
      if (last > price_.M) {
        resize(n_ + 1);
        settled = false;
        grew = true;
      } else if (last < 1e-6 * price_.M) {
        if (grew) {
          switching_ = false;  // n - 1 layers are too few, n need no more
        } else {
          resize(n_ - 1);
        }
        settled = false;
      } else if (settled) {
        break;
      } else {
        settled = true;
      }
    }
    return certify();
  }

 private:
  std::int64_t n_active() const { return n_ + (switching_ ? 1 : 0); }

  // The optimum of the squared loss is near.
  void start(std::uint64_t seed) {
    ModelSpec spec = task_.spec;
    spec.horizon = T_;
    spec.layers = layers_;
    model_ = Model::make(spec, at::kDouble, seed);
    polish(model_, squared_loss(price_), task_.data, {.iterations = 600, .tolerance = 1e-5});
    u_ = model_.control.detach().clone();
    n_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(u_.norm(2, {1}).sum().item<double>() / price_.M) - 1);
    q_ = -task_.data.y.squeeze(1).repeat({layers_ + 2, 1});
  }

  void resize(std::int64_t n) {
    const std::int64_t end = n_active();
    const Tensor last = q_[end].clone();
    q_[end].clamp_(-1, 1);
    n_ = std::max<std::int64_t>(n, 1);
    require_room();
    q_[n_active()].copy_(last);
  }
  void require_room() const {
    if (n_active() >= layers_) throw Error("the horizon is too short for the targets: raise T or M");
  }

  // Rounds of the method of multipliers; returns |u| of the free layer.
  double multipliers(int rounds, double tolerance) {
    const std::int64_t K = n_active();
    const Flow flow = Flow::uniform(model_.flow.field, "euler", static_cast<double>(K) * price_.h, K);
    auto cost = std::make_shared<KinkCost>();
    cost->h = price_.h;
    cost->rho = 100;
    cost->q = q_.narrow(0, 0, K + 1).clone();
    cost->bound = at::ones({K + 1}, at::kDouble);
    cost->bound[K] = static_cast<double>(layers_ - K);
    const Objective objective{.cost = cost,
                              .running = 1,
                              .terminal = price_.h,
                              .penalty = {.kind = PenaltyKind::l1, .weight = price_.lambda}};
    Tensor w = u_.narrow(0, 0, K).clone();
    if (switching_ && w[n_].norm().item<double>() < 1e-3) w[n_].copy_(0.5 * w[n_ - 1]);
    w = w.contiguous().requires_grad_();
    const auto control = [&](const Tensor& w) -> Tensor {
      const Tensor full = w.narrow(0, 0, n_);
      return at::cat({price_.M * full / full.norm(2, {1}, true), w.narrow(0, n_, K - n_)});
    };
    const Tensor x0 = model_.lift(task_.data.x), y = task_.data.y;
    for (int round = 0; round < rounds; ++round) {
      study_.at("kink loss", n_, layers_, fmt::format("T = {:g}, {} layers at full power", T_, n_));
      auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs, .iterations = 100, .tolerance = tolerance}, {w});
      const auto closure = [&](bool gradient) {
        at::AutoGradMode record(gradient);
        w.mutable_grad() = Tensor();
        const Tensor total = objective(flow, x0, control(w), model_.readout(), y).total;
        if (gradient) total.backward();
        return total.detach();
      };
      for (int k = 0; k < 4 && !optimiser->stalled() && !(optimiser->residual_here(closure) <= tolerance); ++k)
        optimiser->step(closure);
      at::NoGradGuard no_gradient;
      w.narrow(0, 0, n_).copy_(control(w).narrow(0, 0, n_));
      const Tensor e =
          (flow.roll(x0, control(w), {.save = Save::all}).states.select(2, task_.spec.width - 1) - y.squeeze(1));
      const Tensor bound = cost->bound.unsqueeze(1);
      const Tensor next = at::min(at::max(cost->q + cost->rho * e, -bound), bound);
      const double moved = (next - cost->q).abs().max().item<double>() / cost->rho;
      cost->q = next;
      if (moved < 1e-13) break;
    }
    at::NoGradGuard no_gradient;
    q_.narrow(0, 0, K + 1).copy_(cost->q);
    u_.zero_();
    u_.narrow(0, 0, K).copy_(control(w));
    return switching_ ? u_[n_].norm().item<double>() : 0;
  }

  // Optimality of the full problem, from u and q alone.
  BangBang certify() const {
    const std::int64_t K = n_active();
    BangBang result;
    result.u = u_;
    const Flow flow = Flow::uniform(model_.flow.field, "euler", T_, layers_);
    const Tensor x0 = model_.lift(task_.data.x), y = task_.data.y;
    auto cost = std::make_shared<LinearCost>();
    cost->h = price_.h;
    cost->q = q_.narrow(0, 0, layers_).clone();
    // While the control rests the errors are zero and any subgradients with the right sum will do: spent at once, they
    // bring the costate to zero fastest.
    Tensor rest = q_[K].clone();
    for (std::int64_t k = K; k < layers_; ++k) {
      cost->q[k].copy_(rest.clamp(-1, 1));
      rest -= cost->q[k];
    }
    const Tensor u = u_.clone().requires_grad_();
    Objective{.cost = cost, .running = 1, .terminal = 0, .penalty = {}}(flow, x0, u, model_.readout(), y)
        .total.backward();
    at::NoGradGuard no_gradient;
    result.e = flow.roll(x0, u_, {.save = Save::all}).states.select(2, task_.spec.width - 1) - y.squeeze(1);
    const Tensor norm = u_.norm(2, {1}), e = result.e.narrow(0, 1, layers_ - 1), q = cost->q.narrow(0, 1, layers_ - 1);
    result.switch_time = price_.h * norm.sum().item<double>() / price_.M;
    result.between = ((norm > 0) & (norm < price_.M * (1 - 1e-12))).sum().item<std::int64_t>();
    result.left = result.e.narrow(0, K, layers_ + 1 - K).abs().max().item<double>();
    result.kkt = residual_of(price_, flow.grid, u_, u.grad());
    const Tensor off = at::where(e.abs() > 1e-9, (q - e.sign()).abs(), (q.abs() - 1).clamp_min(0));
    result.subgradient = std::max(off.max().item<double>(), rest.abs().max().item<double>());
    result.longest_multiplier = price_.h * q_[K].abs().max().item<double>();
    result.J = price_.h * result.e.narrow(0, 0, layers_).abs().mean(1).sum().item<double>() +
               price_.lambda * price_.h * norm.sum().item<double>();
    return result;
  }

  const Steering& task_;
  Price price_;
  double T_;
  std::int64_t layers_, n_ = 1;
  bool switching_ = true;
  const StudyContext& study_;
  Model model_;
  Tensor u_;  // [K, P]
  Tensor q_;  // [K + 2, N]; row n_active() holds the sum over the resting layers
};

}  // namespace

StudyReport run_bang_bang(StudyContext& study) {
  const Price price{study.real("lambda"), study.real("M"), study.real("h")};
  const std::int64_t n = study.integer("samples");
  StudyReport report;
  Figure figure({.title = "Full power, then rest",
                 .caption = "The first draw with the loss $|Px - y|$. Left: the size of the weights at each depth, "
                            "one curve. Right: each "
                            "point's error; one that arrives early is held at its target while the others are moved."});
  Panel& power = figure.panel("weights");
  power.x({.label = "depth $t$", .high = 4.0}).y({.label = "$|u(t)|$", .low = 0.0, .high = 1.15 * price.M});
  Panel& errors = figure.panel("errors, first draw");
  errors.x({.label = "depth $t$", .high = 4.0}).y({.label = "$Px_i(t) - y_i$"});
  Table table{.head = {"draw", "$T$", "$T^*$", "$T_M$", "$J$", "between", "error", "KKT", "$q$"},
              .caption =
                  "Loss $|Px - y|$: layers between 0 and $M$, largest error after $T^*$, KKT residual over $\\lambda "
                  "h$, and the largest "
                  "violation of $|q| \\le 1$ or of $q$ being the sign of an error that is not zero. A last line with "
                  "$T < T_M$, if any."};
  std::vector<double> between, left, moved, kkt, subgradients, too_short, above;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(n, study.integer("features"), random);
    double switch_time = 0, needed = 0;
    const std::vector<double> horizons = study.full() ? std::vector<double>{4, 8, 16} : std::vector<double>{4, 8};
    for (std::size_t i = 0; i < horizons.size(); ++i) {
      const double T = horizons[i];
      const BangBang b =
          KinkSolver(task, price, T, study).solve(seed_for(study.seed(), fmt::format("bang_bang/{:g}", T), s));
      between.push_back(static_cast<double>(b.between));
      left.push_back(b.left);
      kkt.push_back(b.kkt);
      subgradients.push_back(b.subgradient);
      if (i == 0) switch_time = b.switch_time;
      if (i == 0) needed = b.switch_time + b.longest_multiplier;
      if (i > 0) moved.push_back(std::abs(b.switch_time - switch_time));
      above.push_back(T / (b.switch_time + b.longest_multiplier));
      table.rows.push_back({Cell(s), Cell(T), Cell(b.switch_time, 8), Cell(b.switch_time + b.longest_multiplier, 5),
                            Cell(b.J, 9), Cell(static_cast<long>(b.between)), Cell(b.left, 2), Cell(b.kkt, 2),
                            Cell(b.subgradient, 2)});
      if (s == 0) {
        std::vector<double> edges;
        for (std::int64_t k = 0; k <= b.u.size(0); ++k) edges.push_back(price.h * static_cast<double>(k));
        const std::size_t shown = static_cast<std::size_t>(std::llround(4 / price.h));
        std::vector<double> size = numbers(b.u.norm(2, {1}));
        size.resize(shown);
        edges.resize(shown + 1);
        const Dash dashes[] = {Dash::solid, Dash::dashed, Dash::dotted};
        power.steps(edges, size,
                    {.label = fmt::format("$T = {:g}$", T),
                     .colour = static_cast<int>(i),
                     .dash = dashes[i],
                     .width = 3.6 - static_cast<double>(i)});
        if (i == 0)
          for (std::int64_t j = 0; j < n; ++j) {
            std::vector<double> e = numbers(b.e.select(1, j));
            e.resize(shown + 1);
            errors.line(edges, e, {.label = fmt::format("point {}", j + 1), .marker = Marker::circle, .size = 3});
          }
      }
    }
    // Below T_M the loss cannot hold all targets.
    const double T = price.h * std::floor(needed / price.h - 0.25);
    if (T > switch_time + price.h) {
      const BangBang b = KinkSolver(task, price, T, study).solve(seed_for(study.seed(), "bang_bang/short", s));
      too_short.push_back(b.left);
      table.rows.push_back({Cell(s), Cell(T), Cell(b.switch_time, 8), Cell(needed, 5), Cell(b.J, 9),
                            Cell(static_cast<long>(b.between)), Cell(b.left, 2), Cell(b.kkt, 2),
                            Cell(b.subgradient, 2)});
    }
  }
  report.checks.push_back(check_each_at_most("C8", "loss $|Px - y|$: layers between 0 and $M$, most", "", 1, between));
  report.checks.push_back(check_each_at_most("C8", "largest error after $T^*$", "", 1e-10, left));
  report.checks.push_back(check_each_at_most("C8", "change of $T^*$ with $T > T_M$, largest", "time", 1e-6, moved));
  report.checks.push_back(check_each_at_least("C8", "$T$ over $T_M$, least", "", 1, above));
  report.checks.push_back(check_each_at_most("C8", "KKT residual over $\\lambda h$, largest", "", 1e-6, kkt));
  report.checks.push_back(
      check_each_at_most("C8", "subgradients of the loss, largest violation", "", 1e-6, subgradients));
  if (too_short.empty())
    report.not_run.push_back("a horizon below $T_M$: no layer fits between $T^*$ and $T_M$ in these draws");
  else
    report.checks.push_back(
        check_each_at_least("C8", "$T$ just below $T_M$: largest error after $T^*$, least", "", 1e-6, too_short));

  // ---- the squared loss: beyond `active` the control rests, so that the rest of the horizon is a terminal cost.
  Figure plateau({.title = "The squared loss never arrives",
                  .caption = "Left: what is left of the error, a colour for each draw; dashed, slope $-2$. Right: the "
                             "switch time settles."});
  Panel& level = plateau.panel("plateau");
  level.x({.label = "depth $T$", .scale = Scale::log}).y({.label = "$\\varphi(x(T))$", .scale = Scale::log});
  Panel& settling = plateau.panel("switch time");
  settling.x({.label = "depth $T$", .scale = Scale::log}).y({.label = "$T^*$"});
  Table squares{.head = {"draw", "$T$", "$T^*$", "$\\varphi(T)$", "$u = 0$ from", "KKT residual$/\\lambda h$"},
                .caption = "Squared loss."};
  const double active = 5;
  std::vector<double> slopes, settled, square_kkt, zero_from, plateaus;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(n, study.integer("features"), random);
    ModelSpec spec = task.spec;
    spec.horizon = active;
    spec.layers = std::llround(active / price.h);
    Model model = Model::make(spec, at::kDouble, seed_for(study.seed(), "bang_bang/squared", s));
    std::vector<double> T, phi, times;
    for (double horizon = 10; horizon <= study.real("longest"); horizon *= 2) {
      study.at("squared loss", s, study.seeds(), fmt::format("T = {:g}", horizon));
      polish(model, squared_loss(price, 1, horizon - active), task.data, {.iterations = 20000, .tolerance = 1e-10});
      const Model whole = with_horizon(model, horizon, std::llround(horizon / price.h), Stretch::extend);
      const Tensor u = whole.control.detach().clone().requires_grad_();
      const ObjectiveValue value =
          squared_loss(price)(whole.flow, whole.lift(task.data.x), u, whole.readout(), task.data.y);
      value.smooth.backward();
      at::NoGradGuard no_gradient;
      const Tensor norm = u.detach().norm(2, {1});
      T.push_back(horizon);
      phi.push_back((value.end.select(1, spec.width - 1) - task.data.y.squeeze(1)).square().mean().item<double>());
      times.push_back(price.h * norm.sum().item<double>() / price.M);
      square_kkt.push_back(residual_of(price, whole.flow.grid, u.detach(), u.grad()));
      const double rest = price.h * static_cast<double>(norm.nonzero().max().item<std::int64_t>() + 1);
      zero_from.push_back(rest);
      squares.rows.push_back(
          {Cell(s), Cell(horizon), Cell(times.back(), 7), Cell(phi.back()), Cell(rest), Cell(square_kkt.back(), 2)});
    }
    const auto late = [](const std::vector<double>& values) {
      return std::vector<double>(values.begin() + 1, values.end());
    };
    slopes.push_back(fit_order(late(T), late(phi)).slope);
    plateaus.push_back(phi.back());
    settled.push_back(std::abs(times.end()[-1] - times.end()[-2]) / std::abs(times.end()[-2] - times.end()[-3]));
    level.points(T, phi, {.colour = s, .marker = Marker::circle});
    level.line(T, {[&] {
                 std::vector<double> law;
                 for (const double t : T) law.push_back(phi.back() * std::pow(T.back() / t, 2));
                 return law;
               }()},
               {.colour = s, .dash = Dash::dashed, .width = 1.2});
    settling.line(T, times, {.colour = s, .marker = Marker::circle, .size = 4});
  }
  report.checks.push_back(check_each_equal("C8", "squared loss: slope of the plateau against $T \\ge 20$, logarithms",
                                           "", -2, slopes, 0.15));
  report.checks.push_back(
      check_each_at_least("C8", "squared loss: $\\varphi$ at the longest $T$: not zero", "", 1e-9, plateaus));
  report.checks.push_back(check_each_at_most(
      "C8", "squared loss: last change of $T^*$ over the one before (1/2 as $1/T$)", "", 0.75, settled));
  report.checks.push_back(
      check_each_at_most("C8", "squared loss: $u$ is exactly zero from", "time", active - price.h, zero_from));
  report.checks.push_back(
      check_each_at_most("C8", "squared loss: KKT residual over $\\lambda h$, largest", "", 1e-5, square_kkt));

  report.figures.push_back({"full_power", figure});
  report.figures.push_back({"plateau", plateau});
  report.tables.push_back(table);
  report.tables.push_back(squares);
  report.method.push_back(
      fmt::format("{} draws of {} normal points in dimension {}, a zero coordinate appended that is to reach $\\pm 1$; "
                  "Euler layers of step {:g}, $\\lambda = {:g}$, $M = {:g}$. "
                  "Loss $|Px - y|$: each depth from its own random start; the kink by the method of multipliers, the "
                  "layers at full power by their directions, "
                  "L-BFGS inside; the optimality conditions are then evaluated on the whole problem. Squared loss: "
                  "accelerated proximal gradient on $[0, {:g}]$ with the resting "
                  "rest of the horizon as terminal cost, warm started along $T$; again the conditions are those of the "
                  "whole problem.",
                  study.seeds(), n, study.integer("features"), price.h, price.lambda, price.M, active));

  // ---- more points than dimensions
  const std::int64_t rows = study.integer("rows");
  if (rows == 0) {
    report.not_run.push_back("data sets with more points than dimensions");
    return report;
  }
  Table sets{.head = {"data", "$T$", "$u = 0$ from", "share of zero layers [%]", "layers at $M$", "$\\varphi(T)$",
                      "KKT residual$/\\lambda h$"},
             .caption = "Data sets, squared loss, reported as they are."};
  for (const char* name : {"spheres", "moons"}) {
    study.at("data sets", 0, 2, name);
    Steering task;
    task.data = generate(name, rows, -1, seed_for(study.seed(), fmt::format("bang_bang/{}", name)), 2);
    task.data.y = (task.data.y.to(at::kDouble) * 2 - 1).unsqueeze(1);
    task.data.schema.task = Task::regress;
    task.data.schema.classes.clear();
    ModelSpec spec;
    spec.n_features = 2;
    spec.width = 3;
    spec.lift = Lift::pad;
    spec.field = {.kind = "inner", .dimension = 3};
    spec.horizon = 15;
    spec.layers = 75;
    spec.initial_scale = 0.3;
    Model model = Model::make(spec, at::kDouble, seed_for(study.seed(), "bang_bang/set", 1));
    const Price own{price.lambda, price.M, 0.2};
    polish(model, squared_loss(own), task.data, {.iterations = 5000, .tolerance = 1e-7}, study.progress());
    const Tensor u = model.control.detach().clone().requires_grad_();
    const ObjectiveValue value =
        squared_loss(own)(model.flow, model.lift(task.data.x), u, model.readout(), task.data.y);
    value.smooth.backward();
    at::NoGradGuard no_gradient;
    const Tensor norm = u.detach().norm(2, {1});
    const double rest = 0.2 * static_cast<double>(norm.nonzero().max().item<std::int64_t>() + 1);
    sets.rows.push_back({name, Cell(15.0), Cell(rest), Cell(100 * (norm == 0).to(at::kDouble).mean().item<double>(), 3),
                         Cell(static_cast<long>((norm >= own.M * (1 - 1e-12)).sum().item<std::int64_t>())),
                         Cell((value.end.select(1, 2) - task.data.y.squeeze(1)).square().mean().item<double>()),
                         Cell(residual_of(own, model.flow.grid, u.detach(), u.grad()), 2)});
    report.findings.push_back(
        fmt::format("{} points of the {}: weights are exactly zero from $t = {:g}$ of 15.", rows, name, rest));
  }
  report.tables.push_back(sets);
  return report;
}

}  // namespace turnpike::studies
