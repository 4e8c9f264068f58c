#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* implicit_margin_claims[] = {"T14"};
inline constexpr StudySetting implicit_margin_settings[] = {
    {.key = "log_loss",
     .kind = OptionKind::real,
     .full = "10000",
     .quick = "1000",
     .help = "descent ends at a loss of exp(-log_loss)",
     .lower = 100},
    {.key = "growth",
     .kind = OptionKind::real,
     .full = "60",
     .quick = "60",
     .help = "logarithm of what convolutional nets would grow by from there on",
     .lower = 2},
};

inline constexpr StudyRecord implicit_margin_record = {
    .name = "implicit_margin",
    .chapter = "training",
    .claims = implicit_margin_claims,
    .title = "Which margin a linear network widens",
    .source = "L3, Implicit Bias; Soudry et al. 2018, Gunasekar et al. 2018",
    .claim =
        "\\frac{\\beta}{\\|\\beta\\|} \\to \\argmax_{\\beta} \\frac{\\min_i y_i\\beta'x_i}{\\|\\beta\\|_2} \\ "
        "\\text{(fully connected)}, \\qquad "
        "\\argmax_{\\beta} \\frac{\\min_i y_i\\beta'x_i}{\\|\\hat\\beta\\|_{2/L}} \\ \\text{(convolutional, depth } "
        "L\\text{)}",
    .statement =
        "Without any penalty, descent on the exponential loss turns a linear network to a margin: in the Euclidean "
        "norm at every depth if it is "
        "fully connected; if its $L$ layers are circular convolutions, in the norm $\\|\\hat\\beta\\|_{2/L}$ of the "
        "Fourier coefficients, for $L \\ge 3$ to a "
        "stationary point. In depth 2 a frequency that the widest margin does not use dies out by a power of the "
        "logarithm of the loss alone, as its dual says.",
    .hypotheses =
        "Separable data in general position (multipliers and slacks of the solved programs above 0.12, convolutional "
        "0.1 and 0.5 for unused "
        "frequencies), steps normalised by the loss, loss to zero.",
    .refutation =
        "An angle to the solved program that does not tend to zero, a missing margin with another limit than "
        "predicted, or a stationarity residual that stays.",
    .settings = implicit_margin_settings,
    .seconds_quick = 5,
    .seconds_full = 330,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
