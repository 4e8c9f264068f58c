#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* implicit_claims[] = {"D13"};
inline constexpr StudySetting implicit_settings[] = {
    {.key = "stiffness",
     .kind = OptionKind::real,
     .full = "100",
     .quick = "100",
     .help = "spectral radius of W; its smallest eigenvalue is -1",
     .lower = 2,
     .upper = 1e6},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "160",
     .quick = "100",
     .help = "layers of the stiff runs",
     .lower = 10},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "3",
     .help = "dimension of the state",
     .lower = 2},
};

inline constexpr StudyRecord implicit_record = {
    .name = "implicit",
    .chapter = "depth",
    .claims = implicit_claims,
    .title = "Implicit layers decay at every step",
    .source = "L0, Higher order and implicit time integration schemes",
    .claim =
        "x_{k+1} = x_k + h\\tanh(W x_{k+1}), \\quad W = W' < 0 \\quad\\Rightarrow\\quad E(x_{k+1}) \\le E(x_k) "
        "\\text{ for every } h > 0, \\quad E(x) = -x'Wx",
    .statement =
        "Implicit Euler layers are of order 1 and implicit midpoint layers of order 2; on a stiff stable field "
        "both lose energy at every step size, an explicit residual network only while $h\\rho(W) < 2$.",
    .hypotheses =
        "$W$ symmetric and negative definite; then $\\dot E = -2\\,(Wx)\\cdot\\tanh(Wx) \\le 0$ for the "
        "differential equation, and the same holds for both implicit schemes since $E$ is a convex quadratic.",
    .refutation =
        "A slope off its order by 0.15, a single implicit step that gains energy, or a limit of explicit Euler "
        "away from $2/\\rho(W)$.",
    .settings = implicit_settings,
    .seconds_quick = 16,
    .seconds_full = 25,
    .seeds = 5,
};

}  // namespace turnpike::studies
