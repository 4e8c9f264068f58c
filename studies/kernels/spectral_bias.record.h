#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* spectral_bias_claims[] = {"K5"};
inline constexpr StudySetting spectral_bias_settings[] = {
    {.key = "points", .kind = OptionKind::integer, .full = "200", .quick = "100", .help = "on [0, 1)", .lower = 20},
    {.key = "spacing",
     .kind = OptionKind::integer,
     .full = "5",
     .quick = "2",
     .help = "the lowest frequency and the distance between frequencies",
     .lower = 1},
    {.key = "frequencies", .kind = OptionKind::integer, .full = "10", .quick = "6", .help = "how many", .lower = 5},
    {.key = "width",
     .kind = OptionKind::integer,
     .full = "256",
     .quick = "64",
     .help = "of the hidden layers",
     .lower = 4},
    {.key = "rate", .kind = OptionKind::real, .full = "3e-4", .quick = "2e-3", .help = "of Adam", .lower = 1e-6},
    {.key = "iterations",
     .kind = OptionKind::integer,
     .full = "60000",
     .quick = "3000",
     .help = "of Adam, full batch, at most: it ends once half of the sines are captured",
     .lower = 50},
};

inline constexpr StudyRecord spectral_bias_record = {
    .name = "spectral_bias",
    .chapter = "kernels",
    .claims = spectral_bias_claims,
    .title = "Low frequencies are learned first",
    .source = "L3, An example; Rahaman et al. (2019), arXiv:1806.08734",
    .claim =
        "y(t) = \\sum_k A_k \\sin(2\\pi k t + \\phi_k): \\qquad t_k \\; \\text{increases with} \\; k, \\qquad "
        "\\lambda_k = "
        "\\frac{v_k \\cdot K v_k}{v_k \\cdot v_k} \\; \\text{decreases}",
    .statement =
        "A ReLU network of six layers that fits a sum of sines by Adam gets the low frequencies first, whether all "
        "amplitudes are equal or rise with the frequency. The tangent kernel at the start predicts it: its "
        "Rayleigh quotients at the sines fall with the frequency, and the times by which its flow learns each sine "
        "have the order in which the network captures them.",
    .hypotheses =
        "Weights and biases uniform in $\\pm 1/\\sqrt{d}$ ($d$ the layer's inputs), square loss, full batch, "
        "random phases. Adam is not a gradient flow: the kernel predicts the order, not the times.",
    .refutation =
        "An order of capture whose rank correlation, as a mean over networks with its interval, is not above 0.5 with "
        "the frequency (three of four pairs in order) or not above 0 with the kernel's times; networks that have not "
        "captured half "
        "of the frequencies; quotients that do not "
        "fall; "
        "or, with the points shuffled, quotients that differ by more than a factor 2.",
    .settings = spectral_bias_settings,
    .seconds_quick = 6,
    .seconds_full = 450,
    .seeds = 5,
    .seeds_quick = 20,
};

}  // namespace turnpike::studies
