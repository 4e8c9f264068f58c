// The generator "digits" (src/data/digits.cpp).
#pragma once

#include <cstdint>

#include <turnpike/data/dataset.h>

namespace turnpike {

Dataset digits(std::int64_t n, double noise, std::uint64_t seed, std::int64_t dimension);

}  // namespace turnpike
