#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* regularisation_path_claims[] = {"T20"};
inline constexpr StudySetting regularisation_path_settings[] = {
    {.key = "points", .kind = OptionKind::integer, .full = "7", .quick = "6", .help = "to classify", .lower = 4},
    {.key = "features", .kind = OptionKind::integer, .full = "7", .quick = "6", .help = "of each point", .lower = 2},
    {.key = "decades",
     .kind = OptionKind::integer,
     .full = "150",
     .quick = "90",
     .help = "that lambda falls below 1",
     .lower = 20,
     .upper = 250},
};

inline constexpr StudyRecord regularisation_path_record = {
    .name = "regularisation_path",
    .chapter = "training",
    .claims = regularisation_path_claims,
    .title = "A vanishing penalty leaves the widest margin",
    .source = "L4, Discussion (Rosset, Zhu & Hastie 2004)",
    .claim =
        "\\lim_{\\lambda \\to 0} \\frac{\\hat w^\\lambda}{\\|\\hat w^\\lambda\\|_p} = \\argmax_{\\|w\\|_p = 1} \\min_i "
        "y_i\\,w'x_i, \\qquad "
        "\\hat w^\\lambda = \\argmin_w \\sum_i \\log(1 + e^{-y_i w'x_i}) + \\lambda\\|w\\|_p^p",
    .statement =
        "As its penalty vanishes, the minimum of the logistic loss turns to the direction of largest margin: in the "
        "norm of the penalty, $p = 1$ or 2. "
        "The margin still missing is $\\|\\hat w\\|^{-1}$ times the entropy of the margin's multipliers plus the "
        "logarithm of the largest. "
        "With the slide's $\\log(1 + e^{xy})$ every point ends on the wrong side.",
    .hypotheses =
        "Separable data, no bias, in general position: the solved programs are 0.1 away from degenerate (multipliers, "
        "spare margins, weights, slack of the "
        "dual).",
    .refutation =
        "A missing margin that does not vanish with $1/\\|\\hat w\\|$ or has another limit (2 %); the direction for $p "
        "= 1$ being that for $p = 2$.",
    .settings = regularisation_path_settings,
    .seconds_quick = 5,
    .seconds_full = 30,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
