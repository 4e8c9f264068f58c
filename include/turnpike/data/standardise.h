// Mean 0 and deviation 1, learned on the training part only and stored in the model.
//
//   z = (x - mean) / deviation,  deviation^2 = 1/n sum (x - mean)^2
//
// A column whose deviation is rounding only keeps deviation 1. Arrays (images) share one mean and one deviation over
// all entries, since a pixel that is nearly always black would be blown up. Targets are standardised for regression
// only.
//
//   Standardiser s = Standardiser::fit(data, split.train);
//   Tensor z = s.apply(batch.x), y = s.invert_target(outputs);
#pragma once

#include <cstdint>
#include <span>

#include <turnpike/data/dataset.h>

namespace turnpike {

// The default one is the identity.
struct Standardiser {
  Tensor mean, deviation;                // [d] float64; undefined: features pass through
  Tensor target_mean, target_deviation;  // [m] float64; undefined (classes): targets pass through

  static Standardiser fit(const Dataset& data, std::span<const std::int64_t> rows);

  Tensor apply(const Tensor& x) const;  // [N, d]; keeps dtype and device
  Tensor invert(const Tensor& z) const;
  Tensor apply_target(const Tensor& y) const;   // [N, m]
  Tensor invert_target(const Tensor& z) const;  // float64 where targets are standardised
};

}  // namespace turnpike
