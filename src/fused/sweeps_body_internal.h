// The body of the sweeps, compiled once for each target in a unit of its own for each dtype and kind of scheme:
// together they would be the longest unit of the build.

// Included once for each target, so `#pragma once` would be wrong here.
#if defined(TURNPIKE_FUSED_SWEEPS) == defined(HWY_TARGET_TOGGLE)
#ifdef TURNPIKE_FUSED_SWEEPS
#undef TURNPIKE_FUSED_SWEEPS
#else
#define TURNPIKE_FUSED_SWEEPS
#endif

#include "simd_math_internal.h"
#include "sweeps_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

// z = P x + c at vector s, its cost and the cotangent of z.
template <class T, int N>
struct SweepCost {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());
  static constexpr std::int64_t width = sweep_vectors(N) * L;

  static HWY_INLINE V output(const SweepTask<T>& t, std::int64_t o, const V (&x)[N]) {
    V z = hn::Set(d, t.c[o]);
    for (int j = 0; j < N; ++j) z = hn::MulAdd(hn::Set(d, t.P[o * N + j]), x[j], z);
    return z;
  }

  // log sum_c e^(z_c - top) + top - z_y; z_bar: softmax minus the wanted class, unless null.
  static HWY_NOINLINE V entropy(const SweepTask<T>& t, const V (&x)[N], std::int64_t s, T* z_bar) {
    HWY_ALIGN T z[max_sweep_outputs * L];
    const V wanted = hn::Load(d, t.target + s), one = hn::Set(d, T(1));
    V top = output(t, 0, x), own = hn::Zero(d), sum = hn::Zero(d);
    for (std::int64_t o = 0; o < t.m; ++o) {
      const V next = output(t, o, x);
      hn::Store(next, d, z + o * L);
      top = hn::IfThenElse(hn::Gt(next, top), next, top);
      own = hn::IfThenElse(hn::Eq(wanted, hn::Set(d, static_cast<T>(o))), next, own);
    }
    for (std::int64_t o = 0; o < t.m; ++o) {
      const V share = exp_of(d, hn::Sub(hn::Load(d, z + o * L), top));
      if (z_bar) hn::Store(share, d, z_bar + o * L);
      sum = hn::Add(sum, share);
    }
    if (z_bar) {
      const V inverse = hn::Div(one, sum);
      for (std::int64_t o = 0; o < t.m; ++o) {
        const V target = hn::IfThenElseZero(hn::Eq(wanted, hn::Set(d, static_cast<T>(o))), one);
        hn::Store(hn::MulSub(hn::Load(d, z_bar + o * L), inverse, target), d, z_bar + o * L);
      }
    }
    return hn::Add(log_of(d, sum), hn::Sub(top, own));
  }

  static HWY_INLINE V value(const SweepTask<T>& t, const V (&x)[N], std::int64_t s) {
    if (t.entropy) return entropy(t, x, s, nullptr);
    V total = hn::Zero(d);
    for (std::int64_t o = 0; o < t.m; ++o) {
      const V e = hn::Sub(output(t, o, x), hn::Load(d, t.target + o * width + s));
      total = hn::MulAdd(e, e, total);
    }
    return total;
  }

  // x_bar += weight integral_bar P' g'(P x + c), the readout's sums, and the cost.
  static HWY_INLINE V pull(const SweepTask<T>& t, const V (&x)[N], std::int64_t s, V weight, V (&x_bar)[N]) {
    const V scale = hn::Mul(weight, hn::Load(d, t.integral_bar + s));
    if (t.entropy) {
      HWY_ALIGN T z_bar[max_sweep_outputs * L];
      const V cost = entropy(t, x, s, z_bar);
      for (std::int64_t o = 0; o < t.m; ++o) push(t, o, x, hn::Mul(scale, hn::Load(d, z_bar + o * L)), x_bar);
      return cost;
    }
    const V twice = hn::Add(scale, scale);
    V total = hn::Zero(d);
    for (std::int64_t o = 0; o < t.m; ++o) {
      const V e = hn::Sub(output(t, o, x), hn::Load(d, t.target + o * width + s));
      total = hn::MulAdd(e, e, total);
      push(t, o, x, hn::Mul(twice, e), x_bar);
    }
    return total;
  }

 private:
  static HWY_INLINE void push(const SweepTask<T>& t, std::int64_t o, const V (&x)[N], V z_bar, V (&x_bar)[N]) {
    for (int j = 0; j < N; ++j) x_bar[j] = hn::MulAdd(hn::Set(d, t.P[o * N + j]), z_bar, x_bar[j]);
    if (!t.readout_sums) return;
    T* c_sum = t.readout_sums + (t.m * N + o) * L;
    hn::Store(hn::Add(hn::Load(d, c_sum), z_bar), d, c_sum);
    for (int j = 0; j < N; ++j) {
      T* P_sum = t.readout_sums + (o * N + j) * L;
      hn::Store(hn::MulAdd(z_bar, x[j], hn::Load(d, P_sum)), d, P_sum);
    }
  }
};

template <class T, bool inner, Activation kind, int N, bool euler>
struct Sweeps {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  using Cost = SweepCost<T, N>;
  static constexpr D d{};
  static constexpr std::int64_t L = hn::MaxLanes(D());
  static constexpr int S = sweep_vectors(N);
  // Vectors of samples whose activations are computed side by side: in float64 their chains are longer.
  static constexpr int G = euler && sizeof(T) == 8 ? S : N >= 3 ? 1 : 4 / N;
  static constexpr std::int64_t width = S * L, n = N * width, P = N * N + N;

  static HWY_INLINE V at(const T* strip, int i, int s) { return hn::Load(d, strip + i * width + s * L); }
  static HWY_INLINE void put(V value, T* strip, int i, int s) { hn::Store(value, d, strip + i * width + s * L); }

  template <bool keep>
  static void forward(const SweepTask<T>& t, std::int64_t first, std::int64_t last) {
    const int stages = euler ? 1 : t.stages;
    V x[N][S], cost[S];
    const T* start = keep ? t.x + first * n : t.x;
    for (int s = 0; s < S; ++s) {
      cost[s] = hn::Zero(d);
      for (int i = 0; i < N; ++i) x[i][s] = at(start, i, s);
    }
    for (std::int64_t k = first; k < last; ++k) {
      const T h = t.h[k];
      for (int stage = 0; stage < stages; ++stage) {
        const std::int64_t e = k * stages + stage;
        const T* row = t.table + t.row[e] * P;
        const T* A = euler ? nullptr : t.A + stage * stages;
        T* aux = keep ? t.aux + e * n : nullptr;
        T* points = keep && stage > 0 ? t.y + (k * (stages - 1) + stage - 1) * n : nullptr;
        T* rates = euler ? nullptr : t.rates + stage * n;
        const V step = hn::Set(d, h), weight = hn::Set(d, euler ? h : h * t.b[stage]);
#pragma GCC unroll 8
        for (int first_s = 0; first_s < S; first_s += G) {
          V y[G][N], z[G * N], slope[G * N];
          for (int g = 0; g < G; ++g) {
            const int s = first_s + g;
            for (int i = 0; i < N; ++i) y[g][i] = x[i][s];
            if constexpr (!euler) {
              for (int j = 0; j < stage; ++j) {
                if (A[j] == 0) continue;
                const V c = hn::Set(d, h * A[j]);
                for (int i = 0; i < N; ++i) y[g][i] = hn::MulAdd(c, at(t.rates + j * n, i, s), y[g][i]);
              }
              if (points)
                for (int i = 0; i < N; ++i) put(y[g][i], points, i, s);
            }
            if (!keep && t.m) cost[s] = hn::MulAdd(weight, Cost::value(t, y[g], s * L), cost[s]);
          }
          if constexpr (inner) {
            for (int g = 0; g < G; ++g)
              for (int i = 0; i < N; ++i) slope[g * N + i] = y[g][i];
            activate<kind>(d, slope, nullptr);
            for (int g = 0; g < G; ++g) {
              for (int i = 0; i < N; ++i) y[g][i] = slope[g * N + i];
              if constexpr (keep)
                for (int i = 0; i < N; ++i) put(y[g][i], aux, i, first_s + g);
            }
          }
          for (int i = 0; i < N; ++i) {
            for (int g = 0; g < G; ++g) z[g * N + i] = hn::Set(d, row[N * N + i]);
            for (int j = 0; j < N; ++j)
              for (int g = 0; g < G; ++g) z[g * N + i] = hn::MulAdd(hn::Set(d, row[i * N + j]), y[g][j], z[g * N + i]);
          }
          if constexpr (!inner) activate<kind>(d, z, keep ? slope : nullptr);
          for (int g = 0; g < G; ++g) {
            const int s = first_s + g;
            for (int i = 0; i < N; ++i) {
              if constexpr (!inner && keep) put(euler ? hn::Mul(step, slope[g * N + i]) : slope[g * N + i], aux, i, s);
              if constexpr (euler) {
                x[i][s] = hn::MulAdd(step, z[g * N + i], x[i][s]);
              } else {
                put(z[g * N + i], rates, i, s);
              }
            }
          }
        }
      }
      if constexpr (!euler) {
        for (int stage = 0; stage < stages; ++stage) {
          const V c = hn::Set(d, h * t.b[stage]);
#pragma GCC unroll 8
          for (int s = 0; s < S; ++s)
            for (int i = 0; i < N; ++i) x[i][s] = hn::MulAdd(c, at(t.rates + stage * n, i, s), x[i][s]);
        }
      }
      if constexpr (keep) {
        T* after = t.x + (k + 1) * n;
#pragma GCC unroll 8
        for (int s = 0; s < S; ++s)
          for (int i = 0; i < N; ++i) put(x[i][s], after, i, s);
      }
    }
    if constexpr (!keep) {
      for (int s = 0; s < S; ++s) {
        for (int i = 0; i < N; ++i) put(x[i][s], t.x, i, s);
        if (t.m) hn::Store(hn::Add(cost[s], hn::Load(d, t.integral + s * L)), d, t.integral + s * L);
      }
    }
  }

  // A running cost |P x + c - y|^2 of one output, whose row and sums stay in registers.
  struct OneOutput {
    V P[N], c, P_sum[N], c_sum, cost[S];
    bool readout;

    explicit HWY_INLINE OneOutput(const SweepTask<T>& t)
        : c(hn::Set(d, t.m ? t.c[0] : T(0))), c_sum(hn::Zero(d)), readout(t.readout_sums != nullptr) {
      for (int j = 0; j < N; ++j) {
        P[j] = hn::Set(d, t.m ? t.P[j] : T(0));
        P_sum[j] = hn::Zero(d);
      }
      for (int s = 0; s < S; ++s) cost[s] = hn::Zero(d);
    }
    HWY_INLINE void pull(const T* target, const T* scale, const V (&x)[N], int s, V weight, V (&x_bar)[N]) {
      V e = hn::Sub(c, hn::Load(d, target + s * L));
      for (int j = 0; j < N; ++j) e = hn::MulAdd(P[j], x[j], e);
      const V weighted = hn::Mul(weight, e);
      cost[s] = hn::MulAdd(weighted, e, cost[s]);
      const V half = hn::Mul(weighted, hn::Load(d, scale + s * L)), z_bar = hn::Add(half, half);
      for (int j = 0; j < N; ++j) x_bar[j] = hn::MulAdd(P[j], z_bar, x_bar[j]);
      if (!readout) return;
      c_sum = hn::Add(c_sum, z_bar);
      for (int j = 0; j < N; ++j) P_sum[j] = hn::MulAdd(z_bar, x[j], P_sum[j]);
    }
  };

  // rate_bar_i = h b_i x_bar + sum_{j>i} h a_ji y_bar_j,  y_bar_i = f'(y_i)' rate_bar_i + cost,  x_bar += sum_i y_bar_i
  template <bool one>
  static void pull_back(const SweepTask<T>& task, std::int64_t first, std::int64_t last) {
    const SweepTask<T> t = task;  // its members need no reading again after every store
    const int stages = euler ? 1 : t.stages;
    V a[N][S], cost[S];
    for (int s = 0; s < S; ++s) {
      cost[s] = hn::Zero(d);
      for (int i = 0; i < N; ++i) a[i][s] = at(t.a, i, s);
    }
    OneOutput output(task);
    for (std::int64_t k = last - 1; k >= first; --k) {
      const T h = t.h[k];
      for (int stage = stages - 1; stage >= 0; --stage) {
        const std::int64_t e = k * stages + stage;
        const T* row = t.table + t.row[e] * P;
        T* sum = t.sums + t.sum_of[e] * P * L;
        const T* points = euler || stage == 0 ? t.x + k * n : t.y + (k * (stages - 1) + stage - 1) * n;
        const T* aux = t.aux + e * n;
        const V weight = hn::Set(d, euler ? h : h * t.b[stage]);
        V W_sum[N][N], b_sum[N], W[N][N];
        for (int i = 0; i < N; ++i) {
          b_sum[i] = hn::Load(d, sum + (N * N + i) * L);
          for (int j = 0; j < N; ++j) {
            W_sum[i][j] = hn::Load(d, sum + (i * N + j) * L);
            W[i][j] = hn::Set(d, row[i * N + j]);
          }
        }
#pragma GCC unroll 8
        for (int s = 0; s < S; ++s) {
          V y[N], kept[N], g[N], bar[N];
          for (int i = 0; i < N; ++i) {
            y[i] = at(points, i, s);
            kept[i] = at(aux, i, s);
            bar[i] = euler ? a[i][s] : hn::Zero(d);
            g[i] = euler && !inner ? a[i][s] : hn::Mul(weight, a[i][s]);
          }
          if constexpr (!euler) {
            for (int j = stage + 1; j < stages; ++j) {
              const T coefficient = t.A[j * stages + stage];
              if (coefficient == 0) continue;
              const V c = hn::Set(d, h * coefficient);
              for (int i = 0; i < N; ++i) g[i] = hn::MulAdd(c, at(t.rates + j * n, i, s), g[i]);
            }
          }
          if constexpr (one) {
            output.pull(t.target, t.integral_bar, y, s, weight, bar);
          } else if (t.m) {
            cost[s] = hn::MulAdd(weight, Cost::pull(task, y, s * L, weight, bar), cost[s]);
          }
          if constexpr (!inner)
            for (int i = 0; i < N; ++i) g[i] = hn::Mul(g[i], kept[i]);
          for (int i = 0; i < N; ++i) {
            b_sum[i] = hn::Add(b_sum[i], g[i]);
            for (int j = 0; j < N; ++j) W_sum[i][j] = hn::MulAdd(g[i], inner ? kept[j] : y[j], W_sum[i][j]);
          }
          for (int j = 0; j < N; ++j) {
            V v = inner ? hn::Zero(d) : bar[j];
            for (int i = 0; i < N; ++i) v = hn::MulAdd(W[i][j], g[i], v);
            bar[j] = inner ? hn::MulAdd(v, slope_lane<kind>(d, y[j], kept[j]), bar[j]) : v;
            if constexpr (euler) {
              a[j][s] = bar[j];
            } else {
              put(bar[j], t.rates + stage * n, j, s);
            }
          }
        }
        for (int i = 0; i < N; ++i) {
          hn::Store(b_sum[i], d, sum + (N * N + i) * L);
          for (int j = 0; j < N; ++j) hn::Store(W_sum[i][j], d, sum + (i * N + j) * L);
        }
      }
      if constexpr (!euler) {
        for (int stage = 0; stage < stages; ++stage) {
#pragma GCC unroll 8
          for (int s = 0; s < S; ++s)
            for (int i = 0; i < N; ++i) a[i][s] = hn::Add(a[i][s], at(t.rates + stage * n, i, s));
        }
      }
    }
    for (int s = 0; s < S; ++s) {
      for (int i = 0; i < N; ++i) put(a[i][s], t.a, i, s);
      if (t.integral)
        hn::Store(hn::Add(one ? output.cost[s] : cost[s], hn::Load(d, t.integral + s * L)), d, t.integral + s * L);
    }
    if (one && t.readout_sums) {
      for (int j = 0; j <= N; ++j) {
        T* sum = t.readout_sums + j * L;
        hn::Store(hn::Add(hn::Load(d, sum), j < N ? output.P_sum[j] : output.c_sum), d, sum);
      }
    }
  }
  static void backward(const SweepTask<T>& t, std::int64_t first, std::int64_t last) {
    if (t.m == 1 && !t.entropy) {
      pull_back<true>(t, first, last);
    } else {
      pull_back<false>(t, first, last);
    }
  }

  static constexpr typename SweepKernels<T>::Dimension kernels() {
    return {&forward<false>, &forward<true>, &backward};
  }
};

template <class T, bool inner, Activation kind, bool euler>
const SweepKernels<T>* all_dimensions() {
  static const SweepKernels<T> table = {{{},
                                         Sweeps<T, inner, kind, 1, euler>::kernels(),
                                         Sweeps<T, inner, kind, 2, euler>::kernels(),
                                         Sweeps<T, inner, kind, 3, euler>::kernels(),
                                         Sweeps<T, inner, kind, 4, euler>::kernels()}};
  return &table;
}

template <class T, bool euler>
const SweepKernels<T>* find_sweeps(bool inner, Activation activation) {
#if HWY_TARGET != HWY_SCALAR
  constexpr Activation tanh = Activation::tanh, relu = Activation::relu;
  if (activation == tanh)
    return inner ? all_dimensions<T, true, tanh, euler>() : all_dimensions<T, false, tanh, euler>();
  if (activation == relu)
    return inner ? all_dimensions<T, true, relu, euler>() : all_dimensions<T, false, relu, euler>();
#endif
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#endif  // TURNPIKE_FUSED_SWEEPS
