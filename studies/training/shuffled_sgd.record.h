#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* shuffled_sgd_claims[] = {"T12"};
inline constexpr StudySetting shuffled_sgd_settings[] = {
    {.key = "batches",
     .kind = OptionKind::integer,
     .full = "5",
     .quick = "4",
     .help = "m, of which all m! orders are run",
     .lower = 2,
     .upper = 6},
};

inline constexpr StudyRecord shuffled_sgd_record = {
    .name = "shuffled_sgd",
    .chapter = "training",
    .claims = shuffled_sgd_claims,
    .title = "What shuffling adds to the loss",
    .source = "L3, Discretization in SGD and implicit regularization; Smith et al. 2021",
    .claim =
        "\\frac{1}{m!}\\sum_{\\pi} w_m^{\\pi} = \\tilde w(m\\varepsilon) + O(\\varepsilon^3), \\qquad \\dot{\\tilde w} "
        "= "
        "-\\nabla\\left(C + \\frac{\\varepsilon}{4m}\\sum_{k=1}^m \\|\\nabla C_k\\|^2\\right)(\\tilde w)",
    .statement =
        "After one epoch of SGD the mean over all orders of the $m$ batches lies $O(\\varepsilon^3)$ from the flow of "
        "the modified loss, $O(\\varepsilon^2)$ from the gradient flow. A single order is $O(\\varepsilon^2)$ from "
        "both. It is the shuffle that makes this penalty: batches drawn with replacement follow that of plain gradient "
        "descent, $\\frac{\\varepsilon}{4}\\|\\nabla C\\|^2$, in the mean.",
    .hypotheses =
        "Losses with three derivatives, every batch once an epoch, $m\\varepsilon\\lambda_{\\max} \\le 0.1$ at the "
        "start, where "
        "no batch rests.",
    .refutation =
        "An order that differs by more than 0.15; parabolas with one minimum for all batches whose gap is not "
        "$-\\frac{1}{3}\\varepsilon^3 w\\sum_k\\lambda_k^3$ in every order.",
    .settings = shuffled_sgd_settings,
    .seconds_quick = 4,
    .seconds_full = 25,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
