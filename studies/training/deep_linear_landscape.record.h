#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* deep_linear_landscape_claims[] = {"T2"};
inline constexpr StudySetting deep_linear_landscape_settings[] = {
    {.key = "starts",
     .kind = OptionKind::integer,
     .full = "300",
     .quick = "40",
     .help = "random starts of each search, of each problem",
     .lower = 10},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "200",
     .quick = "60",
     .help = "most steps of the search for critical points",
     .lower = 20},
};

inline constexpr StudyRecord deep_linear_landscape_record = {
    .name = "deep_linear_landscape",
    .chapter = "training",
    .claims = deep_linear_landscape_claims,
    .title = "The landscape of deep linear networks",
    .source = "L2, Deep linear networks (Baldi & Hornik 1989; Kawaguchi 2016; Laurent & von Brecht 2018)",
    .claim =
        "\\nabla L = 0, \\ \\nabla^2 L \\succeq 0 \\ \\Rightarrow \\ L = \\min L \\quad (N = 2), "
        "\\qquad \\nabla^2 L(0) = 0 \\quad (N \\ge 3)",
    .statement =
        "$L = \\frac{1}{2} |W_N \\cdots W_1 - A|^2$. Every local minimum is global, at every depth. At depth 2 every "
        "other "
        "critical point is a strict saddle: its Hessian has a negative eigenvalue. From depth 3 on that fails: at 0 "
        "the "
        "Hessian vanishes, and one leaves it only at order $N$. The values at critical points of depth 2 are those of "
        "Baldi and Hornik, $\\frac{1}{2} \\sum_{i \\notin S} s_i^2$ over sets $S$ of at most $p$ singular values.",
    .hypotheses =
        "Whitened inputs, $A$ of full rank with distinct singular values, layers of width $p$ in between, $p$ smaller "
        "than the rank (a bottleneck) or not. No claim is made for networks with a nonlinearity: there the same search "
        "must find local minima that are not global.",
    .refutation =
        "A critical point found with a Hessian without negative eigenvalue and a loss above the minimum (depth 2); a "
        "run "
        "of descent that ends above the minimum; a critical value that is not one of the predicted; a tanh network "
        "without a bad local minimum.",
    .settings = deep_linear_landscape_settings,
    .seconds_quick = 6,
    .seconds_full = 90,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
