#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* matrix_calculus_claims[] = {"N5"};
inline constexpr StudySetting matrix_calculus_settings[] = {
    {.key = "rows",
     .kind = OptionKind::integer,
     .full = "7",
     .quick = "5",
     .help = "size of vectors, rows of matrices",
     .lower = 2},
    {.key = "columns",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "3",
     .help = "columns of matrices",
     .lower = 2},
};

inline constexpr StudyRecord matrix_calculus_record = {
    .name = "matrix_calculus",
    .chapter = "networks",
    .claims = matrix_calculus_claims,
    .title = "The table of matrix calculus",
    .source = "L3, Matrix Calculus, Vector Gradient, Other examples",
    .claim =
        "\\frac{\\partial\\, a'Xb}{\\partial X} = ab', \\quad \\frac{\\partial\\, a'X'b}{\\partial X} = ba', \\quad "
        "\\frac{\\partial A\\omega}{\\partial \\omega} = A, \\quad \\nabla_w(w'x) = x",
    .statement =
        "Each identity of the lecture's table agrees with automatic differentiation. The table's layout is not one: "
        "its $\\partial y/\\partial x$ of vectors has a column for each $y_j$, the transpose of the layout in "
        "which $\\partial(A\\omega)/\\partial\\omega = A$.",
    .hypotheses =
        "Generic real matrices and vectors of unequal sizes, so that a misplaced transpose cannot go unseen; "
        "$a'Xa$ needs a square $X$.",
    .refutation = "An identity off by more than $10^{-12}$, relative.",
    .settings = matrix_calculus_settings,
    .seconds_quick = 1,
    .seconds_full = 1,
    .seeds = 5,
};

}  // namespace turnpike::studies
