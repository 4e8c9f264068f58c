#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* noise_levels_claims[] = {"P2"};

inline constexpr StudyRecord noise_levels_record = {
    .name = "noise_levels",
    .chapter = "equations",
    .claims = noise_levels_claims,
    .title = "How much noise discovery bears",
    .source = "L3, Data driven discovery of PDE; Messenger and Bortz 2021, doi:10.1016/j.jcp.2021.110525",
    .claim =
        "\\mathrm{TPR} = \\frac{\\mathrm{TP}}{\\mathrm{TP} + \\mathrm{FN} + \\mathrm{FP}} \\ge 0.95 \\;\\text{on "
        "average, up to 100 \\% noise}",
    .statement =
        "The weak form finds the right terms under noise as large as the published: 100 % on KdV and "
        "Kuramoto-Sivashinsky, 50 % on "
        "the nonlinear Schrödinger equation, 22 % on reaction-diffusion, 27 % on Navier-Stokes. At 1 % the largest "
        "relative error "
        "of a coefficient is no larger than published.",
    .hypotheses = "White noise relative to the root mean square of the field; equidistant grids.",
    .refutation =
        "An average true-positive ratio below 0.95 at a published level, or an error at 1 % above the published one.",
    .seconds_quick = 5,
    .seconds_full = 770,
    .seeds = 20,
};

}  // namespace turnpike::studies
