#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* early_stopping_claims[] = {"T6"};
inline constexpr StudySetting early_stopping_settings[] = {
    {.key = "modes",
     .kind = OptionKind::integer,
     .full = "601",
     .quick = "401",
     .help = "eigenvalues of the Hessian, from 0.01 to 100 times alpha",
     .lower = 401},
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "20000",
     .quick = "5000",
     .help = "tau, after which descent stops",
     .lower = 2000},
};

inline constexpr StudyRecord early_stopping_record = {
    .name = "early_stopping",
    .chapter = "training",
    .claims = early_stopping_claims,
    .title = "Stopping early is almost a penalty",
    .source = "L3, Early stopping, L2 norm and learning rate",
    .claim =
        "(1 - \\varepsilon\\lambda_i)^\\tau = \\frac{\\alpha_i}{\\lambda_i + \\alpha_i}, \\qquad "
        "\\alpha_i\\,\\varepsilon\\tau \\to 1 "
        "\\quad \\text{as} \\quad \\varepsilon\\tau\\lambda_i \\to 0",
    .statement =
        "Gradient descent from zero, stopped after $\\tau$ steps, and the minimum with an $L^2$ penalty shrink each "
        "eigenvector of the Hessian; a penalty $\\alpha_i$ of its own makes them equal in every mode. One $\\alpha = "
        "1/(\\varepsilon\\tau)$ for all is an approximation: within 10 % where $\\lambda/\\alpha < 0.233$ or $> 9.99$, "
        "worst, 29.8 %, "
        "at 1.79. The slide's $\\log(1 - x) \\approx x$ needs a minus.",
    .hypotheses = "A quadratic loss, start at zero, $\\varepsilon\\lambda \\le 1/50$.",
    .refutation =
        "A mode inside the bands that is off by more than 10 %, or one outside that is not; a penalty of each "
        "mode's own that leaves a difference above $10^{-10}$.",
    .settings = early_stopping_settings,
    .seconds_quick = 2,
    .seconds_full = 15,
    .seeds = 5,
};

}  // namespace turnpike::studies
