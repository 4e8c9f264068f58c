// One root seed a run; every use of randomness draws its own stream from it by name, so that adding a use never shifts
// another.
//
//   Random random(seed_for(options.seed, "initial control"));
#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike {

// A 64-bit seed mixed (SplitMix64 over FNV-1a) from the root seed, the purpose and an index.
std::uint64_t seed_for(std::uint64_t root, std::string_view purpose, std::uint64_t index = 0);

}  // namespace turnpike
