#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* adjoints_claims[] = {"D7"};
inline constexpr StudySetting adjoints_settings[] = {
    {.key = "layers",
     .kind = OptionKind::integer,
     .full = "4096",
     .quick = "1024",
     .help = "deepest network of the memory measurement",
     .lower = 256},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "4",
     .help = "dimension of the state, even",
     .lower = 2},
};

inline constexpr StudyRecord adjoints_record = {
    .name = "adjoints",
    .chapter = "depth",
    .claims = adjoints_claims,
    .title = "Five ways to a gradient",
    .source = "L0, Gradient computation (E 2017, Chang et al. 2018); L4, Why ODEs?",
    .claim =
        "p_k = \\left(\\frac{\\partial x_{k+1}}{\\partial x_k}\\right)' p_{k+1}, \\qquad "
        "\\frac{dJ}{du_k} = \\left(\\frac{\\partial x_{k+1}}{\\partial u_k}\\right)' p_{k+1}",
    .statement =
        "The discrete adjoint is the exact gradient of the network; the continuous adjoint, discretised, differs "
        "from it by the scheme's order; checkpoints and reversible layers give the same gradient in memory that "
        "grows like $\\log K$, or not at all.",
    .hypotheses =
        "Smooth activation; running and terminal cost together. Memory is what libtorch's allocator hands out "
        "beyond the inputs, with one layer shared over depth, so that the gradient itself does not grow.",
    .refutation =
        "A relative difference above $10^{-12}$ between exact gradients, a gap that closes at another order, or "
        "memory that grows otherwise.",
    .settings = adjoints_settings,
    .seconds_quick = 10,
    .seconds_full = 40,
    .seeds = 5,
};

}  // namespace turnpike::studies
