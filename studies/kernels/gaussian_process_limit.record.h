#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* gaussian_process_limit_claims[] = {"K7"};

inline constexpr StudySetting gaussian_process_limit_settings[] = {
    {.key = "networks",
     .kind = OptionKind::integer,
     .full = "8000",
     .quick = "1500",
     .help = "random networks of each width in a repetition",
     .lower = 100,
     .upper = 1000000},
    {.key = "particles",
     .kind = OptionKind::integer,
     .full = "65536",
     .quick = "8192",
     .help = "particles that stand for infinitely many",
     .lower = 4096,
     .upper = 1 << 20},
};

inline constexpr StudyRecord gaussian_process_limit_record = {
    .name = "gaussian_process_limit",
    .chapter = "kernels",
    .claims = gaussian_process_limit_claims,
    .title = "Two limits of wide networks: a Gaussian process, and a flow of particles",
    .source =
        "L1, Infinite width limit of NNs; Lee et al. (2018), arXiv:1711.00165; Mei, Montanari and Nguyen (2018), "
        "arXiv:1804.06561",
    .claim =
        "f(x) = \\sqrt{\\tfrac2n} \\sum_{i=1}^n v_i \\sigma(w_i \\cdot x): \\quad \\kappa(f) = 3 \\left((1 + "
        "\\tfrac5n)^L - 1\\right), \\qquad W_1(f, N(0, 1)) \\approx 0.9438 \\, \\tfrac Ln",
    .statement =
        "The output of a random network of $L$ hidden layers is Gaussian up to $1/n$: its excess kurtosis and its "
        "Wasserstein distance to the normal law fall at rate -1 in the width. So does the distance of the Bayesian "
        "posterior of finite networks to that of the process. With $1/n$ in place of $n^{-1/2}$ units are particles "
        "that move by themselves: a network of $n$ of them trains like infinitely many, up to $n^{-1/2}$.",
    .hypotheses =
        "ReLU, $|x| = 1$, standard normal weights, $\\sigma_w^2 = 2$, no bias. Given the layer below, the units of a "
        "layer are independent $N(0, V_l)$ with $V_{l+1} = V_l \\cdot \\frac2n \\sum_i \\sigma(g_i)^2$, so "
        "$E[V_l] = 1$ and $E[V_l^2] = (1 + 5/n)^l$ exactly. The constant of $W_1$ is $\\kappa/24 \\cdot \\int "
        "|t^3 - 3t| \\varphi(t) \\, dt$ at first order.",
    .refutation =
        "A kurtosis or distance that does not fall at rate -1, or not with its constant; 95 % intervals of the process "
        "that do not hold 95 % of the networks; particles that do not fluctuate at rate -1/2.",
    .settings = gaussian_process_limit_settings,
    .seconds_quick = 8,
    .seconds_full = 90,
    .seeds = 8,
};

}  // namespace turnpike::studies
