// How a flow stretches distances: singular values of its Jacobian through depth, finite-time exponents, and the
// amplification.
//
//   sigma_i(t) of d x(t) / d x0,   lambda_i = log(sigma_i(t)) / t,   M(t) = sup |y(t) - y~(t)| / |y(0) - y~(0)| on a
//   domain
//
//   SingularProfile profile = singular_profile(flow, control, x0);
//   Amplification M = amplification(flow, control, {.centres = at::zeros({1, 2}), .radius = 0.1});
//
// Costs as jacobians_through_depth (operators/jacobian.h): for small d; take a few hundred samples.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <turnpike/flow/flow.h>

namespace turnpike {

// Over samples, at each time.
struct Spread {
  std::vector<double> low, median, high;  // [n]
};

struct SingularProfile {
  std::vector<double> times;  // [n]
  Tensor values;              // [n, N, d] descending in d, float64
  Spread largest, smallest;   // of sigma_1 and sigma_d
  Tensor exponents;           // [n, N, d] log(sigma) / t; NaN at t = 0
};

// At the given times, ascending; none: at every mesh time.
SingularProfile singular_profile(const Flow& flow, const Tensor& control, const Tensor& x0,
                                 const std::vector<double>& times = {});

// The domain is the union of the balls |y - centre| <= radius. A pair lies in one ball: y uniform in it (of the first
// pairs: its centre), y~ moved from y towards another uniform point of it by a fraction that is log-uniform in [1e-3,
// 1], so that near and far pairs both occur.
struct AmplificationOptions {
  Tensor centres;  // [n, d]: the origin, or data
  double radius = 0.1;
  std::int64_t n_pairs = 1000;  // in turn about the centres
  std::uint64_t seed = 0;
  std::vector<double> times;  // none: every mesh time
};

struct Amplification {
  std::vector<double> times;  // [n]
  std::vector<double> pairs;  // [n] largest ratio over the pairs: M is at least this
  std::vector<double>
      singular;  // [n] largest sigma_1 over the y: M is at least this too; equal to M in the limit of many samples
  std::vector<double>
      lipschitz;  // [n] exp(int_0^t L(u) ds) where the field knows L, else empty: the exact flow's M is at most this
  std::string domain;  // "1000 pairs in balls of radius 0.1 about 1 centre, seed 0"
};

Amplification amplification(const Flow& flow, const Tensor& control, const AmplificationOptions& options);

}  // namespace turnpike
