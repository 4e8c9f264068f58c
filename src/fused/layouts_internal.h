// How a block of samples lies in memory, with the products that a roll needs of it. Two layouts of one interface:
//
//   Strips  [dim][width], lanes are samples: narrow layers
//   Panels  [width][dims, padded], lanes are dimensions: wide layers
//
// A matrix is given by its row of effective parameters, packed once a call; its gradient sum by an accumulator.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <turnpike/fused/roll.h>

#include "blas_internal.h"
#include "layer_internal.h"
#include "panels_internal.h"
#include "strips_internal.h"

namespace turnpike {

// The samples in blocks of `width`, the last one padded, for `threads` of ours. `blas`: each leaves the products of
// large matrices to BLAS.
struct Blocks {
  std::int64_t width, count;
  int threads;
  bool blas = false;
};

// `own` rows of a table of `stride` columns; the samples of a block beyond them repeat the row `pad`, or are zero if it
// is null.
template <class T>
struct RowBlock {
  T* rows;
  std::int64_t stride, own;
  T* pad;
};

template <class T>
const T* zeros(std::int64_t n) {
  static thread_local std::vector<T> values;
  if (static_cast<std::int64_t>(values.size()) < n) values.assign(n, T(0));
  return values.data();
}

template <class T>
class Strips {
 public:
  static constexpr bool lanes_are_samples = true;
  explicit Strips(const Blocks& blocks) : width_(blocks.width) {}
  static std::int64_t width_unit() { return strip_kernels<T>().lanes; }

  std::int64_t entries(std::int64_t n) const { return n * width_; }
  void load(const RowBlock<const T>& from, std::int64_t n, T* strip) const {
    for (std::int64_t i = 0; i < n; ++i) {
      T* row = strip + i * width_;
      for (std::int64_t q = 0; q < from.own; ++q) row[q] = from.rows[q * from.stride + i];
      std::fill(row + from.own, row + width_, from.pad ? from.pad[i] : T(0));
    }
  }
  void store(const T* strip, std::int64_t n, const RowBlock<T>& to) const {
    for (std::int64_t q = 0; q < to.own; ++q)
      for (std::int64_t i = 0; i < n; ++i) to.rows[q * to.stride + i] = strip[i * width_ + q];
  }

  std::int64_t packed_entries(const WeightShape& m) const { return m.entries(); }
  static bool packs_nothing(const WeightShape&) { return true; }  // a row can be read where it stands
  void pack(const WeightShape& m, const T* row, T* packed) const { std::copy_n(row, m.entries(), packed); }
  std::int64_t sum_entries(const WeightShape& m) const { return m.entries() * k_.lanes; }
  // Blocks of this width keep the sums of samples apart: those of sample q, as a row.
  static std::int64_t width_of_separate_sums() { return strip_kernels<T>().lanes; }
  void sums_of_sample(const WeightShape& m, const T* sums, std::int64_t q, T* row) const {
    for (std::int64_t i = 0; i < m.entries(); ++i) row[i] = sums[i * k_.lanes + q];
  }
  void reduce(const WeightShape& m, const T* sums, T* row) const {
    k_.sum_lanes(1, &sums, nullptr, T(0), row, m.entries());
  }
  // row = the sums of several threads + twice u, u null: zero; returns |u|^2.
  double reduce(const WeightShape& m, std::vector<T*>& sums, const T* u, T twice, T* row) const {
    return k_.sum_lanes(static_cast<int>(sums.size()), sums.data(), u, twice, row, m.entries());
  }

  // out = W in + b
  void affine(const WeightShape& m, const T* W, const T* in, T* out) const {
    product(m).affine(in, W, W + m.rows * m.cols, m.rows, m.cols, width_, out);
  }
  // out = W in
  void linear(const WeightShape& m, const T* W, const T* in, T* out) const {
    product(m).affine(in, W, zeros<T>(m.rows), m.rows, m.cols, width_, out);
  }
  // out = base + h (W in + b)
  void affine_advance(const WeightShape& m, const T* W, const T* in, const T* base, T h, T* out) const {
    product(m).affine_advance(in, W, W + m.rows * m.cols, base, h, m.rows, m.cols, width_, out);
  }
  // out = W' g, or out += W' g
  void transpose(const WeightShape& m, const T* W, const T* g, bool add, T* out) const {
    const auto& by = product(m);
    (add ? by.transpose_add : by.transpose)(W, g, m.rows, m.cols, width_, out);
  }
  // W_sum += g in', b_sum += g, summed over samples
  void accumulate(const WeightShape& m, const T* g, const T* in, T* sums) const {
    product(m).accumulate(g, in, m.rows, m.cols, width_, sums, sums + m.rows * m.cols * k_.lanes);
  }
  const typename StripKernels<T>::CostKernel& cost(FusedCost kind) const {
    return kind == FusedCost::mean_square ? k_.mean_square : k_.cross_entropy;
  }

 private:
  const auto& product(const WeightShape& m) const { return k_.product[m.cols <= max_unrolled_dimension ? m.cols : 0]; }
  const StripKernels<T>& k_ = strip_kernels<T>();
  std::int64_t width_;
};

template <class T>
class Panels {
 public:
  static constexpr bool lanes_are_samples = false;
  explicit Panels(const Blocks& blocks) : width_(blocks.width), blas_(blocks.blas) {}
  static std::int64_t width_unit() { return 12; }  // rows that the tiles of 2 and of 4 vectors divide

  std::int64_t entries(std::int64_t n) const { return stride(n) * width_; }
  void load(const RowBlock<const T>& from, std::int64_t n, T* panel) const {
    for (std::int64_t q = 0; q < width_; ++q) {
      T* row = panel + q * stride(n);
      const T* source = q < from.own ? from.rows + q * from.stride : from.pad;
      if (source) std::copy_n(source, n, row);
      std::fill(row + (source ? n : 0), row + stride(n), T(0));
    }
  }
  void store(const T* panel, std::int64_t n, const RowBlock<T>& to) const {
    for (std::int64_t q = 0; q < to.own; ++q) std::copy_n(panel + q * stride(n), n, to.rows + q * to.stride);
  }
  // Segments, that start at `offsets`, as one block of all their dimensions; and its transpose.
  void join(const std::vector<std::int64_t>& segments, const std::vector<std::int64_t>& offsets, const T* x,
            T* whole) const {
    const std::int64_t row = stride(std::accumulate(segments.begin(), segments.end(), std::int64_t{0}));
    std::fill_n(whole, row * width_, T(0));
    std::int64_t column = 0;
    for (std::size_t i = 0; i < segments.size(); column += segments[i++])
      store(x + offsets[i], segments[i], {whole + column, row, width_, nullptr});
  }
  void split_add(const std::vector<std::int64_t>& segments, const std::vector<std::int64_t>& offsets, const T* whole,
                 T* x) const {
    const std::int64_t row = stride(std::accumulate(segments.begin(), segments.end(), std::int64_t{0}));
    std::int64_t column = 0;
    for (std::size_t i = 0; i < segments.size(); column += segments[i++]) {
      for (std::int64_t q = 0; q < width_; ++q)
        for (std::int64_t c = 0; c < segments[i]; ++c)
          x[offsets[i] + q * stride(segments[i]) + c] += whole[q * row + column + c];
    }
  }

  // W', then b, then W; for BLAS the row as it is.
  std::int64_t packed_entries(const WeightShape& m) const {
    if (by_blas(m)) return m.entries();
    return m.cols * whole(m.rows) + whole(m.rows) + m.rows * whole(m.cols);
  }
  bool packs_nothing(const WeightShape& m) const { return by_blas(m); }
  void pack(const WeightShape& m, const T* row, T* packed) const {
    if (by_blas(m)) {
      std::copy_n(row, m.entries(), packed);
      return;
    }
    k_.pack(row, 1, m.cols, m.cols, m.rows, packed);
    T* b = packed + m.cols * whole(m.rows);
    std::copy_n(row + m.rows * m.cols, m.rows, b);
    std::fill(b + m.rows, b + whole(m.rows), T(0));
    k_.pack(row, m.cols, 1, m.rows, m.cols, b + whole(m.rows));
  }
  std::int64_t sum_entries(const WeightShape& m) const { return m.rows * stride(m.cols) + stride(m.rows); }
  static std::int64_t width_of_separate_sums() { return 1; }
  void sums_of_sample(const WeightShape& m, T* sums, std::int64_t, T* row) const { reduce(m, sums, row); }
  void reduce(const WeightShape& m, T* sums, T* row) const {
    std::vector<T*> one{sums};
    reduce(m, one, nullptr, T(0), row);
  }
  // Leaves the pointers behind the sums.
  double reduce(const WeightShape& m, std::vector<T*>& sums, const T* u, T twice, T* row) const {
    double squares = 0;
    for (std::int64_t i = 0; i <= m.rows; ++i) {  // the last one: b
      const std::int64_t n = i < m.rows ? m.cols : m.rows;
      squares += strip_kernels<T>().collect(static_cast<int>(sums.size()), sums.data(), u, twice, row, n);
      for (T*& part : sums) part += stride(m.cols);
      row += n;
      if (u) u += n;
    }
    return squares;
  }

  void affine(const WeightShape& m, const T* W, const T* in, T* out) const {
    if (m.rows > 4) return affine_advance(m, W, in, nullptr, T(0), out);
    const T* b = W + m.cols * whole(m.rows);
    k_.dots(in, width_, m.cols, b + whole(m.rows), b, m.rows, out);
  }
  void linear(const WeightShape& m, const T* W, const T* in, T* out) const {
    if (by_blas(m)) {
      std::fill_n(out, entries(m.rows), T(0));
      return add_affine(m, W, in, T(1), out);
    }
    k_.multiply({.rows = width_,
                 .cols = whole(m.rows),
                 .depth = m.cols,
                 .A = in,
                 .A_row = stride(m.cols),
                 .A_col = 1,
                 .B = W,
                 .B_row = 0,
                 .C = out,
                 .C_row = stride(m.rows),
                 .start = Start::zero});
  }
  void affine_advance(const WeightShape& m, const T* W, const T* in, const T* base, T h, T* out) const {
    if (by_blas(m)) {
      const T *b = W + m.rows * m.cols, step = base ? h : T(1);
      const std::int64_t row = stride(m.rows);
      std::fill_n(out, entries(m.rows), T(0));
      for (std::int64_t q = 0; q < width_; ++q)
        for (std::int64_t i = 0; i < m.rows; ++i) out[q * row + i] = (base ? base[q * row + i] : T(0)) + step * b[i];
      return add_affine(m, W, in, step, out);
    }
    k_.multiply({.rows = width_,
                 .cols = whole(m.rows),
                 .depth = m.cols,
                 .A = in,
                 .A_row = stride(m.cols),
                 .A_col = 1,
                 .B = W,
                 .B_row = 0,
                 .C = out,
                 .C_row = stride(m.rows),
                 .start = Start::bias,
                 .bias = W + m.cols * whole(m.rows),
                 .base = base,
                 .h = h});
  }
  void transpose(const WeightShape& m, const T* W, const T* g, bool add, T* out) const {
    if (by_blas(m)) {
      if (!add) std::fill_n(out, entries(m.cols), T(0));
      return blas_multiply<T>({g, stride(m.rows), false}, {W, m.cols, false}, width_, m.cols, m.rows, T(1), out,
                              stride(m.cols));
    }
    k_.multiply({.rows = width_,
                 .cols = whole(m.cols),
                 .depth = m.rows,
                 .A = g,
                 .A_row = stride(m.rows),
                 .A_col = 1,
                 .B = W + (m.cols + 1) * whole(m.rows),
                 .B_row = 0,
                 .C = out,
                 .C_row = stride(m.cols),
                 .start = add ? Start::sum : Start::zero});
  }
  void accumulate(const WeightShape& m, const T* g, const T* in, T* sums) const {
    if (by_blas(m)) {
      blas_multiply<T>({g, stride(m.rows), true}, {in, stride(m.cols), false}, m.rows, m.cols, width_, T(1), sums,
                       stride(m.cols));
    } else {
      k_.multiply({.rows = m.rows,
                   .cols = whole(m.cols),
                   .depth = width_,
                   .A = g,
                   .A_row = 1,
                   .A_col = stride(m.rows),
                   .B = in,
                   .B_row = stride(m.cols),
                   .C = sums,
                   .C_row = stride(m.cols),
                   .start = Start::sum});
    }
    k_.add_rows(g, width_, stride(m.rows), sums + m.rows * stride(m.cols));
  }
  const typename StripKernels<T>::CostKernel& cost(FusedCost kind) const {
    return kind == FusedCost::mean_square ? k_.mean_square : k_.cross_entropy;
  }

 private:
  using Start = typename PanelKernels<T>::Start;
  std::int64_t whole(std::int64_t n) const { return whole_lanes(n, k_.lanes); }
  std::int64_t stride(std::int64_t n) const { return panel_stride<T>(n, k_.lanes); }
  bool by_blas(const WeightShape& m) const { return blas_ && blas_is_faster(std::min(m.rows, m.cols)); }
  // out += h W in
  void add_affine(const WeightShape& m, const T* W, const T* in, T h, T* out) const {
    blas_multiply<T>({in, stride(m.cols), false}, {W, m.cols, true}, width_, m.rows, m.cols, h, out, stride(m.rows));
  }
  const PanelKernels<T>& k_ = panel_kernels<T>();
  std::int64_t width_;
  bool blas_;
};

}  // namespace turnpike
