#include <turnpike/fused/vector_math.h>

#include <algorithm>

#include "strips_internal.h"

namespace turnpike {
namespace {

// Kernels take aligned strips of whole vectors: arrays pass through a buffer, padded with zeros.
template <class T, class Kernel>
void by_strips(const T* x, T* y, T* second, std::int64_t n, Kernel kernel) {
  constexpr std::int64_t length = 512;
  alignas(strip_alignment) T in[length], out[length], extra[length];
  for (std::int64_t start = 0; start < n; start += length) {
    const std::int64_t part = std::min(length, n - start);
    std::copy_n(x + start, part, in);
    std::fill(in + part, in + length, T(0));
    kernel(in, out, extra, length);
    std::copy_n(out, part, y + start);
    if (second) std::copy_n(extra, part, second + start);
  }
}

}  // namespace

template <class T>
void vector_activate(Activation kind, const T* x, T* y, T* slope, std::int64_t n) {
  const auto& kernel = strip_kernels<T>().pointwise[static_cast<int>(kind)];
  by_strips(x, y, slope, n, [&](const T* in, T* out, T* extra, std::int64_t length) {
    if (slope) {
      kernel.value_and_slope(in, out, extra, length);
    } else {
      kernel.value(in, out, length);
    }
  });
}

template <class T>
void vector_exp(const T* x, T* y, std::int64_t n) {
  by_strips(x, y, static_cast<T*>(nullptr), n,
            [](const T* in, T* out, T*, std::int64_t length) { strip_kernels<T>().exponential(in, out, length); });
}

template <class T>
void vector_erf(const T* x, T* y, std::int64_t n) {
  by_strips(x, y, static_cast<T*>(nullptr), n,
            [](const T* in, T* out, T*, std::int64_t length) { strip_kernels<T>().error_function(in, out, length); });
}

const char* vector_target() {
  return strip_kernels<float>().target;
}

template void vector_activate(Activation, const float*, float*, float*, std::int64_t);
template void vector_activate(Activation, const double*, double*, double*, std::int64_t);
template void vector_exp(const float*, float*, std::int64_t);
template void vector_exp(const double*, double*, std::int64_t);
template void vector_erf(const float*, float*, std::int64_t);
template void vector_erf(const double*, double*, std::int64_t);

}  // namespace turnpike
