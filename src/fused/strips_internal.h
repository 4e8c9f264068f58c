// The kernels behind a fused roll, as a table of functions for the best target of this machine.
//
// A strip is an aligned array of `width` entries for each dimension, [dim][width]: lanes are samples, and `width` is a
// multiple of `lanes`. A matrix is row-major, [rows, cols]. An accumulator holds one vector of `lanes` partial sums for
// each parameter.
#pragma once

#include <cstddef>
#include <cstdint>

#include <turnpike/math/activation.h>

namespace turnpike {

inline constexpr int n_activations = 9;
inline constexpr int max_unrolled_dimension = 8;
inline constexpr std::size_t strip_alignment = 64;

template <class T>
struct StripKernels {
  const char* target;
  std::int64_t lanes;

  // Entry by entry, over n entries.
  struct Pointwise {
    void (*value)(const T* x, T* s, std::int64_t n);                      // s = sigma(x)
    void (*value_and_slope)(const T* x, T* s, T* slope, std::int64_t n);  // slope = sigma'(x)
    void (*advance)(T* z, const T* base, T h, T* out, std::int64_t n);    // out = base + h sigma(z); z = sigma'(z)
    void (*add_slope_times)(const T* v, const T* x, const T* s, T* a,
                            std::int64_t n);  // a += v sigma'(x), s = sigma(x)
  };
  Pointwise pointwise[n_activations];  // by Activation
  void (*exponential)(const T* x, T* y, std::int64_t n);
  void (*error_function)(const T* x, T* y, std::int64_t n);

  void (*scale)(T c, const T* a, T* out, std::int64_t n);                       // out = c a
  void (*scaled_product)(T c, const T* a, const T* b, T* out, std::int64_t n);  // out = c a b
  // out = base + sum_j c_j v_j; base null: 0
  void (*combine)(const T* base, int terms, const T* c, const T* const* v, T* out, std::int64_t n);

  // By cols up to max_unrolled_dimension; [0] takes any.
  struct Product {
    void (*affine)(const T* in, const T* W, const T* b, std::int64_t rows, std::int64_t cols, std::int64_t width,
                   T* out);  // out = W in + b
    void (*affine_advance)(const T* in, const T* W, const T* b, const T* base, T h, std::int64_t rows,
                           std::int64_t cols, std::int64_t width, T* out);  // out = base + h (W in + b)
    void (*transpose)(const T* W, const T* g, std::int64_t rows, std::int64_t cols, std::int64_t width,
                      T* out);  // out = W' g
    void (*transpose_add)(const T* W, const T* g, std::int64_t rows, std::int64_t cols, std::int64_t width,
                          T* out);  // out += W' g
    void (*accumulate)(const T* g, const T* y, std::int64_t rows, std::int64_t cols, std::int64_t width, T* W_sum,
                       T* b_sum);  // W_sum += g y', b_sum += g, lane by lane
  };
  Product product[max_unrolled_dimension + 1];

  // Costs of z [m][width]: sum += weight g(z; y), and z_bar = weight scale g'(z; y), added to z_bar where `add`; y
  // [m][width] or, for classes, [width]. `pull` does both in one pass; without a sum where it is null.
  struct CostKernel {
    void (*value)(const T* z, const T* y, T weight, std::int64_t m, std::int64_t width, T* sum);
    void (*pull)(const T* z, const T* y, T weight, const T* scale, std::int64_t m, std::int64_t width, T* sum, bool add,
                 T* z_bar);
  };
  CostKernel mean_square, cross_entropy;

  // out_i = sum_j of the lanes of the i-th vector of v_j, + twice u_i; returns |u|^2. u null: zero.
  double (*sum_lanes)(int terms, const T* const* v, const T* u, T twice, T* out, std::int64_t n);
  // out = sum_j v_j + twice u, of any alignment, in one pass; returns |u|^2. u null: zero; out null: not wanted.
  double (*collect)(int terms, const T* const* v, const T* u, T twice, T* out, std::int64_t n);
};

template <class T>
const StripKernels<T>& strip_kernels();
template <>
const StripKernels<float>& strip_kernels<float>();
template <>
const StripKernels<double>& strip_kernels<double>();

}  // namespace turnpike
