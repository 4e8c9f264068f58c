#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* weight_decay_claims[] = {"T7"};
inline constexpr StudySetting weight_decay_settings[] = {
    {.key = "unknowns",
     .kind = OptionKind::integer,
     .full = "30",
     .quick = "12",
     .help = "of the quadratic",
     .lower = 2},
};

inline constexpr StudyRecord weight_decay_record = {
    .name = "weight_decay",
    .chapter = "training",
    .claims = weight_decay_claims,
    .title = "Weight decay shrinks what the loss does not hold",
    .source = "L3, Weight decay and hessian interpretation",
    .claim =
        "\\tilde w = Q(\\Lambda + \\alpha I)^{-1}\\Lambda Q'w^*, \\qquad q_i'\\tilde w = \\frac{\\lambda_i}{\\lambda_i "
        "+ \\alpha}\\, q_i'w^*",
    .statement =
        "The decay $\\alpha$ multiplies each component of the minimum along an eigenvector of the Hessian by "
        "$\\lambda_i/(\\lambda_i + \\alpha)$: exactly on a quadratic. For a network it is the limit of small "
        "$\\alpha$: "
        "against its smallest eigenvalue, beyond which the minimum moves where the quadratic no longer holds.",
    .hypotheses =
        "A quadratic with a minimum; for the network a minimum with a positive definite Hessian, smallest eigenvalue "
        "above "
        "$10^{-4}$, and $\\alpha \\le \\lambda_{\\min}/32$.",
    .refutation =
        "A component of the quadratic's minimum off by more than $10^{-10}$; a network whose distance to the "
        "prediction does not fall "
        "like $\\alpha^2$; equal shrinkage of all directions predicting it as well.",
    .settings = weight_decay_settings,
    .seconds_quick = 2,
    .seconds_full = 8,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
