#include "tangent_tiles_internal.h"

#include <algorithm>

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
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());
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
      const V difference = hn::Sub(hn::Set(d, x[k]), hn::Xor(sign, hn::Load(d, z + k * tile_side)));
      sum = hn::MulAdd(difference, difference, sum);
    }
    return hn::Mul(sum, constant(d, 0.5));
  }

  // The entries `first` .. first + M L - 1 of the tile, row by row.
  template <bool chebyshev>
  static HWY_INLINE void group(const Task& task, std::int64_t first) {
    const V one = constant(d, 1), half = constant(d, 0.5);
    V x[M], sum[M], before[M];
    for (int m = 0; m < M; ++m) {
      const std::int64_t entry = first + m * L, row = entry / tile_side, column = entry % tile_side;
      const V c = hn::Load(d, task.tile + entry);
      V u = hn::Sub(one, hn::Abs(c));
      const auto close = hn::Lt(u, constant(d, near));
      if (HWY_UNLIKELY(!hn::AllFalse(d, close)))
        u = hn::IfThenElse(close, half_square(task.x + row * task.d, task.z + column, task.d, c), u);
      // Of |c|; a negative cosine turns the sign.
      const V h = hn::Mul(half, u), of_size = hn::Sub(root_of(d, h), root_of(d, hn::Sub(one, h)));
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
    for (int m = 0; m < M; ++m) {
      const std::int64_t entry = first + m * L, row = entry / tile_side, column = entry % tile_side;
      const V size = hn::Mul(hn::Set(d, task.x_size[row]), hn::Load(d, task.z_size + column));
      hn::Store(hn::Mul(sum[m], size), d, task.tile + entry);
    }
  }

  template <bool chebyshev>
  static HWY_INLINE void rows(const Task& task) {
    for (std::int64_t first = 0; first < task.rows * tile_side; first += M * L) group<chebyshev>(task, first);
  }
  static void kernel(const Task& task) { task.function->chebyshev ? rows<true>(task) : rows<false>(task); }

  // By blocks of 16 bytes' columns: 4 x 4 (float32) or 2 x 2 (float64), in registers.
  static void transpose(const T* tile, T* out) {
#if HWY_TARGET == HWY_SCALAR
    for (std::int64_t i = 0; i < tile_side; ++i)
      for (std::int64_t j = 0; j < tile_side; ++j) out[j * tile_side + i] = tile[i * tile_side + j];
#else
    const hn::FixedTag<T, 16 / sizeof(T)> block;
    constexpr std::int64_t B = 16 / sizeof(T);
    for (std::int64_t i = 0; i < tile_side; i += B) {
      for (std::int64_t j = 0; j < tile_side; j += B) {
        const T* from = tile + i * tile_side + j;
        T* to = out + j * tile_side + i;
        const auto r0 = hn::Load(block, from), r1 = hn::Load(block, from + tile_side);
        if constexpr (B == 2) {
          hn::Store(hn::InterleaveLower(block, r0, r1), block, to);
          hn::Store(hn::InterleaveUpper(block, r0, r1), block, to + tile_side);
        } else {
          const auto r2 = hn::Load(block, from + 2 * tile_side), r3 = hn::Load(block, from + 3 * tile_side);
          // (r0 r2), (r1 r3) interleaved, then those two.
          const auto a = hn::InterleaveLower(block, r0, r2), b = hn::InterleaveLower(block, r1, r3);
          const auto e = hn::InterleaveUpper(block, r0, r2), f = hn::InterleaveUpper(block, r1, r3);
          hn::Store(hn::InterleaveLower(block, a, b), block, to);
          hn::Store(hn::InterleaveUpper(block, a, b), block, to + tile_side);
          hn::Store(hn::InterleaveLower(block, e, f), block, to + 2 * tile_side);
          hn::Store(hn::InterleaveUpper(block, e, f), block, to + 3 * tile_side);
        }
      }
    }
#endif
  }

  static void products(const T* tile, std::int64_t rows, const T* v, T* out, const T* w, T* out_transposed) {
    for (std::int64_t i = 0; i < rows; ++i, tile += tile_side) {
      V sum = hn::Zero(d);
      for (std::int64_t j = 0; j < tile_side; j += L) sum = hn::MulAdd(hn::Load(d, tile + j), hn::Load(d, v + j), sum);
      out[i] += hn::GetLane(hn::SumOfLanes(d, sum));
      if (!w) continue;
      const V factor = hn::Set(d, w[i]);
      for (std::int64_t j = 0; j < tile_side; j += L)
        hn::Store(hn::MulAdd(factor, hn::Load(d, tile + j), hn::Load(d, out_transposed + j)), d, out_transposed + j);
    }
  }

  static void store(const T* tile, std::int64_t rows, std::int64_t cols, T* K, std::int64_t stride) {
    for (std::int64_t i = 0; i < rows; ++i, tile += tile_side, K += stride) {
      const bool aligned = reinterpret_cast<std::uintptr_t>(K) % (L * sizeof(T)) == 0;
      std::int64_t j = 0;
      for (; j + L <= cols; j += L) {
        const V value = hn::Load(d, tile + j);
        if (aligned)
          hn::Stream(value, d, K + j);
        else
          hn::StoreU(value, d, K + j);
      }
      for (; j < cols; ++j) K[j] = tile[j];
    }
    hwy::FlushStream();
  }

  static TileKernels<T> make() {
    return {.kernel = &kernel, .transpose = &transpose, .products = &products, .store = &store};
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
  static const TileKernels<float> table = HWY_DYNAMIC_DISPATCH(make_tiles_f32)();
  return table;
}
template <>
const TileKernels<double>& tile_kernels<double>() {
  static const TileKernels<double> table = HWY_DYNAMIC_DISPATCH(make_tiles_f64)();
  return table;
}

}  // namespace turnpike
#endif
