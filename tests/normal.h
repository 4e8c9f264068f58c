// Normal numbers for tests: float64, the same for the same seed.
#pragma once

#include <ATen/ATen.h>

#include <turnpike/math/random.h>

namespace turnpike {

inline at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  Random random(seed);
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = random.normal();
  return tensor;
}

}  // namespace turnpike
