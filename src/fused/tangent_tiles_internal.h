// Kernels of one tile of pairs for tangent_kernel.cpp, as a table of functions for the best target of this machine.
//
// A tile holds `tile_side` x `tile_side` pairs, rows first. Directions of points are unit vectors (or zero), once as
// rows [tile_side][d] and once as columns [d][tile_side].
#pragma once

#include <cstdint>
#include <vector>

namespace turnpike {

inline constexpr std::int64_t tile_side = 64;

// One hidden layer: with r = sqrt u and u = 1 - |c| in [0, U],
//   theta / pi = r p(u),   (sin theta - theta cos theta) / pi = r u q(u),   theta = acos |c|.
template <class T>
struct ArcLayer {
  std::vector<T> p, q;  // ascending, of one length
};

template <class T>
struct TileKernels {
  struct Task {
    std::int64_t rows, d;      // rows in use; all columns are
    const T* x;                // [tile_side][d] directions of the rows
    const T* z;                // [d][tile_side] directions of the columns
    const T *x_size, *z_size;  // lengths, times what all entries share
    const ArcLayer<T>* layers;
    int n_layers;
    bool tangent;
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
