#pragma once

#include <turnpike/base/study_record.h>

#include "steering_settings.h"

namespace turnpike::studies {

inline constexpr const char* vanishing_penalty_claims[] = {"C3"};
inline constexpr StudySetting vanishing_penalty_settings[] = {
    steering_samples,
    steering_features,
    {.key = "T",
     .kind = OptionKind::real,
     .full = "4",
     .quick = "4",
     .help = "the fixed horizon",
     .lower = 1.5,
     .upper = 100},
    {.key = "lambda",
     .kind = OptionKind::real,
     .full = "0.2",
     .quick = "0.2",
     .help = "the largest weight",
     .lower = 1e-3},
    {.key = "layers", .kind = OptionKind::integer, .full = "40", .quick = "20", .help = "of all networks", .lower = 5},
    steering_starts,
};

inline constexpr StudyRecord vanishing_penalty_record = {
    .name = "vanishing_penalty",
    .chapter = "control",
    .claims = vanishing_penalty_claims,
    .title = "A small price is a long time",
    .source = "L4, the corollary $T \\to \\infty \\Leftrightarrow \\lambda \\to 0$",
    .claim =
        "\\frac{\\lambda}{T} = \\frac{\\lambda'}{T'} \\;\\Rightarrow\\; T u^T(Tt) = T' u^{T'}(T't), \\qquad "
        "\\|u^T\\|_{L^2(0,T)} \\to \\frac{1}{\\sqrt T} \\|u^*\\|_{L^2(0,1)} \\quad (\\lambda \\to 0)",
    .statement =
        "The optimum depends on the price $\\lambda$ and the depth $T$ through $\\lambda/T$ alone. As $\\lambda \\to "
        "0$ at fixed "
        "depth the control tends to the least one that interpolates, scaled to the depth. The lecture's corollary "
        "lacks the factor $1/\\sqrt T$.",
    .hypotheses =
        "Squared loss at the end, field $W\\tanh(x) + b$, no more points than dimensions, equal numbers of layers. "
        "Minimisers: each problem from its own random starts, the best polished until the gradient is rounding.",
    .refutation =
        "Optima of equal $\\lambda/T$ that differ, or of unequal $\\lambda/T$ that agree; a limit of "
        "$\\sqrt T \\|u^T\\| / \\|u^*\\|$ other than 1, or a gap that does not close at order 1 in $\\lambda$ with the "
        "constant that the multipliers predict.",
    .settings = vanishing_penalty_settings,
    .seconds_quick = 1,
    .seconds_full = 2,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
