// The kernels of wide layers: lanes are dimensions.
//
// A panel holds `width` samples as rows of panel_stride(n) entries, n of them in use. The three products of a layer and
// its adjoint are then one: C = start + A B with A read entry by entry (broadcast) and B, C by vectors.
#pragma once

#include <cstdint>

#include "strips_internal.h"

namespace turnpike {

constexpr std::int64_t whole_lanes(std::int64_t n, std::int64_t lanes) {
  return (n + lanes - 1) / lanes * lanes;
}
// Rows a power of two apart would fall on the same few lines of the cache.
template <class T>
constexpr std::int64_t panel_stride(std::int64_t n, std::int64_t lanes) {
  constexpr std::int64_t line = 64 / sizeof(T);
  const std::int64_t whole = whole_lanes(n, lanes);
  return whole % (16 * line) == 0 ? whole + line : whole;
}

template <class T>
struct PanelKernels {
  std::int64_t lanes;

  // C [rows, cols] = start + A B, A [rows, depth] with any strides, B [depth, cols]; cols a multiple of lanes.
  enum class Start { zero, sum, bias };  // 0, C itself, or the row `bias` [cols]
  struct Task {
    std::int64_t rows, cols, depth;
    const T* A;
    std::int64_t A_row, A_col;  // strides
    const T* B;
    std::int64_t B_row;  // 0: B is packed
    T* C;
    std::int64_t C_row;
    Start start;
    const T* bias = nullptr;
    const T* base = nullptr;  // not null: C = base + h (start + A B); rows as those of C
    T h = 0;
  };
  void (*multiply)(const Task& task);
  // The order in which `multiply` reads a packed B [depth, cols]: entry (k, c) from from[k * row + c * col] where
  // c < n, else 0.
  void (*pack)(const T* from, std::int64_t row, std::int64_t col, std::int64_t depth, std::int64_t n, T* B);

  // out_o = b_o + W_o x for every row x of a panel, W [m, n] packed: for few outputs, which would leave tiles empty.
  void (*dots)(const T* x, std::int64_t width, std::int64_t n, const T* W, const T* b, std::int64_t m, T* out);

  // sums += sum of the rows of g
  void (*add_rows)(const T* g, std::int64_t width, std::int64_t stride, T* sums);

  typename StripKernels<T>::CostKernel mean_square,
      cross_entropy;  // z and z_bar [width][panel_stride(m)], y alike or [width]
};

template <class T>
const PanelKernels<T>& panel_kernels();
template <>
const PanelKernels<float>& panel_kernels<float>();
template <>
const PanelKernels<double>& panel_kernels<double>();

}  // namespace turnpike
