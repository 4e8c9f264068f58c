#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* orders_claims[] = {"D1"};
inline constexpr StudySetting orders_settings[] = {
    {.key = "T", .kind = OptionKind::real, .full = "2", .quick = "2", .help = "horizon", .lower = 0.1, .upper = 10},
    {.key = "refinements",
     .kind = OptionKind::integer,
     .full = "9",
     .quick = "8",
     .help = "halvings of the step",
     .lower = 5,
     .upper = 14},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "2",
     .help = "dimension of the state",
     .lower = 1},
};

inline constexpr StudyRecord orders_record = {
    .name = "orders",
    .chapter = "depth",
    .claims = orders_claims,
    .title = "A residual layer is an Euler step",
    .source = "L0, Neural nets as ordinary differential equations; L4, Residual neural networks",
    .claim =
        "x_{k+1} = x_k + h\\,\\sigma(W_k x_k + b_k) \\quad\\Rightarrow\\quad \\|x_K - x(T)\\| = O(T/K), \\quad "
        "\\dot x = \\sigma(W(t)x + b(t))",
    .statement =
        "As layers are added at a fixed depth $T$, a residual network converges to its differential equation, "
        "at the order of the scheme that its layers are: 1 for Euler, 2 for midpoint and Heun, 4 for RK4.",
    .hypotheses =
        "Smooth activation (tanh) and smooth, time-dependent weights $W(t)$, $b(t)$: the field is nonlinear "
        "and non-autonomous. Layer $k$ reads the weights at the times where its scheme evaluates the field.",
    .refutation =
        "A slope of $\\log$ error against $\\log h$ farther than 0.15 from the order, for any of the schemes.",
    .settings = orders_settings,
    .seconds_quick = 1,
    .seconds_full = 5,
    .seeds = 5,
};

}  // namespace turnpike::studies
