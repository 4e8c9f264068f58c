#include <turnpike/fused/roll.h>

#include <algorithm>
#include <atomic>

#include <turnpike/base/error.h>

#include "blocks_internal.h"
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

int threads_for(const FusedProblem& p) {
  return useful_threads(6.0 * static_cast<double>(p.n_samples) * static_cast<double>(p.control_row.size()) *
                            static_cast<double>(p.layer.n_parameters() + 40 * p.layer.dimension),
                        p.threads);
}

// Bytes of the kept trajectory of one sample.
template <class T>
std::int64_t trajectory_bytes(const FusedProblem& p) {
  const LayerSpec& layer = p.layer;
  const std::int64_t aux = layer.kind == LayerKind::bottleneck ? 2 * layer.hidden : layer.dimension;
  return static_cast<std::int64_t>(p.control_row.size() + 1) * (layer.dimension + aux) *
         static_cast<std::int64_t>(sizeof(T));
}

// 2 to 8 vectors of samples, as many as the cache holds and as few as possible in vain.
template <class T>
Blocks strips_for(const FusedProblem& p) {
  const std::int64_t lanes = Strips<T>::width_unit(), vectors = ceil_div(p.n_samples, lanes);
  const int threads = static_cast<int>(std::min<std::int64_t>(threads_for(p), vectors));
  if (find_sweep<T>(p)) {
    const std::int64_t in_block = sweep_vectors(p.layer.dimension), count = ceil_div(vectors, in_block);
    return {in_block * lanes, count, static_cast<int>(std::min<std::int64_t>(threads, count))};
  }
  const std::int64_t fitting = std::clamp<std::int64_t>(cached_bytes / (trajectory_bytes<T>(p) * lanes), 4, 8);
  const std::int64_t width = strip_vectors(vectors, 2, fitting, threads) * lanes;
  return {width, ceil_div(p.n_samples, width), threads};
}

template <class T>
Blocks panels_for(const FusedProblem& p) {
  return panel_blocks<T>(std::max(p.layer.dimension, p.layer.hidden), trajectory_bytes<T>(p), p.n_samples,
                         threads_for(p));
}

// The side of the smallest matrix.
std::int64_t least_side(const LayerSpec& layer) {
  if (layer.kind == LayerKind::bottleneck) return std::min(layer.dimension, layer.hidden);
  return layer.kind == LayerKind::paired ? layer.dimension / 2 : layer.dimension;
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

enum class Blas { allowed, none };

template <class T, class Work>
auto with_roller(const FusedProblem& problem, const FusedInputs<T>& inputs, Blas blas, Work work) {
  check(problem, inputs);
  if (wide<T>(problem.layer)) {
    const bool large = blas == Blas::allowed && blas_is_faster(least_side(problem.layer));
    const Blocks blocks = large ? blas_blocks(trajectory_bytes<T>(problem), problem.n_samples, threads_for(problem))
                                : panels_for<T>(problem);
    const SingleBlas held(blocks.blas);
    Roller<T, Panels> roller(problem, inputs, blocks);
    return work(roller);
  }
  Roller<T, Strips> roller(problem, inputs, strips_for<T>(problem));
  return work(roller);
}

}  // namespace

template <class T>
void fused_roll(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedOutputs<T>& outputs) {
  with_roller<T>(problem, inputs, Blas::allowed, [&](auto& roller) { roller.roll(outputs); });
}

template <class T>
void fused_pull_back(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCotangents<T>& cotangents,
                     const FusedGradients<T>& gradients) {
  with_roller<T>(problem, inputs, Blas::allowed, [&](auto& roller) { roller.pull_back(cotangents, gradients); });
}

template <class T>
FusedCostSums fused_cost(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCostWeights& weights,
                         T* end, const FusedGradients<T>& gradients) {
  check_cost(problem, weights);
  return with_roller<T>(problem, inputs, Blas::allowed,
                        [&](auto& roller) { return roller.cost(weights, end, gradients); });
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
      sums[r] = with_roller<T>(each, own.inputs, Blas::none,
                               [&](auto& roller) { return roller.cost(weights, own.end, own.gradients); });
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
    return Roller<T, Panels>(flow, inputs, panels_for<T>(flow)).push_forward(tangents, end, end_tangent);
  Blocks blocks = strips_for<T>(flow);
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
    return Blocks{width, count, static_cast<int>(std::min<std::int64_t>(threads_for(problem), count))};
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
