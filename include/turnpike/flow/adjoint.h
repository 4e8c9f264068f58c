// How the gradient of a roll is computed. All of them give the gradient of the discrete flow to rounding, but
// `continuous`, which discretises the adjoint equation and agrees only to the scheme's order.
//
//   kind          memory (states kept)         work               exact   second derivatives
//   autograd      the whole graph              1                  yes     yes
//   discrete      K + 1 states, one step       1 + 1 forward      yes     through the autograd reference
//   checkpointed  `snapshots` states           binomial           yes     through the autograd reference
//   reversible    one state                    1 + 1 inverse      yes*    through the autograd reference
//   continuous    one state                    two solves back    order   refused with an Error
//
// * states are rebuilt by Scheme::inverse: exact up to rounding that grows with the flow's instability.
// Source: Griewank & Walther, Algorithm 799: revolve, ACM TOMS 26 (2000), doi:10.1145/347837.347846 (binomial
// checkpointing).
#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike {

enum class AdjointKind { discrete, autograd, checkpointed, reversible, continuous };
AdjointKind adjoint_named(std::string_view name);
const char* name_of(AdjointKind kind);

// Who computes a roll with the discrete adjoint: `reference` one libtorch operation after another, `fused` the kernels
// of turnpike/fused/roll.h (the same numbers to rounding, much faster at small d); `automatic` is fused where that is
// possible (fields inner, outer, antisymmetric, bottleneck and hamiltonian; euler, midpoint, heun, rk4, dopri5,
// symplectic_euler, verlet; no running cost, mean_square or cross_entropy; no per-sample horizons; on the CPU).
// Forcing `fused` elsewhere throws an InputError that says what is not covered.
enum class Kernel { automatic, reference, fused };
Kernel kernel_named(std::string_view name);
const char* name_of(Kernel kernel);

struct Adjoint {
  AdjointKind kind = AdjointKind::discrete;
  // checkpointed: bytes that snapshots may take; at least two states are kept whatever it says. 0: ceil(log2 K) + 1
  // states.
  std::int64_t budget_bytes = 0;
  Kernel kernel = Kernel::automatic;
};

// Seconds that this process has spent inside the fused kernels so far, forward and back, as the calling threads saw
// them: the rest of a run's time is the work around them.
double kernel_seconds();

}  // namespace turnpike
