#include <turnpike/math/random.h>

#include <cmath>
#include <numbers>
#include <utility>

#include <turnpike/base/error.h>

namespace turnpike {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  // Ten rounds of (x0, x1, x2, x3) -> (hi(b x2) ^ x1 ^ k0, lo(b x2), hi(a x0) ^ x3 ^ k1, lo(a x0)), the key stepped
  // between.
  constexpr std::uint64_t a = 0xD2511F53, b = 0xCD9E8D57;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = a * counter[0], second = b * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

Random::Random(std::uint64_t seed, std::uint64_t position) : seed_(seed), position_(position) {}

std::uint64_t Random::next() {
  // Word n of the stream is half n mod 2 of block n / 2.
  const std::uint64_t block = position_ / 2, half = position_ % 2;
  ++position_;
  const auto words = philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0},
                            {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  return words[2 * half] | static_cast<std::uint64_t>(words[2 * half + 1]) << 32;
}

double Random::uniform() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

double Random::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

double Random::normal() {
  // sqrt(-2 log u) cos(2 pi v), u in (0, 1]
  const double u = 1 - uniform(), v = uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

std::uint64_t Random::below(std::uint64_t n) {
  require(n > 0, "Random::below needs n > 0");
  // Words below 2^64 mod n would favour the small remainders: they are drawn again.
  const std::uint64_t biased = -n % n;
  std::uint64_t word = next();
  while (word < biased) word = next();
  return word % n;
}

std::vector<std::int64_t> Random::permutation(std::int64_t n) {
  require(n >= 0, "Random::permutation needs n >= 0");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) order[i] = i;
  for (std::int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[below(static_cast<std::uint64_t>(i) + 1)]);
  return order;
}

}  // namespace turnpike
