#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* initialisation_claims[] = {"T15"};
inline constexpr StudySetting initialisation_settings[] = {
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "400",
     .quick = "150",
     .help = "neurons a layer",
     .lower = 16},
    {.key = "depth", .kind = OptionKind::integer, .full = "40", .quick = "20", .help = "layers", .lower = 3},
    {.key = "networks",
     .kind = OptionKind::integer,
     .full = "40",
     .quick = "60",
     .help = "networks a repetition",
     .lower = 8},
};

inline constexpr StudyRecord initialisation_record = {
    .name = "initialisation",
    .chapter = "training",
    .claims = initialisation_claims,
    .title = "Which first weights keep the variance",
    .source = "L3, Weights initialization (Glorot & Bengio 2010; He et al. 2015; Poole et al. 2016)",
    .claim =
        "w \\sim N(0, g^2/n): \\quad \\frac{E |y_L|^2}{|x|^2} = g^{2L} \\text{ (linear)}, \\quad g^2 "
        "\\left(\\frac{g^2}{2}\\right)^{L-1} \\text{ (ReLU)}, \\quad q_{l+1} = g^2\\, E \\tanh(\\sqrt{q_l} z)^2",
    .statement =
        "With weights of deviation $1/\\sqrt{n}$ (Xavier, $g = 1$) a linear network keeps the variance at every depth. "
        "The lecture's derivation needs inputs of mean zero at every layer, which ReLU does not leave: there Xavier "
        "loses half of the variance a layer, and He's $g = \\sqrt{2}$ keeps it. Nor does Xavier keep it for tanh, "
        "where "
        "the variance falls like $1/(2l)$; the recursion of mean field says how.",
    .hypotheses =
        "Independent normal weights, no biases; expectation over the weights. The predictions for linear and ReLU "
        "networks hold at every width, with the variance of one network, $(1 + 2/n)^L - 1$ and $(1 + 2/n)(1 + "
        "5/n)^{L-1} - 1$, relative. For tanh the recursion is the limit of wide layers; the first term in $1/n$ is "
        "added.",
    .refutation =
        "A mean over networks that leaves its prediction by more than 4.5 of its own predicted standard errors, at any "
        "depth, for any gain.",
    .settings = initialisation_settings,
    .seconds_quick = 3,
    .seconds_full = 110,
    .seeds = 5,
    .seeds_quick = 1,
};

}  // namespace turnpike::studies
