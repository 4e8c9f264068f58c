#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* lazy_training_claims[] = {"K3"};
inline constexpr StudySetting lazy_training_settings[] = {
    {.key = "points", .kind = OptionKind::integer, .full = "12", .quick = "10", .help = "training points", .lower = 4},
    {.key = "features", .kind = OptionKind::integer, .full = "8", .quick = "6", .help = "coordinates", .lower = 2},
    {.key = "widest",
     .kind = OptionKind::integer,
     .full = "2048",
     .quick = "512",
     .help = "width of the hidden layers; those below are halves of it",
     .lower = 64},
    {.key = "widths", .kind = OptionKind::integer, .full = "6", .quick = "4", .help = "how many", .lower = 3},
    {.key = "steps", .kind = OptionKind::integer, .full = "60", .quick = "40", .help = "of size 0.5", .lower = 1},
    {.key = "digits",
     .kind = OptionKind::integer,
     .full = "64",
     .quick = "32",
     .help = "images of the Taylor model",
     .lower = 10},
    {.key = "hidden",
     .kind = OptionKind::integer,
     .full = "512",
     .quick = "512",
     .help = "its hidden units",
     .lower = 8},
    {.key = "starts", .kind = OptionKind::integer, .full = "5", .quick = "2", .help = "of that network", .lower = 2},
    {.key = "digit_steps",
     .kind = OptionKind::integer,
     .full = "900",
     .quick = "200",
     .help = "its steps of gradient descent, of size 1",
     .lower = 1},
};

inline constexpr StudyRecord lazy_training_record = {
    .name = "lazy_training",
    .chapter = "kernels",
    .claims = lazy_training_claims,
    .title = "Lazy training: the wider the network, the less its weights and its kernel move",
    .source = "L3, When is Taylor expansion accurate? (Jacot, Gabriel, Hongler 2018; Lee et al. 2019)",
    .claim =
        "\\frac{\\|W_l(t) - W_l(0)\\|_F}{\\|W_l(0)\\|_F} \\sim n^{-1} \\text{ (inner)}, \\; n^{-1/2} \\text{ (first, "
        "last)}, \\qquad \\frac{\\|K_t - K_0\\|_F}{\\|K_0\\|_F} \\sim n^{-1}",
    .statement =
        "At a fixed training time the relative change of a wide network's inner weights falls like one over the width "
        "$n$, that of the first and last like its square root, and that of the tangent kernel like one over $n$ for a "
        "smooth activation. For ReLU the kernel changes by units that switch, and the rate is slower; no theorem gives "
        "it, so it is reported. The first Taylor polynomial in the weights then trains as the network does.",
    .hypotheses =
        "Two hidden layers of width $n$, weights $N(0, 1/d)$ (ReLU: $2/d$) with learning rates $1/d$ ($2/d$), $d$ the "
        "layer's inputs; full-batch gradient descent on the square loss, a fixed number of steps from the same error "
        "at every width. Taylor model: "
        "784-512-10 with erf, weight variance $1/d$, bias variance 0.0025, labels one-hot less 0.1, images to mean 0 "
        "and deviation 1, loss $\\frac{1}{2}$ mean square over images and outputs.",
    .refutation =
        "A rate of the weights off $-1$ or $-1/2$ by more than 0.1, of the smooth kernel off $-1$ by more than 0.2; "
        "ReLU's kernel falling as fast as the smooth one; a loss of the Taylor model that is off the network's by 5 % "
        "or more.",
    .settings = lazy_training_settings,
    .seconds_quick = 8,
    .seconds_full = 150,
    .seeds = 5,
    .seeds_quick = 10,
};

}  // namespace turnpike::studies
