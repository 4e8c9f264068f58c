#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* beyond_the_kernel_claims[] = {"K6"};
inline constexpr StudySetting beyond_the_kernel_settings[] = {
    {.key = "largest",
     .kind = OptionKind::integer,
     .full = "10000",
     .quick = "1000",
     .help = "digits to learn from; the smaller sets are 100, 300, 1000, ... of them",
     .lower = 300},
    {.key = "test",
     .kind = OptionKind::integer,
     .full = "2000",
     .quick = "1000",
     .help = "digits to test on",
     .lower = 100},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "512",
     .quick = "128",
     .help = "of the two hidden layers",
     .lower = 8},
    {.key = "updates",
     .kind = OptionKind::integer,
     .full = "3000",
     .quick = "800",
     .help = "of Adam, batches of 64",
     .lower = 10},
};

inline constexpr StudyRecord beyond_the_kernel_record = {
    .name = "beyond_the_kernel",
    .chapter = "kernels",
    .claims = beyond_the_kernel_claims,
    .title = "Do trained networks beat their tangent kernel?",
    .source = "L3, What does this mean?",
    .claim =
        "\\operatorname{acc}(f_{\\text{trained}}) \\ge \\operatorname{acc}\\left(x \\mapsto \\Theta(x, X)\\, "
        "\\Theta(X, X)^{-1} y\\right) \\;?",
    .statement =
        "The slides say that finite networks outperform their infinite-width kernels. For fully connected networks on "
        "digits it is false up to 10 000 samples: regression with the kernel is ahead. Its lead shrinks as samples are "
        "added.",
    .hypotheses =
        "Two hidden ReLU layers, no biases in the kernel; the kernel is that of the same architecture at infinite "
        "width, "
        "regression on one-hot labels with a ridge of $10^{-6}$ of its mean diagonal. The networks have the same "
        "labels "
        "and the square loss, Adam at rate $10^{-3}$, no regularisation.",
    .refutation =
        "Networks more than a point ahead of the kernel at any size; a lead of the kernel that grows with the samples; "
        "or a score near chance.",
    .settings = beyond_the_kernel_settings,
    .seconds_quick = 8,
    .seconds_full = 420,
    .seeds = 5,
    .seeds_quick = 3,
};

}  // namespace turnpike::studies
