#include "sweeps_internal.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sweeps.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "simd_math_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

template <class T, bool inner, Activation kind>
struct Sweeps {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());

  // P_o x + c_o - y_o at lane s.
  template <int N>
  static HWY_INLINE V residual(const SweepTask<T>& t, std::int64_t o, const V (&x)[N], std::int64_t s) {
    V e = hn::Sub(hn::Set(d, t.c[o]), hn::Load(d, t.y + o * t.width + s));
    for (int j = 0; j < N; ++j) e = hn::MulAdd(hn::Set(d, t.P[o * N + j]), x[j], e);
    return e;
  }

  template <int N, bool keep>
  static void forward(const SweepTask<T>& t, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t P = N * N + N;
    const std::int64_t n = N * t.width;
    for (std::int64_t k = first; k < last; ++k) {
      const T* row = t.table + t.row[k] * P;
      V W[N][N], b[N];
      for (int i = 0; i < N; ++i) {
        b[i] = hn::Set(d, row[N * N + i]);
        for (int j = 0; j < N; ++j) W[i][j] = hn::Set(d, row[i * N + j]);
      }
      const V h = hn::Set(d, t.h[k]), weight = hn::Set(d, t.m ? t.weight[k] : T(0));
      T* from = keep ? t.x + k * n : t.x;
      T* to = keep ? from + n : from;
      T* aux = t.aux + (keep ? k * n : 0);
      for (std::int64_t s = 0; s < t.width; s += L) {
        V x[N];
        for (int i = 0; i < N; ++i) x[i] = hn::Load(d, from + i * t.width + s);
        if constexpr (!keep) {
          for (std::int64_t o = 0; o < t.m; ++o) {
            const V e = residual(t, o, x, s);
            hn::Store(hn::MulAdd(hn::Mul(weight, e), e, hn::Load(d, t.integral + s)), d, t.integral + s);
          }
        }
        V in[N], slope;
        for (int j = 0; j < N; ++j) {
          in[j] = x[j];
          if constexpr (inner) {
            in[j] = activate_lane<kind>(d, x[j], nullptr);
            if constexpr (keep) hn::Store(in[j], d, aux + j * t.width + s);
          }
        }
        for (int i = 0; i < N; ++i) {
          V rate = b[i];
          for (int j = 0; j < N; ++j) rate = hn::MulAdd(W[i][j], in[j], rate);
          if constexpr (!inner) {
            rate = activate_lane<kind>(d, rate, keep ? &slope : nullptr);
            if constexpr (keep) hn::Store(slope, d, aux + i * t.width + s);
          }
          hn::Store(hn::MulAdd(h, rate, x[i]), d, to + i * t.width + s);
        }
      }
    }
  }

  template <int N, bool sums>
  static HWY_INLINE void backward_steps(const SweepTask<T>& t, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t P = N * N + N;
    const std::int64_t n = N * t.width;
    for (std::int64_t k = last - 1; k >= first; --k) {
      const T* row = t.table + t.row[k] * P;
      T* sum = sums ? t.sums + t.sum_of[k] * P * L : nullptr;
      const T *xs = t.x + k * n, *auxs = t.aux + k * n;
      const V h = hn::Set(d, t.h[k]), weight = hn::Set(d, t.m ? t.weight[k] : T(0));
      V W_sum[N][N], b_sum[N];
      if constexpr (sums) {
        for (int i = 0; i < N; ++i) {
          b_sum[i] = hn::Load(d, sum + (N * N + i) * L);
          for (int j = 0; j < N; ++j) W_sum[i][j] = hn::Load(d, sum + (i * N + j) * L);
        }
      }
      for (std::int64_t s = 0; s < t.width; s += L) {
        V x[N], aux[N], a[N], g[N], v[N];
        for (int i = 0; i < N; ++i) {
          x[i] = hn::Load(d, xs + i * t.width + s);
          aux[i] = hn::Load(d, auxs + i * t.width + s);
          a[i] = hn::Load(d, t.a + i * t.width + s);
          g[i] = hn::Mul(h, a[i]);
          if constexpr (!inner) g[i] = hn::Mul(g[i], aux[i]);
        }
        if constexpr (sums) {
          for (int i = 0; i < N; ++i) {
            b_sum[i] = hn::Add(b_sum[i], g[i]);
            for (int j = 0; j < N; ++j) W_sum[i][j] = hn::MulAdd(g[i], inner ? aux[j] : x[j], W_sum[i][j]);
          }
        }
        for (int j = 0; j < N; ++j) {
          v[j] = inner ? hn::Mul(hn::Set(d, row[j]), g[0]) : hn::MulAdd(hn::Set(d, row[j]), g[0], a[j]);
          for (int i = 1; i < N; ++i) v[j] = hn::MulAdd(hn::Set(d, row[i * N + j]), g[i], v[j]);
          a[j] = inner ? hn::MulAdd(v[j], slope_lane<kind>(d, x[j], aux[j]), a[j]) : v[j];
        }
        for (std::int64_t o = 0; o < t.m; ++o) {
          const V e = residual(t, o, x, s), weighted = hn::Mul(weight, e);
          if (t.integral) hn::Store(hn::MulAdd(weighted, e, hn::Load(d, t.integral + s)), d, t.integral + s);
          const V z_bar = hn::Mul(hn::Add(weighted, weighted), hn::Load(d, t.integral_bar + s));
          for (int j = 0; j < N; ++j) a[j] = hn::MulAdd(hn::Set(d, t.P[o * N + j]), z_bar, a[j]);
          if (t.readout_sums) {
            T* c_sum = t.readout_sums + (t.m * N + o) * L;
            hn::Store(hn::Add(hn::Load(d, c_sum), z_bar), d, c_sum);
            for (int j = 0; j < N; ++j) {
              T* P_sum = t.readout_sums + (o * N + j) * L;
              hn::Store(hn::MulAdd(z_bar, x[j], hn::Load(d, P_sum)), d, P_sum);
            }
          }
        }
        for (int j = 0; j < N; ++j) hn::Store(a[j], d, t.a + j * t.width + s);
      }
      if constexpr (sums) {
        for (int i = 0; i < N; ++i) {
          hn::Store(b_sum[i], d, sum + (N * N + i) * L);
          for (int j = 0; j < N; ++j) hn::Store(W_sum[i][j], d, sum + (i * N + j) * L);
        }
      }
    }
  }
  template <int N>
  static void backward(const SweepTask<T>& t, std::int64_t first, std::int64_t last) {
    if (t.sums) {
      backward_steps<N, true>(t, first, last);
    } else {
      backward_steps<N, false>(t, first, last);
    }
  }

  static const SweepKernels<T>* table() {
    static const SweepKernels<T> kernels = {
        {nullptr, &forward<1, false>, &forward<2, false>, &forward<3, false>, &forward<4, false>},
        {nullptr, &forward<1, true>, &forward<2, true>, &forward<3, true>, &forward<4, true>},
        {nullptr, &backward<1>, &backward<2>, &backward<3>, &backward<4>}};
    return &kernels;
  }
};

template <class T>
const SweepKernels<T>* find(bool inner, Activation activation) {
#if HWY_TARGET != HWY_SCALAR
  if (activation == Activation::tanh) {
    return inner ? Sweeps<T, true, Activation::tanh>::table() : Sweeps<T, false, Activation::tanh>::table();
  }
  if (activation == Activation::relu) {
    return inner ? Sweeps<T, true, Activation::relu>::table() : Sweeps<T, false, Activation::relu>::table();
  }
#endif
  return nullptr;
}
const SweepKernels<float>* find_f32(bool inner, Activation activation) {
  return find<float>(inner, activation);
}
const SweepKernels<double>* find_f64(bool inner, Activation activation) {
  return find<double>(inner, activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
HWY_EXPORT(find_f32);
HWY_EXPORT(find_f64);

template <>
const SweepKernels<float>* sweep_kernels<float>(bool inner, Activation activation) {
  return HWY_DYNAMIC_DISPATCH(find_f32)(inner, activation);
}
template <>
const SweepKernels<double>* sweep_kernels<double>(bool inner, Activation activation) {
  return HWY_DYNAMIC_DISPATCH(find_f64)(inner, activation);
}

}  // namespace turnpike
#endif
