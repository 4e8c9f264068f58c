#include <turnpike/fused/tangent_kernel.h>

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
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

// phi(x) = r(x) - a r(-x), r(x) = max(x, 0), takes u, v of variance 1 at the angle theta to variances m = (1 + a^2) / 2
// and
//   E[phi(u) phi(v)] = m k1(theta) - a k1(pi - theta),   E[phi'(u) phi'(v)] = m (1 - theta / pi) + a theta / pi
// where k1(pi - theta) = (sin theta - theta cos theta) / pi.
struct Layer {
  Real a, weight;  // a / m, sigma_w^2 m
  explicit Layer(const WideRectifier& net) {
    const Real m = (1 + static_cast<Real>(net.slope) * net.slope) / 2;
    a = net.slope / m;
    weight = net.weight_variance * m;
  }
  static Real skip(const WideRectifier& net, int l) { return net.residual && l + 1 < net.hidden_layers ? 1 : 0; }
};

// The kernel over its lengths, as a function of the angle of the points. Angles are kept as 1 - cos, from differences
// near 0 and near pi, so that no layer loses small ones.
Real of_angle(const WideRectifier& net, Real theta) {
  constexpr Real pi = std::numbers::pi_v<Real>;
  const Layer layer(net);
  const auto opposite = [](Real t) -> Real { return (std::sin(t) - t * std::cos(t)) / pi; };  // k1(pi - t)
  const auto less = [&](Real t) -> Real {                                                     // 1 - k1(t)
    return 2 * std::sin(t / 2) * std::sin(t / 2) - opposite(t);
  };
  Real u = 2 * std::sin(theta / 2) * std::sin(theta / 2), t = 1 - u;
  for (int l = 0; l < net.hidden_layers; ++l) {
    const Real skip = Layer::skip(net, l), sum = layer.weight + skip, other = pi - theta;
    if (sum == 0) return 0;
    const Real apart =
        theta < other ? less(theta) + layer.a * opposite(theta) : 1 + layer.a - opposite(other) - layer.a * less(other);
    const Real slopes = 1 - theta / pi + layer.a * theta / pi;
    t = (layer.weight * (1 - apart + slopes * t) + skip * t) / sum;
    u = (layer.weight * apart + skip * u) / sum;
    theta = 2 * std::asin(std::sqrt(std::clamp<Real>(u / 2, 0, 1)));
  }
  return net.tangent ? t : 1 - u;
}

// Of the interpolant at n Chebyshev nodes of x = sqrt 2 sin(theta / 2 - pi / 4).
std::vector<Real> chebyshev_coefficients(const WideRectifier& net, int n) {
  constexpr Real pi = std::numbers::pi_v<Real>;
  std::vector<Real> cosine(4 * n), values(n), c(n);
  for (int i = 0; i < 4 * n; ++i) cosine[i] = std::cos(pi * i / (2 * n));
  for (int i = 0; i < n; ++i)
    values[i] = of_angle(net, pi / 2 + 2 * std::asin(cosine[2 * i + 1] / std::numbers::sqrt2_v<Real>));
  for (int k = 0; k < n; ++k) {
    for (int i = 0; i < n; ++i) c[k] += values[i] * cosine[static_cast<std::int64_t>(k) * (2 * i + 1) % (4 * n)];
    c[k] *= (k > 0 ? 2 : 1) / static_cast<Real>(n);
  }
  return c;
}

constexpr int most_nodes = 2048;  // enough for some thousand layers

// The interpolant, cut where the rest is below rounding. Powers of x where they cancel little:
// an error of half an ulp in each is what `cancels` allows.
template <class T>
AngleFunction<T> angle_function(const WideRectifier& net) {
  constexpr Real cancels = 8;
  const Real size = std::abs(of_angle(net, 0)), allowed = size * std::numeric_limits<T>::epsilon() / 2;
  // As many nodes as leave a quarter of the coefficients below rounding: what they miss lies below it too.
  std::vector<Real> c;
  for (int n = 64; c.empty(); n *= 2) {
    c = chebyshev_coefficients(net, n);
    Real rest = 0;
    while (c.size() > 1 && rest + std::abs(c.back()) <= allowed) {
      rest += std::abs(c.back());
      c.pop_back();
    }
    if (4 * static_cast<int>(c.size()) > 3 * n && n < most_nodes) c.clear();
  }
  // T_0 = 1, T_1 = x, T_{k+1} = 2 x T_k - T_{k-1}
  std::vector<Real> powers(c.size()), last(c.size()), current(c.size());
  current[0] = 1;
  for (std::size_t k = 0; k < c.size(); ++k) {
    for (std::size_t j = 0; j <= k; ++j) powers[j] += c[k] * current[j];
    std::vector<Real> next(c.size());
    for (std::size_t j = 0; j < c.size(); ++j)
      next[j] = (j > 0 ? (k > 0 ? 2 : 1) * current[j - 1] : 0) - (k > 0 ? last[j] : 0);
    last = std::move(current);
    current = std::move(next);
  }
  Real sum = 0;
  for (const Real a : powers) sum += std::abs(a);
  const bool chebyshev = !(sum <= cancels * size);
  const std::vector<Real>& chosen = chebyshev ? c : powers;
  return {{chosen.begin(), chosen.end()}, chebyshev};
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
struct WideRectifierKernel<T>::State {
  AngleFunction<T> function;
  double root_factor;  // of one length
  Points<T> points;
  int threads;

  State(const WideRectifier& net, const T* X, std::int64_t n, std::int64_t d, int threads)
      : function(angle_function<T>(net)), root_factor(root_of(net)), points(X, n, d, root_factor), threads(threads) {}

  static double root_of(const WideRectifier& net) {
    const Layer layer(net);
    Real factor = std::sqrt(Real(net.input_variance));
    for (int l = 0; l < net.hidden_layers; ++l) factor *= std::sqrt(layer.weight + Layer::skip(net, l));
    return static_cast<double>(factor);
  }

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
                              .function = &function,
                              .tile = out});
  }

  // A thread is worth waking for some 20 tiles.
  int useful_threads(std::int64_t tiles) const {
    return static_cast<int>(std::clamp<std::int64_t>(tiles / 20, 1, threads));
  }
};

template <class T>
WideRectifierKernel<T>::WideRectifierKernel(const WideRectifier& net, const T* X, std::int64_t n, std::int64_t d,
                                            int threads) {
  require(net.hidden_layers >= 1 && n >= 1 && d >= 1 && threads >= 1,
          fmt::format("WideRectifierKernel: at least 1 hidden layer, point, dimension and thread, got {}, {}, {}, {}",
                      net.hidden_layers, n, d, threads));
  require(net.weight_variance >= 0 && net.input_variance >= 0 && std::isfinite(net.slope),
          fmt::format("WideRectifierKernel: variances >= 0 and a finite slope, got {}, {} and {}", net.weight_variance,
                      net.input_variance, net.slope));
  state_ = std::make_unique<State>(net, X, n, d, threads);
}
template <class T>
WideRectifierKernel<T>::~WideRectifierKernel() = default;
template <class T>
WideRectifierKernel<T>::WideRectifierKernel(WideRectifierKernel&&) noexcept = default;
template <class T>
WideRectifierKernel<T>& WideRectifierKernel<T>::operator=(WideRectifierKernel&&) noexcept = default;

template <class T>
void WideRectifierKernel<T>::matrix(T* K) const {
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
void WideRectifierKernel<T>::times(const T* v, T* out) const {
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
void WideRectifierKernel<T>::cross(const T* Z, std::int64_t m, T* C) const {
  require(m >= 1, fmt::format("WideRectifierKernel::cross: at least 1 point, got {}", m));
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

template class WideRectifierKernel<float>;
template class WideRectifierKernel<double>;

}  // namespace turnpike
