#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* adaptive_claims[] = {"D14"};
inline constexpr StudySetting adaptive_settings[] = {
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "3",
     .help = "dimension of the state in the tolerance runs",
     .lower = 1},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "400",
     .quick = "80",
     .help = "L-BFGS iterations of each fit of x -> -x",
     .lower = 10},
    {.key = "layers",
     .kind = OptionKind::integer,
     .full = "40",
     .quick = "20",
     .help = "layers of the flows that are fitted",
     .lower = 4},
};

inline constexpr StudyRecord adaptive_record = {
    .name = "adaptive",
    .chapter = "depth",
    .claims = adaptive_claims,
    .title = "Adaptive depth, and one more dimension",
    .source = "L4, Why ODEs? (Chen et al. 2018; Dupont et al. 2019, arXiv:1904.01681)",
    .claim =
        "x(T; a) < x(T; b) \\;\\text{ for }\\; a < b \\text{ in one dimension} \\quad\\Rightarrow\\quad \\sup_{[-1, "
        "1]} "
        "|x(T; a) + a| \\ge 1",
    .statement =
        "An adaptive solver's error is proportional to its tolerance, and it pays for it with evaluations like "
        "$\\mathrm{tol}^{-1/(q+1)}$, $q$ the order of its estimate. Trajectories on a line cannot cross, so no flow "
        "maps $x$ to $-x$; with one extra dimension one does. A residual network of large steps is not a flow, and "
        "is not bound by this.",
    .hypotheses =
        "Smooth, time-dependent weights, error control per step with local extrapolation. In one dimension a field "
        "that is Lipschitz in $x$; the flow is solved to $10^{-9}$, whatever mesh it was trained on.",
    .refutation =
        "Exponents of error or evaluations off by 15 %; a one-dimensional flow with a sup error below 1; a "
        "two-dimensional one that cannot be brought below 0.01.",
    .settings = adaptive_settings,
    .seconds_quick = 12,
    .seconds_full = 60,
    .seeds = 5,
};

}  // namespace turnpike::studies
