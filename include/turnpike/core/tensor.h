// Tensors are libtorch's. Public headers include only the light ATen/core/Tensor.h (1.6 s a unit; torch/torch.h costs
// 15).
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace turnpike {

using at::Tensor;

// "[3, 2] float64", for error texts; "undefined" for a tensor without storage.
std::string describe(const Tensor& tensor);

// Throws ContractError "name must be [N, 3], got [5, 2] float64" unless the sizes agree; -1 matches any size.
void require_shape(const Tensor& tensor, at::IntArrayRef expected, const std::string& name);

}  // namespace turnpike
