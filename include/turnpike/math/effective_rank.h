// How many directions a spectrum lambda_1 >= ... >= lambda_p > 0 of a covariance (or of a kernel) has for n samples,
// and what it costs to interpolate their noise.
//
//   r_k  = sum_{i>k} lambda_i / lambda_{k+1}              R_k = (sum_{i>k} lambda_i)^2 / sum_{i>k} lambda_i^2
//   k*   = min { k : r_k >= b n }                         the directions that n samples tell apart; behind them the
//                                                         tail is so flat that it acts as a ridge
//   cost = k*/n + n/R_{k*}                                 the excess risk of noise 1, up to constants
//
//   const EffectiveRanks ranks = effective_ranks(spectrum, 100);
//   ranks.k; ranks.cost;                                  // k = p and an infinite cost where no tail is that flat
//
// interpolation_variance is the sharp version, the limit for n and p large of the excess risk of the minimum-norm
// interpolant of pure noise of variance 1, samples with independent coordinates in the eigenbasis:
//
//   V = D / (n - D),  D = sum (lambda_i / (lambda_i + kappa))^2,  kappa > 0 solves  sum lambda_i / (lambda_i + kappa) =
//   n
//
// Errors: ContractError for an empty, increasing or not positive spectrum, n < 1, b <= 0, and for the variance n >= p
// (nothing interpolates). Source: Bartlett, Long, Lugosi & Tsigler (2020), doi:10.1073/pnas.1907378117; the limit:
// Hastie, Montanari, Rosset & Tibshirani (2022), doi:10.1214/21-AOS2133.
#pragma once

#include <cstddef>
#include <span>

namespace turnpike {

struct EffectiveRanks {
  std::size_t k = 0;    // k*
  double r = 0, R = 0;  // r_{k*}, R_{k*}; 0 where k* = p
  double cost = 0;      // k*/n + n/R_{k*}
};

EffectiveRanks effective_ranks(std::span<const double> spectrum, double n, double b = 1);

double interpolation_variance(std::span<const double> spectrum, double n);

}  // namespace turnpike
