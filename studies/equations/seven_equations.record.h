#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* seven_equations_claims[] = {"P1"};
inline constexpr StudySetting seven_equations_settings[] = {
    {.key = "noise",
     .kind = OptionKind::real,
     .full = "0.01",
     .quick = "0.01",
     .help = "white noise, relative to the standard deviation of the field",
     .lower = 0,
     .upper = 1},
};

inline constexpr StudyRecord seven_equations_record = {
    .name = "seven_equations",
    .chapter = "equations",
    .claims = seven_equations_claims,
    .title = "Seven equations from their data",
    .source = "L3, Data driven discovery of PDE, the table",
    .claim = "u_t = \\sum_j \\xi_j D_j(u), \\qquad 100\\,|\\hat\\xi_j - \\xi_j| / |\\xi_j| \\;\\text{below the table}",
    .statement =
        "Sparse regression finds each of seven equations in data, clean and with 1 % noise: the right terms and "
        "nothing else. "
        "The errors of the coefficients, mean and standard deviation over the true terms, are at most a fifth of the "
        "table's.",
    .hypotheses =
        "Fields on equidistant grids, white noise, the true terms among the candidates (12 to 110 of them in the "
        "table, as many "
        "degrees and orders here).",
    .refutation =
        "A missing or a superfluous term in any run, or a mean or a spread above a fifth of the table's cell.",
    .settings = seven_equations_settings,
    .seconds_quick = 12,
    .seconds_full = 190,
    .seeds = 10,
};

}  // namespace turnpike::studies
