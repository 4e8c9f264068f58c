#pragma once

#include <turnpike/base/study_record.h>

#include "steering_settings.h"

namespace turnpike::studies {

inline constexpr const char* turnpike_claims[] = {"C7"};
inline constexpr StudySetting turnpike_settings[] = {
    steering_samples, steering_features, steering_lambda, steering_h, steering_starts,
};

inline constexpr StudyRecord turnpike_record = {
    .name = "turnpike",
    .chapter = "control",
    .claims = turnpike_claims,
    .title = "Most of the depth is spent on the turnpike",
    .source = "L4, Turnpike property",
    .claim =
        "|x^T(t) - \\bar x| + |u^T(t) - \\bar u| \\le C \\left(e^{-\\mu t} + e^{-\\mu (T - t)}\\right), \\qquad (\\bar "
        "x, \\bar "
        "u) = \\argmin_{f(x, u) = 0} \\left(\\phi(x) + \\lambda |u|^2\\right)",
    .statement =
        "An optimum stays near the static optimum but for a time that does not grow with $T$. For networks the static "
        "optimum is $\\phi = 0$ with $u = 0$; there is no terminal cost, the costate ends at the static one, and the "
        "optimum never leaves. A problem whose static optimum needs a control does leave, since $u(T) = 0$.",
    .hypotheses =
        "Networks: $W\\tanh(x) + b$, squared loss, L2 penalty, no more points than dimensions, polished optima. "
        "Leaving and "
        "exactness: the linear-quadratic problem $\\dot x = Ax + Bu$ of a damped spring, cost $|x - x_d|^2 + \\lambda "
        "u^2$.",
    .refutation =
        "A share of time off the turnpike that does not fall like $1/T$; an error that rises towards the end, or ends "
        "elsewhere than at "
        "$1 + e^{\\mu h/2}$ times its own exponential; a linear-quadratic optimum that "
        "differs from the discrete Riccati recursion by more than $10^{-8}$, or from the continuous solution by more "
        "than the scheme's order.",
    .settings = turnpike_settings,
    .seconds_quick = 7,
    .seconds_full = 20,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
