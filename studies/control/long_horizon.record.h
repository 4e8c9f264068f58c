#pragma once

#include <turnpike/base/study_record.h>

#include "steering_settings.h"

namespace turnpike::studies {

inline constexpr const char* long_horizon_claims[] = {"C2"};
inline constexpr StudySetting long_horizon_settings[] = {
    steering_samples,
    steering_features,
    {.key = "lambda",
     .kind = OptionKind::real,
     .full = "0.01",
     .quick = "0.01",
     .help = "weight of the penalty",
     .lower = 1e-4},
    {.key = "layers", .kind = OptionKind::integer, .full = "40", .quick = "20", .help = "at every T", .lower = 5},
    steering_starts,
};

inline constexpr StudyRecord long_horizon_record = {
    .name = "long_horizon",
    .chapter = "control",
    .claims = long_horizon_claims,
    .title = "Depth drives the training error to zero",
    .source = "L4, theorem on (SL1) as $T$ grows (Esteve, Geshkovski, Pighin, Zuazua 2020)",
    .claim =
        "\\phi(x^T(T)) \\to 0, \\qquad J_T \\le \\frac{\\lambda}{T} \\int_0^1 |u^*|^2 dt, \\qquad \\phi(x^T(T)) = "
        "\\frac{\\lambda^2}{T^2} \\frac{N}{4} \\sum_i |p_i|^2 + O(T^{-3})",
    .statement =
        "Minimise the training error at the end plus $\\lambda\\int_0^T|u|^2$. The error left at the optimum falls "
        "like "
        "$T^{-2}$, faster than the lecture's bound $T^{-1}$; its constant is given by the multipliers $p$ of the least "
        "control $u^*$ that interpolates. $T|u^T|$ grows towards $|u^*|$, and $|u^T(t)|$ does not depend on $t$.",
    .hypotheses =
        "An asymptotic law: $\\lambda N/(2T)$ is small against the inverse curvature of the least norm as a function "
        "of the labels, which grows as points come close together; hence the small $\\lambda$. "
        "Squared loss, field $W\\tanh(x) + b$ (homogeneous in $u$), no more points than dimensions, so that some "
        "control "
        "interpolates. Minimisers: best of several starts, continued along $T$, polished until the gradient is "
        "rounding. "
        "The layers are as many at every $T$, so that the time scaling of C1 is exact.",
    .refutation =
        "A slope of $\\log\\phi$ against $\\log T$ off $-2$ by more than 0.15 for $T \\ge 8$; one $T$ at which $J_T$ "
        "exceeds the bound or $T|u^T|$ falls; a $|u(t)|$ whose variation does not vanish with the step; or two equal "
        "points with different labels, which nothing interpolates, losing their error as well.",
    .settings = long_horizon_settings,
    .seconds_quick = 1,
    .seconds_full = 6,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
