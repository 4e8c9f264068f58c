#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* flat_minima_claims[] = {"T13"};
inline constexpr StudySetting flat_minima_settings[] = {
    {.key = "samples", .kind = OptionKind::integer, .full = "500", .quick = "200", .help = "digits", .lower = 40},
    {.key = "hidden", .kind = OptionKind::integer, .full = "20", .quick = "12", .help = "hidden neurons", .lower = 2},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "8000",
     .quick = "1500",
     .help = "steps at the largest step size; smaller ones take more, to the same time",
     .lower = 100},
    {.key = "paths",
     .kind = OptionKind::integer,
     .full = "4000",
     .quick = "500",
     .help = "paths of the product of two weights",
     .lower = 50},
};

inline constexpr StudyRecord flat_minima_record = {
    .name = "flat_minima",
    .chapter = "training",
    .claims = flat_minima_claims,
    .title = "Noise and large steps choose flat minima",
    .source = "L3, SGD and generalization (Cohen et al. 2021, arXiv:2103.00065; Blanc et al. 2020, arXiv:1904.09080)",
    .claim =
        "\\lambda_{\\max} \\le \\frac{2}{\\eta}, \\qquad u^2 - v^2 \\ \\mapsto \\ (1 - \\eta^2 r^2)(u^2 - v^2), "
        "\\quad E r^2 = \\frac{2 \\sigma^2 / B}{2 - \\eta S}, \\quad S = u^2 + v^2",
    .statement =
        "Descent with step $\\eta$ can rest only where the largest Hessian eigenvalue is at most $2/\\eta$: large "
        "steps "
        "choose flat minima. Noise does too, and for the product of two weights, loss $\\frac{1}{2}(uv - y)^2$ with "
        "noise in the labels, the rate is known: $u^2 - v^2$ vanishes at rate $\\eta^2 E r^2$ a step, of order "
        "$\\eta^2 \\sigma^2/B$, and the minimum left is the flattest, $u = v$. The lecture's sentence says no more; in "
        "a "
        "network the same is measured against step and batch size.",
    .hypotheses =
        "Product: noise $N(0, \\sigma^2)$ in each label, fresh at each step, batches of $B$. Network: one hidden layer "
        "of tanh on digits averaged to 7 x 7, squared loss, constant steps, all runs to the same time $\\eta k$; "
        "Hessian of the loss on all samples.",
    .refutation =
        "A rate of $u^2 - v^2$ off its prediction by more than 5 %; movement without noise; descent that rests at a "
        "sharpness above $2/\\eta$; a network whose largest eigenvalue or trace is not smaller with smaller batches or "
        "larger steps, all else equal.",
    .settings = flat_minima_settings,
    .seconds_quick = 12,
    .seconds_full = 100,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
