#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* least_norm_claims[] = {"T4"};
inline constexpr StudySetting least_norm_settings[] = {
    {.key = "equations", .kind = OptionKind::integer, .full = "40", .quick = "12", .help = "rows of A", .lower = 2},
    {.key = "unknowns",
     .kind = OptionKind::integer,
     .full = "120",
     .quick = "30",
     .help = "columns of A, more than rows",
     .lower = 3},
};

inline constexpr StudyRecord least_norm_record = {
    .name = "least_norm",
    .chapter = "training",
    .claims = least_norm_claims,
    .title = "Of all solutions, gradient descent finds the smallest",
    .source = "L3, Regression: minimum norm solution with GD",
    .claim =
        "x_{k+1} = x_k - \\mu A'(Ax_k - b) \\quad \\Rightarrow \\quad x_\\infty = V_2V_2'\\,x_0 + A^+b, \\qquad A = "
        "U \\begin{pmatrix} \\Sigma_1 & 0 \\end{pmatrix} \\begin{pmatrix} V_1' \\\\ V_2' \\end{pmatrix}",
    .statement =
        "With fewer equations than unknowns, gradient descent that starts orthogonal to the kernel of $A$ ends at the "
        "solution of least norm; from any start, the start's part in the kernel is never touched. Every iterate has "
        "a closed form. The slide's sizes are the wrong way round: with $m \\gg n$ the matrix $AA'$ has no inverse.",
    .hypotheses =
        "$0 < \\mu < 2/\\sigma_{\\max}^2$. $A$ of any rank: with dependent rows and a right side that has no solution "
        "the limit is still $A^+b$, the smallest of all least squares solutions.",
    .refutation =
        "An iterate or a limit off by more than $10^{-10}$, relative; a kernel part that moves; Adam, whose steps "
        "are no combinations of rows, ending at the least norm too.",
    .settings = least_norm_settings,
    .seconds_quick = 1,
    .seconds_full = 3,
    .seeds = 5,
};

}  // namespace turnpike::studies
