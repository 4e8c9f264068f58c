// How many samples pass through the layers together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "layouts_internal.h"

namespace turnpike {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// The second-level cache should hold the trajectory of a block beside the gradient sums.
inline constexpr std::int64_t cached_bytes = 1 << 20;

// A thread is worth waking for some 20 us of `work`, at 50 operations a nanosecond.
inline int useful_threads(double work, int threads) {
  return static_cast<int>(std::clamp<double>(work / 1e6, 1, threads));
}

// Vectors of samples in a block of strips: of those between `least` and `most` the one that leaves no thread waiting,
// and few of its samples empty.
inline std::int64_t strip_vectors(std::int64_t vectors, std::int64_t least, std::int64_t most, int threads) {
  std::int64_t best = 1, fewest = vectors + threads;
  for (std::int64_t n = std::min(most, ceil_div(vectors, threads)); n >= std::min(least, most); --n) {
    const std::int64_t each = ceil_div(vectors, n * threads) * n;
    if (each < fewest) {
      fewest = each;
      best = n;
    }
  }
  return best;
}

// Rows of a panel, `bytes` each, of layers of d dimensions: enough for the products of one layer to read its matrix
// often, and few enough for the cache.
template <class T>
Blocks panel_blocks(std::int64_t d, std::int64_t bytes, std::int64_t n_samples, int useful) {
  // What no cache holds should still fit the memory.
  const std::int64_t fitting = std::max<std::int64_t>(1, (std::int64_t{1} << 28) / bytes);
  const std::int64_t unit = Panels<T>::width_unit();
  const std::int64_t most = d <= 96 ? 48 : d <= 192 ? 96 : d <= 384 ? 192 : 336;
  const std::int64_t least = d < 64 ? 24 : d <= 192 ? 48 : most;
  std::int64_t width = std::clamp<std::int64_t>(3 * cached_bytes / 2 / bytes / unit * unit, least, most);
  width = std::min(width, fitting);
  // As many blocks for one thread as for the other.
  const std::int64_t threads = std::min<std::int64_t>(useful, ceil_div(n_samples, 2 * unit));
  const std::int64_t count = ceil_div(ceil_div(n_samples, width), threads) * threads;
  if (width > unit) width = std::min(width, ceil_div(ceil_div(n_samples, count), unit) * unit);
  if (n_samples < unit) width = n_samples;
  const std::int64_t blocks = ceil_div(n_samples, width);
  return {width, blocks, static_cast<int>(std::min<std::int64_t>(threads, blocks))};
}

// The rows of a thread at once, as far as the memory allows: BLAS cuts them.
inline Blocks blas_blocks(std::int64_t bytes, std::int64_t n_samples, int useful) {
  const std::int64_t fitting = std::max<std::int64_t>(1, (std::int64_t{1} << 28) / bytes);
  const std::int64_t count = ceil_div(ceil_div(n_samples, fitting), useful) * useful;
  const std::int64_t width = ceil_div(n_samples, count), blocks = ceil_div(n_samples, width);
  return {width, blocks, static_cast<int>(std::min<std::int64_t>(useful, blocks)), true};
}

}  // namespace turnpike
