#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* bias_variance_claims[] = {"G4"};
inline constexpr StudySetting bias_variance_settings[] = {
    {.key = "points", .kind = OptionKind::integer, .full = "30", .quick = "30", .help = "data points", .lower = 20},
    {.key = "degree",
     .kind = OptionKind::integer,
     .full = "15",
     .quick = "15",
     .help = "largest polynomial, that of early stopping and L2",
     .lower = 8,
     .upper = 40},
    {.key = "noise",
     .kind = OptionKind::real,
     .full = "0.3",
     .quick = "0.3",
     .help = "deviation of the noise",
     .lower = 0.01},
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "2000",
     .quick = "400",
     .help = "data sets a repetition",
     .lower = 100},
};

inline constexpr StudyRecord bias_variance_record = {
    .name = "bias_variance",
    .chapter = "generalization",
    .claims = bias_variance_claims,
    .title = "The U curve, and three ways out of its right arm",
    .source = "L1, Overfitting in ML; L3, Classical bias variance",
    .claim =
        "\\mathbb{E}\\,(\\hat f(x) - y)^2 = (\\mathbb{E} \\hat f(x) - f(x))^2 + \\operatorname{Var} \\hat f(x) + "
        "\\sigma^2",
    .statement =
        "As a model grows its bias falls and its variance rises: the test error is a U. Early stopping, "
        "cross-validation "
        "and an L2 penalty each take a model from the right arm to near the bottom.",
    .hypotheses =
        "Least squares with fewer parameters than points (beyond them the error descends again: G5). All fits at a "
        "fixed "
        "complexity are linear in the data, so that their error is known exactly before any noise is drawn; the three "
        "mitigations choose their complexity from the data alone.",
    .refutation =
        "A measured error off the exact one by more than five standard errors; a test error that is least at an end; a "
        "mitigation no better than the unmitigated fit; or, without noise, a U all the same.",
    .settings = bias_variance_settings,
    .seconds_quick = 3,
    .seconds_full = 10,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
