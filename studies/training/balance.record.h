#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* balance_claims[] = {"T16"};
inline constexpr StudySetting balance_settings[] = {
    {.key = "samples", .kind = OptionKind::integer, .full = "40", .quick = "20", .help = "data points", .lower = 4},
    {.key = "horizon",
     .kind = OptionKind::real,
     .full = "20",
     .quick = "5",
     .help = "training time of the gradient flow",
     .lower = 0.5},
    {.key = "refinements",
     .kind = OptionKind::integer,
     .full = "7",
     .quick = "5",
     .help = "halvings of the step of gradient descent",
     .lower = 5,
     .upper = 12},
};

inline constexpr StudyRecord balance_record = {
    .name = "balance",
    .chapter = "training",
    .claims = balance_claims,
    .title = "What training conserves",
    .source = "L1; L3, Implicit regularization (Saxe et al. 2014; Du, Hu & Lee 2018, arXiv:1806.00900)",
    .claim =
        "\\frac{d}{dt}\\left(W_{j+1}' W_{j+1} - W_j W_j'\\right) = 0, \\qquad D_j^{k+1} - D_j^k = \\varepsilon^2 "
        "\\left(G_{j+1}' G_{j+1} - G_j G_j'\\right)",
    .statement =
        "Gradient flow of a deep linear network conserves $D_j = W_{j+1}'W_{j+1} - W_jW_j'$; that of a ReLU network "
        "conserves its diagonal, neuron by neuron: the square of what comes in (bias included) less the square of what "
        "goes out. Gradient descent with step $\\varepsilon$ leaves it by $\\varepsilon \\int (G_{j+1}'G_{j+1} - "
        "G_jG_j')\\,dt$ to first order where the flow is smooth, $G$ the gradient. Decay of the weights makes it "
        "vanish, $D_j(t) = "
        "e^{-2\\lambda t} D_j(0)$.",
    .hypotheses =
        "Squared loss (any loss of the output would do), fixed data, activations that are homogeneous of degree one. "
        "tanh is not: its neurons do not keep their balance, which is the null case.",
    .refutation =
        "A drift of the flow above the integrator's tolerance; an order of the drift of gradient descent in "
        "$\\varepsilon$ away from 1 by more than 0.15, or, of a linear network, its size from the integral by more "
        "than 5 %; a tanh network "
        "that conserves.",
    .settings = balance_settings,
    .seconds_quick = 6,
    .seconds_full = 90,
    .seeds = 8,
    .seeds_quick = 5,
};

}  // namespace turnpike::studies
