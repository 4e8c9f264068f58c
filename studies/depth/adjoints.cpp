// D7. Gradients of one objective by the five adjoints: their differences, and the memory that they take.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/device.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

struct Problem {
  Tensor x0, y, control;  // [N, d], [N, d], [slots, P]
  CostPtr cost = make_cost("mean_square");

  // All derivatives of int_0^T g dt + g(x(T)) in one vector: for x0, then for the control.
  Tensor gradient(const Flow& flow) const {
    const Tensor x = x0.detach().clone().requires_grad_(), u = control.detach().clone().requires_grad_();
    const Roll roll = flow.roll(x, u, {.running = RunningCost{cost, {}, y}});
    (roll.integral.mean() + (*cost)(flow.mesh.horizon(), roll.end, y).mean()).backward();
    return at::cat({x.grad().reshape({-1}), u.grad().reshape({-1})});
  }
};

FieldPtr field_for(const Scheme& scheme, std::int64_t d) {
  return scheme.needs_partition() ? paired_hamiltonian_field({.dimension = d}) : outer_field({.dimension = d});
}

Problem random_problem(const VectorField& field, const ControlGrid& grid, std::int64_t samples, Random& random) {
  Problem problem;
  problem.x0 = normal_tensor({samples, field.dimension()}, random);
  problem.y = normal_tensor({samples, field.dimension()}, random);
  problem.control = field.initial_control(grid.slots(), 1.0, random);
  return problem;
}

double relative_gap(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

Flow with(Flow flow, AdjointKind kind) {
  flow.adjoint.kind = kind;
  return flow;
}

}  // namespace

StudyReport run_adjoints(StudyContext& study) {
  const std::int64_t d = study.integer("width"), deepest = study.integer("layers");
  StudyReport report;

  // 1. Exact gradients agree, scheme by scheme.
  for (const SchemeEntry& entry : scheme_table()) {
    const SchemePtr scheme = entry.make();
    double discrete = 0, checkpointed = 0, reversible = 0;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("exact gradients", s, study.seeds(), entry.name);
      Random random = study.random("exact", s);
      const FieldPtr field = field_for(*scheme, d);
      const Flow flow = Flow::uniform(field, entry.name, 2.0, 24);
      const Problem problem = random_problem(*field, flow.grid, 6, random);
      const Tensor by_autograd = problem.gradient(with(flow, AdjointKind::autograd));
      const auto gap = [&](AdjointKind kind) { return relative_gap(problem.gradient(with(flow, kind)), by_autograd); };
      discrete = std::max(discrete, gap(AdjointKind::discrete));
      checkpointed = std::max(checkpointed, gap(AdjointKind::checkpointed));
      if (scheme->reversible()) reversible = std::max(reversible, gap(AdjointKind::reversible));
    }
    const std::string ending = fmt::format(" against automatic differentiation, {}", entry.name);
    report.checks.push_back(check_equal("D7", "discrete adjoint" + ending, "relative", 0, discrete, 1e-12));
    report.checks.push_back(check_equal("D7", "checkpointed" + ending, "relative", 0, checkpointed, 1e-12));
    if (scheme->reversible())
      report.checks.push_back(check_equal("D7", "reversible" + ending, "relative", 0, reversible, 1e-12));
  }

  // 2. The continuous adjoint closes at the scheme's order.
  struct Family {
    const char *scheme, *title;
    int order;
  };
  Figure gaps({.title = "Optimise, then discretise",
               .caption = "Relative difference between the continuous adjoint's gradient and the discrete one: the "
                          "continuous adjoint is the gradient of no network."});
  Panel& panel = gaps.panel();
  panel.x({.label = "step $h$", .scale = Scale::log}).y({.label = "relative gap of gradients", .scale = Scale::log});
  for (const Family& family :
       {Family{"euler", "Euler", 1}, {"midpoint", "midpoint", 2}, {"heun", "Heun", 3}, {"rk4", "RK4", 4}}) {
    // All seeds' problems together are one larger problem: the root mean square of their gaps.
    const FieldPtr field = outer_field({.dimension = d});
    Flow flow = Flow::uniform(field, family.scheme, 1.0, 4, ControlKind::linear);
    std::vector<Problem> problems;
    for (int s = 0; s < study.seeds(); ++s) {
      Random random = study.random("continuous", s);
      problems.push_back(random_problem(*field, flow.grid, 6, random));
    }
    const OrderMeasurement order = measure_order(
        [&](double h) {
          study.at("continuous adjoint", std::llround(1 / h), 512, family.title);
          flow.mesh = Mesh::uniform(1.0, std::llround(1 / h));
          double sum = 0;
          for (const Problem& problem : problems) {
            const double gap = relative_gap(problem.gradient(with(flow, AdjointKind::continuous)),
                                            problem.gradient(with(flow, AdjointKind::discrete)));
            sum += gap * gap;
          }
          return std::sqrt(sum / static_cast<double>(problems.size()));
        },
        0.03125, 5, 1e-14);
    panel.line(order.h, order.error, {.label = family.title, .marker = Marker::circle});
    report.checks.push_back(
        check_equal("D7", fmt::format("order at which the continuous adjoint's gap closes, {}", family.title), "",
                    family.order, order.fit.slope, 0.15)
            .with(order.fit.slope_low, order.fit.slope_high));
  }
  report.figures.push_back({"gaps", gaps});

  // 3. Peak memory of a roll and its backward pass, in states of [N, d] numbers.
  const std::int64_t samples = 512;
  const double state_bytes = static_cast<double>(samples * d) * sizeof(double);
  const FieldPtr field = paired_hamiltonian_field({.dimension = d});
  Random random = study.random("memory");
  std::vector<double> depths;
  for (std::int64_t K = 64; K <= deepest; K *= 2) depths.push_back(static_cast<double>(K));
  const AdjointKind kinds[] = {AdjointKind::autograd, AdjointKind::discrete, AdjointKind::checkpointed,
                               AdjointKind::reversible};
  std::vector<std::vector<double>> peaks;
  for (AdjointKind kind : kinds) {
    peaks.emplace_back();
    for (double K : depths) {
      study.at("memory", static_cast<std::int64_t>(K), deepest, name_of(kind));
      Flow flow = with(Flow::uniform(field, "verlet", 2.0, static_cast<std::int64_t>(K), ControlKind::shared), kind);
      flow.adjoint.kernel = Kernel::reference;  // the fused kernels keep states outside libtorch's allocator
      Random own = random;
      const Problem problem = random_problem(*field, flow.grid, samples, own);
      PeakMemory peak;
      problem.gradient(flow);
      peaks.back().push_back(static_cast<double>(peak.bytes()) / state_bytes);
    }
  }
  const std::size_t last = depths.size() - 1;
  const double doublings = static_cast<double>(last);
  report.checks.push_back(
      check_equal("D7", fmt::format("memory of the discrete adjoint, states a layer from 64 to {} layers", deepest),
                  "states", 1, (peaks[1][last] - peaks[1][0]) / (depths[last] - depths[0]), 0.02));
  report.checks.push_back(check_at_most("D7", "memory of checkpointing, states a doubling of the depth", "states", 2,
                                        (peaks[2][last] - peaks[2][0]) / doublings, 0.1));
  report.checks.push_back(check_equal("D7", "memory of reversible layers, states a doubling of the depth", "states", 0,
                                      (peaks[3][last] - peaks[3][0]) / doublings, 0.01));
  Figure memory({.title = "Memory against depth",
                 .caption = "Peak bytes of a forward and backward pass, in units of one state of the batch. Verlet "
                            "layers that share their weights."});
  Panel& memory_panel = memory.panel();
  memory_panel.x({.label = "layers $K$", .scale = Scale::log}).y({.label = "peak memory, states", .scale = Scale::log});
  for (std::size_t i = 0; i < peaks.size(); ++i)
    memory_panel.line(depths, peaks[i], {.label = name_of(kinds[i]), .marker = Marker::circle});
  report.figures.push_back({"memory", memory});
  report.findings.push_back(
      "The scheme's order is what theory promises for the continuous adjoint's gap; Heun does better, and 3 is its "
      "prediction here: going back, its two end stages are shifted by the same $-h^2 \\ddot x/2$ as the discrete "
      "adjoint's, "
      "so that the $h^3$ terms of one step cancel.");
  report.findings.push_back(
      "Checkpointing holds the forward pass's snapshots, for a second backward pass, beside those of the sweep: two "
      "states a doubling of the depth at most, where $\\lceil \\log_2 K \\rceil + 1$ snapshots are allowed.");
  report.method.push_back(fmt::format(
      "Gradients of $\\int_0^T |x - y|^2 dt + |x(T) - y|^2$ for the start and the control, of 24 layers of every "
      "registered scheme ({} seeds): $\\tanh(Wx + b)$, or the Hamiltonian pair where the scheme needs a partition. The "
      "continuous adjoint runs on a piecewise linear control of four cells, refined mesh. Memory: {} samples in "
      "dimension {}.",
      study.seeds(), samples, d));
  return report;
}

}  // namespace turnpike::studies
