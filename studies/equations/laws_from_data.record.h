#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* laws_from_data_claims[] = {"P3"};

inline constexpr StudyRecord laws_from_data_record = {
    .name = "laws_from_data",
    .chapter = "equations",
    .claims = laws_from_data_claims,
    .title = "Waves, heat, Lorenz, and nothing",
    .source = "L3, Data driven discovery of PDE, the oscillator and the wave law; Lorenz 1963",
    .claim =
        "u_{tt} = \\omega^2 u_{xx}, \\quad u_t = \\omega^2 u_{xx}, \\quad x'' = -\\omega^2 x, \\quad \\text{noise} "
        "\\mapsto \\text{nothing found}",
    .statement =
        "Discovery tells $\\partial_t^2 - \\omega^2 \\partial_x^2$ (the wave law) from $\\partial_t - \\omega^2 "
        "\\partial_x^2$ (as the "
        "slide prints it: the heat equation), each from its own data, without being told the order in time. It finds "
        "the oscillator, "
        "Lorenz's system, heat in one and two dimensions; from short data it finds the law or says that they are "
        "short; data without "
        "a law yield no equation.",
    .hypotheses = "White noise of 1 % (2 % of each coordinate for Lorenz).",
    .refutation =
        "A missing or superfluous term in clean data, in more than 5 % of noisy runs, or any equation in data without "
        "one.",
    .seconds_quick = 4,
    .seconds_full = 18,
    .seeds = 20,
};

}  // namespace turnpike::studies
