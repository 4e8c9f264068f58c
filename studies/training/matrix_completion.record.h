#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* matrix_completion_claims[] = {"T5"};
inline constexpr StudySetting matrix_completion_settings[] = {
    {.key = "size", .kind = OptionKind::integer, .full = "100", .quick = "30", .help = "rows and columns", .lower = 8},
    {.key = "rank", .kind = OptionKind::integer, .full = "5", .quick = "2", .help = "of the truth", .lower = 1},
    {.key = "few",
     .kind = OptionKind::integer,
     .full = "2000",
     .quick = "300",
     .help = "entries that are too few for the convex program",
     .lower = 8},
    {.key = "many", .kind = OptionKind::integer, .full = "5000", .quick = "600", .help = "entries enough", .lower = 8},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "60000",
     .quick = "20000",
     .help = "most steps of gradient descent",
     .lower = 100},
};

inline constexpr StudyRecord matrix_completion_record = {
    .name = "matrix_completion",
    .chapter = "training",
    .claims = matrix_completion_claims,
    .title = "Deep factorisations complete matrices",
    .source = "L3, Matrix completion and nuclear norm (Gunasekar et al. 2017; Arora et al. 2019, arXiv:1905.13655)",
    .claim =
        "\\min_{W_1, \\ldots, W_N} \\frac{1}{2} \\sum_{(i,j) \\in \\Omega} \\left((W_N \\cdots W_1)_{ij} - "
        "b_{ij}\\right)^2 \\quad \\text{against} \\quad \\min |W|_* \\ : \\ W_{ij} = b_{ij}",
    .statement =
        "Gradient descent from small weights on a product of $N \\ge 2$ matrices recovers a matrix of low rank from "
        "many entries. The lecture's conjecture, that at depth 2 it finds the completion of least nuclear norm, holds "
        "where the measurements commute; with few entries it fails: descent keeps a larger norm and comes nearer to "
        "the "
        "truth, and depth 3 nearer still, at lower rank. One matrix alone (depth 1) learns nothing of what it does not "
        "see.",
    .hypotheses =
        "Truth of the given rank with Frobenius norm equal to its size (100 in full), entries drawn at random; layers "
        "of normal entries such that singular values of the product are about the stated scale; steps of half of the "
        "stability limit at the truth, until the mean square error on the entries is $10^{-6}$. Commuting "
        "measurements: "
        "$A_i = Q\\,\\mathrm{diag}(a_i)\\,Q'$, $X = UU'$, $U(0) = \\sqrt{\\alpha} I$.",
    .refutation =
        "Depth 2 or 3 off the truth with many entries; a depth 2 solution with few entries whose norm is the least; "
        "depth 3 not nearer than depth 2 nearer than depth 1; for commuting measurements an end of the flow other than "
        "$\\alpha e^{A'\\nu}$, or a norm that does not tend to the least.",
    .settings = matrix_completion_settings,
    .seconds_quick = 15,
    .seconds_full = 100,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
