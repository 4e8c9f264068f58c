#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* time_scaling_claims[] = {"C1"};
inline constexpr StudySetting time_scaling_settings[] = {
    {.key = "T",
     .kind = OptionKind::real,
     .full = "9",
     .quick = "9",
     .help = "the longer horizon",
     .lower = 1.5,
     .upper = 100},
    {.key = "layers", .kind = OptionKind::integer, .full = "40", .quick = "20", .help = "of both networks", .lower = 4},
    {.key = "lambda",
     .kind = OptionKind::real,
     .full = "0.1",
     .quick = "0.1",
     .help = "weight of the penalty",
     .lower = 0},
};

inline constexpr StudyRecord time_scaling_record = {
    .name = "time_scaling",
    .chapter = "control",
    .claims = time_scaling_claims,
    .title = "A long network is a short one with larger weights",
    .source = "L4, Scaling",
    .claim =
        "u^1(t) = T\\,u^T(tT) \\quad\\Rightarrow\\quad x^1(t) = x^T(tT), \\qquad \\phi + \\lambda \\int_0^T |u^T|^2 dt "
        "= "
        "\\frac{1}{T}\\left(T\\phi + \\lambda \\int_0^1 |u^1|^2 dt\\right)",
    .statement =
        "For a field that is positively homogeneous in its control, depth $T$ is interchangeable with weights $T$ "
        "times as large: layer by layer, to rounding, for every Runge-Kutta scheme. The training error keeps a "
        "factor $T$ in the rescaled cost, which the slide's last line drops.",
    .hypotheses =
        "$f(x, \\alpha u) = \\alpha f(x, u)$ for $\\alpha > 0$: $W\\sigma(x) + b$ for any $\\sigma$, and "
        "$\\sigma(Wx + b)$ for homogeneous $\\sigma$ (ReLU). Equal numbers of layers; with unequal ones the two agree "
        "to the order of the scheme.",
    .refutation =
        "States of the two networks that differ by more than $10^{-12}$, a cost identity that fails, or a "
        "non-homogeneous field ($\\tanh(Wx + b)$) for which it holds as well.",
    .settings = time_scaling_settings,
    .seconds_quick = 3,
    .seconds_full = 4,
    .seeds = 5,
};

}  // namespace turnpike::studies
