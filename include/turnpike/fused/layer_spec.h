// What the fused kernels must know of a field: its formula, its activation and its sizes. Plain data, no tensor.
//
//   inner          f = W sigma(x) + b                               parameters W [d, d], b [d]
//   outer          f = sigma(W x + b)                               W [d, d], b [d]
//   antisymmetric  f = sigma((W - W' - gamma I) x + b)              W [d, d], b [d]
//   paired         q_dot = sigma(K p + b_q), p_dot = sigma(-K' q + b_p)   K [d/2, d/2], b_q, b_p [d/2]; d even
//   bottleneck     f = W2 sigma(W1 x + b1) + b2                     W1 [r, d], W2 [d, r], b1 [r], b2 [d]
//
// One row of the control holds these row-major, in this order.
#pragma once

#include <cstdint>

#include <turnpike/math/activation.h>

namespace turnpike {

enum class LayerKind { inner, outer, antisymmetric, paired, bottleneck };

struct LayerSpec {
  LayerKind kind = LayerKind::inner;
  Activation activation = Activation::tanh;
  std::int64_t dimension = 0;  // d
  double gamma = 0;            // of the antisymmetric layer
  std::int64_t hidden = 0;     // r, of the bottleneck

  std::int64_t n_parameters() const {
    const std::int64_t d = dimension, half = d / 2;
    switch (kind) {
      case LayerKind::paired: return half * half + 2 * half;
      case LayerKind::bottleneck: return 2 * hidden * d + hidden + d;
      default: return d * d + d;
    }
  }
};

}  // namespace turnpike
