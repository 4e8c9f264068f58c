// Kernels of one tile of pairs for tangent_kernel.cpp, as a table of functions for the best target of this machine.
//
// A tile holds `tile_side` x `tile_side` pairs, rows first. Directions of points are unit vectors (or zero), once as
// rows [tile_side][d] and once as columns [d][tile_side].
#pragma once

#include <cstdint>
#include <vector>

namespace turnpike {

inline constexpr std::int64_t tile_side = 64;

// A function of the angle theta in [0, pi] of two directions, as a polynomial in
//
//   x = sin(theta / 2) - cos(theta / 2) = sqrt h - sqrt(1 - h)  in [-1, 1],   h = (1 - cos theta) / 2
//
// which resolves both ends: what is analytic in theta there is so in x.
template <class T>
struct AngleFunction {
  std::vector<T> coefficients;  // ascending; of powers of x, or of Chebyshev's polynomials where powers would cancel
  bool chebyshev = false;
};

template <class T>
struct TileKernels {
  struct Task {
    std::int64_t rows, d;      // rows in use; all columns are
    const T* x;                // [tile_side][d] directions of the rows
    const T* z;                // [d][tile_side] directions of the columns
    const T *x_size, *z_size;  // lengths, times what all entries share
    const AngleFunction<T>* function;
    T* tile;  // in: products of the directions; out: the kernel
  };
  void (*kernel)(const Task& task);
  void (*transpose)(const T* tile, T* out);
  // out [tile_side] += tile v, out_transposed += tile' w over `rows` rows; w null: left out
  void (*products)(const T* tile, std::int64_t rows, const T* v, T* out, const T* w, T* out_transposed);
  // The tile's first rows and columns to K [.., stride]: past the cache where whole vectors are aligned.
  void (*store)(const T* tile, std::int64_t rows, std::int64_t cols, T* K, std::int64_t stride);
};

template <class T>
const TileKernels<T>& tile_kernels();
template <>
const TileKernels<float>& tile_kernels<float>();
template <>
const TileKernels<double>& tile_kernels<double>();

}  // namespace turnpike
