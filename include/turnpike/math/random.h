// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011, doi:10.1145/2063384.2063405). The n-th number
// of a stream depends on (seed, n) alone: the same on every machine, at any thread count, and free to be skipped into.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace turnpike {

// One block: four 32-bit words from a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t position = 0);
  double uniform();  // [0, 1), 53 bits
  double uniform(double low, double high);
  double normal();                                        // N(0, 1), Box-Muller; consumes two uniforms a call
  std::uint64_t below(std::uint64_t n);                   // 0 .. n-1, without modulo bias
  std::vector<std::int64_t> permutation(std::int64_t n);  // Fisher-Yates
  std::uint64_t position() const { return position_; }    // how many 64-bit words have been drawn: saved in checkpoints

 private:
  std::uint64_t next();
  std::uint64_t seed_, position_;
};

}  // namespace turnpike
