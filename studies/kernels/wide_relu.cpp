#include "studies/kernels/wide_relu.h"

#include <turnpike/tangent/infinite_width.h>

namespace turnpike::studies {

WideRelu wide_relu(const Tensor& x, const Tensor& x_star, std::int64_t hidden_layers) {
  const WideNet net{.hidden_layers = hidden_layers, .input_variance = 2.0 / static_cast<double>(x.size(1))};
  return {.K = wide_kernels(net, x).tangent, .K_star = wide_kernels(net, x_star, x).tangent};
}

}  // namespace turnpike::studies
