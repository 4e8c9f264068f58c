// What the fused kernels must know of a field: its formula, its activation and its sizes. Plain data, no tensor.
//
//   inner          f = W sigma(x) + b                               parameters W [d, d], b [d]
//   outer          f = sigma(W x + b)                               W [d, d], b [d]
//   antisymmetric  f = sigma((W - W' - gamma I) x + b)              W [d, d], b [d]
//   paired         q_dot = sigma(K p + b_q), p_dot = sigma(-K' q + b_p)   K [d/2, d/2], b_q, b_p [d/2]; d even
//
// One row of the control holds these row-major, in this order.
#pragma once

#include <cstdint>

#include <turnpike/math/activation.h>

namespace turnpike {

enum class LayerKind { inner, outer, antisymmetric, paired };

struct LayerSpec {
  LayerKind kind = LayerKind::inner;
  Activation activation = Activation::tanh;
  std::int64_t dimension = 0;  // d
  double gamma = 0;            // of the antisymmetric layer

  std::int64_t n_parameters() const {
    const std::int64_t half = dimension / 2;
    return kind == LayerKind::paired ? half * half + 2 * half : dimension * dimension + dimension;
  }
};

}  // namespace turnpike
