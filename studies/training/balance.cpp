// T16. Gradient flow conserves the balance of neighbouring layers; gradient descent leaves it at the order of its step.
#include <algorithm>
#include <cmath>
#include <functional>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/integrate.h>
#include <turnpike/math/fit.h>
#include <turnpike/net/ensemble.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike::studies {
namespace {

// dopri5 keeps the error of a step below rtol |theta|; the flows here take up to some hundred steps.
constexpr StepController precise{.rtol = 1e-10, .atol = 1e-12};
constexpr double flow_tolerance = 1e-8;
constexpr double short_horizon = 2;      // of descent and of the ReLU flow, whose steps are fixed
constexpr double kink_tolerance = 1e-4;  // of the ReLU flow at its finest steps
constexpr double decay = 0.2;            // lambda

// A bilinear form of the weights: D of (W, W), and of (G, G) what a step of gradient descent adds to it over eps^2.
using Balance = std::function<Tensor(const Tensor& theta)>;  // [N, P] -> [N, m]

// W_{j+1}' W_{j+1} - W_j W_j', all j, flattened.
Balance matrix_balance(const Ensemble& nets) {
  return [nets](const Tensor& theta) {
    const std::vector<Tensor> W = nets.weights(theta);
    std::vector<Tensor> parts;
    for (std::size_t j = 0; j + 1 < W.size(); ++j)
      parts.push_back((at::bmm(W[j + 1].transpose(1, 2), W[j + 1]) - at::bmm(W[j], W[j].transpose(1, 2))).flatten(1));
    return at::cat(parts, 1);
  };
}

// |row i of (W_j, b_j)|^2 - |column i of W_{j+1}|^2, all hidden neurons.
Balance neuron_balance(const Ensemble& nets) {
  return [nets](const Tensor& theta) {
    const std::vector<Tensor> W = nets.weights(theta), b = nets.bias_vectors(theta);
    std::vector<Tensor> parts;
    for (std::size_t j = 0; j + 1 < W.size(); ++j)
      parts.push_back(W[j].square().sum(2) + b[j].square() - W[j + 1].square().sum(1));
    return at::cat(parts, 1);
  };
}

struct Problem {
  const char* name;
  Ensemble nets;
  Balance balance;
  int colour;
};

// |D(t) - D(0)| / max |theta|^2, [times, N].
Tensor drift(const Balance& balance, const Tensor& states, double lambda = 0, const std::vector<double>& times = {}) {
  const Tensor first = balance(states[0]);
  std::vector<Tensor> rows;
  for (std::int64_t k = 0; k < states.size(0); ++k) {
    const double shrink = lambda > 0 ? std::exp(-2 * lambda * times[static_cast<std::size_t>(k)]) : 1;
    rows.push_back((balance(states[k]) - shrink * first).norm(2, 1));
  }
  return at::stack(rows) / states.square().sum(2).amax(0);
}

std::vector<double> evenly(double horizon, int n) {
  std::vector<double> times;
  for (int i = 0; i <= n; ++i) times.push_back(horizon * i / n);
  return times;
}

// The flow on [0, short_horizon] by n fixed steps of order 4, [n + 1, N, P]. A ReLU network's gradient jumps where a
// sample crosses a kink: steps chosen from their error would shrink to rounding there.
Tensor fixed_flow(const Losses& losses, const Tensor& start, std::int64_t n) {
  const FieldPtr field =
      make_field("gradient flow", start.size(1), 0,
                 [&losses](double, const Tensor& theta, const Tensor&) -> Tensor { return -gradients(losses, theta); });
  const ControlGrid grid = ControlGrid::uniform(ControlKind::shared, short_horizon, 1);
  return integrate({.field = field, .grid = grid, .scheme = make_scheme("rk4")}, at::empty({1, 0}, start.options()),
                   start, {.mesh = Mesh::uniform(short_horizon, n)})
      .value()
      .states;
}

// The integral of the balance of the gradients along a flow of evenly spaced states, by the trapezoidal rule: [N, m].
Tensor drift_integral(const Problem& problem, const Losses& losses, const Tensor& states) {
  const std::int64_t n = states.size(0) - 1;
  Tensor sum = at::zeros_like(problem.balance(states[0]));
  for (std::int64_t k = 0; k <= n; ++k)
    sum += (k == 0 || k == n ? 0.5 : 1.0) * problem.balance(gradients(losses, states[k]));
  return sum * (short_horizon / static_cast<double>(n));
}

// Two weights, loss (s - a b)^2 / 2: the plane with the hyperbolas b^2 - a^2 = const on which the flow stays.
Figure hyperbolas() {
  constexpr double s = 1;
  const Losses losses = [](const Tensor& theta) { return (s - theta.select(1, 0) * theta.select(1, 1)).square() / 2; };
  Tensor start =
      at::tensor({0.15, 1.9, 0.6, 2.3, 1.5, 0.1, 2.2, 0.5, -1.0, 2.2, 0.3, 0.35}).to(at::kDouble).view({-1, 2});
  const Tensor flow = gradient_flows(losses, start, evenly(12, 120), precise);
  std::vector<Tensor> steps = {start};
  for (int k = 0; k < 60; ++k) steps.push_back(steps.back() - 0.3 * gradients(losses, steps.back()));
  const Tensor descent = at::stack(steps);
  Figure figure({.title = "Flow stays on its hyperbola, descent does not",
                 .caption = "Two weights $a$, $b$ and the loss $(1 - ab)^2/2$, whose minima are the dotted line. Left: "
                            "gradient flow; $b^2 - a^2$ is conserved. Right: gradient descent with step 0.3 from the "
                            "same starts ends nearer to $a = b$, where the minima are flat."});
  std::vector<double> line_a, line_b;
  for (int i = 0; i <= 100; ++i) {
    line_a.push_back(0.38 + i * (2.6 - 0.38) / 100);
    line_b.push_back(s / line_a.back());
  }
  for (int part = 0; part < 2; ++part) {
    const Tensor& paths = part == 0 ? flow : descent;
    Panel& panel = figure.panel(part == 0 ? "gradient flow" : "gradient descent");
    panel.x({.label = "$a$", .low = -1.2, .high = 2.6}).y({.label = "$b$", .low = -0.4, .high = 2.6}).equal_aspect();
    panel.line(line_a, line_b, {.colour = ink::text, .dash = Dash::dotted});
    std::vector<std::vector<double>> xs, ys;
    for (std::int64_t i = 0; i < start.size(0); ++i) {
      xs.push_back(numbers(paths.select(1, i).select(1, 0)));
      ys.push_back(numbers(paths.select(1, i).select(1, 1)));
    }
    panel.trajectories(xs, ys, {}, {}, {.colour = part, .width = 1.6, .opacity = 0.9, .size = 5});
  }
  return figure;
}

}  // namespace

StudyReport run_balance(StudyContext& study) {
  const std::int64_t n = study.integer("samples"), seeds = study.seeds();
  const double horizon = study.real("horizon");
  const int refinements = static_cast<int>(study.integer("refinements"));
  StudyReport report;
  Random data = study.random("data");
  const Tensor x = normal_tensor({n, 4}, data), teacher = normal_tensor({4, 3}, data);
  const Tensor y = at::sin(x.mm(teacher)) + 0.1 * normal_tensor({n, 3}, data);

  const Ensemble linear{.widths = {4, 5, 5, 3}, .activation = Activation::identity, .biases = false};
  const Ensemble relu{.widths = {4, 8, 6, 3}, .activation = Activation::relu};
  Ensemble tanh = relu;
  tanh.activation = Activation::tanh;
  const Problem problems[] = {{"linear", linear, matrix_balance(linear), 0},
                              {"ReLU", relu, neuron_balance(relu), 1},
                              {"tanh", tanh, neuron_balance(tanh), 2}};
  const auto losses_of = [&x, &y, n](const Ensemble& nets, double lambda) -> Losses {
    return [&x, &y, n, nets, lambda](const Tensor& theta) {
      const Tensor misfit = (nets(theta, x) - y).square().sum({1, 2}) / (2.0 * static_cast<double>(n));
      return misfit + 0.5 * lambda * theta.square().sum(1);
    };
  };

  Figure figure({.title = "The balance of layers through training",
                 .caption =
                     "The first network of each kind. Left: how far $D$ has moved under gradient flow, over "
                     "$|\\theta|^2$; a tanh network has no such law. Right: how far under gradient descent up to "
                     "$t = 2$; dashed, $\\varepsilon$ times the integral along the smooth flow."});
  Panel& flow_panel = figure.panel("gradient flow");
  flow_panel.x({.label = "training time $t$"})
      .y({.label = "$|D(t) - D(0)| / |\\theta|^2$", .scale = Scale::log, .low = 1e-17, .high = 1});
  Panel& descent_panel = figure.panel("gradient descent");
  descent_panel.x({.label = "step $\\varepsilon$", .scale = Scale::log})
      .y({.label = "$|D - D(0)|$", .scale = Scale::log});
  Table table{.head = {"network", "loss at 0", "loss at the end", "$|D(0)|$", "drift, flow", "order, descent"},
              .caption = "Means over the networks; the drift is the largest of all."};

  const std::vector<double> times = evenly(horizon, 200);
  for (const Problem& problem : problems) {
    study.at("networks", problem.colour, 3, problem.name);
    const Losses losses = losses_of(problem.nets, 0);
    Random weights = study.random(std::string("weights, ") + problem.name);
    const Tensor start = problem.nets.random(seeds, 1, weights);
    const bool has_kinks = problem.nets.activation == Activation::relu;
    const bool conserves = problem.nets.activation != Activation::tanh;
    Tensor states;
    std::vector<double> drawn_times = times;
    if (has_kinks) {
      // Each kink that a sample crosses costs O(h^2), each that it slides along O(h): the law holds in the limit.
      std::vector<double> h;
      std::vector<Tensor> drifts;
      for (int i = 0; i < refinements - 1; ++i) {
        study.at("networks", problem.colour, 3, fmt::format("{}, flow {} of {}", problem.name, i + 1, refinements - 1));
        h.push_back(short_horizon / (50 << i));
        states = fixed_flow(losses, start, 50 << i);
        drifts.push_back(std::get<0>(drift(problem.balance, states).max(0)));
      }
      const Tensor all = at::stack(drifts);
      std::vector<double> orders;
      for (std::int64_t s = 0; s < seeds; ++s) orders.push_back(fit_order(h, numbers(all.select(1, s))).slope);
      report.checks.push_back(
          check_each_at_least("T16", "order in the step at which the drift vanishes, ReLU flow", "", 1, orders, 0.15));
      drawn_times = evenly(short_horizon, static_cast<int>(states.size(0)) - 1);
    } else {
      states = gradient_flows(losses, start, times, precise);
    }
    const Tensor moved = drift(problem.balance, states);
    const std::vector<double> largest = numbers(std::get<0>(moved.max(0)));
    if (conserves) {
      report.checks.push_back(check_each_at_most("T16", fmt::format("drift of $D$ under flow, {}", problem.name),
                                                 "of $|\\theta|^2$", 0, largest,
                                                 has_kinks ? kink_tolerance : flow_tolerance));
    } else {
      report.checks.push_back(
          check_each_at_least("T16", "drift under flow, tanh: no law, so it moves", "of $|\\theta|^2$", 1e-3, largest));
    }
    std::vector<double> shown = numbers(moved.select(1, 0));
    for (double& value : shown) value = std::max(value, 1e-17);
    flow_panel.line(drawn_times, shown, {.label = problem.name, .colour = problem.colour});

    std::string order_text = "-";
    if (conserves) {
      // The flow has to move for its conservation to mean something.
      report.checks.push_back(check_each_at_least("T16", fmt::format("way of the flow, {}", problem.name),
                                                  "of $|\\theta(0)|$", 0.02,
                                                  numbers((states[-1] - start).norm(2, 1) / start.norm(2, 1))));
      std::vector<double> eps;
      std::vector<Tensor> gaps;
      double identity = 0;
      Tensor last;
      for (int i = 0; i < refinements; ++i) {
        study.at("networks", problem.colour, 3, fmt::format("{}, descent {} of {}", problem.name, i + 1, refinements));
        const int steps = 100 << i;
        eps.push_back(short_horizon / steps);
        Tensor theta = start;
        for (int k = 0; k < steps; ++k) {
          const Tensor gradient = gradients(losses, theta), next = theta - eps.back() * gradient;
          if (k == 0) {
            const Tensor gained = problem.balance(next) - problem.balance(theta);
            const Tensor said = eps.back() * eps.back() * problem.balance(gradient);
            identity = std::max(identity, (gained - said).abs().max().item<double>());
          }
          theta = next;
        }
        last = problem.balance(theta) - problem.balance(start);
        gaps.push_back(last.norm(2, 1));
      }
      report.checks.push_back(check_at_most(
          "T16", fmt::format("one step of descent against its identity, {}", problem.name), "", 0, identity, 1e-13));
      const Tensor all = at::stack(gaps);  // [refinements, N]
      std::vector<double> orders;
      for (std::int64_t s = 0; s < seeds; ++s) orders.push_back(fit_order(eps, numbers(all.select(1, s))).slope);
      report.checks.push_back(
          check_each_equal("T16", fmt::format("order of the drift of descent, {}", problem.name), "", 1, orders, 0.15));
      order_text = fmt::format("{:.3f}", mean_interval(orders).mean);
      descent_panel.line(eps, numbers(all.select(1, 0)),
                         {.label = problem.name, .colour = problem.colour, .marker = Marker::circle, .size = 4});
      // Of a ReLU network no size is predicted: where a sample slides along a kink the gradient of descent jumps to and
      // fro, and the mean of its squares is not the square of the flow's.
      if (!has_kinks) {
        const Tensor integral = drift_integral(problem, losses, fixed_flow(losses, start, 400));
        // To first order in eps; what is left at the finest step is O(eps).
        report.checks.push_back(
            check_each_equal("T16", "drift over $\\varepsilon |\\int|$ at the finest step, linear", "", 1,
                             numbers((last * integral).sum(1) / (eps.back() * integral.square().sum(1))), 0.05));
        std::vector<double> law;
        for (const double e : eps) law.push_back(e * integral[0].norm().item<double>());
        descent_panel.line(eps, law, {.colour = ink::text, .dash = Dash::dashed, .width = 1.2});
      }
    }
    table.rows.push_back({problem.name, Cell(losses(start).mean().item<double>()),
                          Cell(losses(states[-1]).mean().item<double>()),
                          Cell(problem.balance(start).norm(2, 1).mean().item<double>()),
                          Cell(*std::max_element(largest.begin(), largest.end()), 2), order_text});

    if (problem.nets.activation == Activation::identity) {
      const Losses decaying = losses_of(problem.nets, decay);
      const Tensor run = gradient_flows(decaying, start, times, precise);
      const std::vector<double> off = numbers(std::get<0>(drift(problem.balance, run, decay, times).max(0)));
      report.checks.push_back(check_each_at_most("T16", "$D(t)$ against $e^{-2\\lambda t} D(0)$ with weight decay",
                                                 "of $|\\theta|^2$", 0, off, flow_tolerance));
    }
  }

  // Balanced from the start: two scalar weights a = b = sqrt(sigma_0) follow
  //   sigma(t) = s / (1 + (s / sigma_0 - 1) e^{-2 s t}),   loss (s - a b)^2 / 2.
  Random scalars = study.random("scalars");
  std::vector<double> first, target;
  for (std::int64_t i = 0; i < seeds; ++i) {
    first.push_back(std::exp(scalars.uniform(std::log(1e-4), std::log(0.1))));
    target.push_back(scalars.uniform(0.5, 2));
  }
  const Tensor sigma0 = at::tensor(first, at::kDouble), s = at::tensor(target, at::kDouble);
  const Losses scalar_losses = [&s](const Tensor& theta) {
    return (s - theta.select(1, 0) * theta.select(1, 1)).square() / 2;
  };
  const Tensor scalar =
      gradient_flows(scalar_losses, sigma0.sqrt().unsqueeze(1).expand({-1, 2}).contiguous(), times, precise);
  const Tensor t = at::tensor(times, at::kDouble).unsqueeze(1);
  const Tensor law = s / (1 + (s / sigma0 - 1) * at::exp(-2 * s * t));
  const Tensor product = scalar.select(2, 0) * scalar.select(2, 1);
  report.checks.push_back(check_each_at_most("T16", "balanced scalar chain against its closed form", "relative", 0,
                                             numbers(std::get<0>(((product - law) / law).abs().max(0))),
                                             flow_tolerance));

  report.figures.push_back({"balance", figure});
  report.figures.push_back({"hyperbolas", hyperbolas()});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "{} networks of each kind as one batch on the same {} samples: linear 4-5-5-3, ReLU and tanh 4-8-6-3 with "
      "biases; weights of deviation $1/\\sqrt{{d}}$. Gradient flow by dopri5 with relative tolerance $10^{{-10}}$ a "
      "step; "
      "a drift up to $10^{{-8}}$ is what that allows over hundreds of steps. The ReLU flow, whose field jumps at "
      "kinks, by "
      "fixed steps of rk4 up to $t = 2$: its law holds in the limit of small steps. The integral by the trapezoidal "
      "rule "
      "along the flow. Weight decay $\\lambda = {:g}$.",
      seeds, n, decay));
  return report;
}

}  // namespace turnpike::studies
