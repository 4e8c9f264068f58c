#include "dispatch_internal.h"
#include "panels_internal.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "panels.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "simd_math_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

template <class T>
struct Panels {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  using Task = typename PanelKernels<T>::Task;
  using Start = typename PanelKernels<T>::Start;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());
  // Columns of a tile in vectors, and entries of C that it keeps in registers: what 32 of them hold, or 16.
  static constexpr bool many = HWY_TARGET == HWY_AVX3;
  static constexpr int widest = many ? 4 : 2;
  static constexpr int held = many ? 24 : 12;
  // Rows of B that a pass takes: a tile's columns of them stay in the first-level cache.
  static constexpr std::int64_t deepest = 128, longest = 3 * deepest / 2;

  // R rows and C vectors of columns, depths first .. last - 1; b: B from depth `first` and column `col` on.
  template <int R, int C>
  static HWY_INLINE void tile(const Task& t, const T* b, std::int64_t b_row, std::int64_t row, std::int64_t col,
                              std::int64_t first, std::int64_t last) {
    T* out = t.C + row * t.C_row + col;
    const T* a = t.A + row * t.A_row + first * t.A_col;
    const bool bias = t.start == Start::bias && first == 0;
    const bool add = t.start == Start::sum || first > 0;
    const bool advance = t.base && last == t.depth;
    const T* base = advance ? t.base + row * t.C_row + col : nullptr;
    // C is read at the end: until then it may come from far.
    if (add && last - first >= 24) {
      for (int r = 0; r < R; ++r)
        for (int c = 0; c < C * L; c += 64 / sizeof(T)) hwy::Prefetch(out + r * t.C_row + c);
    }
    V sum[R][C];
    for (int c = 0; c < C; ++c) {
      const V start = bias ? hn::Load(d, t.bias + col + c * L) : hn::Zero(d);
#pragma GCC unroll 24
      for (int r = 0; r < R; ++r) sum[r][c] = start;
    }
    for (std::int64_t k = first; k < last; ++k, a += t.A_col, b += b_row) {
      V y[C];
      for (int c = 0; c < C; ++c) y[c] = hn::Load(d, b + c * L);
#pragma GCC unroll 24
      for (int r = 0; r < R; ++r) {
        const V x = hn::Set(d, a[r * t.A_row]);
        for (int c = 0; c < C; ++c) sum[r][c] = hn::MulAdd(x, y[c], sum[r][c]);
      }
    }
#pragma GCC unroll 24
    for (int r = 0; r < R; ++r) {
      for (int c = 0; c < C; ++c) {
        T* entry = out + r * t.C_row + c * L;
        if (add) sum[r][c] = hn::Add(sum[r][c], hn::Load(d, entry));
        if (advance) sum[r][c] = hn::MulAdd(hn::Set(d, t.h), sum[r][c], hn::Load(d, base + r * t.C_row + c * L));
        hn::Store(sum[r][c], d, entry);
      }
    }
  }

  template <int C>
  static void columns(const Task& t, std::int64_t col, std::int64_t first, std::int64_t last) {
    constexpr int R = held / C;
    HWY_ALIGN T copy[longest * C * L];
    const T* b = t.B_row ? t.B + first * t.B_row + col : t.B + col * t.depth + first * C * L;
    std::int64_t b_row = t.B_row ? t.B_row : C * L;
    // Rows far apart are gathered once for all rows of A.
    if (b_row * static_cast<std::int64_t>(sizeof(T)) >= 1024 && t.rows >= 4 * R) {
      for (std::int64_t k = first; k < last; ++k)
        for (int c = 0; c < C; ++c)
          hn::Store(hn::Load(d, b + (k - first) * b_row + c * L), d, copy + ((k - first) * C + c) * L);
      b = copy;
      b_row = C * L;
    }
    std::int64_t row = 0;
    for (; row + R <= t.rows; row += R) tile<R, C>(t, b, b_row, row, col, first, last);
    rest<R - 1, C>(t, b, b_row, row, col, first, last);
  }

  // The rows that are left: as one tile, since those of few rows wait for their sums; of single columns by halves.
  template <int R, int C>
  static HWY_INLINE void rest(const Task& t, const T* b, std::int64_t b_row, std::int64_t row, std::int64_t col,
                              std::int64_t first, std::int64_t last) {
    if constexpr (R > 0) {
      for (; row + R <= t.rows; row += R) tile<R, C>(t, b, b_row, row, col, first, last);
      rest<(C == 1 ? R / 2 : R - 1), C>(t, b, b_row, row, col, first, last);
    }
  }

  // Calls with the first column of each group of vectors that a tile takes, and its columns.
  template <class Group>
  static HWY_INLINE void for_groups(std::int64_t cols, Group group) {
    std::int64_t col = 0;
    for (; col + widest * L <= cols; col += widest * L) group(col, widest);
    if (col < cols) group(col, static_cast<int>((cols - col) / L));
  }

  static void multiply(const Task& t) {
    std::int64_t first = 0;
    do {
      const std::int64_t left = t.depth - first;
      const std::int64_t last = left > longest ? first + deepest : t.depth;
      for_groups(t.cols, [&](std::int64_t col, int vectors) {
        if (vectors == widest) return columns<widest>(t, col, first, last);
        if constexpr (widest == 4) {
          if (vectors == 3) return columns<3>(t, col, first, last);
          if (vectors == 2) return columns<2>(t, col, first, last);
        }
        columns<1>(t, col, first, last);
      });
      first = last;
    } while (first < t.depth);
  }

  static void pack(const T* from, std::int64_t row, std::int64_t col, std::int64_t depth, std::int64_t n, T* B) {
    for_groups(whole_lanes(n, L), [&](std::int64_t start, int vectors) {
      const std::int64_t cols = vectors * L, used = std::min<std::int64_t>(cols, n - start);
      T* group = B + start * depth;
      if (col == 1) {
        for (std::int64_t k = 0; k < depth; ++k) {
          std::copy_n(from + k * row + start, used, group + k * cols);
          std::fill(group + k * cols + used, group + (k + 1) * cols, T(0));
        }
        return;
      }
      // A transpose: by blocks, so that the lines read stay in the cache.
      for (std::int64_t first = 0; first < depth; first += 16) {
        const std::int64_t last = std::min<std::int64_t>(depth, first + 16);
        for (std::int64_t c = 0; c < cols; ++c)
          for (std::int64_t k = first; k < last; ++k)
            group[k * cols + c] = c < used ? from[k * row + (start + c) * col] : T(0);
      }
    });
  }

  static void dots(const T* x, std::int64_t width, std::int64_t n, const T* W, const T* b, std::int64_t m, T* out) {
    const std::int64_t whole = whole_lanes(n, L), stride = panel_stride<T>(n, L), out_stride = panel_stride<T>(m, L);
    for (std::int64_t s = 0; s < width; ++s, x += stride, out += out_stride) {
      for (std::int64_t o = 0; o < m; ++o) {
        V sum = hn::Zero(d);
        for_groups(whole, [&](std::int64_t start, int vectors) {
          const T* group = W + start * m + o * vectors * L;
          for (int v = 0; v < vectors; ++v)
            sum = hn::MulAdd(hn::Load(d, x + start + v * L), hn::Load(d, group + v * L), sum);
        });
        out[o] = b[o] + hn::GetLane(hn::SumOfLanes(d, sum));
      }
    }
  }

  static void add_rows(const T* g, std::int64_t width, std::int64_t stride, T* sums) {
    for (std::int64_t i = 0; i < stride; i += L) {
      V even = hn::Load(d, sums + i), odd = hn::Zero(d);
      std::int64_t s = 0;
      for (; s + 2 <= width; s += 2) {
        even = hn::Add(even, hn::Load(d, g + s * stride + i));
        odd = hn::Add(odd, hn::Load(d, g + (s + 1) * stride + i));
      }
      if (s < width) even = hn::Add(even, hn::Load(d, g + s * stride + i));
      hn::Store(hn::Add(even, odd), d, sums + i);
    }
  }

  // x in the lanes o .. o + L - 1 that are below m, `rest` in the others.
  static HWY_INLINE V within(std::int64_t m, std::int64_t o, V x, V rest) {
    return hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(m - o)), x, rest);
  }

  // |z - y|^2
  static void square_value(const T* z, const T* y, T weight, std::int64_t m, std::int64_t width, T* sum) {
    const std::int64_t stride = panel_stride<T>(m, L);
    for (std::int64_t s = 0; s < width; ++s, z += stride, y += stride) {
      V total = hn::Zero(d);
      for (std::int64_t o = 0; o < m; o += L) {
        const V e = within(m, o, hn::Sub(hn::Load(d, z + o), hn::Load(d, y + o)), hn::Zero(d));
        total = hn::MulAdd(e, e, total);
      }
      sum[s] += weight * hn::GetLane(hn::SumOfLanes(d, total));
    }
  }
  static void square_pull(const T* z, const T* y, T weight, const T* scale, std::int64_t m, std::int64_t width, T* sum,
                          bool add, T* z_bar) {
    const std::int64_t stride = panel_stride<T>(m, L);
    for (std::int64_t s = 0; s < width; ++s, z += stride, y += stride, z_bar += stride) {
      const V factor = hn::Set(d, 2 * weight * scale[s]);
      V total = hn::Zero(d);
      for (std::int64_t o = 0; o < m; o += L) {
        const V e = within(m, o, hn::Sub(hn::Load(d, z + o), hn::Load(d, y + o)), hn::Zero(d));
        total = hn::MulAdd(e, e, total);
        hn::Store(hn::MulAdd(factor, e, add ? hn::Load(d, z_bar + o) : hn::Zero(d)), d, z_bar + o);
      }
      if (sum) sum[s] += weight * hn::GetLane(hn::SumOfLanes(d, total));
    }
  }

  // log sum_c e^(z_c - top) + top - z_y
  static HWY_INLINE V largest(const T* z, std::int64_t m) {
    const V least = constant(d, -std::numeric_limits<T>::infinity());
    V top = least;
    for (std::int64_t o = 0; o < m; o += L) {
      const V next = within(m, o, hn::Load(d, z + o), least);
      top = hn::IfThenElse(hn::Gt(next, top), next, top);
    }
    return hn::MaxOfLanes(d, top);
  }
  static HWY_INLINE V exp_sum(const T* z, V top, std::int64_t m) {
    V sum = hn::Zero(d);
    for (std::int64_t o = 0; o < m; o += L)
      sum = hn::Add(sum, within(m, o, exp_of(d, hn::Sub(hn::Load(d, z + o), top)), hn::Zero(d)));
    return hn::SumOfLanes(d, sum);
  }
  static HWY_INLINE T entropy(const T* z, T wanted, V top, V total) {
    return hn::GetLane(log_of(d, total)) + (hn::GetLane(top) - z[static_cast<std::int64_t>(wanted)]);
  }
  static void entropy_value(const T* z, const T* y, T weight, std::int64_t m, std::int64_t width, T* sum) {
    const std::int64_t stride = panel_stride<T>(m, L);
    for (std::int64_t s = 0; s < width; ++s, z += stride) {
      const V top = largest(z, m);
      sum[s] += weight * entropy(z, y[s], top, exp_sum(z, top, m));
    }
  }
  static void entropy_pull(const T* z, const T* y, T weight, const T* scale, std::int64_t m, std::int64_t width, T* sum,
                           bool add, T* z_bar) {
    const std::int64_t stride = panel_stride<T>(m, L);
    for (std::int64_t s = 0; s < width; ++s, z += stride, z_bar += stride) {
      const V top = largest(z, m), total = exp_sum(z, top, m);
      if (sum) sum[s] += weight * entropy(z, y[s], top, total);
      const T factor = weight * scale[s];
      const V share = hn::Div(hn::Set(d, factor), total);
      for (std::int64_t o = 0; o < m; o += L) {
        const V p = hn::Mul(exp_of(d, hn::Sub(hn::Load(d, z + o), top)), share);
        const V own = within(m, o, p, hn::Zero(d));
        hn::Store(add ? hn::Add(own, hn::Load(d, z_bar + o)) : own, d, z_bar + o);
      }
      z_bar[static_cast<std::int64_t>(y[s])] -= factor;
    }
  }

  static PanelKernels<T> make() {
    return {.lanes = L,
            .multiply = &multiply,
            .pack = &pack,
            .dots = &dots,
            .add_rows = &add_rows,
            .mean_square = {&square_value, &square_pull},
            .cross_entropy = {&entropy_value, &entropy_pull}};
  }
};

PanelKernels<float> make_panels_f32() {
  return Panels<float>::make();
}
PanelKernels<double> make_panels_f64() {
  return Panels<double>::make();
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
HWY_EXPORT(make_panels_f32);
HWY_EXPORT(make_panels_f64);

template <>
const PanelKernels<float>& panel_kernels<float>() {
  static const PanelKernels<float> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_panels_f32)());
  return table;
}
template <>
const PanelKernels<double>& panel_kernels<double>() {
  static const PanelKernels<double> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_panels_f64)());
  return table;
}

}  // namespace turnpike
#endif
