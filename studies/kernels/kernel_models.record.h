#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* kernel_models_claims[] = {"K1"};

inline constexpr StudySetting kernel_models_settings[] = {
    {.key = "points",
     .kind = OptionKind::integer,
     .full = "400",
     .quick = "120",
     .help = "training points of the classification",
     .lower = 40,
     .upper = 5000},
    {.key = "features",
     .kind = OptionKind::integer,
     .full = "16384",
     .quick = "2048",
     .help = "most random features",
     .lower = 1024,
     .upper = 1 << 17},
};

inline constexpr StudyRecord kernel_models_record = {
    .name = "kernel_models",
    .chapter = "kernels",
    .claims = kernel_models_claims,
    .title = "Linear, feature and kernel models",
    .source = "L3, Models; Kernel Machine Representations; From Kernels to Neural Networks",
    .claim = "f(x) = w^\\top \\Phi(x) = \\sum_{i=1}^n K(x, x_i) c_i, \\qquad K(x, z) = \\Phi(x)^\\top \\Phi(z)",
    .statement =
        "Ridge regression in features and in their kernel is one function. Gaussian, Laplace and arc-cosine kernels "
        "are limits of random features, at rate -1/2 in their number. What a line does not separate in the plane, it "
        "does in features.",
    .hypotheses =
        "A ridge above zero: without one the features' weights are not unique. The two forms are solved by different "
        "decompositions, so they agree to rounding times the condition of the problem.",
    .refutation =
        "Predictions of the two forms that differ by more than $10^{-10}$, or a rate of random features away from "
        "-1/2 by more than 0.05.",
    .settings = kernel_models_settings,
    .seconds_quick = 3,
    .seconds_full = 20,
    .seeds = 8,
};

}  // namespace turnpike::studies
