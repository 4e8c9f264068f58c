// Kernels on strips, one source for every target. Kept apart from the roll: here is arithmetic alone, there is none.
#include "dispatch_internal.h"
#include "strips_internal.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "strips.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "simd_math_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

template <class T>
struct Kernels {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());
  // Vectors of samples that a tile takes at once: what 32 registers hold, or 16.
  static constexpr int wide = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  static constexpr int tile = 4;

  // Calls with the start of every group of `together` vectors, then of every vector that is left.
  static constexpr int together = 4;
  template <class Work>
  static HWY_INLINE void in_groups(std::int64_t n, Work work) {
    std::int64_t i = 0;
    for (; i + together * L <= n; i += together * L) work(i, std::integral_constant<int, together>());
    for (; i < n; i += L) work(i, std::integral_constant<int, 1>());
  }
  template <int M>
  static HWY_INLINE void load(const T* x, V (&out)[M]) {
    for (int m = 0; m < M; ++m) out[m] = hn::Load(d, x + m * L);
  }
  template <int M>
  static HWY_INLINE void store(const V (&x)[M], T* out) {
    for (int m = 0; m < M; ++m) hn::Store(x[m], d, out + m * L);
  }

  template <Activation kind>
  static void value(const T* x, T* s, std::int64_t n) {
    in_groups(n, [&](std::int64_t i, auto group) {
      V z[group()];
      load(x + i, z);
      activate<kind>(d, z, nullptr);
      store(z, s + i);
    });
  }
  template <Activation kind>
  static void value_and_slope(const T* x, T* s, T* slope, std::int64_t n) {
    in_groups(n, [&](std::int64_t i, auto group) {
      V z[group()], dz[group()];
      load(x + i, z);
      activate<kind>(d, z, dz);
      store(z, s + i);
      store(dz, slope + i);
    });
  }
  template <Activation kind>
  static void advance(T* z, const T* base, T h, T* out, std::int64_t n) {
    const V step = hn::Set(d, h);
    in_groups(n, [&](std::int64_t i, auto group) {
      V s[group()], ds[group()];
      load(z + i, s);
      activate<kind>(d, s, ds);
      store(ds, z + i);
      for (int m = 0; m < group(); ++m) s[m] = hn::MulAdd(step, s[m], hn::Load(d, base + i + m * L));
      store(s, out + i);
    });
  }
  template <Activation kind>
  static void add_slope_times(const T* v, const T* x, const T* s, T* a, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) {
      const V slope = slope_lane<kind>(d, hn::Load(d, x + i), hn::Load(d, s + i));
      hn::Store(hn::MulAdd(hn::Load(d, v + i), slope, hn::Load(d, a + i)), d, a + i);
    }
  }
  static void exponential(const T* x, T* y, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) hn::Store(exp_of(d, hn::Load(d, x + i)), d, y + i);
  }
  static void error_function(const T* x, T* y, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) hn::Store(erf_of(d, hn::Load(d, x + i)), d, y + i);
  }
  static void scale(T c, const T* a, T* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) hn::Store(hn::Mul(hn::Set(d, c), hn::Load(d, a + i)), d, out + i);
  }
  static void scaled_product(T c, const T* a, const T* b, T* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) {
      hn::Store(hn::Mul(hn::Mul(hn::Set(d, c), hn::Load(d, a + i)), hn::Load(d, b + i)), d, out + i);
    }
  }
  static void combine(const T* base, int terms, const T* c, const T* const* v, T* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += L) {
      V sum = base ? hn::Load(d, base + i) : hn::Zero(d);
      for (int j = 0; j < terms; ++j) sum = hn::MulAdd(hn::Set(d, c[j]), hn::Load(d, v[j] + i), sum);
      hn::Store(sum, d, out + i);
    }
  }

  // R rows of W times C vectors of samples; `advance`: out = base + h (W in + b).
  template <int R, int C, int N, bool advance>
  static HWY_INLINE void affine_tile(const T* in, const T* W, const T* b, const T* base, T h, std::int64_t cols,
                                     std::int64_t width, T* out) {
    const std::int64_t n = N ? N : cols;
    V sum[R][C];
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sum[r][c] = hn::Set(d, b[r]);
    for (std::int64_t j = 0; j < n; ++j) {
      V x[C];
      for (int c = 0; c < C; ++c) x[c] = hn::Load(d, in + j * width + c * L);
      for (int r = 0; r < R; ++r) {
        const V w = hn::Set(d, W[r * n + j]);
        for (int c = 0; c < C; ++c) sum[r][c] = hn::MulAdd(w, x[c], sum[r][c]);
      }
    }
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) {
        const std::int64_t at = r * width + c * L;
        if constexpr (advance) sum[r][c] = hn::MulAdd(hn::Set(d, h), sum[r][c], hn::Load(d, base + at));
        hn::Store(sum[r][c], d, out + at);
      }
  }
  template <int R, int N, bool advance>
  static HWY_INLINE void affine_rows(const T* in, const T* W, const T* b, const T* base, T h, std::int64_t cols,
                                     std::int64_t width, T* out) {
    std::int64_t s = 0;
    for (; s + wide * L <= width; s += wide * L)
      affine_tile<R, wide, N, advance>(in + s, W, b, base + s, h, cols, width, out + s);
    for (; s < width; s += L) affine_tile<R, 1, N, advance>(in + s, W, b, base + s, h, cols, width, out + s);
  }
  template <int N, bool advance>
  static HWY_INLINE void affine_all(const T* in, const T* W, const T* b, const T* base, T h, std::int64_t rows,
                                    std::int64_t cols, std::int64_t width, T* out) {
    const std::int64_t n = N ? N : cols;
    std::int64_t r = 0;
    for (; r + tile <= rows; r += tile)
      affine_rows<tile, N, advance>(in, W + r * n, b + r, base + r * width, h, cols, width, out + r * width);
    if (r + 2 <= rows) {
      affine_rows<2, N, advance>(in, W + r * n, b + r, base + r * width, h, cols, width, out + r * width);
      r += 2;
    }
    if (r < rows) affine_rows<1, N, advance>(in, W + r * n, b + r, base + r * width, h, cols, width, out + r * width);
  }
  template <int N>
  static void affine(const T* in, const T* W, const T* b, std::int64_t rows, std::int64_t cols, std::int64_t width,
                     T* out) {
    affine_all<N, false>(in, W, b, out, 0, rows, cols, width, out);
  }
  template <int N>
  static void affine_advance(const T* in, const T* W, const T* b, const T* base, T h, std::int64_t rows,
                             std::int64_t cols, std::int64_t width, T* out) {
    affine_all<N, true>(in, W, b, base, h, rows, cols, width, out);
  }

  // J columns of W (rows of W') times C vectors.
  template <int J, int C, bool add>
  static HWY_INLINE void transpose_tile(const T* W, const T* g, std::int64_t rows, std::int64_t cols,
                                        std::int64_t width, T* out) {
    V sum[J][C];
    for (int j = 0; j < J; ++j)
      for (int c = 0; c < C; ++c) sum[j][c] = add ? hn::Load(d, out + j * width + c * L) : hn::Zero(d);
    for (std::int64_t i = 0; i < rows; ++i) {
      V x[C];
      for (int c = 0; c < C; ++c) x[c] = hn::Load(d, g + i * width + c * L);
      for (int j = 0; j < J; ++j) {
        const V w = hn::Set(d, W[i * cols + j]);
        for (int c = 0; c < C; ++c) sum[j][c] = hn::MulAdd(w, x[c], sum[j][c]);
      }
    }
    for (int j = 0; j < J; ++j)
      for (int c = 0; c < C; ++c) hn::Store(sum[j][c], d, out + j * width + c * L);
  }
  template <int J, bool add>
  static HWY_INLINE void transpose_rows(const T* W, const T* g, std::int64_t rows, std::int64_t cols,
                                        std::int64_t width, T* out) {
    std::int64_t s = 0;
    for (; s + wide * L <= width; s += wide * L) transpose_tile<J, wide, add>(W, g + s, rows, cols, width, out + s);
    for (; s < width; s += L) transpose_tile<J, 1, add>(W, g + s, rows, cols, width, out + s);
  }
  template <int N, bool add>
  static void transpose(const T* W, const T* g, std::int64_t rows, std::int64_t cols, std::int64_t width, T* out) {
    const std::int64_t n = N ? N : cols;
    std::int64_t j = 0;
    for (; j + tile <= n; j += tile) transpose_rows<tile, add>(W + j, g, rows, n, width, out + j * width);
    if (j + 2 <= n) {
      transpose_rows<2, add>(W + j, g, rows, n, width, out + j * width);
      j += 2;
    }
    if (j < n) transpose_rows<1, add>(W + j, g, rows, n, width, out + j * width);
  }

  // W_sum[i][j] += sum over the strip of g_i y_j, an R x J tile in registers.
  template <int R, int J>
  static HWY_INLINE void accumulate_tile(const T* g, const T* y, std::int64_t cols, std::int64_t width, T* sums) {
    V sum[R][J];
    for (int r = 0; r < R; ++r)
      for (int j = 0; j < J; ++j) sum[r][j] = hn::Load(d, sums + (r * cols + j) * L);
    for (std::int64_t s = 0; s < width; s += L) {
      V a[R], x[J];
      for (int r = 0; r < R; ++r) a[r] = hn::Load(d, g + r * width + s);
      for (int j = 0; j < J; ++j) x[j] = hn::Load(d, y + j * width + s);
      for (int r = 0; r < R; ++r)
        for (int j = 0; j < J; ++j) sum[r][j] = hn::MulAdd(a[r], x[j], sum[r][j]);
    }
    for (int r = 0; r < R; ++r)
      for (int j = 0; j < J; ++j) hn::Store(sum[r][j], d, sums + (r * cols + j) * L);
  }
  template <int R>
  static HWY_INLINE void accumulate_rows(const T* g, const T* y, std::int64_t cols, std::int64_t width, T* sums) {
    std::int64_t j = 0;
    for (; j + tile <= cols; j += tile) accumulate_tile<R, tile>(g, y + j * width, cols, width, sums + j * L);
    if (j + 2 <= cols) {
      accumulate_tile<R, 2>(g, y + j * width, cols, width, sums + j * L);
      j += 2;
    }
    if (j < cols) accumulate_tile<R, 1>(g, y + j * width, cols, width, sums + j * L);
  }
  template <int N>
  static void accumulate(const T* g, const T* y, std::int64_t rows, std::int64_t cols, std::int64_t width, T* W_sum,
                         T* b_sum) {
    const std::int64_t n = N ? N : cols;
    for (std::int64_t i = 0; i < rows; ++i) {
      V sum = hn::Load(d, b_sum + i * L);
      for (std::int64_t s = 0; s < width; s += L) sum = hn::Add(sum, hn::Load(d, g + i * width + s));
      hn::Store(sum, d, b_sum + i * L);
    }
    constexpr int R = HWY_TARGET == HWY_AVX3 ? 4 : 2;
    std::int64_t i = 0;
    for (; i + R <= rows; i += R) accumulate_rows<R>(g + i * width, y, n, width, W_sum + i * n * L);
    for (; i + 2 <= rows; i += 2) accumulate_rows<2>(g + i * width, y, n, width, W_sum + i * n * L);
    if (i < rows) accumulate_rows<1>(g + i * width, y, n, width, W_sum + i * n * L);
  }

  // |z - y|^2
  static void square_value(const T* z, const T* y, T weight, std::int64_t m, std::int64_t width, T* sum) {
    for (std::int64_t s = 0; s < width; s += L) {
      V total = hn::Zero(d);
      for (std::int64_t o = 0; o < m; ++o) {
        const V e = hn::Sub(hn::Load(d, z + o * width + s), hn::Load(d, y + o * width + s));
        total = hn::MulAdd(e, e, total);
      }
      hn::Store(hn::MulAdd(hn::Set(d, weight), total, hn::Load(d, sum + s)), d, sum + s);
    }
  }
  static void square_pull(const T* z, const T* y, T weight, const T* scale, std::int64_t m, std::int64_t width, T* sum,
                          bool add, T* z_bar) {
    for (std::int64_t s = 0; s < width; s += L) {
      const V factor = hn::Mul(hn::Set(d, 2 * weight), hn::Load(d, scale + s));
      V total = hn::Zero(d);
      for (std::int64_t o = 0; o < m; ++o) {
        const V e = hn::Sub(hn::Load(d, z + o * width + s), hn::Load(d, y + o * width + s));
        total = hn::MulAdd(e, e, total);
        T* bar = z_bar + o * width + s;
        hn::Store(hn::MulAdd(factor, e, add ? hn::Load(d, bar) : hn::Zero(d)), d, bar);
      }
      if (sum) hn::Store(hn::MulAdd(hn::Set(d, weight), total, hn::Load(d, sum + s)), d, sum + s);
    }
  }

  // log sum_c e^(z_c - top) + top - z_y
  static HWY_INLINE V largest(const T* z, std::int64_t m, std::int64_t width) {
    V top = hn::Load(d, z);
    for (std::int64_t o = 1; o < m; ++o) {
      const V next = hn::Load(d, z + o * width);
      top = hn::IfThenElse(hn::Gt(next, top), next, top);
    }
    return top;
  }
  static HWY_INLINE V exp_sum(const T* z, V top, std::int64_t m, std::int64_t width) {
    V sum = hn::Zero(d);
    for (std::int64_t o = 0; o < m; ++o) sum = hn::Add(sum, exp_of(d, hn::Sub(hn::Load(d, z + o * width), top)));
    return sum;
  }
  static HWY_INLINE V own_class(const T* z, V wanted, std::int64_t m, std::int64_t width) {
    V own = hn::Zero(d);
    for (std::int64_t o = 0; o < m; ++o)
      own = hn::IfThenElse(hn::Eq(wanted, hn::Set(d, static_cast<T>(o))), hn::Load(d, z + o * width), own);
    return own;
  }
  static void entropy_value(const T* z, const T* y, T weight, std::int64_t m, std::int64_t width, T* sum) {
    for (std::int64_t s = 0; s < width; s += L) {
      const V top = largest(z + s, m, width), own = own_class(z + s, hn::Load(d, y + s), m, width);
      const V cost = hn::Add(log_of(d, exp_sum(z + s, top, m, width)), hn::Sub(top, own));
      hn::Store(hn::MulAdd(hn::Set(d, weight), cost, hn::Load(d, sum + s)), d, sum + s);
    }
  }
  static void entropy_pull(const T* z, const T* y, T weight, const T* scale, std::int64_t m, std::int64_t width, T* sum,
                           bool add, T* z_bar) {
    const V one = hn::Set(d, T(1));
    for (std::int64_t s = 0; s < width; s += L) {
      const V top = largest(z + s, m, width), wanted = hn::Load(d, y + s), total = exp_sum(z + s, top, m, width);
      if (sum) {
        const V cost = hn::Add(log_of(d, total), hn::Sub(top, own_class(z + s, wanted, m, width)));
        hn::Store(hn::MulAdd(hn::Set(d, weight), cost, hn::Load(d, sum + s)), d, sum + s);
      }
      const V factor = hn::Mul(hn::Set(d, weight), hn::Load(d, scale + s)), inverse = hn::Div(one, total);
      for (std::int64_t o = 0; o < m; ++o) {
        const V share = hn::Mul(exp_of(d, hn::Sub(hn::Load(d, z + o * width + s), top)), inverse);
        const V target = hn::IfThenElseZero(hn::Eq(wanted, hn::Set(d, static_cast<T>(o))), one);
        T* bar = z_bar + o * width + s;
        hn::Store(hn::MulAdd(factor, hn::Sub(share, target), add ? hn::Load(d, bar) : hn::Zero(d)), d, bar);
      }
    }
  }

  static double sum_lanes(int terms, const T* const* v, const T* u, T twice, T* out, std::int64_t n) {
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      V sum = hn::Load(d, v[0] + i * L);
      for (int j = 1; j < terms; ++j) sum = hn::Add(sum, hn::Load(d, v[j] + i * L));
      const T own = u ? u[i] : T(0);
      out[i] = hn::GetLane(hn::SumOfLanes(d, sum)) + twice * own;
      squares += static_cast<double>(own) * own;
    }
    return squares;
  }

  static double collect(int terms, const T* const* v, const T* u, T twice, T* out, std::int64_t n) {
    using Double = hn::ScalableTag<double>;  // squares are summed in double, so both go by its lanes
    const Double sum_d;
    const hn::Rebind<T, Double> part_d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(sum_d));
    auto squares = hn::Zero(sum_d);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const auto own = u ? hn::LoadU(part_d, u + i) : hn::Zero(part_d);
      if constexpr (sizeof(T) == sizeof(double)) {
        squares = hn::MulAdd(own, own, squares);
      } else {
        const auto wide_own = hn::PromoteTo(sum_d, own);
        squares = hn::MulAdd(wide_own, wide_own, squares);
      }
      if (!out) continue;
      auto sum = hn::Zero(part_d);
      for (int j = 0; j < terms; ++j) sum = hn::Add(sum, hn::LoadU(part_d, v[j] + i));
      hn::StoreU(hn::MulAdd(hn::Set(part_d, twice), own, sum), part_d, out + i);
    }
    double total = hn::GetLane(hn::SumOfLanes(sum_d, squares));
    for (; i < n; ++i) {
      const T own = u ? u[i] : T(0);
      total += static_cast<double>(own) * own;
      if (!out) continue;
      T sum = 0;
      for (int j = 0; j < terms; ++j) sum += v[j][i];
      out[i] = sum + twice * own;
    }
    return total;
  }

  template <Activation kind>
  static void set_pointwise(StripKernels<T>& table) {
    table.pointwise[static_cast<int>(kind)] = {&value<kind>, &value_and_slope<kind>, &advance<kind>,
                                               &add_slope_times<kind>};
  }
  template <int N>
  static void set_product(StripKernels<T>& table) {
    table.product[N] = {&affine<N>, &affine_advance<N>, &transpose<N, false>, &transpose<N, true>, &accumulate<N>};
  }
  static StripKernels<T> make() {
    StripKernels<T> table{};
    table.target = hwy::TargetName(HWY_TARGET);
    table.lanes = L;
    set_pointwise<Activation::tanh>(table);
    set_pointwise<Activation::relu>(table);
    set_pointwise<Activation::leaky_relu>(table);
    set_pointwise<Activation::elu>(table);
    set_pointwise<Activation::sigmoid>(table);
    set_pointwise<Activation::softplus>(table);
    set_pointwise<Activation::gelu>(table);
    set_pointwise<Activation::sine>(table);
    set_pointwise<Activation::identity>(table);
    table.exponential = &exponential;
    table.error_function = &error_function;
    table.scale = &scale;
    table.scaled_product = &scaled_product;
    table.combine = &combine;
    set_product<0>(table);
    set_product<1>(table);
    set_product<2>(table);
    set_product<3>(table);
    set_product<4>(table);
    set_product<5>(table);
    set_product<6>(table);
    set_product<7>(table);
    set_product<8>(table);
    table.mean_square = {&square_value, &square_pull};
    table.cross_entropy = {&entropy_value, &entropy_pull};
    table.sum_lanes = &sum_lanes;
    table.collect = &collect;
    return table;
  }
};

StripKernels<float> make_f32() {
  return Kernels<float>::make();
}
StripKernels<double> make_f64() {
  return Kernels<double>::make();
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
HWY_EXPORT(make_f32);
HWY_EXPORT(make_f64);

template <>
const StripKernels<float>& strip_kernels<float>() {
  static const StripKernels<float> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_f32)());
  return table;
}
template <>
const StripKernels<double>& strip_kernels<double>() {
  static const StripKernels<double> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_f64)());
  return table;
}

}  // namespace turnpike
#endif
