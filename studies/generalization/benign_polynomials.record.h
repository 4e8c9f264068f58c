#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* benign_polynomials_claims[] = {"G6"};
inline constexpr StudySetting benign_polynomials_settings[] = {
    {.key = "points",
     .kind = OptionKind::integer,
     .full = "11",
     .quick = "11",
     .help = "data points",
     .lower = 5,
     .upper = 19},
    {.key = "noise",
     .kind = OptionKind::real,
     .full = "0.2",
     .quick = "0.2",
     .help = "deviation of the noise",
     .lower = 0},
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "20000",
     .quick = "2000",
     .help = "draws of the noise a repetition",
     .lower = 100},
};

inline constexpr StudyRecord benign_polynomials_record = {
    .name = "benign_polynomials",
    .chapter = "generalization",
    .claims = benign_polynomials_claims,
    .title = "Twenty-one coefficients, barely spanned",
    .source = "L0, Benign overfitting",
    .claim =
        "\\mathcal{L}(a) = \\sum_{i=1}^{N} \\left( \\tilde y_i - \\sum_{n=0}^{M} a_n b_n(x_i) \\right)^2 + "
        "\\sum_{n=0}^{M} n\\, "
        "a_n^2, \\qquad b_n(x) = x^n \\;\\text{on the slide}",
    .statement =
        "Polynomials of degree 2, 10 and 20 through eleven noisy points. At degree 10 the fit interpolates and its "
        "error "
        "peaks. At degree 20 many polynomials interpolate. In Legendre's polynomials the one of least $\\sum n a_n^2$ "
        "is far "
        "below that peak; in the slide's powers $x^n$ it is far above. The penalised fit uses few of its 21 degrees of "
        "freedom "
        "in both.",
    .hypotheses =
        "The slides name neither points nor function: here equidistant points on $[-1, 1]$, so that $M = N - 1 = 10$ "
        "interpolates. All fits are linear in the data: their expected errors are known exactly before any noise is "
        "drawn. "
        "An interpolant has as many effective degrees of freedom as points, whatever its penalty; few is claimed of "
        "the penalised fit alone. Whether the interpolant beats the best classical degree is reported.",
    .refutation =
        "A peak elsewhere than at $M = N - 1$; an interpolant of degree 20 that is no better than degree 10, or in "
        "powers no "
        "worse; a penalised fit with more than a quarter of its 21 degrees of freedom; or measured errors off the "
        "expected "
        "ones.",
    .settings = benign_polynomials_settings,
    .seconds_quick = 2,
    .seconds_full = 5,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
