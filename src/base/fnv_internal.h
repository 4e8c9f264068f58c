// FNV-1a, 64 bit (Fowler, Noll, Vo): h = (h xor byte) * prime, byte by byte.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike {

inline constexpr std::uint64_t fnv_start = 0xcbf29ce484222325u;

inline std::uint64_t fnv(std::uint64_t hash, std::string_view bytes) {
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

}  // namespace turnpike
