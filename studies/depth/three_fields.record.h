#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* three_fields_claims[] = {"D2"};
inline constexpr StudySetting three_fields_settings[] = {
    {.key = "layers",
     .kind = OptionKind::integer,
     .full = "20",
     .quick = "20",
     .help = "layers of step 0.1",
     .lower = 1},
    {.key = "grid",
     .kind = OptionKind::integer,
     .full = "161",
     .quick = "81",
     .help = "points a side of the grid on which sup |J| is searched",
     .lower = 11},
    {.key = "pairs",
     .kind = OptionKind::integer,
     .full = "20000",
     .quick = "4000",
     .help = "random pairs of starts",
     .lower = 100},
};

inline constexpr StudyRecord three_fields_record = {
    .name = "three_fields",
    .chapter = "depth",
    .claims = three_fields_claims,
    .title = "Three fields: turning, sinking, exploding",
    .source = "L0, Simple example with 20 layers",
    .claim =
        "\\|x(T) - \\tilde x(T)\\| \\le M\\,\\|x(0) - \\tilde x(0)\\|, \\qquad M = \\sup_{x_0} "
        "\\left\\|\\frac{\\partial x(T)}{\\partial x_0}\\right\\|",
    .statement =
        "Twenty layers $x + 0.1\\tanh(Wx)$ preserve, shrink or magnify a perturbation according to $W$; the "
        "amplification $M$ depends on the domain: what shrinks near 0 can still magnify farther out.",
    .hypotheses =
        "$b = 0$, step 0.1, $T = 2$; $W$ is $(0, -1; 1, 0)$, $(-2, 0; 2, -2)$ and $(2, -2; 0, 2)$. On a convex "
        "domain the supremum of difference quotients is that of the Jacobian's largest singular value.",
    .refutation =
        "An amplification off the reference in its last printed digit, or a pair of starts that is amplified by "
        "more than $M$.",
    .settings = three_fields_settings,
    .seconds_quick = 1,
    .seconds_full = 3,
};

}  // namespace turnpike::studies
