#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* lower_bound_claims[] = {"C10"};
inline constexpr StudySetting lower_bound_settings[] = {
    {.key = "samples",
     .kind = OptionKind::integer,
     .full = "40",
     .quick = "20",
     .help = "points to classify",
     .lower = 4},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "300",
     .quick = "60",
     .help = "training steps of each flow",
     .lower = 10},
    {.key = "layers",
     .kind = OptionKind::integer,
     .full = "40",
     .quick = "20",
     .help = "of the trained flows",
     .lower = 2},
};

inline constexpr StudyRecord lower_bound_record = {
    .name = "lower_bound",
    .chapter = "control",
    .claims = lower_bound_claims,
    .title = "Separating points costs weights",
    .source = "L4, A lower bound (Esteve et al. 2020)",
    .claim =
        "\\int_0^T \\|w(t)\\|\\,dt \\ge \\frac{1}{L_\\sigma} \\max_{i \\ne j} \\log \\frac{\\|x_i(T) - "
        "x_j(T)\\|}{\\|x_i(0) - "
        "x_j(0)\\|}",
    .statement =
        "To pull two points apart a network must spend weights: at least the logarithm of the separation, divided by "
        "the Lipschitz constant of its activation. The slide multiplies by the constant, which is false.",
    .hypotheses =
        "$\\dot x = \\sigma(wx + b)$ or $\\dot x = w\\sigma(x) + b$, operator norm, any control; Euler layers obey "
        "it too since $1 + z \\le e^z$. Equality: ReLU and $\\dot x = ax$ in the positive orthant.",
    .refutation =
        "One pair of samples of one flow, trained or random, above the bound; or the slide's form surviving the "
        "GELU example, where $L_\\sigma > 1$.",
    .settings = lower_bound_settings,
    .seconds_quick = 1,
    .seconds_full = 1,
    .seeds = 5,
};

}  // namespace turnpike::studies
