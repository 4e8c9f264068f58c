#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr const char* stable_layers_claims[] = {"D4"};
inline constexpr StudySetting stable_layers_settings[] = {
    {.key = "steps",
     .kind = OptionKind::integer,
     .full = "100000",
     .quick = "20000",
     .help = "Verlet layers of the long runs",
     .lower = 100,
     .upper = 1000000},
    {.key = "samples",
     .kind = OptionKind::integer,
     .full = "400",
     .quick = "60",
     .help = "states at which eigenvalues are taken, for each activation, width and seed",
     .lower = 10},
    {.key = "quarters",
     .kind = OptionKind::integer,
     .full = "10",
     .quick = "6",
     .help = "quarter turns of the resonance; each should magnify by e",
     .lower = 4,
     .upper = 20},
};

inline constexpr StudyRecord stable_layers_record = {
    .name = "stable_layers",
    .chapter = "depth",
    .claims = stable_layers_claims,
    .title = "Antisymmetric and Hamiltonian layers",
    .source = "L0, Neural networks that are intrinsically stable (Haber, Ruthotto, Inverse Problems 34, 2018)",
    .claim =
        "W' = -W \\;\\Rightarrow\\; \\operatorname{Re}\\lambda(\\operatorname{diag}(\\sigma'(z))\\,W) \\le 0 "
        "\\quad\\text{if } \\sigma' \\ge 0, \\qquad \\frac{d}{dt} \\sum_i \\ln\\cosh(Wx + b)_i = 0 \\quad\\text{along "
        "} "
        "\\dot x = \\tanh(Wx + b)",
    .statement =
        "An antisymmetric layer has no growing mode, and with fixed weights it conserves $E = \\sum\\ln\\cosh(Wx+b)$. "
        "Three things on the slides need a correction: the activation must not decrease (GELU and sine do); the "
        "block $(0, K; -K, 0)$ must be $(0, K; -K', 0)$; and \"for any weights\" holds layer by layer only: layers "
        "that vary with depth can resonate.",
    .hypotheses =
        "Antisymmetric $W$, and $(0, K; -K', 0)$ which is one; $\\sigma$ non-decreasing, tanh where energy is "
        "concerned. $E$ is convex with $\\nabla E \\cdot f = 0$, so an explicit Euler step cannot lower it. Verlet "
        "with $h|K| < 2$, the limit of its linear stability; that its energy error stops growing is claimed for one "
        "pair $(q, p)$.",
    .refutation =
        "A Jacobian of a non-decreasing activation with an eigenvalue right of the axis; energy that drifts along "
        "the flow, or in the second half of a Verlet run by more than 1.1 times the first half's error; an Euler "
        "step that lowers $E$; a counterexample that does not grow at its predicted rate.",
    .settings = stable_layers_settings,
    .seconds_quick = 7,
    .seconds_full = 25,
    .seeds = 5,
};

}  // namespace turnpike::studies
