#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* trajectories_claims[] = {"C5"};
inline constexpr StudySetting trajectories_settings[] = {
    {.key = "rows",
     .kind = OptionKind::integer,
     .full = "200",
     .quick = "60",
     .help = "points to classify",
     .lower = 10},
    {.key = "lambda",
     .kind = OptionKind::real,
     .full = "1",
     .quick = "1",
     .help = "weight of the penalty, the lecture's $\\alpha$",
     .lower = 1e-4},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "1500",
     .quick = "150",
     .help = "of L-BFGS at each depth",
     .lower = 20},
    {.key = "starts", .kind = OptionKind::integer, .full = "4", .quick = "2", .help = "random starts", .lower = 1},
};

inline constexpr StudyRecord trajectories_record = {
    .name = "trajectories",
    .chapter = "control",
    .claims = trajectories_claims,
    .title = "Trajectories at depth 16, 36 and 81",
    .source = "L4, figures of $T = 16, 36, 81$",
    .claim =
        "N_{\\mathrm{layers}} = \\lfloor T^{3/2} \\rfloor, \\quad h = \\frac{1}{\\sqrt T}, \\qquad \\phi(x^{16}(16)) > "
        "\\phi(x^{36}(36)) "
        "> \\phi(x^{81}(81))",
    .statement =
        "A ball inside a shell, trained with the error at the end alone on three depths. The steps shorten as the "
        "network deepens, the "
        "trajectories converge to one picture in the fraction of the depth, and the training error falls.",
    .hypotheses =
        "Squared loss, field $W\\tanh(x) + b$ in three dimensions, the third to reach $\\pm 1$, L2 penalty. There are "
        "far more points than "
        "dimensions, so that the optima are local ones: the best of several starts, carried from depth to depth by "
        "time scaling. The rate "
        "$T^{-2}$ is claimed, and checked on the same depths, for points that can be interpolated (C2).",
    .refutation =
        "A training error or a cost that does not fall from one depth to the next, scaled trajectories that do not "
        "draw nearer, or, "
        "for three points in four dimensions, an error ratio off $(T/T')^2$ by more than 5 %.",
    .settings = trajectories_settings,
    .seconds_quick = 1,
    .seconds_full = 6,
    .seeds = 3,
    .seeds_quick = 1,
};

}  // namespace turnpike::studies
