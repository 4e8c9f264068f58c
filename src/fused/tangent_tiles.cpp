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

// sqrt u for 0 <= u <= 2; below 1e-30 it may be 1e-15. Where an approximate 1 / sqrt u is good to 14 bits, Newton's
// steps cost less than the square root, which the processor does not pipeline.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V root_of(D d, V u) {
#if HWY_TARGET == HWY_AVX3
  u = hn::Max(u, constant(d, 1e-30));
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
  // Vectors side by side, whose chains of multiply-adds fill each other's gaps: what the registers hold.
  static constexpr int M = std::min<int>(HWY_TARGET == HWY_AVX3 ? 4 : 2, tile_side / L);
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

  template <bool tangent>
  static HWY_INLINE void group(const Task& task, const T* x, const T* z, T x_size, const T* z_size, T* tile) {
    const V one = constant(d, 1);
    V c[M], u[M], t[M], p[M], q[M];
    for (int m = 0; m < M; ++m) {
      c[m] = hn::Load(d, tile + m * L);
      u[m] = hn::Sub(one, hn::Abs(c[m]));
      const auto close = hn::Lt(u[m], constant(d, near));
      if (HWY_UNLIKELY(!hn::AllFalse(d, close)))
        u[m] = hn::IfThenElse(close, half_square(x, z + m * L, task.d, c[m]), u[m]);
      t[m] = hn::CopySign(hn::Sub(one, u[m]), c[m]);
    }
    for (int l = 0; l < task.n_layers; ++l) {
      const T *ps = task.layers[l].p.data(), *qs = task.layers[l].q.data();
      std::size_t i = task.layers[l].p.size() - 1;
      for (int m = 0; m < M; ++m) p[m] = hn::Set(d, ps[i]);
      for (int m = 0; m < M; ++m) q[m] = hn::Set(d, qs[i]);
      while (i-- > 0) {
        const V next_p = hn::Set(d, ps[i]), next_q = hn::Set(d, qs[i]);
        for (int m = 0; m < M; ++m) p[m] = hn::MulAdd(p[m], u[m], next_p);
        for (int m = 0; m < M; ++m) q[m] = hn::MulAdd(q[m], u[m], next_q);
      }
      for (int m = 0; m < M; ++m) {
        const V r = root_of(d, u[m]);
        q[m] = hn::Mul(hn::Mul(r, u[m]), q[m]);  // b = (sin theta - theta cos theta) / pi of |c|
        p[m] = hn::NegMulAdd(r, p[m], one);      // 1 - theta / pi of |c|
      }
      // k1 = |c| + b and 1 - k1 = u - b. The first layer alone sees c < 0: there k1 = b and theta = pi - theta of |c|.
      for (int m = 0; m < M; ++m) {
        V k0 = p[m], u1 = hn::Sub(u[m], q[m]);
        if (l == 0) {
          const auto negative = hn::Lt(c[m], hn::Zero(d));
          k0 = hn::IfThenElse(negative, hn::Sub(one, k0), k0);
          u1 = hn::IfThenElse(negative, hn::Sub(one, q[m]), u1);
        }
        u[m] = u1;
        if constexpr (tangent) t[m] = hn::MulAdd(t[m], k0, hn::Sub(one, u1));
      }
    }
    for (int m = 0; m < M; ++m) {
      const V size = hn::Mul(hn::Set(d, x_size), hn::Load(d, z_size + m * L));
      hn::Store(hn::Mul(tangent ? t[m] : hn::Sub(one, u[m]), size), d, tile + m * L);
    }
  }

  template <bool tangent>
  static HWY_INLINE void rows(const Task& task) {
    for (std::int64_t i = 0; i < task.rows; ++i)
      for (std::int64_t j = 0; j < tile_side; j += M * L)
        group<tangent>(task, task.x + i * task.d, task.z + j, task.x_size[i], task.z_size + j,
                       task.tile + i * tile_side + j);
  }
  static void kernel(const Task& task) { task.tangent ? rows<true>(task) : rows<false>(task); }

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
