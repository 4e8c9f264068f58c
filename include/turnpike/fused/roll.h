// Rolls a flow forward, and pulls cotangents back through it by the exact discrete adjoint, in one call each:
//
//   x_{k+1} = x_k + h_k sum_i b_i f(y_i; u_i),  y_i = x_k + h_k sum_{j<i} a_ij f(y_j; u_j)      explicit Runge-Kutta
//   I = int g(P x + c; y) dt by the scheme's own quadrature nodes, one value a sample
//
// or a composition of partial steps (symplectic Euler, velocity Verlet) of a paired layer. Plain data, no tensor: the
// caller owns every array.
//
//   FusedProblem problem{.layer = {LayerKind::outer, Activation::tanh, 2}, .scheme = {&euler_tableau()},
//                        .steps = h, .control_row = {0, 1, ...}, .n_rows = K, .n_samples = N};
//   fused_roll<double>(problem, {.x0 = x0, .control = u}, {.end = x_end});
//   fused_pull_back<double>(problem, {.x0 = x0, .control = u}, {.end = end_bar}, {.x0 = x0_bar, .control = u_bar});
//
// A mean cost, whose cotangents are known before the roll, takes one call for its value and its gradients:
//
//   J = running sum_n I_n + terminal sum_n g(P x_n(T) + c; y_n) + sum_r control_r |u_r|^2      (u_r: row r)
//   FusedCostSums sums = fused_cost<double>(problem, inputs, {.running = 1.0 / N}, x_end, {.control = u_bar});
//
// Arrays are dense and row-major. Guarantees: equal to the reference to rounding; a NaN stays in its sample's row (but
// reaches the control's gradient, which sums over samples); the same bits for the same inputs, thread count and
// instruction set. Costs: a block of samples goes forward and back while its trajectory is in the cache, so memory is
// one block's trajectory and one set of gradient sums a thread, and nothing is kept between calls: the pull-back rolls
// forward again.
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/fused/layer_spec.h>
#include <turnpike/math/tableau.h>

namespace turnpike {

struct FusedScheme {
  enum class Kind { runge_kutta, symplectic_euler, verlet };  // the latter two need a paired layer
  const Tableau* tableau = nullptr;                           // of runge_kutta
  Kind kind = Kind::runge_kutta;

  int evaluations() const;  // of the field (or of a half of it) in a step: entries of control_row a step
};

enum class FusedCost { none, mean_square, cross_entropy };

struct FusedProblem {
  LayerSpec layer;
  FusedScheme scheme;
  std::vector<double> steps;              // [K] h_k
  std::vector<std::int64_t> control_row;  // [K * evaluations]: the row of `control` that each evaluation reads
  std::int64_t n_rows = 0, n_samples = 0;
  FusedCost cost = FusedCost::none;
  std::int64_t n_outputs = 0;       // m, of the readout
  std::vector<std::int64_t> saved;  // steps k (0..K, ascending) whose x_k are wanted
  int threads = 1;
};

template <class T>
struct FusedInputs {
  const T* x0 = nullptr;                  // [N, d]
  const T* control = nullptr;             // [n_rows, P]
  const T* weight = nullptr;              // [m, d], null: the identity (then m = d)
  const T* bias = nullptr;                // [m], null: zero
  const T* targets = nullptr;             // [N, m] of mean_square
  const std::int64_t* classes = nullptr;  // [N] of cross_entropy, 0..m-1
};

// Null: not wanted.
template <class T>
struct FusedOutputs {
  T* end = nullptr;       // [N, d]
  T* integral = nullptr;  // [N]
  T* states = nullptr;    // [n_saved, N, d]
};

// Null: zero.
template <class T>
struct FusedCotangents {
  const T* end = nullptr;
  const T* integral = nullptr;
  const T* states = nullptr;
};

// Written, not added to. Null: not wanted.
template <class T>
struct FusedGradients {
  T* x0 = nullptr;
  T* control = nullptr;
  T* weight = nullptr;
  T* bias = nullptr;
};

struct FusedCostWeights {
  double running = 0, terminal = 0;
  std::vector<double> control;  // [n_rows]; empty: zero
};
struct FusedCostSums {  // the first two not weighted
  double running = 0, terminal = 0, control = 0;
};

// T: float or double.
template <class T>
void fused_roll(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedOutputs<T>& outputs);
template <class T>
void fused_pull_back(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCotangents<T>& cotangents,
                     const FusedGradients<T>& gradients);
// The sums, the end state (null: not wanted) and the gradients of J. The problem has a cost and saves no states.
template <class T>
FusedCostSums fused_cost(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCostWeights& weights,
                         T* end, const FusedGradients<T>& gradients);

// The same for rolls of one problem with inputs of their own, one a thread: bits do not depend on the threads.
template <class T>
struct FusedReplica {
  FusedInputs<T> inputs;
  T* end = nullptr;
  FusedGradients<T> gradients;
};
template <class T>
std::vector<FusedCostSums> fused_costs(const FusedProblem& problem, const std::vector<FusedReplica<T>>& replicas,
                                       const FusedCostWeights& weights);

// A direction at x0 and in the control. Null: zero.
template <class T>
struct FusedTangents {
  const T* x0 = nullptr;       // [N, d]
  const T* control = nullptr;  // [n_rows, P]
};

// Forward products: x(T) (null: not wanted) and its derivative in the direction, J_x dx0 + J_u du, each [N, d].
template <class T>
void fused_push_forward(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedTangents<T>& tangents,
                        T* end, T* end_tangent);

// The control's gradient of every sample by itself, [N, n_rows, P]: of <end_bar_n, x_n(T)> + integral_bar_n I_n + ...
// The sums of a block are kept apart, lane by lane or one sample at a time, so the work is that of the pull-back.
template <class T>
void fused_sample_gradients(const FusedProblem& problem, const FusedInputs<T>& inputs,
                            const FusedCotangents<T>& cotangents, T* control);

}  // namespace turnpike
