#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* benign_overfitting_claims[] = {"G10"};
inline constexpr StudySetting benign_overfitting_settings[] = {
    {.key = "smallest",
     .kind = OptionKind::integer,
     .full = "25",
     .quick = "25",
     .help = "samples of the smallest size",
     .lower = 20},
    {.key = "doublings",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "3",
     .help = "how often the samples are doubled",
     .lower = 2,
     .upper = 5},
};

inline constexpr StudyRecord benign_overfitting_record = {
    .name = "benign_overfitting",
    .chapter = "generalization",
    .claims = benign_overfitting_claims,
    .title = "When interpolating noise costs nothing",
    .source = "L0, Benign overfitting (Bartlett, Long, Lugosi & Tsigler 2020)",
    .claim =
        "\\text{excess risk} \\approx \\sigma^2 \\left( \\frac{k^*}{n} + \\frac{n}{R_{k^*}} \\right), \\quad k^* = "
        "\\min\\left\\{k "
        ": \\frac{\\sum_{i>k} \\lambda_i}{\\lambda_{k+1}} \\ge n \\right\\}, \\quad R_k = \\frac{(\\sum_{i>k} "
        "\\lambda_i)^2}{\\sum_{i>k} \\lambda_i^2}",
    .statement =
        "The interpolant of least norm is benign where few directions stand out and the rest of the spectrum is flat "
        "and "
        "much longer than the sample: its excess risk falls. With eigenvalues $i^{-2}$ it never does, however many "
        "samples "
        "there are.",
    .hypotheses =
        "Linear: normal features with the given spectrum. Kernel: trigonometric functions on the three-dimensional "
        "torus, "
        "points uniform, the kernel's eigenvalues the same spectrum. Signal in the leading directions, noise of "
        "variance 1. "
        "The theorem holds up to constants; here they must lie within 3. "
        "Its $k^*$ has a constant $b$, taken as 1. Exact beside it: the kernel of eigenvalues $1/(2\\pi f)^2$ on the "
        "circle "
        "interpolates linearly between neighbours, which keeps $\\int_0^1 (1-s)^2 + s^2\\,ds = 2/3$ of the noise at "
        "any $n$.",
    .refutation =
        "An excess risk that falls slower than predicted for spikes before a flat tail, or falls for $i^{-2}$; a ratio "
        "to "
        "$k^*/n + n/R_{k^*}$ beyond 3; or linear interpolation off 2/3.",
    .settings = benign_overfitting_settings,
    .seconds_quick = 6,
    .seconds_full = 30,
    .seeds = 5,
    .seeds_quick = 5,
};

}  // namespace turnpike::studies
