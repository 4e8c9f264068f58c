#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* sgd_rates_claims[] = {"T1"};
inline constexpr StudySetting sgd_rates_settings[] = {
    {.key = "paths",
     .kind = OptionKind::integer,
     .full = "200000",
     .quick = "6000",
     .help = "paths a repetition",
     .lower = 1000},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "2048",
     .quick = "512",
     .help = "steps of each path, a power of two",
     .lower = 512,
     .upper = 16384},
};

inline constexpr StudyRecord sgd_rates_record = {
    .name = "sgd_rates",
    .chapter = "training",
    .claims = sgd_rates_claims,
    .title = "Two rates of stochastic gradient descent",
    .source = "L2, Strong convergence; Weak convergence (Chung 1954; Jentzen & von Wurstemberger 2018)",
    .claim =
        "E|\\theta_n - \\theta_*| \\sim \\sqrt{\\frac{2 V}{\\pi n}}, \\qquad E\\psi(\\theta_n) - \\psi(\\theta_*) "
        "\\sim \\frac{\\psi' M + \\frac{1}{2} \\psi'' V}{n}, \\qquad V = \\frac{c^2 s^2}{2 c \\lambda - 1}, \\ M = "
        "-\\frac{c f''' V}{2 (c \\lambda - 1)}",
    .statement =
        "On a strongly convex problem with steps $c/n$ paths come to the minimum like $n^{-1/2}$, expectations of "
        "smooth "
        "functions like $n^{-1}$, and the constants are known, $\\lambda = f''(\\theta_*)$, $s^2$ the variance of the "
        "gradient there. The lecture's \"appropriate learning rates\" means $c\\lambda > 1$: below it the weak rate is "
        "$c\\lambda$. And its strong rate cannot be beaten only where $\\psi'(\\theta_*) \\ne 0$: otherwise "
        "$\\psi(\\theta_n)$ converges strongly like $n^{-1}$ too.",
    .hypotheses =
        "Two data points $x = \\pm 1$, drawn at random, $f_i(\\theta) = \\frac{\\mu}{2}(\\theta - x_i)^2 + \\kappa "
        "\\log "
        "\\cosh(\\theta - b)$ with $\\mu = \\kappa = 1$, $b = -1$: convexity between $\\mu$ and $\\mu + \\kappa$; $c = "
        "1.5$, so that $c\\mu > 1$. $\\psi(\\theta) = e^\\theta$.",
    .refutation =
        "A strong exponent off 1/2 or a weak one off 1 by more than 0.15; a constant off by more than 5 % beyond its "
        "interval; with $c\\mu = 1/4$ on a quadratic exponents off 1/4 by more than 0.02.",
    .settings = sgd_rates_settings,
    .seconds_quick = 2,
    .seconds_full = 120,
    .seeds = 5,
};

}  // namespace turnpike::studies
