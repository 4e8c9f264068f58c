#include "dispatch_internal.h"
#include "tangent_tiles_internal.h"

#include <algorithm>
#include <cstdint>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tangent_tiles.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "simd_math_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

// sqrt u for 0 <= u <= 1; that of 0 may be some 1e-18. Where an approximate 1 / sqrt u is good to 14 bits, Newton's
// steps cost less than the square root, which the processor does not pipeline.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V root_of(D d, V u) {
#if HWY_TARGET == HWY_AVX3
  u = hn::Max(u, constant(d, 1e-36));
  V y;
  if constexpr (single<D>) {
    y = V{_mm512_rsqrt14_ps(u.raw)};
  } else {
    y = V{_mm512_rsqrt14_pd(u.raw)};
    const V e = hn::NegMulAdd(hn::Mul(u, y), y, constant(d, 1));
    y = hn::MulAdd(hn::Mul(y, constant(d, 0.5)), e, y);
  }
  const V r = hn::Mul(u, y);
  return hn::MulAdd(hn::Mul(y, constant(d, 0.5)), hn::NegMulAdd(r, r, u), r);
#else
  return hn::Sqrt(u);
#endif
}

template <class T>
struct Tiles {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  using Task = typename TileKernels<T>::Task;
  using Write = typename TileKernels<T>::Write;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D()), side = tile_side<T>;
  // Vectors side by side, whose chains of multiply-adds fill each other's gaps: what the registers hold. They may span
  // two rows of the tile.
  static constexpr int M = HWY_TARGET == HWY_AVX3 ? 8 : 4;
  // Below this u = 1 - |c| the product of directions has lost too many digits.
  static constexpr double near = sizeof(T) == 4 ? 2e-2 : 5e-5;

  // |x - s z|^2 / 2 for one row and a vector of columns, s = +-1 by the sign of c: 1 - |c| without cancellation.
  static HWY_NOINLINE V half_square(const T* x, const T* z, std::int64_t dimension, V c) {
    const V sign = hn::And(c, hn::SignBit(d));
    V sum = hn::Zero(d);
    for (std::int64_t k = 0; k < dimension; ++k) {
      const V difference = hn::Sub(hn::Set(d, x[k]), hn::Xor(sign, hn::Load(d, z + k * side)));
      sum = hn::MulAdd(difference, difference, sum);
    }
    return hn::Mul(sum, constant(d, 0.5));
  }

  // 1 - |c| of the directions' product c.
  static HWY_INLINE V gap_of(const Task& task, std::int64_t entry, V c) {
    const V u = hn::Sub(constant(d, 1), hn::Abs(c));
    const auto close = hn::Lt(u, constant(d, near));
    if (HWY_LIKELY(hn::AllFalse(d, close))) return u;
    const std::int64_t row = entry / side, column = entry % side;
    return hn::IfThenElse(close, half_square(task.x + row * task.d, task.z + column, task.d, c), u);
  }
  static HWY_INLINE void finish(const Task& task, std::int64_t entry, V value) {
    const V size = hn::Mul(hn::Set(d, task.x_size[entry / side]), hn::Load(d, task.z_size + entry % side));
    hn::Store(hn::Mul(value, size), d, task.tile + entry);
  }

  // The entries `first` .. first + M L - 1 of the tile, row by row.
  template <bool chebyshev>
  static HWY_INLINE void group(const Task& task, std::int64_t first) {
    V x[M], sum[M], before[M];
    for (int m = 0; m < M; ++m) {
      const V c = hn::Load(d, task.tile + first + m * L);
      const V h = hn::Mul(constant(d, 0.5), gap_of(task, first + m * L, c));
      // Of |c|; a negative cosine turns the sign.
      const V of_size = hn::Sub(root_of(d, h), root_of(d, hn::Sub(constant(d, 1), h)));
      x[m] = hn::Xor(of_size, hn::And(c, hn::SignBit(d)));
    }
    const T* const a = task.function->coefficients.data();
    std::size_t k = task.function->coefficients.size() - 1;
    for (int m = 0; m < M; ++m) sum[m] = hn::Set(d, a[k]);
    if constexpr (chebyshev) {
      // b_k = a_k + 2 x b_{k+1} - b_{k+2}; in the end a_0 + x b_1 - b_2.
      for (int m = 0; m < M; ++m) before[m] = hn::Zero(d);
      while (k-- > 0) {
        const V next = hn::Set(d, a[k]);
        for (int m = 0; m < M; ++m) {
          const V factor = k > 0 ? hn::Add(x[m], x[m]) : x[m];
          const V b = hn::MulAdd(factor, sum[m], hn::Sub(next, before[m]));
          before[m] = sum[m];
          sum[m] = b;
        }
      }
    } else {
      while (k-- > 0) {
        const V next = hn::Set(d, a[k]);
        for (int m = 0; m < M; ++m) sum[m] = hn::MulAdd(sum[m], x[m], next);
      }
    }
    for (int m = 0; m < M; ++m) finish(task, first + m * L, sum[m]);
  }

  // Of a layer: the gap 1 - |cos theta|, the cosine's sign as that of `sign`, and the tangent kernel over the lengths.
  struct Pair {
    V gap, sign, tangent;
  };
  // 1 - cos and 1 + cos, neither by cancellation
  struct Gaps {
    V apart, along;
  };
  static HWY_INLINE Gaps gaps_of(V gap, V sign) {
    const auto obtuse = hn::Lt(sign, hn::Zero(d));
    const V rest = hn::Sub(constant(d, 2), gap);
    return {hn::IfThenElse(obtuse, rest, gap), hn::IfThenElse(obtuse, gap, rest)};
  }
  // A layer with its bias: C C' + S S' k, where 1 - cos and 1 + cos are sums without a negative term, since
  //   1 - C C' - S S' = 2 sin^2 of half the difference of the angles
  static HWY_INLINE Pair with_bias(const Task& task, std::int64_t layer, std::int64_t entry, Gaps k, V tangent) {
    const T* const x = task.x_layers + layer * BiasedLayers<T>::per_layer + entry / side;
    const T* const z = task.z_layers + layer * BiasedLayers<T>::per_layer + entry % side;
    const auto of_x = [&](int i) { return hn::Set(d, x[i * side]); };
    const auto of_z = [&](int i) { return hn::Load(d, z + i * side); };
    const V half = hn::Sub(hn::Mul(of_x(0), of_z(1)), hn::Mul(of_x(1), of_z(0)));
    const V offset = hn::Mul(hn::Add(half, half), half), S = hn::Mul(of_x(2), of_z(2)), C = hn::Mul(of_x(3), of_z(3));
    const V apart = hn::MulAdd(S, k.apart, offset), along = hn::MulAdd(S, k.along, hn::Add(offset, hn::Add(C, C)));
    // Rounding may leave a tiny gap below zero.
    const V gap = hn::Max(hn::Min(apart, along), hn::Zero(d));
    return {gap, hn::Sub(along, apart), hn::MulAdd(S, tangent, C)};
  }

  // A hidden layer, from the small angle t = theta or pi - theta below it. `acute`: of ReLU without skips, below whose
  // layers, but the first, no angle is beyond pi / 2.
  template <bool acute>
  static HWY_INLINE Pair through_layer(const Task& task, std::int64_t layer, std::int64_t entry, Pair y, V sine, V t) {
    const V one = constant(d, 1), two = constant(d, 2), inverse_pi = constant(d, std::numbers::inv_pi);
    const V t_part = hn::Mul(t, inverse_pi);
    const V opposite = hn::MulSub(sine, inverse_pi, hn::Mul(t_part, hn::Sub(one, y.gap)));  // k1(pi - t)
    const V less = hn::Sub(y.gap, opposite);                                                // 1 - k1(t)
    if constexpr (acute)
      return with_bias(task, layer + 1, entry, {less, hn::Sub(two, less)},
                       hn::MulAdd(hn::Sub(one, t_part), y.tangent, hn::Sub(one, less)));
    // 1 -+ E[phi phi] / m and E[phi' phi'] / m, m of the variance
    const auto obtuse = hn::Lt(y.sign, hn::Zero(d));
    const V slope = hn::Set(d, task.layers->slope), fall = hn::Mul(hn::Sub(one, slope), t_part);
    const V to_zero = hn::MulAdd(slope, opposite, less), to_pi = hn::MulAdd(slope, less, opposite);
    const V apart = hn::IfThenElse(obtuse, hn::Sub(hn::Add(one, slope), to_pi), to_zero);
    const V along = hn::IfThenElse(obtuse, hn::Add(hn::Sub(one, slope), to_pi), hn::Sub(two, to_zero));
    const V slopes = hn::IfThenElse(obtuse, hn::Add(slope, fall), hn::Sub(one, fall));
    const V tangent = hn::MulAdd(slopes, y.tangent, hn::Sub(one, apart));
    // What comes through phi, and what skips it.
    const V share = hn::Set(d, task.layers->share[layer]), rest = hn::Sub(one, share);
    const Gaps skipped = gaps_of(y.gap, y.sign);
    return with_bias(task, layer + 1, entry,
                     {hn::MulAdd(share, apart, hn::Mul(rest, skipped.apart)),
                      hn::MulAdd(share, along, hn::Mul(rest, skipped.along))},
                     hn::MulAdd(share, tangent, hn::Mul(rest, y.tangent)));
  }

  static constexpr int N = M / 2;  // as M, with more to hold
  template <bool acute>
  static HWY_INLINE void through_layers(const Task& task, std::int64_t layer, std::int64_t first, Pair* y) {
    const std::vector<T>& arc = task.layers->arc;
    V root[N], sine[N], place[N], t[N];
    for (int m = 0; m < N; ++m) {
      const V h = hn::Mul(constant(d, 0.5), y[m].gap);
      root[m] = root_of(d, h);
      sine[m] = hn::Mul(hn::Add(root[m], root[m]), root_of(d, hn::Sub(constant(d, 1), h)));
      place[m] = hn::MulSub(constant(d, 4), h, constant(d, 1));
      t[m] = hn::Set(d, arc.back());
    }
    for (std::size_t k = arc.size() - 1; k-- > 0;)
      for (int m = 0; m < N; ++m) t[m] = hn::MulAdd(t[m], place[m], hn::Set(d, arc[k]));
    for (int m = 0; m < N; ++m)
      y[m] = through_layer<acute>(task, layer, first + m * L, y[m], sine[m], hn::Mul(root[m], t[m]));
  }

  template <bool acute>
  static HWY_INLINE void layered_group(const Task& task, std::int64_t first) {
    Pair y[N];
    for (int m = 0; m < N; ++m) {
      const std::int64_t entry = first + m * L;
      const V c = hn::Load(d, task.tile + entry);
      const Gaps gaps = gaps_of(gap_of(task, entry, c), c);
      y[m] = with_bias(task, 0, entry, gaps, hn::Sub(constant(d, 1), gaps.apart));
    }
    through_layers<false>(task, 0, first, y);
    for (std::size_t layer = 1; layer < task.layers->share.size(); ++layer)
      through_layers<acute>(task, static_cast<std::int64_t>(layer), first, y);
    for (int m = 0; m < N; ++m) {
      const V covariance = hn::Sub(constant(d, 1), gaps_of(y[m].gap, y[m].sign).apart);
      finish(task, first + m * L, task.layers->tangent ? y[m].tangent : covariance);
    }
  }

  template <int vectors, class Group>
  static HWY_INLINE void rows(const Task& task, const Write& write, Group group) {
    std::int64_t written = 0;
    for (std::int64_t first = 0; first < task.rows * side; first += vectors * L) {
      group(first);
      for (; written < first / side; written += B) write_rows(write, written);
    }
    for (; written < side; written += B) write_rows(write, written);
  }
  static void kernel(const Task& task, const Write& write) {
    if (task.layers && task.layers->acute)
      rows<N>(task, write, [&](std::int64_t first) { layered_group<true>(task, first); });
    else if (task.layers)
      rows<N>(task, write, [&](std::int64_t first) { layered_group<false>(task, first); });
    else if (task.function->chebyshev)
      rows<M>(task, write, [&](std::int64_t first) { group<true>(task, first); });
    else
      rows<M>(task, write, [&](std::int64_t first) { group<false>(task, first); });
  }

  // A row of a tile, past the cache but for the entries before and after whole aligned vectors: the lines that it
  // shares with its neighbours, which soon come by.
  static HWY_INLINE void put_row(const T* row, std::int64_t n, T* K) {
    const auto aligned = static_cast<std::int64_t>(-reinterpret_cast<std::uintptr_t>(K) % sizeof(V) / sizeof(T));
    std::int64_t i = 0;
    if (HWY_LIKELY(aligned == 0 && n == side)) {
      for (; i < side; i += L) hn::Stream(hn::Load(d, row + i), d, K + i);
      return;
    }
    for (; i < std::min(aligned, n); ++i) K[i] = row[i];
    for (; i + L <= n; i += L) hn::Stream(hn::LoadU(d, row + i), d, K + i);
    for (; i < n; ++i) K[i] = row[i];
  }

#if HWY_TARGET == HWY_SCALAR
  static constexpr std::int64_t B = 1;
  static void columns(const T* from, T* to) {
    *to = *from;
  }
#else
  static constexpr std::int64_t B = 16 / sizeof(T);
  // Blocks of 16 bytes, one of every B-th row.
  template <class Tag>
  static HWY_INLINE hn::Vec<Tag> blocks(Tag tag, const T* from) {
    if constexpr (hn::MaxLanes(tag) == B) {
      return hn::Load(tag, from);
    } else {
      const hn::Half<Tag> half;
      return hn::Combine(tag, blocks(half, from + hn::MaxLanes(half) * side), blocks(half, from));
    }
  }
  // L entries of B columns as those of B rows, by blocks of B x B.
  static HWY_INLINE void columns(const T* from, T* to) {
    V r[B];
    for (std::int64_t k = 0; k < B; ++k) r[k] = blocks(d, from + k * side);
    const auto row = [&](std::int64_t k, V value) { hn::Store(value, d, to + k * side); };
    if constexpr (B == 2) {
      row(0, hn::InterleaveLower(d, r[0], r[1]));
      row(1, hn::InterleaveUpper(d, r[0], r[1]));
    } else {
      // (r0 r2), (r1 r3) interleaved, then those two.
      const V a = hn::InterleaveLower(d, r[0], r[2]), b = hn::InterleaveLower(d, r[1], r[3]);
      const V e = hn::InterleaveUpper(d, r[0], r[2]), f = hn::InterleaveUpper(d, r[1], r[3]);
      row(0, hn::InterleaveLower(d, a, b));
      row(1, hn::InterleaveUpper(d, a, b));
      row(2, hn::InterleaveLower(d, e, f));
      row(3, hn::InterleaveUpper(d, e, f));
    }
  }
#endif

  // B rows of a tile, and of its transpose.
  static HWY_INLINE void write_rows(const Write& w, std::int64_t first) {
    if (!w.tile) return;
    for (std::int64_t i = first; i < std::min(first + B, w.rows); ++i)
      put_row(w.tile + i * side, w.cols, w.K + i * w.stride);
    if (!w.mirrored) return;
    alignas(64) T turned[B * side];
    for (std::int64_t i = 0; i < side; i += L) columns(w.tile + i * side + first, turned + i);
    for (std::int64_t j = first; j < std::min(first + B, w.cols); ++j)
      put_row(turned + (j - first) * side, w.rows, w.mirrored + j * w.stride);
  }
  static void write(const Write& w) {
    for (std::int64_t i = 0; i < side; i += B) write_rows(w, i);
    hwy::FlushStream();
  }

  static void products(const T* tile, std::int64_t rows, const T* v, T* out, const T* w, T* out_transposed) {
    for (std::int64_t i = 0; i < rows; ++i, tile += side) {
      V sum = hn::Zero(d);
      for (std::int64_t j = 0; j < side; j += L) sum = hn::MulAdd(hn::Load(d, tile + j), hn::Load(d, v + j), sum);
      out[i] += hn::GetLane(hn::SumOfLanes(d, sum));
      if (!w) continue;
      const V factor = hn::Set(d, w[i]);
      for (std::int64_t j = 0; j < side; j += L)
        hn::Store(hn::MulAdd(factor, hn::Load(d, tile + j), hn::Load(d, out_transposed + j)), d, out_transposed + j);
    }
  }

  static TileKernels<T> make() {
    return {.kernel = &kernel, .write = &write, .products = &products};
  }
};

TileKernels<float> make_tiles_f32() {
  return Tiles<float>::make();
}
TileKernels<double> make_tiles_f64() {
  return Tiles<double>::make();
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
HWY_EXPORT(make_tiles_f32);
HWY_EXPORT(make_tiles_f64);

template <>
const TileKernels<float>& tile_kernels<float>() {
  static const TileKernels<float> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_tiles_f32)());
  return table;
}
template <>
const TileKernels<double>& tile_kernels<double>() {
  static const TileKernels<double> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_tiles_f64)());
  return table;
}

}  // namespace turnpike
#endif
