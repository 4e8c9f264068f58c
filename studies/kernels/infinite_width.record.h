#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* infinite_width_claims[] = {"K2"};

inline constexpr StudySetting infinite_width_settings[] = {
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "65536",
     .quick = "4096",
     .help = "units a layer of the widest networks",
     .lower = 1024,
     .upper = 1 << 20},
};

inline constexpr StudyRecord infinite_width_record = {
    .name = "infinite_width",
    .chapter = "kernels",
    .claims = infinite_width_claims,
    .title = "The tangent kernel of infinitely wide networks",
    .source = "L3, What is the Neural Tangent Kernel; Jacot, Gabriel and Hongler (2018), arXiv:1806.07572",
    .claim =
        "T_{l+1} = S_{l+1} + \\sigma_w^2 \\, T_l \\, E[\\sigma'(u) \\sigma'(v)], \\quad S_{l+1} = \\sigma_b^2 + "
        "\\sigma_w^2 E[\\sigma(u) \\sigma(v)], \\quad (u, v) \\sim N(0, S_l)",
    .statement =
        "The kernel of gradients of a random network tends to a fixed one as its layers widen, entry by entry with a "
        "spread like $n^{-1/2}$; a recursion over the layers gives it. For ReLU, unit inputs and $\\sigma_w^2 = 2$ it "
        "is $L + 1$ on the diagonal at $L$ hidden layers, and $1/\\pi$, 0.685708636283, 1.060388106803 for "
        "orthogonal inputs at 1, 2, 3.",
    .hypotheses =
        "Entries $N(0, 1)$ and a factor $\\sigma_w/\\sqrt n$ before each hidden layer. The lecture's $f = \\sum_i v_i "
        "\\sigma(w_i \\cdot x)$ leaves the factor out: its kernel has no limit, it grows like $n$.",
    .refutation =
        "A mean over networks that lies more than six standard errors from the recursion, a spread that does not fall "
        "at rate -1/2 within 0.05, or a closed value off by more than $10^{-12}$.",
    .settings = infinite_width_settings,
    .seconds_quick = 6,
    .seconds_full = 120,
    .seeds = 24,
};

}  // namespace turnpike::studies
