#pragma once

#include <turnpike/base/study_record.h>

#include "steering_settings.h"

namespace turnpike::studies {

inline constexpr const char* decay_claims[] = {"C6"};
inline constexpr StudySetting decay_settings[] = {
    steering_samples,
    steering_features,
    steering_lambda,
    steering_h,
    steering_starts,
    {.key = "rows",
     .kind = OptionKind::integer,
     .full = "80",
     .quick = "0",
     .help = "of each data set of part (b); 0: none",
     .lower = 0},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "2000",
     .quick = "100",
     .help = "polish of part (b)",
     .lower = 20},
};

inline constexpr StudyRecord decay_record = {
    .name = "decay",
    .chapter = "control",
    .claims = decay_claims,
    .title = "A running cost makes errors and weights decay exponentially",
    .source = "L4, Exponential stabilization (Esteve, Geshkovski, Pighin, Zuazua 2020)",
    .claim =
        "\\phi(x^T(t)) \\le C_1 e^{-\\mu t}, \\qquad |u^T(t)| \\le C_2 e^{-\\mu t / 2}, \\qquad \\mu = 2 "
        "\\sqrt{\\frac{\\kappa_{\\min}}{N "
        "\\lambda}}, \\quad \\kappa = \\operatorname{eig}\\left(\\sigma(x_i) \\cdot \\sigma(x_j) + 1\\right)",
    .statement =
        "Ask for a small error along the whole depth, $\\int_0^T \\phi(x(t))\\,dt + \\lambda \\int_0^T |u|^2 dt$. The "
        "optimum's "
        "error and weights decay exponentially, with constants that do not depend on $T$. Where points can be steered "
        "at "
        "will the rate is known: the end state's features give it. Where there are more points than dimensions the "
        "hypothesis fails, and the curves are reported as they are.",
    .hypotheses =
        "(a) Squared loss, field $W\\tanh(x) + b$, L2 penalty, no more points than dimensions. An optimum: each "
        "layer's gradient at most "
        "1 % of its penalty's in the window. The window runs from where the modes other than the slowest hold less "
        "than "
        "1 % of $\\phi$ to $T - 3/\\mu$ (the end has $u(T) = 0$), and not below $\\phi = 10^{-20}$, where the rounding "
        "of states of order 1 reaches a millionth of the error. "
        "The theorem gives $\\phi$ and $|u|$ one rate $\\mu$; at the optimum $\\lambda|u|^2 = \\phi - \\phi(T)$, so "
        "that $|u|$ has half of "
        "$\\phi$'s. (b) More points than dimensions: nothing is claimed.",
    .refutation =
        "A measured rate of $\\phi$ off $\\mu$, or of $|u|$ off $\\mu/2$, by more than 5 % at $T = 10$, 20 or 40; "
        "fewer than "
        "eight decades at 20 and 40; a cost $J_T$ that falls with $T$; or an energy $\\lambda|u|^2 - \\phi$ that is "
        "not "
        "constant to the order of the step.",
    .settings = decay_settings,
    .seconds_quick = 2,
    .seconds_full = 8,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
