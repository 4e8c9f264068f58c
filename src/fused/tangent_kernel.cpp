#include <turnpike/fused/tangent_kernel.h>

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
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

// Of the interpolant of f at n Chebyshev nodes in [-1, 1].
template <class Function>
std::vector<Real> chebyshev_coefficients(const Function& f, int n) {
  constexpr Real pi = std::numbers::pi_v<Real>;
  std::vector<Real> cosine(4 * n), values(n), c(n);
  for (int i = 0; i < 4 * n; ++i) cosine[i] = std::cos(pi * i / (2 * n));
  for (int i = 0; i < n; ++i) values[i] = f(cosine[2 * i + 1]);
  for (int k = 0; k < n; ++k) {
    for (int i = 0; i < n; ++i) c[k] += values[i] * cosine[static_cast<std::int64_t>(k) * (2 * i + 1) % (4 * n)];
    c[k] *= (k > 0 ? 2 : 1) / static_cast<Real>(n);
  }
  return c;
}

constexpr int most_nodes = 2048;  // enough for some thousand layers

// Cut where the rest is below rounding, for an f of this size.
template <class T, class Function>
std::vector<Real> interpolant(const Function& f, Real size) {
  const Real allowed = size * std::numeric_limits<T>::epsilon() / 2;
  // As many nodes as leave a quarter of the coefficients below rounding: what they miss lies below it too.
  for (int n = 64;; n *= 2) {
    std::vector<Real> c = chebyshev_coefficients(f, n);
    Real rest = 0;
    while (c.size() > 1 && rest + std::abs(c.back()) <= allowed) {
      rest += std::abs(c.back());
      c.pop_back();
    }
    if (4 * static_cast<int>(c.size()) <= 3 * n || n >= most_nodes) return c;
  }
}

// T_0 = 1, T_1 = x, T_{k+1} = 2 x T_k - T_{k-1}
std::vector<Real> powers_of(const std::vector<Real>& c) {
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
  return powers;
}

// By powers of x = sqrt 2 sin(theta / 2 - pi / 4) where they cancel little: an error of half an ulp in each is what
// `cancels` allows.
template <class T>
AngleFunction<T> angle_function(const WideRectifier& net) {
  constexpr Real cancels = 8;
  const Real size = std::abs(of_angle(net, 0));
  const auto f = [&](Real x) {
    return of_angle(net, std::numbers::pi_v<Real> / 2 + 2 * std::asin(x / std::numbers::sqrt2_v<Real>));
  };
  const std::vector<Real> c = interpolant<T>(f, size), powers = powers_of(c);
  Real sum = 0;
  for (const Real a : powers) sum += std::abs(a);
  const bool chebyshev = !(sum <= cancels * size);
  const std::vector<Real>& chosen = chebyshev ? c : powers;
  return {{chosen.begin(), chosen.end()}, chebyshev};
}

template <class T>
BiasedLayers<T> biased_layers(const WideRectifier& net) {
  const Layer layer(net);
  const auto arc = [](Real x) { return 2 * std::asin(std::sqrt((x + 1) / 4)) / std::sqrt((x + 1) / 4); };
  const std::vector<Real> powers = powers_of(interpolant<T>(arc, 2));
  BiasedLayers<T> layers{.arc = {powers.begin(), powers.end()},
                         .slope = static_cast<T>(layer.a),
                         .tangent = net.tangent,
                         .acute = net.slope == 0 && !net.residual};
  for (int l = 0; l < net.hidden_layers; ++l) {
    const Real skip = Layer::skip(net, l), sum = layer.weight + skip;
    layers.share.push_back(sum > 0 ? static_cast<T>(layer.weight / sum) : T(1));
  }
  return layers;
}

// Points as directions and lengths, in panels of tile_side, the last one filled with zero vectors.
template <class T>
struct Points {
  using Array = hwy::AlignedFreeUniquePtr<T[]>;
  std::int64_t n, d, panels;
  Array rows, columns, size;  // [panels][side][d], [panels][d][side], [panels][side]: |y_{L+1}|
  Array layers;               // as BiasedLayers; none without biases

  Points(const WideRectifier& net, const T* X, std::int64_t n, std::int64_t d)
      : n(n), d(d), panels((n + tile_side<T> - 1) / tile_side<T>) {
    const std::int64_t padded = panels * tile_side<T>;
    rows = hwy::AllocateAligned<T>(padded * d);
    columns = hwy::AllocateAligned<T>(padded * d);
    size = hwy::AllocateAligned<T>(padded);
    if (net.bias_variance > 0) layers = hwy::AllocateAligned<T>(panels * layers_of_panel(net));
    for (std::int64_t i = 0; i < padded; ++i) {
      // Scaled first, by a power of two, so that squares neither overflow nor vanish.
      const T* x = i < n ? X + i * d : nullptr;
      double largest = 0, squares = 0;
      for (std::int64_t k = 0; x && k < d; ++k) largest = std::max(largest, std::abs(double(x[k])));
      const double scale = largest > 0 ? std::ldexp(1, std::clamp(-std::ilogb(largest), -1000, 1000)) : 0;
      for (std::int64_t k = 0; x && k < d; ++k) squares += x[k] * scale * (x[k] * scale);
      const double length = std::sqrt(squares);
      T* column = &columns[i / tile_side<T> * tile_side<T> * d + i % tile_side<T>];
      for (std::int64_t k = 0; k < d; ++k)
        rows[i * d + k] = column[k * tile_side<T>] = length > 0 ? static_cast<T>(x[k] * scale / length) : T(0);
      T* layer = layers ? &layers[i / tile_side<T> * layers_of_panel(net) + i % tile_side<T>] : nullptr;
      size[i] = static_cast<T>(last_length(net, length > 0 ? length / scale : 0, layer));
    }
  }
  std::int64_t in_panel(std::int64_t panel) const { return std::min(tile_side<T>, n - panel * tile_side<T>); }
  static std::int64_t layers_of_panel(const WideRectifier& net) {
    return (1 + net.hidden_layers) * BiasedLayers<T>::per_layer;
  }

 private:
  // The square root of a layer's variance: |y_{l+1}|^2 = (sigma_w^2 m + skip) |y_l|^2 + sigma_b^2, and y_1's from |x|.
  static double last_length(const WideRectifier& net, double length, T* layer) {
    const Layer facts(net);
    const double bias = std::sqrt(net.bias_variance);
    for (int l = -1; l < net.hidden_layers; ++l) {
      const double through = length * (l < 0 ? std::sqrt(net.input_variance)
                                             : std::sqrt(static_cast<double>(facts.weight + Layer::skip(net, l))));
      length = std::hypot(through, bias);
      if (!layer) continue;
      const double half = std::atan2(through, bias) / 2, s = std::sin(half), c = std::cos(half);
      const double entries[] = {s, c, 2 * s * c, (c - s) * (c + s)};
      for (const double entry : entries) *std::exchange(layer, layer + tile_side<T>) = static_cast<T>(entry);
    }
    return length;
  }
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

// Two tiles in turn: one is written while the other is computed.
template <class T>
struct Tiles {
  alignas(strip_alignment) T buffers[2][tile_side<T> * tile_side<T>];
  typename TileKernels<T>::Write write;
  T* next() { return buffers[write.tile == buffers[0]]; }
};

}  // namespace

template <class T>
struct WideRectifierKernel<T>::State {
  WideRectifier net;
  AngleFunction<T> function;  // without biases
  BiasedLayers<T> layers;     // with
  Points<T> points;
  int threads;

  State(const WideRectifier& net, const T* X, std::int64_t n, std::int64_t d, int threads)
      : net(net), points(net, X, n, d), threads(threads) {
    if (biased())
      layers = biased_layers<T>(net);
    else
      function = angle_function<T>(net);
  }
  bool biased() const { return net.bias_variance > 0; }

  void tile(const Points<T>& x, std::int64_t i, std::int64_t j, T* out,
            const typename TileKernels<T>::Write& write = {}) const {
    const std::int64_t d = points.d, from_x = i * tile_side<T>, from_z = j * tile_side<T>;
    panel_kernels<T>().multiply({.rows = tile_side<T>,
                                 .cols = tile_side<T>,
                                 .depth = d,
                                 .A = &x.rows[from_x * d],
                                 .A_row = d,
                                 .A_col = 1,
                                 .B = &points.columns[from_z * d],
                                 .B_row = tile_side<T>,
                                 .C = out,
                                 .C_row = tile_side<T>,
                                 .start = PanelKernels<T>::Start::zero});
    tile_kernels<T>().kernel({.rows = x.in_panel(i),
                              .d = d,
                              .x = &x.rows[from_x * d],
                              .z = &points.columns[from_z * d],
                              .x_size = &x.size[from_x],
                              .z_size = &points.size[from_z],
                              .function = &function,
                              .layers = biased() ? &layers : nullptr,
                              .x_layers = biased() ? &x.layers[i * x.layers_of_panel(net)] : nullptr,
                              .z_layers = biased() ? &points.layers[j * x.layers_of_panel(net)] : nullptr,
                              .tile = out},
                             write);
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
  require(net.weight_variance >= 0 && net.bias_variance >= 0 && net.input_variance >= 0 && std::isfinite(net.slope),
          fmt::format("WideRectifierKernel: variances >= 0 and a finite slope, got {}, {}, {} and {}",
                      net.weight_variance, net.bias_variance, net.input_variance, net.slope));
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
  std::atomic<std::int64_t> next_row{0};
  Team(s.useful_threads(upper.count())).run([&](int) {
    Tiles<T> tiles;
    // The longest rows first, so that the threads end together.
    for (std::int64_t i; (i = next_row.fetch_add(1, std::memory_order_relaxed)) < upper.n;) {
      for (std::int64_t j = i; j < upper.n; ++j) {
        T* tile = tiles.next();
        s.tile(s.points, i, j, tile, tiles.write);
        if (i == j)
          for (std::int64_t a = 0; a < tile_side<T>; ++a)
            for (std::int64_t b = 0; b < a; ++b) tile[a * tile_side<T> + b] = tile[b * tile_side<T> + a];
        tiles.write = {.tile = tile,
                       .rows = s.points.in_panel(i),
                       .cols = s.points.in_panel(j),
                       .K = K + (i * n + j) * tile_side<T>,
                       .mirrored = i == j ? nullptr : K + (j * n + i) * tile_side<T>,
                       .stride = n};
      }
    }
    tile_kernels<T>().write(tiles.write);
  });
}

template <class T>
void WideRectifierKernel<T>::times(const T* v, T* out) const {
  const State& s = *state_;
  const std::int64_t n = s.points.n, padded = s.points.panels * tile_side<T>;
  const Upper upper{s.points.panels};
  const TileKernels<T>& kernels = tile_kernels<T>();
  const int threads = s.useful_threads(upper.count());
  const auto in = hwy::AllocateAligned<T>(padded);
  std::fill(std::copy_n(v, n, in.get()), in.get() + padded, T(0));
  // Sums of the tiles in double, one vector a thread.
  std::vector<double> sums(threads * padded, 0.0);
  Team(threads).run([&](int share) {
    alignas(strip_alignment) T tile[tile_side<T> * tile_side<T>], row_sums[tile_side<T>], column_sums[tile_side<T>];
    double* own = sums.data() + share * padded;
    upper.each(share, threads, [&](std::int64_t i, std::int64_t j) {
      s.tile(s.points, i, j, tile);
      std::fill_n(row_sums, tile_side<T>, T(0));
      std::fill_n(column_sums, tile_side<T>, T(0));
      kernels.products(tile, s.points.in_panel(i), &in[j * tile_side<T>], row_sums,
                       i == j ? nullptr : &in[i * tile_side<T>], column_sums);
      for (std::int64_t a = 0; a < tile_side<T>; ++a) {
        own[i * tile_side<T> + a] += row_sums[a];
        own[j * tile_side<T> + a] += column_sums[a];
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
  const Points<T> z(s.net, Z, m, s.points.d);
  std::atomic<std::int64_t> next_row{0};
  Team(s.useful_threads(z.panels * s.points.panels)).run([&](int) {
    Tiles<T> tiles;
    for (std::int64_t i; (i = next_row.fetch_add(1, std::memory_order_relaxed)) < z.panels;) {
      for (std::int64_t j = 0; j < s.points.panels; ++j) {
        T* tile = tiles.next();
        s.tile(z, i, j, tile, tiles.write);
        tiles.write = {.tile = tile,
                       .rows = z.in_panel(i),
                       .cols = s.points.in_panel(j),
                       .K = C + (i * s.points.n + j) * tile_side<T>,
                       .stride = s.points.n};
      }
    }
    tile_kernels<T>().write(tiles.write);
  });
}

template class WideRectifierKernel<float>;
template class WideRectifierKernel<double>;

}  // namespace turnpike
