#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* conditioning_claims[] = {"T10"};
inline constexpr StudySetting conditioning_settings[] = {
    {.key = "features",
     .kind = OptionKind::integer,
     .full = "8",
     .quick = "5",
     .help = "inputs of the linear model",
     .lower = 2,
     .upper = 20},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "4000",
     .quick = "600",
     .help = "of descent for the network",
     .lower = 100},
};

inline constexpr StudyRecord conditioning_record = {
    .name = "conditioning",
    .chapter = "training",
    .claims = conditioning_claims,
    .title = "Normalised data make the loss round",
    .source = "L3, Data normalization changes the geometry of the loss",
    .claim =
        "H = \\begin{pmatrix} DRD + \\mu\\mu' & \\mu \\\\ \\mu' & 1 \\end{pmatrix} \\ \\to \\ "
        "\\begin{pmatrix} R & 0 "
        "\\\\ 0 & 1 \\end{pmatrix}, \\qquad k \\approx \\frac{\\log \\text{tolerance}}{2\\log\\frac{\\kappa - "
        "1}{\\kappa + 1}}",
    .statement =
        "Inputs with means $\\mu$ and deviations $D$ stretch the squared loss; normalised, its condition number "
        "$\\kappa$ is that of the "
        "correlations $R$ alone, and descent needs correspondingly fewer steps. What normalisation does not touch is "
        "the correlation: "
        "with equal correlations $\\rho$ there remains $\\kappa = (1 + (d-1)\\rho)/(1 - \\rho)$, and only whitening "
        "makes it 1.",
    .hypotheses =
        "A linear model with bias and squared error; data with exactly the stated moments. In general normalisation is "
        "within a factor $d$ of the best scaling of the columns (van der Sluis 1969), so it can also make $\\kappa$ "
        "worse, a little.",
    .refutation =
        "A condition number off by more than $10^{-8}$, or a number of steps by more than one; a matrix whose "
        "$\\kappa$ grows by more "
        "than the factor $d$.",
    .settings = conditioning_settings,
    .seconds_quick = 3,
    .seconds_full = 15,
    .seeds = 5,
};

}  // namespace turnpike::studies
