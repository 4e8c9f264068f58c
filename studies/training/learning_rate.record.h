#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* learning_rate_claims[] = {"T21"};
inline constexpr StudySetting learning_rate_settings[] = {
    {.key = "paths",
     .kind = OptionKind::integer,
     .full = "40000",
     .quick = "4000",
     .help = "runs of SGD, side by side",
     .lower = 100},
};

inline constexpr StudyRecord learning_rate_record = {
    .name = "learning_rate",
    .chapter = "training",
    .claims = learning_rate_claims,
    .title = "How long a step may be",
    .source = "L3, Learning rate is important; scheduling; batch, mini-batch and stochastic gradient descent",
    .claim =
        "\\lim_k \\frac{\\|e_{k+1}\\|}{\\|e_k\\|} = \\max_i |1 - \\eta\\lambda_i| < 1 \\iff \\eta < "
        "\\frac{2}{\\lambda_{\\max}}, "
        "\\qquad \\min_\\eta = \\frac{\\kappa - 1}{\\kappa + 1} \\ \\text{at}\\ \\eta = \\frac{2}{\\lambda_{\\max} + "
        "\\lambda_{\\min}}",
    .statement =
        "On a quadratic, gradient descent converges if and only if the rate is below $2/\\lambda_{\\max}$, and no rate "
        "shrinks the error faster than $(\\kappa - 1)/(\\kappa + 1)$ a step. With noisy gradients a constant rate ends "
        "in a "
        "cloud of variance $\\eta s^2/(\\lambda(2 - \\eta\\lambda))$, smaller for larger batches; the rate "
        "$1/(\\lambda k)$ "
        "brings the error down to $s^2/(\\lambda^2 k)$.",
    .hypotheses =
        "Quadratic losses; near a minimum of any smooth loss with the eigenvalues of its Hessian. Batches drawn "
        "with replacement, noise independent from step to step.",
    .refutation =
        "A threshold, a best rate or a best factor off by more than 0.1 % (2 % near a minimum of another loss); a mean "
        "square "
        "error of SGD more than 4.5 standard errors from its recursion.",
    .settings = learning_rate_settings,
    .seconds_quick = 3,
    .seconds_full = 20,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
