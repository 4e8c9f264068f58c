// The kernels of infinitely wide ReLU networks without biases, all layers in one pass over the pairs of points.
//
//   c_1 = cos of the angle of x and z,   c_{l+1} = k1(c_l),   t_1 = c_1,   t_{l+1} = c_{l+1} + t_l k0(c_l)
//   k0 = 1 - theta / pi,   k1 = (sin theta + (pi - theta) cos theta) / pi,   theta = acos c_l
//   S(x, z) = sigma_1^2 (sigma_w^2 / 2)^L |x| |z| c_{L+1},   T the same with t_{L+1}
//
// L hidden layers; the network and its scales are those of tangent/infinite_width.h (weight_variance sigma_w^2,
// input_variance sigma_1^2), which is the reference. X is [n, d] row by row.
//
//   WideReluKernel<double> kernel({.hidden_layers = 5}, X, n, d, threads);
//   kernel.matrix(K);                   // K [n, n] = T(X, X)
//   kernel.times(v, out);               // out [n] = K v without the matrix: memory n (d + threads), any n
//   kernel.cross(Z, m, C);              // C [m, n] = T(Z, X)
//
// Contract: finite numbers. Largest error relative to the largest entry of the row's and the column's diagonal,
// sqrt(T(x, x) T(z, z)): 1e-13 in float64, 1e-6 in float32, up to 10 hidden layers. `matrix` is symmetric to the bit,
// and equal points have equal rows; angles below 0.01 (float32: 0.2) and beyond pi less that are computed from
// differences of the points, so that equal and opposite points are exact. The zero vector has a zero row. The same
// numbers for any number of threads in `matrix` and `cross`; in `times` for the same number. Cost: about 25 L
// operations (float64: 45 L) and d multiply-adds for each pair i <= j. Errors: ContractError for sizes below 1.
#pragma once

#include <cstdint>
#include <memory>

namespace turnpike {

struct WideRelu {
  int hidden_layers = 1;       // L
  double weight_variance = 2;  // sigma_w^2
  double input_variance = 1;   // sigma_1^2
  bool tangent = true;         // T; otherwise S
};

// T: float or double.
template <class T>
class WideReluKernel {
 public:
  WideReluKernel(const WideRelu& net, const T* X, std::int64_t n, std::int64_t d, int threads = 1);
  ~WideReluKernel();
  WideReluKernel(WideReluKernel&&) noexcept;
  WideReluKernel& operator=(WideReluKernel&&) noexcept;

  void matrix(T* K) const;
  void times(const T* v, T* out) const;
  void cross(const T* Z, std::int64_t m, T* C) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike
