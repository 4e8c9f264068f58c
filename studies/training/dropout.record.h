#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* dropout_claims[] = {"T9"};
inline constexpr StudySetting dropout_settings[] = {
    {.key = "units",
     .kind = OptionKind::integer,
     .full = "14",
     .quick = "10",
     .help = "that may be dropped; all masks of them are run",
     .lower = 4,
     .upper = 18},
};

inline constexpr StudyRecord dropout_record = {
    .name = "dropout",
    .chapter = "training",
    .claims = dropout_claims,
    .title = "Dropout trains every subnetwork at once",
    .source = "L3, Regularization: Dropout",
    .claim =
        "\\mathbb{E}_m \\|y - X(m \\odot w)\\|^2 = \\|y - p\\,Xw\\|^2 + p(1 - p)\\, w'\\operatorname{diag}(X'X)\\,w, "
        "\\qquad "
        "m_i \\in \\{0, 1\\},\\ P(m_i = 1) = p",
    .statement =
        "Dropping inputs of a linear model is a ridge penalty that weighs each input by its own size. In a network the "
        "mean of all $2^n$ "
        "subnetworks is the one network with weights times $p$, exactly where a linear readout follows the masks, and "
        "for the "
        "normalised geometric mean of soft-max outputs at $p = 1/2$ too; elsewhere the rule is off by first order in "
        "the masks' variance.",
    .hypotheses = "Each unit is kept with probability $p$, independent of the others and from sample to sample.",
    .refutation =
        "An exact statement off by more than rounding over all masks; a gap between ensemble and rule that is not the "
        "predicted "
        "one to first order in $1 - p$.",
    .settings = dropout_settings,
    .seconds_quick = 2,
    .seconds_full = 10,
    .seeds = 5,
};

}  // namespace turnpike::studies
