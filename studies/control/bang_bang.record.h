#pragma once

#include <turnpike/base/study_record.h>

#include "steering_settings.h"

namespace turnpike::studies {

inline constexpr const char* bang_bang_claims[] = {"C8"};
inline constexpr StudySetting bang_bang_settings[] = {
    {.key = "samples",
     .kind = OptionKind::integer,
     .full = "3",
     .quick = "2",
     .help = "points to steer, at most features + 1",
     .lower = 1},
    {.key = "features",
     .kind = OptionKind::integer,
     .full = "3",
     .quick = "2",
     .help = "coordinates of a point; one more is appended",
     .lower = 1},
    steering_lambda,
    {.key = "M", .kind = OptionKind::real, .full = "2", .quick = "2", .help = "bound on $|u|$", .lower = 0.1},
    {.key = "h",
     .kind = OptionKind::real,
     .full = "0.1",
     .quick = "0.1",
     .help = "step of a layer",
     .lower = 1e-2,
     .upper = 0.5},
    {.key = "longest",
     .kind = OptionKind::real,
     .full = "160",
     .quick = "80",
     .help = "horizon of the squared loss",
     .lower = 80},
    {.key = "rows",
     .kind = OptionKind::integer,
     .full = "80",
     .quick = "0",
     .help = "of the data set; 0: none",
     .lower = 0},
};

inline constexpr StudyRecord bang_bang_record = {
    .name = "bang_bang",
    .chapter = "control",
    .claims = bang_bang_claims,
    .title = "With an L1 price networks run at full power, then stop",
    .source = "L4, L1-regularization (Esteve, Geshkovski, Pighin, Zuazua 2020)",
    .claim =
        "\\min_{|u| \\le M} \\int_0^T \\left(\\phi + \\lambda |u|\\right) dt: \\qquad |u| = M \\; (t < T^*), \\qquad u "
        "= 0, \\; \\phi = 0 "
        "\\; (t > T^*), \\qquad T > T_M",
    .statement =
        "For a loss with a kink at zero, $|Px - y|$, the optimal control is at its bound until every target is reached "
        "exactly, at a "
        "time $T^*$ that does not depend on the depth, and then exactly zero. For the squared loss $\\phi = 0$ is "
        "false: an error "
        "of order $T^{-1}$ is left, since its gradient vanishes with it; the arc of zero control is exact all the "
        "same.",
    .hypotheses =
        "Field $W\\tanh(x) + b$, Euclidean norm of a layer's weights, no more points than dimensions, Euler layers: "
        "one layer may switch in between. "
        "Horizons above $T_M = T^* + \\max_i |p_i| N$, $p_i$ the multiplier of target $i$ at $T^*$: after it, the loss "
        "can hold the target "
        "only with subgradients in $[-1, 1]$. Stationary points of the full problem: the residual of the optimality "
        "conditions is printed.",
    .refutation =
        "Two layers or more between 0 and $M$, an error above rounding after $T^*$, a $T^*$ that moves with $T > T_M$, "
        "or one below "
        "$T_M$ for which the targets are reached; a plateau of the squared loss with a slope off $-2$ by more than "
        "0.15; a residual of the "
        "optimality conditions that is not small against the price $\\lambda h$.",
    .settings = bang_bang_settings,
    .seconds_quick = 8,
    .seconds_full = 60,
    .seeds = 3,
    .seeds_quick = 1,
};

}  // namespace turnpike::studies
