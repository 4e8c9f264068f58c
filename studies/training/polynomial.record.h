#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* polynomial_claims[] = {"T18"};

inline constexpr StudyRecord polynomial_record = {
    .name = "polynomial",
    .chapter = "training",
    .claims = polynomial_claims,
    .title = "Ten points and a polynomial",
    .source = "L3, Polynomial Coefficients",
    .claim = "w^* = \\argmin_w \\sum_{i=0}^{9} \\left(y_i - \\sum_{j=0}^{M} w_j x_i^j\\right)^2, \\qquad x_i = i/9",
    .statement =
        "The least squares polynomials of degree 0, 1, 3 and 9 through ten points have the coefficients of the "
        "lecture's table: they grow by six orders as the fit turns into interpolation.",
    .hypotheses =
        "The data are printed with six decimals. Up to degree 3 that does not reach the table's digits; at degree "
        "9 the rounding of $\\pm 5 \\cdot 10^{-7}$ moves coefficient $j$ by up to $5 \\cdot 10^{-7} \\sum_i "
        "|(V^{-1})_{ji}|$, $V$ the Vandermonde matrix.",
    .refutation =
        "A coefficient that differs from the table by more than half of its last digit (degree at most 3), or by "
        "more than the rounding of the data allows (degree 9).",
    .settings = {},
    .seconds_quick = 1,
    .seconds_full = 1,
};

}  // namespace turnpike::studies
