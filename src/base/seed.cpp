#include <turnpike/base/seed.h>

#include "fnv_internal.h"

namespace turnpike {
namespace {

// The output function of SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195) at state z.
std::uint64_t split_mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t seed_for(std::uint64_t root, std::string_view purpose, std::uint64_t index) {
  return split_mix(split_mix(split_mix(root) ^ fnv(fnv_start, purpose)) ^ index);
}

}  // namespace turnpike
