#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* deep_training_claims[] = {"D5"};
inline constexpr StudySetting deep_training_settings[] = {
    {.key = "deepest",
     .kind = OptionKind::integer,
     .full = "1024",
     .quick = "64",
     .help = "layers of the deepest network, 16 times a power of 4",
     .lower = 16,
     .upper = 4096},
    {.key = "epochs",
     .kind = OptionKind::integer,
     .full = "400",
     .quick = "150",
     .help = "full-batch Adam steps on the swiss roll",
     .lower = 1},
    {.key = "scale",
     .kind = OptionKind::real,
     .full = "1",
     .quick = "1",
     .help = "size of the first weights, $|W|$ about twice that",
     .lower = 0.01},
};

inline constexpr StudyRecord deep_training_record = {
    .name = "deep_training",
    .chapter = "depth",
    .claims = deep_training_claims,
    .title = "Stable layers train deep",
    .source = "L0, Neural networks that are intrinsically stable (Haber, Ruthotto, Inverse Problems 34, 2018)",
    .claim = "x_{k+1} = x_k + h\\,\\sigma((W_k - W_k')x_k + b_k), \\qquad h = T/K, \\qquad K = 16 \\ldots 1024",
    .statement =
        "Antisymmetric and Hamiltonian layers learn the swiss roll at every depth from 16 to 1024 layers; plain "
        "residual layers do not, neither with the same step $h = T/K$ nor, once deep, with the usual step 1. Not "
        "all plain networks fail: layers drawn independently and scaled by $T/K$ start near the identity, and "
        "train.",
    .hypotheses =
        "$T = 20$ and width 4; all layers start alike, so that networks of every depth start as discretisations "
        "of one differential equation, long enough ($T|W|$ about 40) for stability to matter. Each kind of network "
        "has its own learning rate, chosen by training accuracy on seeds that are not used again.",
    .refutation =
        "At the greatest depth, a 95 % interval of the difference in test accuracy between a stable and a plain "
        "network that reaches below 0; stable networks below 90 % there.",
    .settings = deep_training_settings,
    .seconds_quick = 8,
    .seconds_full = 400,
    .seeds = 5,
};

}  // namespace turnpike::studies
