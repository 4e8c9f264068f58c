#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* simulators_claims[] = {"P5"};
inline constexpr StudySetting simulators_settings[] = {
    {.key = "refinements",
     .kind = OptionKind::integer,
     .full = "5",
     .quick = "4",
     .help = "halvings of the step, the first included",
     .lower = 3,
     .upper = 6},
    {.key = "length",
     .kind = OptionKind::real,
     .full = "1",
     .quick = "0.25",
     .help = "of the runs whose laws are watched, over that of the published data",
     .lower = 0.01,
     .upper = 1},
};

inline constexpr StudyRecord simulators_record = {
    .name = "simulators",
    .chapter = "equations",
    .claims = simulators_claims,
    .title = "The seven equations, simulated",
    .source =
        "L3, Sparse regression of differential equations; Kassam and Trefethen 2005, doi:10.1137/S1064827502410633",
    .claim =
        "u_t = L u + N(u): \\qquad \\|u_h(T) - u(T)\\| = O(h^4), \\qquad \\|u_n(T) - u(T)\\| = o(n^{-p})\\ "
        "\\text{for every}\\ p",
    .statement =
        "Fourier modes with exponential time differencing solve the seven equations of the discovery tables with order "
        "4 in time, with an error that falls faster than any power of the number of points, and keep what each "
        "equation "
        "conserves.",
    .hypotheses =
        "Smooth, periodic states; steps below those where the stiff linear terms lower the order. The published states "
        "of KdV and of reaction-diffusion are not periodic: KdV starts here from one soliton, reaction-diffusion from "
        "waves.",
    .refutation =
        "An order in time farther than 0.3 from 4, an order in space that stays below 8 until rounding, or a conserved "
        "quantity or balance off by more than $10^{-6}$.",
    .settings = simulators_settings,
    .seconds_quick = 20,
    .seconds_full = 25,
};

}  // namespace turnpike::studies
