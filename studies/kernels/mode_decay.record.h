#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* mode_decay_claims[] = {"K4"};
inline constexpr StudySetting mode_decay_settings[] = {
    {.key = "points", .kind = OptionKind::integer, .full = "16", .quick = "10", .help = "training points", .lower = 4},
    {.key = "features", .kind = OptionKind::integer, .full = "8", .quick = "6", .help = "coordinates", .lower = 2},
    {.key = "widest",
     .kind = OptionKind::integer,
     .full = "1024",
     .quick = "256",
     .help = "width of the hidden layers; those below are halves of it",
     .lower = 64},
    {.key = "widths", .kind = OptionKind::integer, .full = "5", .quick = "4", .help = "how many", .lower = 3},
};

inline constexpr StudyRecord mode_decay_record = {
    .name = "mode_decay",
    .chapter = "kernels",
    .claims = mode_decay_claims,
    .title = "A wide network learns the modes of its kernel, each at its own rate",
    .source = "L3, NTK solution and Implicit regularization (Jacot, Gabriel, Hongler 2018)",
    .claim =
        "f_t = (I - e^{-K t/n})\\, y + e^{-K t/n} f_0, \\qquad q_i \\cdot (f_t - y) = e^{-\\lambda_i t/n}\\, q_i "
        "\\cdot (f_0 - y)",
    .statement =
        "Under the gradient flow of $\\frac{1}{2n} \\sum_i (f(x_i) - y_i)^2$ the error of a wide network along "
        "eigenvector $q_i$ of its tangent kernel at the start decays like $e^{-\\lambda_i t/n}$; the distance of the "
        "network's outputs to the formula falls like one over the width. Exact for a model linear in its parameters. "
        "The slides leave out the $n$, the start $f_0$ in the expansion by modes, and a sign: with $f_0 = 0$ the "
        "error is $-e^{-Kt/n} y$.",
    .hypotheses =
        "Two hidden layers of $\\tanh$, weights $N(0, 1/\\text{width})$ with learning rates one over the width (the "
        "tangent-kernel parametrisation), no trained biases. The labels are put where every mode of the start's kernel "
        "has error 1, so that each mode can be measured. Time runs to $2 n/\\lambda_4$.",
    .refutation =
        "A distance to the formula that falls at another rate than width$^{-1}$ by more than 0.2; a decay rate of one "
        "of the four leading modes that, as a mean over seeds, is off $\\lambda_i/n$ by more than 5 %; or a linearised "
        "network that leaves the formula by more than the integrator's tolerance.",
    .settings = mode_decay_settings,
    .seconds_quick = 5,
    .seconds_full = 60,
    .seeds = 10,
    .seeds_quick = 10,
};

}  // namespace turnpike::studies
