#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* perturbation_claims[] = {"D6"};
inline constexpr StudySetting perturbation_settings[] = {
    {.key = "data",
     .kind = OptionKind::text,
     .full = "spirals",
     .quick = "spirals",
     .help = "generator of the data, classes in the plane"},
    {.key = "epochs",
     .kind = OptionKind::integer,
     .full = "300",
     .quick = "150",
     .help = "full-batch Adam steps of each network",
     .lower = 1},
    {.key = "starts",
     .kind = OptionKind::integer,
     .full = "4",
     .quick = "2",
     .help = "random starts of each kind of network",
     .lower = 1},
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "20",
     .quick = "10",
     .help = "perturbed copies of the training data",
     .lower = 2},
};

inline constexpr StudyRecord perturbation_record = {
    .name = "perturbation",
    .chapter = "depth",
    .claims = perturbation_claims,
    .title = "Stability is generalisation",
    .source =
        "L0, We want good performance on perturbations of the training data; L4, Stability to adversarial "
        "perturbations",
    .claim =
        "\\|x(T) - \\tilde x(T)\\| \\le M\\,\\|x(0) - \\tilde x(0)\\|, \\qquad \\operatorname{rank\\ corr}(M, "
        "\\text{accuracy}(D) - \\text{accuracy}(D + \\delta)) > 0",
    .statement =
        "Among networks that do equally well on clean data, those that amplify more lose more accuracy when the "
        "training data are perturbed.",
    .hypotheses =
        "Networks of test accuracy at least 98 %, of four kinds of layers, two horizons and four weights of the "
        "penalty. $M$ is the largest singular value of the flow's Jacobian over the training data. The perturbation "
        "is normal, its deviation half the way from a typical point to the middle between the classes: beyond that "
        "the data themselves mix, and every network loses alike.",
    .refutation =
        "A 95 % interval of the rank correlation that reaches below 0, or a re-pairing at random that does as well "
        "more than once in forty.",
    .settings = perturbation_settings,
    .seconds_quick = 12,
    .seconds_full = 120,
};

}  // namespace turnpike::studies
