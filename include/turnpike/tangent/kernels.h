// Kernel models: f(x) = sum_i K(x, x_i) c_i, their fits, and the Gaussian process of the same kernel.
//
//   linear        x . z
//   polynomial    (x . z + shift)^degree
//   gaussian      exp(-|x - z|^2 / (2 length^2))
//   laplace       exp(-|x - z| / length)
//   arc-cosine    2 E[s(w . x) s(w . z)], w ~ N(0, I), s(t) = t^order for t > 0, 0 else (order 0, 1, 2): with theta the
//                 angle of x and z, J_order(theta) (|x| |z|)^order / pi,
//                 J_0 = pi - theta,  J_1 = sin theta + (pi - theta) cos theta,
//                 J_2 = 3 sin theta cos theta + (pi - theta) (1 + 2 cos^2 theta)
//   features      Phi(x) . Phi(z) for a map Phi: R^d -> R^p
//
//   KernelFunction kernel = gaussian_kernel(0.5);
//   KernelRidge model = fit_kernel_ridge(kernel, x, y, 1e-3);          // x [N, d], y [N] or [N, m]
//   Tensor prediction = model(x_new);
//   GaussianProcess process(kernel, x, y, 1e-2);                       // noise variance 1e-2
//   Posterior p = process.posterior(x_new);                            // p.mean, p.variance, p.low, p.high
//
// Shapes: x [N, d], z [M, d], kernel matrices [N, M] in the dtype of x (float32 or float64). Guarantees: K(x, x) is
// symmetric to the bit; distances and angles are computed from differences, so that equal and opposite points are exact
// and nothing is NaN (an angle with the zero vector counts as pi/2). Cost N M d. Errors: ContractError for shapes and
// dtypes that do not fit, numbers that are not finite, parameters out of range; Error where a matrix is not positive
// definite to working precision.
// Sources: Schoelkopf & Smola, Learning with Kernels (2002); Cho & Saul, Kernel methods for deep learning (2009);
// Williams & Seeger (2001), Nystroem; Rasmussen & Williams, Gaussian Processes for Machine Learning (2006).
#pragma once

#include <functional>
#include <string>

#include <turnpike/core/tensor.h>

namespace turnpike {

struct KernelFunction {
  std::string name;
  std::function<Tensor(const Tensor& x, const Tensor& z)> matrix;  // [N, d], [M, d] -> [N, M]
  std::function<Tensor(const Tensor& x)> diagonal;                 // [N, d] -> [N], K(x_i, x_i)

  Tensor operator()(const Tensor& x, const Tensor& z) const;
  Tensor operator()(const Tensor& x) const { return (*this)(x, x); }
};

using FeatureMap = std::function<Tensor(const Tensor&)>;  // [N, d] -> [N, p], row by row

KernelFunction linear_kernel();
KernelFunction polynomial_kernel(int degree, double shift);  // degree >= 1, shift >= 0
KernelFunction gaussian_kernel(double length);               // length > 0
KernelFunction laplace_kernel(double length);                // length > 0
KernelFunction arc_cosine_kernel(int order);                 // 0, 1 or 2
KernelFunction feature_kernel(std::string name, FeatureMap features);

// Ridge in the dual form, min over c of |K c - y|^2 + ridge c' K c:   c = (K + ridge I)^-1 y by Cholesky, N^3 / 3.
struct KernelRidge {
  KernelFunction kernel;
  Tensor centres;       // [N, d]
  Tensor coefficients;  // [N] or [N, m]

  Tensor operator()(const Tensor& x) const;  // [M] or [M, m]
};
KernelRidge fit_kernel_ridge(const KernelFunction& kernel, const Tensor& x, const Tensor& y,
                             double ridge);  // ridge > 0

// Ridge in the primal form, min over w of |Phi w - y|^2 + ridge |w|^2, by a QR decomposition that takes the rows of
// (sqrt(ridge) I; Phi) block by block: cost N p^2, memory p^2, and no squared condition number. With Phi Phi' = K it is
// the same function as the dual form.
struct FeatureRidge {
  FeatureMap features;
  Tensor weights;  // [p] or [p, m]

  Tensor operator()(const Tensor& x) const;
};
FeatureRidge fit_feature_ridge(const FeatureMap& features, const Tensor& x, const Tensor& y, double ridge);

// Nystroem: features whose kernel is K(x, Z) K(Z, Z)^+ K(Z, z), the best within the span of the landmarks Z [p, d];
// with them fit_feature_ridge serves any N. Exact where x is a landmark. Directions of K(Z, Z) below p ulp of its
// largest eigenvalue are left out.
FeatureMap nystroem_features(const KernelFunction& kernel, const Tensor& landmarks);

struct Posterior {
  Tensor mean;       // [M] or [M, m]
  Tensor variance;   // [M], of the function (add the noise variance for that of an observation)
  Tensor low, high;  // like mean: 95 % of the function's value
};

// f ~ GP(0, K), y = f(x) + noise:   mean = K_* (K + s^2 I)^-1 y,   variance = K_** - K_* (K + s^2 I)^-1 K_*'.
class GaussianProcess {
 public:
  GaussianProcess(KernelFunction kernel, const Tensor& x, const Tensor& y, double noise_variance);  // >= 0

  Posterior posterior(const Tensor& x) const;
  Tensor covariance(const Tensor& x) const;  // [M, M], of the function at x given the data
  double log_evidence() const;               // log p(y), summed over the columns of y

 private:
  KernelFunction kernel_;
  Tensor x_, cholesky_, coefficients_;
  double log_evidence_ = 0;
};

}  // namespace turnpike
