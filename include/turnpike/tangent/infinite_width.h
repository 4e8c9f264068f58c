// Networks of infinite width: the covariance of their outputs (the NNGP kernel S) and their tangent kernel T.
//
//   y_1     = sigma_1 W_1 x + sigma_b b_1                                        x in R^d
//   y_{l+1} = sigma_w / sqrt(n) W_{l+1} phi(y_l) + sigma_b b_{l+1}   (+ y_l, residual)   l = 1 .. L - 1
//   f       = sigma_w / sqrt(n) W_{L+1} phi(y_L) + sigma_b b_{L+1}
//
// with L hidden layers of n units and all entries of W, b independent N(0, 1) and trained at one rate ("NTK
// parametrisation"). As n goes to infinity the components of f are independent Gaussian processes of covariance S, and
// the kernel of gradients <df(x)/du, df(z)/du> tends to T:
//
//   S_1 = T_1 = sigma_1^2 x.z + sigma_b^2
//   S_{l+1} = sigma_b^2 + sigma_w^2 E[phi(u) phi(v)]   (+ S_l),   (u, v) ~ N(0, S_l)
//   T_{l+1} = sigma_b^2 + sigma_w^2 E[phi(u) phi(v)] + sigma_w^2 E[phi'(u) phi'(v)] T_l   (+ T_l)
//
// Scales: the first layer is *not* divided by d: put input_variance = sigma_w^2 / d for that. With the defaults, ReLU
// and unit vectors, S(x, x) = 1 and T(x, x) = L + 1. Of L = 1 this is f = sqrt(2/n) sum v_i relu(w_i . x).
//
//   WideNet net{.hidden_layers = 3, .activation = Activation::relu};
//   WideKernels k = wide_kernels(net, x, z);                       // k.nngp, k.tangent [N, M]
//   GaussianProcess bayes(nngp_kernel(net), x, y, 1e-2);           // or tangent_kernel(net)
//
// Expectations are closed forms for rectifiers (ReLU, leaky ReLU, identity), erf and sine; all other activations are
// integrated in polar coordinates, with the kinks at u = 0 and v = 0 as ends: 5120 points, about 20 us an entry and
// layer. Error there for tanh: below 1e-11 for variances up to 4, 1e-7 at 100.
// Guarantees: computed in float64, returned in the dtype of x; symmetric to the bit; no NaN. Covariances are kept as
// 1 - cos and 1 + cos of the angle, which neither equal nor opposite inputs cancel: there too the result is exact to
// rounding, and so matrices are semidefinite to rounding. An angle with the zero vector counts as pi/2.
// Errors: ContractError for wrong shapes, numbers that are not finite, negative variances, fewer than one hidden layer.
// Sources: Cho & Saul (2009); Williams, Computing with infinite networks (1997), erf; Jacot, Gabriel & Hongler (2018),
// arXiv:1806.07572; Lee et al. (2019), arXiv:1902.06720.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <turnpike/core/linear_operator.h>
#include <turnpike/core/tensor.h>
#include <turnpike/math/activation.h>
#include <turnpike/tangent/kernels.h>

namespace turnpike {

// phi of a wide net: every activation of the table, and more. Smooth, but for a kink at zero.
struct WideActivation {
  enum class Form { rectifier, sine, erf, other };
  using Pointwise = std::function<void(const double* x, double* value, double* slope, std::int64_t n)>;

  WideActivation(Activation kind);
  static WideActivation erf();
  static WideActivation rectifier(double slope);  // max(x, 0) + slope min(x, 0)
  static WideActivation other(std::string name, Pointwise evaluate);

  Form form;
  double slope = 0;  // of a rectifier, on x < 0
  std::string name;
  Pointwise evaluate;  // phi and phi' at n points

 private:
  WideActivation(Form form, double slope, std::string name, Pointwise evaluate);
};

struct WideNet {
  std::int64_t hidden_layers = 1;  // L
  WideActivation activation = Activation::relu;
  double weight_variance = 2;  // sigma_w^2
  double bias_variance = 0;    // sigma_b^2
  double input_variance = 1;   // sigma_1^2
  bool residual = false;
};

struct WideKernels {
  Tensor nngp, tangent;  // [N, M]
};
WideKernels wide_kernels(const WideNet& net, const Tensor& x, const Tensor& z);
WideKernels wide_kernels(const WideNet& net, const Tensor& x);  // z = x

KernelFunction nngp_kernel(const WideNet& net);
KernelFunction tangent_kernel(const WideNet& net);

// The tangent kernel of nets of rectifiers, with or without biases and skips, by the fused pass over the pairs
// (fused/tangent_kernel.h, with its error bounds), in the dtype of x: as a matrix [N, N], or as products with it that
// never store it, for any N. On libtorch's threads. ContractError for other nets; the reference above takes all.
Tensor fused_tangent_kernel(const WideNet& net, const Tensor& x);
LinearOperator fused_tangent_operator(const WideNet& net, const Tensor& x);

// Both kernels of one random network of finite width with scalar output: the covariance of f given all layers but the
// last, and <df(x)/du, df(z)/du>, [N, N]. Exact in law at any width without the matrices of the network: what is asked
// of W are its products W A and W' B, and given W A = Z, W' B = A (A'A)^+ Z' B + (I - A (A'A)^+ A') G, where the rows
// of G are N(0, B'B). Cost width N^2 a layer: N is small.
WideKernels sample_kernels(const WideNet& net, const Tensor& x, std::int64_t width, std::uint64_t seed);

}  // namespace turnpike
