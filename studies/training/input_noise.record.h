#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* input_noise_claims[] = {"T8"};
inline constexpr StudySetting input_noise_settings[] = {
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "400000",
     .quick = "40000",
     .help = "of the noise, for the Monte Carlo mean",
     .lower = 100},
};

inline constexpr StudyRecord input_noise_record = {
    .name = "input_noise",
    .chapter = "training",
    .claims = input_noise_claims,
    .title = "Noise at the inputs is a penalty",
    .source = "L3, L2 regularization via noisy inputs",
    .claim =
        "\\begin{aligned} \\mathbb{E}\\,(w'(x + \\varepsilon) - t)^2 &= (w'x - t)^2 + \\sum_i w_i^2\\sigma_i^2 \\\\ "
        "\\mathbb{E}\\,(f(x + \\varepsilon) - t)^2 &= (f - t)^2 + \\sigma^2\\left(\\|\\nabla_x f\\|^2 + (f - "
        "t)\\,\\Delta_x f\\right) + O(\\sigma^4) \\end{aligned}",
    .statement =
        "For linear models noise at the inputs adds exactly $\\sum_i \\sigma_i^2w_i^2$ to the squared error, and its "
        "minimum is that "
        "of ridge regression. Is this true for deeper nets? No: a deep linear net pays for the product of its "
        "matrices, "
        "a nonlinear one for its slope and curvature at the data. Rescaling a ReLU net's layers changes the weights' "
        "norm and leaves the noise penalty as it is.",
    .hypotheses =
        "Squared error, independent Gaussian noise of mean zero; for nonlinear nets four derivatives and small "
        "$\\sigma$.",
    .refutation =
        "A mean more than 4.5 standard errors off; the exact average over a rule of degree three off by more than "
        "rounding; an order in $\\sigma$ of the remainder that is not 4.",
    .settings = input_noise_settings,
    .seconds_quick = 2,
    .seconds_full = 6,
    .seeds = 5,
};

}  // namespace turnpike::studies
