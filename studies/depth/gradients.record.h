#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* gradients_claims[] = {"D3"};
inline constexpr StudySetting gradients_settings[] = {
    {.key = "depth",
     .kind = OptionKind::integer,
     .full = "1000",
     .quick = "1000",
     .help = "layers of the deepest network",
     .lower = 100},
    {.key = "h", .kind = OptionKind::real, .full = "0.1", .quick = "0.1", .help = "step", .lower = 0.01, .upper = 0.4},
    {.key = "starts", .kind = OptionKind::integer, .full = "64", .quick = "16", .help = "random starts", .lower = 5},
};

inline constexpr StudyRecord gradients_record = {
    .name = "gradients",
    .chapter = "depth",
    .claims = gradients_claims,
    .title = "Gradients that vanish or explode with depth",
    .source = "L0, Stability is a necessary condition for well-posedness of the learning problem",
    .claim =
        "\\lim_{K \\to \\infty} \\frac{1}{Kh} \\log\\left\\|\\frac{dL}{dx_0}\\right\\| = \\frac{\\log \\rho(I + "
        "hW)}{h} "
        "\\quad \\text{along}\\; x = 0",
    .statement =
        "Along the resting state a gradient vanishes or explodes at the rate of the layer's spectral radius. From "
        "other starts tanh saturates: the rotation's gradients grow slower than any exponential, and those of "
        "the exploding field stop at a plateau. The slide's picture holds near 0 alone.",
    .hypotheses =
        "Fixed step, one weight matrix for all layers, no bias; the three fields of D2. Fields 2 and 3 are Jordan "
        "blocks, whose factor $K$ is divided out.",
    .refutation =
        "A rate off by 5 % (0.05 for the rotation, whose rate is near 0), a gradient outside the singular values of "
        "its Jacobian, or gradients of field 3 that go on growing.",
    .settings = gradients_settings,
    .seconds_quick = 1,
    .seconds_full = 1,
};

}  // namespace turnpike::studies
