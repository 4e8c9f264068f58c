// The tangent kernel of a fully connected ReLU network of infinite width, on samples and between others and them. In a
// unit of its own: turnpike/tangent/kernels.h and turnpike/flow/adjoint.h both declare a Kernel.
#pragma once

#include <cstdint>

#include <turnpike/core/tensor.h>

namespace turnpike::studies {

struct WideRelu {
  Tensor K, K_star;  // [n, n], [m, n]
};

// sigma_w^2 = 2, the input's weights over its dimension, no biases.
WideRelu wide_relu(const Tensor& x, const Tensor& x_star, std::int64_t hidden_layers);

}  // namespace turnpike::studies
