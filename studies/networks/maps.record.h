#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* maps_claims[] = {"N1"};
inline constexpr StudySetting maps_settings[] = {
    {.key = "samples",
     .kind = OptionKind::integer,
     .full = "200",
     .quick = "50",
     .help = "inputs of each network",
     .lower = 1},
};

inline constexpr StudyRecord maps_record = {
    .name = "maps",
    .chapter = "networks",
    .claims = maps_claims,
    .title = "Networks as maps between spaces",
    .source =
        "L1, Multi-Layer Perceptron: formal definition; L3, Activation Functions; L4, Neural networks, Residual "
        "neural networks",
    .claim =
        "g_\\theta = f^{(2L-1)} \\circ \\cdots \\circ f^{(1)}, \\quad f^{(2l-1)}(x) = W^{(l)}x + b^{(l)}, \\quad "
        "f^{(2l)}(x) = \\sigma(x), \\qquad \\#\\theta = \\sum_l d_l\\,(d_{l-1} + 1)",
    .statement =
        "A network is a composition of simple maps between spaces $R^{d_0}, \\ldots, R^{d_L}$, each of which can be "
        "looked at; its parameters are counted by its widths. NN1, NN2 and ResNet differ in where the activation "
        "stands: NN1 and NN2 are conjugate by $\\sigma$, and a ResNet with step $h$ is Euler's scheme.",
    .hypotheses = "Any widths; for a ResNet equal ones. The lecture's MLP has no activation after its last layer.",
    .refutation =
        "An output, or an intermediate one, that differs from the definition evaluated number by number; a count "
        "that differs from the formula; an activation off its definition or its declared facts.",
    .settings = maps_settings,
    .seconds_quick = 1,
    .seconds_full = 2,
    .seeds = 5,
};

}  // namespace turnpike::studies
