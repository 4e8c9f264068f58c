#include <turnpike/fused/roll.h>

#include <algorithm>
#include <atomic>

#include <turnpike/base/error.h>

#include "roller_internal.h"

namespace turnpike {

int FusedScheme::evaluations() const {
  switch (kind) {
    case Kind::runge_kutta: return tableau ? tableau->stages() : 0;
    case Kind::symplectic_euler: return 2;
    case Kind::verlet: return 3;
  }
  return 0;
}

namespace {

// A thread is worth waking for some 20 us of work, at 50 operations a nanosecond.
int useful_threads(const FusedProblem& p) {
  const double work = 6.0 * static_cast<double>(p.n_samples) * static_cast<double>(p.control_row.size()) *
                      static_cast<double>(p.layer.n_parameters() + 40 * p.layer.dimension);
  return static_cast<int>(std::clamp<double>(work / 1e6, 1, p.threads));
}

// Bytes of the kept trajectory of one sample.
template <class T>
std::int64_t trajectory_bytes(const FusedProblem& p) {
  const LayerSpec& layer = p.layer;
  const std::int64_t aux = layer.kind == LayerKind::bottleneck ? 2 * layer.hidden : layer.dimension;
  return static_cast<std::int64_t>(p.control_row.size() + 1) * (layer.dimension + aux) *
         static_cast<std::int64_t>(sizeof(T));
}

// The second-level cache should hold the trajectory of a block beside the gradient sums.
constexpr std::int64_t cached_bytes = 1 << 20;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// 2 to 8 vectors of samples, as many as the cache holds and as few as possible in vain.
template <class T>
Blocks strip_blocks(const FusedProblem& p) {
  const std::int64_t lanes = Strips<T>::width_unit(), vectors = ceil_div(p.n_samples, lanes);
  const int threads = static_cast<int>(std::min<std::int64_t>(useful_threads(p), vectors));
  if (find_sweep<T>(p)) {
    const std::int64_t in_block = sweep_vectors(p.layer.dimension), count = ceil_div(vectors, in_block);
    return {in_block * lanes, count, static_cast<int>(std::min<std::int64_t>(threads, count))};
  }
  const std::int64_t fitting = std::clamp<std::int64_t>(cached_bytes / (trajectory_bytes<T>(p) * lanes), 4, 8);
  std::int64_t best = 1, least = vectors + threads;
  for (std::int64_t n = std::min<std::int64_t>(fitting, ceil_div(vectors, threads));
       n >= std::min<std::int64_t>(2, fitting); --n) {
    const std::int64_t each = ceil_div(vectors, n * threads) * n;
    if (each < least) {
      least = each;
      best = n;
    }
  }
  return {best * lanes, ceil_div(vectors, best), threads};
}

// Rows enough for the products of one layer to read its matrix often, and few enough for the cache.
template <class T>
Blocks panel_blocks(const FusedProblem& p) {
  const std::int64_t d = std::max(p.layer.dimension, p.layer.hidden), unit = Panels<T>::width_unit();
  const std::int64_t most = d <= 96 ? 48 : d <= 192 ? 96 : d <= 384 ? 192 : 336;
  const std::int64_t least = d < 64 ? 24 : d <= 192 ? 48 : most;
  const std::int64_t bytes = trajectory_bytes<T>(p);
  std::int64_t width = std::clamp<std::int64_t>(3 * cached_bytes / 2 / bytes / unit * unit, least, most);
  // What no cache holds should still fit the memory.
  width = std::clamp<std::int64_t>((std::int64_t{1} << 28) / bytes, 1, width);
  // As many blocks for one thread as for the other.
  const std::int64_t threads = std::min<std::int64_t>(useful_threads(p), ceil_div(p.n_samples, 2 * unit));
  const std::int64_t count = ceil_div(ceil_div(p.n_samples, width), threads) * threads;
  if (width > unit) width = std::min(width, ceil_div(ceil_div(p.n_samples, count), unit) * unit);
  if (p.n_samples < unit) width = p.n_samples;
  const std::int64_t blocks = ceil_div(p.n_samples, width);
  return {width, blocks, static_cast<int>(std::min<std::int64_t>(threads, blocks))};
}

template <class T>
void check(const FusedProblem& p, const FusedInputs<T>& in) {
  using Kind = FusedScheme::Kind;
  const std::int64_t d = p.layer.dimension, K = static_cast<std::int64_t>(p.steps.size());
  const int evaluations = p.scheme.evaluations();
  require(d > 0 && p.n_samples > 0 && K > 0 && p.threads > 0, "fused_roll: d, N, K and threads must be positive");
  require(p.layer.kind != LayerKind::paired || d % 2 == 0, "fused_roll: a paired layer needs an even dimension");
  require(p.layer.kind != LayerKind::bottleneck || p.layer.hidden > 0, "fused_roll: a bottleneck needs hidden > 0");
  require(p.scheme.kind == Kind::runge_kutta ? evaluations > 0 && evaluations <= max_fused_stages
                                             : p.layer.kind == LayerKind::paired,
          "fused_roll: needs a tableau of at most 16 stages, or a paired layer for a partitioned scheme");
  require(static_cast<std::int64_t>(p.control_row.size()) == K * evaluations,
          "fused_roll: control_row must hold one row for each evaluation of each step");
  const auto inside = [&p](std::int64_t row) { return row >= 0 && row < p.n_rows; };
  require(std::all_of(p.control_row.begin(), p.control_row.end(), inside), "fused_roll: a control row is out of range");
  require(in.x0 && in.control, "fused_roll: x0 and control must be given");
  if (p.cost == FusedCost::none) return;
  require(p.n_outputs > 0 && (in.weight || p.n_outputs == d), "fused_roll: without a readout weight m must be d");
  require(p.cost == FusedCost::mean_square ? in.targets != nullptr : in.classes != nullptr,
          "fused_roll: the cost needs its targets or classes");
}

void check_cost(const FusedProblem& p, const FusedCostWeights& weights) {
  require(p.cost != FusedCost::none, "fused_cost: the problem has no cost");
  require(weights.control.empty() || static_cast<std::int64_t>(weights.control.size()) == p.n_rows,
          "fused_cost: weights.control must hold one weight for each row of the control");
}

// Lanes = dimensions from where they fill vectors and the gradient sums of lanes = samples outgrow the caches.
template <class T>
bool wide(const LayerSpec& layer) {
  const std::int64_t d = layer.kind == LayerKind::paired ? layer.dimension / 2 : layer.dimension;
  return Strips<T>::width_unit() > 1 && d >= 20;
}

template <class T, class Work>
auto with_roller(const FusedProblem& problem, const FusedInputs<T>& inputs, Work work) {
  check(problem, inputs);
  if (wide<T>(problem.layer)) {
    Roller<T, Panels> roller(problem, inputs, panel_blocks<T>(problem));
    return work(roller);
  }
  Roller<T, Strips> roller(problem, inputs, strip_blocks<T>(problem));
  return work(roller);
}

}  // namespace

template <class T>
void fused_roll(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedOutputs<T>& outputs) {
  with_roller<T>(problem, inputs, [&](auto& roller) { roller.roll(outputs); });
}

template <class T>
void fused_pull_back(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCotangents<T>& cotangents,
                     const FusedGradients<T>& gradients) {
  with_roller<T>(problem, inputs, [&](auto& roller) { roller.pull_back(cotangents, gradients); });
}

template <class T>
FusedCostSums fused_cost(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCostWeights& weights,
                         T* end, const FusedGradients<T>& gradients) {
  check_cost(problem, weights);
  return with_roller<T>(problem, inputs, [&](auto& roller) { return roller.cost(weights, end, gradients); });
}

template <class T>
std::vector<FusedCostSums> fused_costs(const FusedProblem& problem, const std::vector<FusedReplica<T>>& replicas,
                                       const FusedCostWeights& weights) {
  FusedProblem each = problem;
  each.threads = 1;
  check_cost(each, weights);
  for (const FusedReplica<T>& replica : replicas) check(each, replica.inputs);
  const auto n = static_cast<std::int64_t>(replicas.size());
  std::vector<FusedCostSums> sums(replicas.size());
  std::atomic<std::int64_t> next{0};
  Team team(static_cast<int>(std::min<std::int64_t>(problem.threads, std::max<std::int64_t>(n, 1))));
  team.run([&](int) {
    for (std::int64_t r; (r = next.fetch_add(1)) < n;) {
      const FusedReplica<T>& own = replicas[r];
      sums[r] =
          with_roller<T>(each, own.inputs, [&](auto& roller) { return roller.cost(weights, own.end, own.gradients); });
    }
  });
  return sums;
}

template <class T>
void fused_push_forward(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedTangents<T>& tangents,
                        T* end, T* end_tangent) {
  FusedProblem flow = problem;  // step by step: no cost, and blocks that no sweep takes
  flow.cost = FusedCost::none;
  check(flow, inputs);
  require(end_tangent != nullptr, "fused_push_forward: end_tangent must be given");
  if (wide<T>(flow.layer))
    return Roller<T, Panels>(flow, inputs, panel_blocks<T>(flow)).push_forward(tangents, end, end_tangent);
  Blocks blocks = strip_blocks<T>(flow);
  blocks.width = 3 * Strips<T>::width_unit();
  blocks.count = ceil_div(flow.n_samples, blocks.width);
  blocks.threads = static_cast<int>(std::min<std::int64_t>(blocks.threads, blocks.count));
  Roller<T, Strips>(flow, inputs, blocks).push_forward(tangents, end, end_tangent);
}

template <class T>
void fused_sample_gradients(const FusedProblem& problem, const FusedInputs<T>& inputs,
                            const FusedCotangents<T>& cotangents, T* control) {
  check(problem, inputs);
  const auto blocks = [&](std::int64_t width) {
    const std::int64_t count = ceil_div(problem.n_samples, width);
    return Blocks{width, count, static_cast<int>(std::min<std::int64_t>(useful_threads(problem), count))};
  };
  if (wide<T>(problem.layer)) {
    Roller<T, Panels>(problem, inputs, blocks(Panels<T>::width_of_separate_sums()))
        .sample_gradients(cotangents, control);
  } else {
    Roller<T, Strips>(problem, inputs, blocks(Strips<T>::width_of_separate_sums()))
        .sample_gradients(cotangents, control);
  }
}

template void fused_roll(const FusedProblem&, const FusedInputs<float>&, const FusedOutputs<float>&);
template void fused_roll(const FusedProblem&, const FusedInputs<double>&, const FusedOutputs<double>&);
template void fused_pull_back(const FusedProblem&, const FusedInputs<float>&, const FusedCotangents<float>&,
                              const FusedGradients<float>&);
template void fused_pull_back(const FusedProblem&, const FusedInputs<double>&, const FusedCotangents<double>&,
                              const FusedGradients<double>&);
template FusedCostSums fused_cost(const FusedProblem&, const FusedInputs<float>&, const FusedCostWeights&, float*,
                                  const FusedGradients<float>&);
template FusedCostSums fused_cost(const FusedProblem&, const FusedInputs<double>&, const FusedCostWeights&, double*,
                                  const FusedGradients<double>&);

template std::vector<FusedCostSums> fused_costs(const FusedProblem&, const std::vector<FusedReplica<float>>&,
                                                const FusedCostWeights&);
template std::vector<FusedCostSums> fused_costs(const FusedProblem&, const std::vector<FusedReplica<double>>&,
                                                const FusedCostWeights&);
template void fused_push_forward(const FusedProblem&, const FusedInputs<float>&, const FusedTangents<float>&, float*,
                                 float*);
template void fused_push_forward(const FusedProblem&, const FusedInputs<double>&, const FusedTangents<double>&, double*,
                                 double*);
template void fused_sample_gradients(const FusedProblem&, const FusedInputs<float>&, const FusedCotangents<float>&,
                                     float*);
template void fused_sample_gradients(const FusedProblem&, const FusedInputs<double>&, const FusedCotangents<double>&,
                                     double*);

}  // namespace turnpike
