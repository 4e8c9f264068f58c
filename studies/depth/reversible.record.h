#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* reversible_claims[] = {"D12"};
inline constexpr StudySetting reversible_settings[] = {
    {.key = "layers",
     .kind = OptionKind::integer,
     .full = "4096",
     .quick = "1024",
     .help = "deepest network",
     .lower = 256},
    {.key = "T", .kind = OptionKind::real, .full = "20", .quick = "20", .help = "horizon", .lower = 1, .upper = 100},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "8",
     .quick = "4",
     .help = "dimension of the state, even",
     .lower = 2},
};

inline constexpr StudyRecord reversible_record = {
    .name = "reversible",
    .chapter = "depth",
    .claims = reversible_claims,
    .title = "Reversible layers forget nothing",
    .source = "L0, Gradient computation (Chang et al., Reversible architectures, 2018)",
    .claim =
        "x_k = \\Psi_h^{-1}(x_{k+1}; u_k), \\quad k = K - 1, \\ldots, 0 \\quad\\Rightarrow\\quad "
        "\\text{memory} = O(1)",
    .statement =
        "The backward pass of a reversible network rebuilds every state from the last one, to rounding, in memory "
        "that does not grow with depth; where the flow contracts, rounding grows at the rate of the contraction.",
    .hypotheses =
        "Hamiltonian layers (symplectic Euler, Verlet, implicit midpoint), whose flows neither contract nor "
        "expand volume. The last check leaves this hypothesis: a contracting field.",
    .refutation = "A rebuilt state off by more than $10^{-10}$, a gradient off by as much, or memory that grows.",
    .settings = reversible_settings,
    .seconds_quick = 15,
    .seconds_full = 65,
    .seeds = 5,
};

}  // namespace turnpike::studies
