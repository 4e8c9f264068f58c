#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* modified_loss_claims[] = {"T11"};

inline constexpr StudyRecord modified_loss_record = {
    .name = "modified_loss",
    .chapter = "training",
    .claims = modified_loss_claims,
    .title = "The loss that gradient descent really follows",
    .source = "L3, Discretization in GD and implicit regularization",
    .claim =
        "w - \\varepsilon\\nabla C(w) = \\tilde w(\\varepsilon) + O(\\varepsilon^3), \\qquad \\dot{\\tilde w} = "
        "-\\nabla\\left(C + \\frac{\\varepsilon}{4}\\|\\nabla C\\|^2\\right)(\\tilde w)",
    .statement =
        "A step of gradient descent leaves the gradient flow by $O(\\varepsilon^2)$, but the flow of the loss with the "
        "penalty "
        "$\\frac{\\varepsilon}{4}\\|\\nabla C\\|^2$ by $O(\\varepsilon^3)$ only. On $\\frac{\\lambda}{2} w^2$ the gaps "
        "tend to "
        "$-\\frac{1}{2}\\lambda^2\\varepsilon^2 w$ and $-\\frac{1}{3}\\lambda^3\\varepsilon^3 w$. Over a fixed time "
        "the powers "
        "are one less.",
    .hypotheses =
        "A loss with three continuous derivatives; $\\varepsilon\\lambda_{\\max} \\le 0.1$ at the start. The step "
        "lags: $\\nabla "
        "C(w + \\frac{\\varepsilon}{2}\\nabla C)$ is the modified gradient to first order.",
    .refutation =
        "An order that differs by more than 0.15; a limit off by more than 1 %; another coefficient than one quarter "
        "raising the order too.",
    .settings = {},
    .seconds_quick = 4,
    .seconds_full = 12,
    .seeds = 5,
    .seeds_quick = 2,
};

}  // namespace turnpike::studies
