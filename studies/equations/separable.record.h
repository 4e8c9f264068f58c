#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* separable_claims[] = {"P8"};

inline constexpr StudyRecord separable_record = {
    .name = "separable",
    .chapter = "equations",
    .claims = separable_claims,
    .title = "The same law in better variables",
    .source = "L3, Data driven discovery of PDE, the separable equation",
    .claim =
        "y' = \\frac{y}{x} + \\frac{y^2}{x^3} \\quad\\Rightarrow\\quad \\frac{dr}{ds} = r^2, \\qquad r = "
        "\\frac{y}{x}, \\; s = -\\frac{1}{x}",
    .statement =
        "In $r = y/x$ and $s = -1/x$ the equation is $dr/ds = r^2$ (the lecture writes it as $ds/dr = 1/r^2$), solved "
        "by "
        "$y = x^2/(1+Cx)$. Sparse regression over $x^{-p} y^q$, $p$ and $q$ up to 3, finds two terms in the first "
        "variables and "
        "one in the second.",
    .hypotheses = "Solutions on intervals where $1 + Cx > 0$; several constants C, else the data lie on one curve.",
    .refutation =
        "A missing or superfluous term in clean data or in more than 5 % of noisy runs, or a coefficient off 1 by more "
        "than "
        "$10^{-6}$ in clean data.",
    .seconds_quick = 2,
    .seconds_full = 6,
    .seeds = 20,
};

}  // namespace turnpike::studies
