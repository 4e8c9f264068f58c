// Activations on tensors, entry by entry; facts and scalar forms are in math/activation.h. Differentiable twice.
#pragma once

#include <turnpike/core/tensor.h>
#include <turnpike/math/activation.h>

namespace turnpike {

Tensor activate(Activation kind, const Tensor& x);          // sigma(x)
Tensor activation_slope(Activation kind, const Tensor& x);  // sigma'(x), with the conventions of slope_of at kinks

}  // namespace turnpike
