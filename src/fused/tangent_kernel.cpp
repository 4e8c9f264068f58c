#include <turnpike/fused/tangent_kernel.h>

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include <turnpike/base/error.h>

#include "panels_internal.h"
#include "tangent_tiles_internal.h"
#include "workers_internal.h"

namespace turnpike {
namespace {

using Real = long double;

// sum of the first terms of a power series at u in [0, 1]; those of the two below fall like 2^-k there.
constexpr int n_terms = 72;
Real series(const std::vector<Real>& c, Real u) {
  Real sum = 0;
  for (int k = n_terms; k-- > 0;) sum = sum * u + c[k];
  return sum;
}

// theta = acos(1 - u) = sqrt(2u) sum a_k u^k, a_k = binom(2k, k) / (8^k (2k + 1)), and since d(sin theta - theta cos
// theta)/du = theta,   sin theta - theta cos theta = (2u)^(3/2) sum a_k u^k / (2k + 3).
struct ArcSeries {
  std::vector<Real> p, q;  // of sqrt(2) theta / (pi sqrt(2u)) and of (sin theta - theta cos theta) / (pi u^(3/2))
  ArcSeries() {
    Real a = 1;  // binom(2k, k) / 8^k
    for (int k = 0; k < n_terms; ++k) {
      const Real term = std::numbers::sqrt2_v<Real> * a / (2 * k + 1) / std::numbers::pi_v<Real>;
      p.push_back(term);
      q.push_back(2 * term / (2 * k + 3));
      a *= static_cast<Real>(2 * k + 1) / (4 * (k + 1));
    }
  }
};

// The interpolant of f at the Chebyshev nodes of [0, U], in powers of u.
template <class F>
std::vector<Real> interpolate(F f, Real U, int degree) {
  const int n = degree + 1;
  std::vector<Real> values(n), power(n, 0), last(n, 0), current(n, 0);
  const auto angle = [&](int i) { return std::numbers::pi_v<Real> * (i + Real(0.5)) / n; };
  for (int i = 0; i < n; ++i) values[i] = f(U * (1 + std::cos(angle(i))) / 2);
  for (int k = 0; k < n; ++k) {
    Real coefficient = 0;
    for (int i = 0; i < n; ++i) coefficient += values[i] * std::cos(k * angle(i)) * (k ? 2 : 1) / n;
    // T_0 = 1, T_1 = s, T_{k+1} = 2 s T_k - T_{k-1} with s = 2u/U - 1
    std::vector<Real> next(n, 0);
    if (k == 0) {
      next[0] = 1;
    } else {
      const Real factor = k == 1 ? 1 : 2;
      for (int j = 0; j < n; ++j) {
        next[j] -= factor * current[j];
        if (j + 1 < n) next[j + 1] += factor * 2 / U * current[j];
        if (k > 1) next[j] -= last[j];
      }
    }
    for (int j = 0; j < n; ++j) power[j] += coefficient * next[j];
    last = current;
    current = next;
  }
  return power;
}

// The lowest degree for which the error of r p and r u q stays below the rounding of the sums that they enter.
template <class T>
ArcLayer<T> arc_layer(const ArcSeries& arcs, Real U) {
  const Real tolerance = std::numeric_limits<T>::epsilon() / (sizeof(T) == 4 ? 4 : 1);
  const auto p = [&](Real u) { return series(arcs.p, u); };
  const auto q = [&](Real u) { return series(arcs.q, u); };
  for (int degree = 2;; ++degree) {
    const std::vector<Real> ps = interpolate(p, U, degree), qs = interpolate(q, U, degree);
    Real worst = 0;
    for (int i = 0; i <= 200; ++i) {
      const Real u = U * i / 200, r = std::sqrt(u);
      Real sum_p = 0, sum_q = 0;
      for (int k = degree; k >= 0; --k) {
        sum_p = sum_p * u + ps[k];
        sum_q = sum_q * u + qs[k];
      }
      worst = std::max({worst, std::abs(sum_p - p(u)) * r, std::abs(sum_q - q(u)) * r * u});
    }
    if (worst > tolerance && degree < 30) continue;
    return {{ps.begin(), ps.end()}, {qs.begin(), qs.end()}};
  }
}

// Layer by layer u = 1 - |c| lies in a smaller interval: c_1 in [-1, 1], then c_{l+1} = k1(c_l) >= k1 of the least. The
// layers are the same for every network: made once, as deep as was asked for.
template <class T>
std::vector<ArcLayer<T>> arc_layers(int n_layers) {
  static std::mutex mutex;
  static std::vector<ArcLayer<T>> layers;
  static Real U = 1;
  const std::lock_guard lock(mutex);
  const ArcSeries arcs;
  while (static_cast<int>(layers.size()) < n_layers) {
    layers.push_back(arc_layer<T>(arcs, U));
    // k1(-1) = 0, and for c >= 0   1 - k1 = u - (sin theta - theta cos theta) / pi, with a little room for rounding.
    if (layers.size() > 1) U = std::min<Real>(1, (U - std::sqrt(U) * U * series(arcs.q, U)) * Real(1.0001));
  }
  return {layers.begin(), layers.begin() + n_layers};
}

// Points as directions and lengths, in panels of tile_side, the last one filled with zero vectors.
template <class T>
struct Points {
  std::int64_t n, d, panels;
  hwy::AlignedFreeUniquePtr<T[]> rows, columns,
      size;  // [panels][tile_side][d], [panels][d][tile_side], [panels * tile_side]

  Points(const T* X, std::int64_t n, std::int64_t d, double factor)
      : n(n), d(d), panels((n + tile_side - 1) / tile_side) {
    const std::int64_t padded = panels * tile_side;
    rows = hwy::AllocateAligned<T>(padded * d);
    columns = hwy::AllocateAligned<T>(padded * d);
    size = hwy::AllocateAligned<T>(padded);
    for (std::int64_t i = 0; i < padded; ++i) {
      // Scaled first, so that squares neither overflow nor vanish.
      double largest = 0, squares = 0;
      for (std::int64_t k = 0; i < n && k < d; ++k) largest = std::max(largest, std::abs(double(X[i * d + k])));
      for (std::int64_t k = 0; i < n && k < d; ++k) {
        const double entry = largest > 0 ? X[i * d + k] / largest : 0;
        squares += entry * entry;
      }
      const double length = std::sqrt(squares);
      size[i] = static_cast<T>(length * largest * factor);
      T* column = &columns[i / tile_side * tile_side * d + i % tile_side];
      for (std::int64_t k = 0; k < d; ++k)
        rows[i * d + k] = column[k * tile_side] = largest > 0 ? static_cast<T>(X[i * d + k] / largest / length) : T(0);
    }
  }
  std::int64_t in_panel(std::int64_t panel) const { return std::min(tile_side, n - panel * tile_side); }
};

// Tiles (i, j), j >= i, of a symmetric matrix of n x n tiles, row by row.
struct Upper {
  std::int64_t n;
  std::int64_t count() const { return n * (n + 1) / 2; }
  // Visits those from `first` on by steps of `step`.
  template <class Visit>
  void each(std::int64_t first, std::int64_t step, Visit visit) const {
    std::int64_t start = 0;  // of row i
    for (std::int64_t i = 0; i < n; start += n - i, ++i)
      for (; first < start + n - i; first += step) visit(i, i + first - start);
  }
};

}  // namespace

template <class T>
struct WideReluKernel<T>::State {
  WideRelu net;
  double root_factor;  // of one length
  std::vector<ArcLayer<T>> layers;
  Points<T> points;
  int threads;

  State(const WideRelu& net, const T* X, std::int64_t n, std::int64_t d, int threads)
      : net(net),
        root_factor(std::sqrt(net.input_variance * std::pow(net.weight_variance / 2, net.hidden_layers))),
        layers(arc_layers<T>(net.hidden_layers)),
        points(X, n, d, root_factor),
        threads(threads) {}

  void tile(const Points<T>& x, std::int64_t i, std::int64_t j, T* out) const {
    const std::int64_t d = points.d, from_x = i * tile_side, from_z = j * tile_side;
    panel_kernels<T>().multiply({.rows = tile_side,
                                 .cols = tile_side,
                                 .depth = d,
                                 .A = &x.rows[from_x * d],
                                 .A_row = d,
                                 .A_col = 1,
                                 .B = &points.columns[from_z * d],
                                 .B_row = tile_side,
                                 .C = out,
                                 .C_row = tile_side,
                                 .start = PanelKernels<T>::Start::zero});
    tile_kernels<T>().kernel({.rows = x.in_panel(i),
                              .d = d,
                              .x = &x.rows[from_x * d],
                              .z = &points.columns[from_z * d],
                              .x_size = &x.size[from_x],
                              .z_size = &points.size[from_z],
                              .layers = layers.data(),
                              .n_layers = net.hidden_layers,
                              .tangent = net.tangent,
                              .tile = out});
  }

  // A thread is worth waking for some 20 tiles.
  int useful_threads(std::int64_t tiles) const {
    return static_cast<int>(std::clamp<std::int64_t>(tiles / 20, 1, threads));
  }
};

template <class T>
WideReluKernel<T>::WideReluKernel(const WideRelu& net, const T* X, std::int64_t n, std::int64_t d, int threads) {
  require(net.hidden_layers >= 1 && n >= 1 && d >= 1 && threads >= 1,
          fmt::format("WideReluKernel: at least 1 hidden layer, point, dimension and thread, got {}, {}, {}, {}",
                      net.hidden_layers, n, d, threads));
  require(net.weight_variance >= 0 && net.input_variance >= 0,
          fmt::format("WideReluKernel: variances >= 0, got {} and {}", net.weight_variance, net.input_variance));
  state_ = std::make_unique<State>(net, X, n, d, threads);
}
template <class T>
WideReluKernel<T>::~WideReluKernel() = default;
template <class T>
WideReluKernel<T>::WideReluKernel(WideReluKernel&&) noexcept = default;
template <class T>
WideReluKernel<T>& WideReluKernel<T>::operator=(WideReluKernel&&) noexcept = default;

template <class T>
void WideReluKernel<T>::matrix(T* K) const {
  const State& s = *state_;
  const std::int64_t n = s.points.n;
  const Upper upper{s.points.panels};
  const TileKernels<T>& kernels = tile_kernels<T>();
  std::atomic<std::int64_t> next_row{0};
  const int threads = s.useful_threads(upper.count());
  Team(threads).run([&](int) {
    alignas(strip_alignment) T tile[tile_side * tile_side], turned[tile_side * tile_side];
    // The longest rows first, so that the threads end together.
    for (std::int64_t i; (i = next_row.fetch_add(1, std::memory_order_relaxed)) < upper.n;) {
      for (std::int64_t j = i; j < upper.n; ++j) {
        s.tile(s.points, i, j, tile);
        if (i == j) {
          for (std::int64_t a = 0; a < tile_side; ++a)
            for (std::int64_t b = 0; b < a; ++b) tile[a * tile_side + b] = tile[b * tile_side + a];
        } else {
          kernels.transpose(tile, turned);
          kernels.store(turned, s.points.in_panel(j), tile_side, K + j * tile_side * n + i * tile_side, n);
        }
        kernels.store(tile, s.points.in_panel(i), s.points.in_panel(j), K + i * tile_side * n + j * tile_side, n);
      }
    }
  });
}

template <class T>
void WideReluKernel<T>::times(const T* v, T* out) const {
  const State& s = *state_;
  const std::int64_t n = s.points.n, padded = s.points.panels * tile_side;
  const Upper upper{s.points.panels};
  const TileKernels<T>& kernels = tile_kernels<T>();
  const int threads = s.useful_threads(upper.count());
  const auto in = hwy::AllocateAligned<T>(padded);
  std::fill(std::copy_n(v, n, in.get()), in.get() + padded, T(0));
  // Sums of the tiles in double, one vector a thread.
  std::vector<double> sums(threads * padded, 0.0);
  Team(threads).run([&](int share) {
    alignas(strip_alignment) T tile[tile_side * tile_side], row_sums[tile_side], column_sums[tile_side];
    double* own = sums.data() + share * padded;
    upper.each(share, threads, [&](std::int64_t i, std::int64_t j) {
      s.tile(s.points, i, j, tile);
      std::fill_n(row_sums, tile_side, T(0));
      std::fill_n(column_sums, tile_side, T(0));
      kernels.products(tile, s.points.in_panel(i), &in[j * tile_side], row_sums, i == j ? nullptr : &in[i * tile_side],
                       column_sums);
      for (std::int64_t a = 0; a < tile_side; ++a) {
        own[i * tile_side + a] += row_sums[a];
        own[j * tile_side + a] += column_sums[a];
      }
    });
  });
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int share = 0; share < threads; ++share) sum += sums[share * padded + i];
    out[i] = static_cast<T>(sum);
  }
}

template <class T>
void WideReluKernel<T>::cross(const T* Z, std::int64_t m, T* C) const {
  require(m >= 1, fmt::format("WideReluKernel::cross: at least 1 point, got {}", m));
  const State& s = *state_;
  const Points<T> z(Z, m, s.points.d, s.root_factor);
  std::atomic<std::int64_t> next_row{0};
  const int threads = s.useful_threads(z.panels * s.points.panels);
  Team(threads).run([&](int) {
    alignas(strip_alignment) T tile[tile_side * tile_side];
    for (std::int64_t i; (i = next_row.fetch_add(1, std::memory_order_relaxed)) < z.panels;) {
      for (std::int64_t j = 0; j < s.points.panels; ++j) {
        s.tile(z, i, j, tile);
        tile_kernels<T>().store(tile, z.in_panel(i), s.points.in_panel(j),
                                C + i * tile_side * s.points.n + j * tile_side, s.points.n);
      }
    }
  });
}

template class WideReluKernel<float>;
template class WideReluKernel<double>;

}  // namespace turnpike
