// A layer as the kernels run it: plain matrices, and the parts of the state that they move.
//
// The state is cut into segments (one, or q and p of a paired layer). A part adds its rate to segment `out` from
// segment `in`:
//   outer       sigma(W x + b)
//   inner       W sigma(x) + b
//   bottleneck  W2 sigma(W x + b) + b2
// The effective row of a control holds the matrices of all parts in order, each [rows, cols] and then its bias [rows].
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <turnpike/fused/layer_spec.h>

namespace turnpike {

struct WeightShape {
  std::int64_t rows = 0, cols = 0;
  std::int64_t entries() const { return rows * cols + rows; }
};

struct Part {
  enum class Form { outer, inner, bottleneck };
  Form form = Form::outer;
  int in = 0, out = 0;  // segments
  int matrix = 0;       // the first of its matrices; W2 of a bottleneck is the next
};

struct LayerPlan {
  std::vector<std::int64_t> segments;  // dimensions of each
  std::vector<Part> parts;
  std::vector<WeightShape> matrices;

  std::int64_t entries() const {  // of an effective row
    std::int64_t n = 0;
    for (const WeightShape& matrix : matrices) n += matrix.entries();
    return n;
  }
};

inline LayerPlan make_layer(const LayerSpec& spec) {
  const std::int64_t d = spec.dimension, half = d / 2, r = spec.hidden;
  using Form = Part::Form;
  switch (spec.kind) {
    case LayerKind::paired:  // q from p by K, p from q by -K'
      return {{half, half}, {{Form::outer, 1, 0, 0}, {Form::outer, 0, 1, 1}}, {{half, half}, {half, half}}};
    case LayerKind::bottleneck: return {{d}, {{Form::bottleneck, 0, 0, 0}}, {{r, d}, {d, r}}};
    case LayerKind::inner: return {{d}, {{Form::inner, 0, 0, 0}}, {{d, d}}};
    default: return {{d}, {{Form::outer, 0, 0, 0}}, {{d, d}}};
  }
}

// Whether the effective row is the control's own: W [d, d], b [d].
inline bool is_plain(const LayerSpec& spec) {
  return spec.kind == LayerKind::inner || spec.kind == LayerKind::outer;
}

// The effective row of a control row u.
template <class T>
void expand_row(const LayerSpec& spec, const T* u, T* row) {
  const std::int64_t d = spec.dimension, half = d / 2, square = half * half, r = spec.hidden;
  switch (spec.kind) {
    case LayerKind::antisymmetric:
      for (std::int64_t i = 0; i < d; ++i)
        for (std::int64_t j = 0; j < d; ++j)
          row[i * d + j] = i == j ? static_cast<T>(-spec.gamma) : u[i * d + j] - u[j * d + i];
      std::copy_n(u + d * d, d, row + d * d);
      break;
    case LayerKind::paired: {
      std::copy_n(u, square + half, row);
      T* second = row + square + half;
      for (std::int64_t i = 0; i < half; ++i)
        for (std::int64_t j = 0; j < half; ++j) second[i * half + j] = -u[j * half + i];
      std::copy_n(u + square + half, half, second + square);
      break;
    }
    case LayerKind::bottleneck:  // W1, W2, b1, b2 -> W1, b1, W2, b2
      std::copy_n(u, r * d, row);
      std::copy_n(u + 2 * r * d, r, row + r * d);
      std::copy_n(u + r * d, d * r, row + r * d + r);
      std::copy_n(u + 2 * r * d + r, d, row + 2 * r * d + r);
      break;
    default: std::copy_n(u, d * d + d, row);
  }
}

// Its transpose: the gradient of a control row from that of the effective row.
template <class Sum, class T>
void contract_row(const LayerSpec& spec, const Sum* row, T* u_bar) {
  const std::int64_t d = spec.dimension, half = d / 2, square = half * half, r = spec.hidden;
  const auto copy = [](const Sum* from, std::int64_t n, T* to) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
  };
  switch (spec.kind) {
    case LayerKind::antisymmetric:
      for (std::int64_t i = 0; i < d; ++i)
        for (std::int64_t j = 0; j < d; ++j) u_bar[i * d + j] = static_cast<T>(row[i * d + j] - row[j * d + i]);
      copy(row + d * d, d, u_bar + d * d);
      break;
    case LayerKind::paired: {
      const Sum* second = row + square + half;
      for (std::int64_t i = 0; i < half; ++i)
        for (std::int64_t j = 0; j < half; ++j)
          u_bar[i * half + j] = static_cast<T>(row[i * half + j] - second[j * half + i]);
      copy(row + square, half, u_bar + square);
      copy(second + square, half, u_bar + square + half);
      break;
    }
    case LayerKind::bottleneck:
      copy(row, r * d, u_bar);
      copy(row + r * d, r, u_bar + 2 * r * d);
      copy(row + r * d + r, d * r, u_bar + r * d);
      copy(row + 2 * r * d + r, d, u_bar + 2 * r * d + r);
      break;
    default: copy(row, d * d + d, u_bar);
  }
}

}  // namespace turnpike
