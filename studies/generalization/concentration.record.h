#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* concentration_claims[] = {"G2"};
inline constexpr StudySetting concentration_settings[] = {
    {.key = "n", .kind = OptionKind::integer, .full = "1000", .quick = "1000", .help = "samples", .lower = 1000},
    {.key = "draws",
     .kind = OptionKind::integer,
     .full = "20000",
     .quick = "4000",
     .help = "data sets of a coverage",
     .lower = 500},
    {.key = "doublings",
     .kind = OptionKind::integer,
     .full = "2",
     .quick = "0",
     .help = "how often n is doubled for the interpolators",
     .lower = 0,
     .upper = 4},
    {.key = "features",
     .kind = OptionKind::integer,
     .full = "100",
     .quick = "100",
     .help = "coordinates of a point",
     .lower = 2},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "64",
     .quick = "32",
     .help = "hidden units; parameters must exceed n",
     .lower = 2},
};

inline constexpr StudyRecord concentration_record = {
    .name = "concentration",
    .chapter = "generalization",
    .claims = concentration_claims,
    .title = "A bound for parameters that never saw the data",
    .source = "L1, Statistical error (Hoeffding's inequality)",
    .claim =
        "P\\left( \\left| \\frac1n \\sum_{i=1}^n \\ell_i - \\mathbb{E}\\,\\ell \\right| \\le B \\sqrt{\\frac{2 "
        "\\ln(2/\\delta)}{n}} \\right) \\ge 1 - \\delta, \\qquad \\ell_i \\in [-B, B]",
    .statement =
        "For parameters independent of the sample the mean loss is as close to its expectation as the bound says. Half "
        "of "
        "the bound is enough where losses lie in $[0, B]$, and not enough in $[-B, B]$. For parameters trained on the "
        "sample it says nothing: a network that interpolates random labels has error 0 on them and 1/2 elsewhere.",
    .hypotheses =
        "Independent samples, and a loss whose range has length $2B$: the slide's $|\\ell|_\\infty = B$ allows that. "
        "Losses in $[0, B]$ have half the range, hence half the bound. The worst case is a fair coin of $\\pm B$, for "
        "which "
        "half the bound covers $2\\Phi(\\sqrt{\\ln(2/\\delta)/2}) - 1 = 0.826$ at $\\delta = 0.05$ and $n \\to "
        "\\infty$.",
    .refutation =
        "A coverage whose interval lies below $1 - \\delta$; a halved bound that covers the coin by $1 - \\delta$; or "
        "a "
        "trained interpolator of random labels, $n \\ge 1000$, within the bound.",
    .settings = concentration_settings,
    .seconds_quick = 6,
    .seconds_full = 60,
    .seeds = 5,
    .seeds_quick = 5,
};

}  // namespace turnpike::studies
