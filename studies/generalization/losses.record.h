#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* losses_claims[] = {"G1"};
inline constexpr StudySetting losses_settings[] = {
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "20000",
     .quick = "5000",
     .help = "data sets of the comparison of mean and median, each repetition",
     .lower = 100},
    {.key = "points",
     .kind = OptionKind::integer,
     .full = "41",
     .quick = "41",
     .help = "points of a regression and of a location, odd",
     .lower = 11,
     .upper = 201},
};

inline constexpr StudyRecord losses_record = {
    .name = "losses",
    .chapter = "generalization",
    .claims = losses_claims,
    .title = "A loss is a belief about noise",
    .source = "L1, Typical machine learning setup; L3, Classification: cross entropy loss and softmax",
    .claim =
        "\\argmax_\\theta \\prod_i P_\\theta(Y_i \\mid X_i) = \\argmin_\\theta \\sum_i \\ell(g_\\theta(X_i), Y_i), "
        "\\qquad "
        "\\ell = \\begin{cases} |z - y|_2^2 & \\text{Gaussian} \\\\ |z - y|_1 & \\text{Laplace} \\\\ -\\log "
        "\\frac{\\exp z_y}{\\sum_k \\exp z_k} & \\text{categorical} \\end{cases}",
    .statement =
        "Mean square, mean absolute error and cross entropy are maximum likelihood under Gaussian, Laplace and "
        "categorical noise: the same optimum, and the same gradient up to the factors $1/(2\\sigma^2)$, $1/b$ and 1. "
        "The 0-1 loss has no gradient; convex surrogates bound it and their optima have the Bayes rule's sign.",
    .hypotheses =
        "Independent noise of one scale. The slide writes $\\log P(Y = k \\mid X) \\propto g(X)_k$: what makes cross "
        "entropy the likelihood is $P \\propto \\exp g_k$, that is $\\log P = g_k + c$. The other slide's loss, "
        "$-\\frac1K\\sum_k y_k\\log s_k + (1 - y_k)\\log(1 - s_k)$ of soft-max outputs, is a likelihood of $K$ "
        "independent "
        "coins: with two classes it is the cross entropy, with more it is another loss. Its printed output 0.013 is "
        "cut "
        "off, not rounded.",
    .refutation =
        "A gradient off its factor by more than rounding; an optimum off the likelihood's, found by another method; a "
        "surrogate below its bound or with an optimum on the wrong side; or mean and median whose variances differ "
        "from "
        "what the two likelihoods say.",
    .settings = losses_settings,
    .seconds_quick = 1,
    .seconds_full = 2,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
