#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* double_descent_claims[] = {"G5"};
inline constexpr StudySetting double_descent_settings[] = {
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "2000",
     .quick = "400",
     .help = "Gaussian model: data sets of 40 samples, all repetitions together",
     .lower = 100},
    {.key = "n",
     .kind = OptionKind::integer,
     .full = "10000",
     .quick = "400",
     .help = "random features: training digits",
     .lower = 100,
     .upper = 20000},
    {.key = "trials",
     .kind = OptionKind::integer,
     .full = "3",
     .quick = "5",
     .help = "random features: draws of features and digits",
     .lower = 2},
    {.key = "digits",
     .kind = OptionKind::integer,
     .full = "60",
     .quick = "0",
     .help = "trained networks: training digits, ten classes; 0: none",
     .lower = 0},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "100",
     .quick = "50",
     .help = "trained networks: steps of Levenberg and Marquardt",
     .lower = 20},
    {.key = "epochs",
     .kind = OptionKind::integer,
     .full = "15000",
     .quick = "0",
     .help = "trained networks: steps of gradient descent, for the peak along training; 0: none",
     .lower = 0},
};

inline constexpr StudyRecord double_descent_record = {
    .name = "double_descent",
    .chapter = "generalization",
    .claims = double_descent_claims,
    .title = "The peak where a model just interpolates",
    .source = "L0, Benign overfitting; L1, But... double descent; L3, Double descent phenomenon",
    .claim =
        "\\mathbb{E}\\,|\\hat w - w|^2 = \\begin{cases} \\dfrac{\\sigma^2 p}{n - p - 1} & p < n - 1 \\\\ "
        "\\dfrac{\\sigma^2 n}{p - n "
        "- 1} + r^2\\left(1 - \\dfrac np\\right) & p > n + 1 \\end{cases}",
    .statement =
        "Least squares of least norm: the test error rises until the parameters are as many as the samples, peaks "
        "there with "
        "the norm of the weights, and falls again. Random features peak at $N = n$; networks with $K$ outputs where "
        "their "
        "parameters are about $nK$; and along training, the source of L3 says, the test loss of a large network does "
        "the same.",
    .hypotheses =
        "Gaussian model: $n$ samples of $p$ normal features, $y = w'x + \\sigma e$, $|w| = r$. For $|p - n| \\le 1$ "
        "the mean is "
        "infinite and nearer than 10 its estimate has no useful interval: there the peak is located by medians. Random "
        "features $(r_1'x)^2 + (r_2'x)^2$ of digits, no penalty. Networks trained to the end by a second-order method, "
        "squared loss, noisy labels; along training by Adam.",
    .refutation =
        "A Gaussian error off the closed form by five standard errors where $|p - n| \\ge 10$; a largest error or norm "
        "at "
        "another $p$ or $N$ than $n$; a network's peak centred off $nK$ by more than a factor of two; or a test loss "
        "that, "
        "once risen along training, does not fall again.",
    .settings = double_descent_settings,
    .seconds_quick = 12,
    .seconds_full = 700,
    .seeds = 5,
    .seeds_quick = 5,
};

}  // namespace turnpike::studies
