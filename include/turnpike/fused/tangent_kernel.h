// The kernels of infinitely wide networks of rectifiers, all layers in one pass over the pairs of points.
//
//   phi(x) = max(x, 0) + a min(x, 0):  ReLU a = 0, leaky ReLU, |x| a = -1, linear a = 1;   with biases, and with skips
//   past hidden layers. Without biases
//   S(x, z) = s |x| |z| S_L(theta),   T(x, z) = s |x| |z| T_L(theta),   theta the angle of x and z
//
// since such networks are homogeneous: the kernel of any depth is one function of the angle. It is interpolated once,
// as a polynomial in sin(theta/2) - cos(theta/2), in which it is analytic up to both ends (degree 18 in float32, 39 in
// float64 for L = 5; 23 and 44 for L = 10; it grows like L^(1/2)); each pair then costs that polynomial, whatever L.
// With biases each layer's angle depends on the lengths of both points too: it goes from layer to layer, as 1 - cos or
// 1 + cos, whichever is small, by one polynomial and two square roots each.
// The network and its scales are those of tangent/infinite_width.h (weight_variance sigma_w^2, bias_variance sigma_b^2,
// input_variance sigma_1^2), which is the reference. X is [n, d] row by row.
//
//   WideRectifierKernel<double> kernel({.hidden_layers = 5}, X, n, d, threads);
//   kernel.matrix(K);                   // K [n, n] = T(X, X)
//   kernel.times(v, out);               // out [n] = K v without the matrix: memory n (d + threads), any n
//   kernel.cross(Z, m, C);              // C [m, n] = T(Z, X)
//
// Contract: finite numbers. Largest error relative to the largest entry of the row's and the column's diagonal,
// sqrt(T(x, x) T(z, z)): 1e-13 in float64, 1e-6 in float32, and of L > 10 hidden layers L / 10 times that
// (float32 with biases: (L / 10)^2 times). `matrix` is symmetric to the bit, and equal points have equal rows; angles
// below 0.01 (float32: 0.2) and beyond pi less that are computed from differences of the points, so that equal and
// opposite points are exact to rounding. Without biases the zero vector has a zero row; with them its angle to any
// point counts as pi/2. The same numbers for any number of threads in `matrix` and `cross`; in `times` for the same
// number. Cost for each pair i <= j: d + 20 + degree operations (deeper than some 12 layers: d + 20 + 2 degree); with
// biases d + 60 L (50 in float32). Matrices are written past the cache, fastest where rows start at multiples of 64
// bytes. Errors: ContractError for sizes below 1, negative variances, a slope that is not finite.
#pragma once

#include <cstdint>
#include <memory>

namespace turnpike {

struct WideRectifier {
  int hidden_layers = 1;       // L
  double slope = 0;            // a
  bool residual = false;       // y_{l+1} = ... + y_l
  double weight_variance = 2;  // sigma_w^2
  double bias_variance = 0;    // sigma_b^2
  double input_variance = 1;   // sigma_1^2
  bool tangent = true;         // T; otherwise S
};

// T: float or double.
template <class T>
class WideRectifierKernel {
 public:
  WideRectifierKernel(const WideRectifier& net, const T* X, std::int64_t n, std::int64_t d, int threads = 1);
  ~WideRectifierKernel();
  WideRectifierKernel(WideRectifierKernel&&) noexcept;
  WideRectifierKernel& operator=(WideRectifierKernel&&) noexcept;

  void matrix(T* K) const;
  void times(const T* v, T* out) const;
  void cross(const T* Z, std::int64_t m, T* C) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike
