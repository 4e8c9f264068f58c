#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* sparse_penalty_claims[] = {"T19"};
inline constexpr StudySetting sparse_penalty_settings[] = {
    {.key = "unknowns",
     .kind = OptionKind::integer,
     .full = "80",
     .quick = "30",
     .help = "of the general design, which has half as many samples",
     .lower = 4},
};

inline constexpr StudyRecord sparse_penalty_record = {
    .name = "sparse_penalty",
    .chapter = "training",
    .claims = sparse_penalty_claims,
    .title = "One penalty sets weights to zero, the other never",
    .source = "L3, Explicit regularization; L4, Discussion",
    .claim =
        "\\begin{aligned} \\argmin_w \\frac{1}{2}\\|y - Xw\\|^2 + \\lambda\\|w\\|_1 &= \\operatorname{sign}(b)\\,(|b| "
        "- \\lambda)_+ \\\\ "
        "\\argmin_w \\frac{1}{2}\\|y - Xw\\|^2 + \\frac{\\lambda}{2}\\|w\\|_2^2 &= \\frac{b}{1 + \\lambda} "
        "\\end{aligned} \\qquad b = X'y,\\ X'X = I",
    .statement =
        "The lasso ($p = 1$) cuts every coefficient by $\\lambda$ and leaves exact zeros; ridge ($p = 2$) shrinks all "
        "alike and leaves none. "
        "Read to the letter the slide's $\\lambda\\|a\\|_p$ has no square at $p = 2$: then all coefficients vanish "
        "together, once $\\lambda \\ge \\|b\\|_2$, "
        "and none before.",
    .hypotheses =
        "The formulas hold for an orthonormal design; for any other the optimality conditions are checked, with more "
        "unknowns than samples.",
    .refutation =
        "A coefficient off by more than $10^{-10}$; a zero where none is predicted, or none where one is; conditions "
        "violated by more than $10^{-10}\\lambda$.",
    .settings = sparse_penalty_settings,
    .seconds_quick = 3,
    .seconds_full = 20,
    .seeds = 5,
};

}  // namespace turnpike::studies
