#include <turnpike/core/activation.h>

#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>

namespace turnpike {

Tensor activate(Activation kind, const Tensor& x) {
  switch (kind) {
    case Activation::tanh: return at::tanh(x);
    case Activation::relu: return at::relu(x);
    case Activation::leaky_relu: return at::leaky_relu(x, leaky_relu_slope);
    case Activation::elu: return at::elu(x);
    case Activation::sigmoid: return at::sigmoid(x);
    case Activation::softplus: return at::softplus(x, 1, /*threshold=*/40);  // beyond 40, log(1 + e^x) = x in float64
    case Activation::gelu: return at::gelu(x);
    case Activation::sine: return at::sin(x);
    case Activation::identity: return x;
  }
  throw ContractError("activate: unknown activation");
}

Tensor activation_slope(Activation kind, const Tensor& x) {
  switch (kind) {
    case Activation::tanh: return 1 - at::tanh(x).square();
    case Activation::relu: return (x > 0).to(x.dtype());
    case Activation::leaky_relu: return at::where(x > 0, at::ones_like(x), at::full_like(x, leaky_relu_slope));
    case Activation::elu: return at::exp(at::clamp_max(x, 0));
    case Activation::sigmoid: {
      const Tensor s = at::sigmoid(x);
      return s * (1 - s);
    }
    case Activation::softplus: return at::sigmoid(x);
    case Activation::gelu: {
      // (x Phi(x))' = Phi(x) + x exp(-x^2/2) / sqrt(2 pi)
      const Tensor cdf = 0.5 * (1 + at::erf(x * M_SQRT1_2));
      return cdf + x * at::exp(-0.5 * x.square()) * (M_2_SQRTPI * M_SQRT1_2 / 2);
    }
    case Activation::sine: return at::cos(x);
    case Activation::identity: return at::ones_like(x);
  }
  throw ContractError("activation_slope: unknown activation");
}

}  // namespace turnpike
