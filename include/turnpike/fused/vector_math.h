// Elementary functions on arrays, by the best vector instructions of this machine (AVX-512, AVX2, SSE4; scalar
// elsewhere), chosen when the program runs.
//
// Contract: arrays of any length and alignment; x and y may be the same array. NaN stays NaN, -0 stays -0 where f is
// odd, infinities have their limits (sin of one is NaN). The largest error, in units in the last place, on every
// target (bounds of what was measured: in float32 one value in 31 of all, of tanh every one, in float64 3 million):
//
//   function   float32                           float64
//   exp        2                                 2         denormal results within 1 denormal
//   tanh       6                                 4         never beyond +-1
//   erf        4                                 3
//   sin, cos   3                                 3         |x| beyond 25000 (f32) or 3e6 (f64): the C library's
//
// The other activations are made of these; softplus adds log1p. Their error is a few ulp of the largest term in their
// formula, so gelu and elu lose relative digits where their terms cancel, as the formulas in math/activation.h do.
//
//   std::vector<float> x = ..., s(x.size()), slope(x.size());
//   vector_activate(Activation::gelu, x.data(), s.data(), slope.data(), x.size());
#pragma once

#include <cstdint>

#include <turnpike/math/activation.h>

namespace turnpike {

// y = sigma(x) and, unless null, slope = sigma'(x). T: float or double.
template <class T>
void vector_activate(Activation kind, const T* x, T* y, T* slope, std::int64_t n);

template <class T>
void vector_exp(const T* x, T* y, std::int64_t n);
template <class T>
void vector_erf(const T* x, T* y, std::int64_t n);

// The instruction set in use: "AVX3" (AVX-512), "AVX2", "SSE4", "SCALAR".
const char* vector_target();

}  // namespace turnpike
