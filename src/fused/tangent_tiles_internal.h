// Kernels of one tile of pairs for tangent_kernel.cpp, as a table of functions for the best target of this machine.
//
// A tile holds side x side pairs, side = tile_side<T>, rows first. Directions of points are unit vectors (or zero),
// once as rows [side][d] and once as columns [d][side].
#pragma once

#include <cstdint>
#include <vector>

namespace turnpike {

// Rows of four lines, and two tiles fit the first cache.
template <class T>
inline constexpr std::int64_t tile_side = 256 / sizeof(T);

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

// The layers of a net with biases, where an entry's layers depend on the lengths of both points. Over those lengths a
// layer's covariance and tangent kernel are
//
//   C C' + S S' k(theta)   with (S, C) = (sin, cos) of the point's angle
//
// between what comes through the weights, of length S, and the bias, of length C.
template <class T>
struct BiasedLayers {
  std::vector<T> arc;    // 2 asin(sqrt h) / sqrt h for 0 <= h <= 1/2, of powers of 4 h - 1
  std::vector<T> share;  // [hidden layers] of what comes through phi; the rest skips it
  T slope = 0;           // a / m, m = (1 + a^2) / 2
  bool tangent = true;
  bool acute = false;  // ReLU without skips, whose hidden angles are at most pi / 2
  // For each panel [1 + hidden layers][4][side]: sin and cos of half the angle, S, C
  static constexpr std::int64_t per_layer = 4 * tile_side<T>;
};

template <class T>
struct TileKernels {
  struct Task {
    std::int64_t rows, d;      // rows in use; all columns are
    const T* x;                // [side][d] directions of the rows
    const T* z;                // [d][side] directions of the columns
    const T *x_size, *z_size;  // lengths, times what all entries share
    const AngleFunction<T>* function;
    const BiasedLayers<T>* layers;  // or null: `function`
    const T *x_layers, *z_layers;   // of the two panels
    T* tile;                        // in: products of the directions; out: the kernel
  };
  // A finished tile on its way to a matrix: its first rows and columns, past the cache where whole vectors are aligned.
  struct Write {
    const T* tile = nullptr;  // null: nothing
    std::int64_t rows = 0, cols = 0;
    T *K = nullptr, *mirrored = nullptr;  // where its first entry goes, and that of its transpose; null: no transpose
    std::int64_t stride = 0;              // of both
  };
  // Computes one tile and writes another: stores drain while the polynomials run.
  void (*kernel)(const Task& task, const Write& write);
  void (*write)(const Write& write);
  // out [side] += tile v, out_transposed += tile' w over `rows` rows; w null: left out
  void (*products)(const T* tile, std::int64_t rows, const T* v, T* out, const T* w, T* out_transposed);
};

template <class T>
const TileKernels<T>& tile_kernels();
template <>
const TileKernels<float>& tile_kernels<float>();
template <>
const TileKernels<double>& tile_kernels<double>();

}  // namespace turnpike
