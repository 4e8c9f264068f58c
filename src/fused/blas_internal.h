// The one place where kernels call BLAS: products of matrices that fill its blocks.
#pragma once

#include <cstdint>
#include <mutex>

namespace turnpike {

// Whether BLAS is faster than our tiles for matrices of that shorter side. From 512 it is, on two threads in float32 by
// 15 to 20 %, in float64 between 8 % slower and 26 % faster; never with the kernels of 2004 that OpenBLAS takes on
// processors younger than itself (a third as fast as our tiles). The command names the core type before BLAS is loaded;
// a program that links the library cannot, its user can: OPENBLAS_CORETYPE.
bool blas_is_faster(std::int64_t side);

template <class T>
struct BlasOperand {
  const T* entries;     // row-major
  std::int64_t stride;  // from row to row
  bool transposed;
};
// C [rows, cols] += factor A B, A [rows, depth] and B [depth, cols] once transposed. T: float or double.
template <class T>
void blas_multiply(const BlasOperand<T>& A, const BlasOperand<T>& B, std::int64_t rows, std::int64_t cols,
                   std::int64_t depth, T factor, T* C, std::int64_t C_stride);

// Where `wanted`: as long as this lives BLAS works with one thread for each of its callers, so that all of a layer is
// shared among our threads and not its products alone (1.5x at d = 512, two threads). One holder at a time.
class SingleBlas {
 public:
  explicit SingleBlas(bool wanted);
  ~SingleBlas();
  SingleBlas(const SingleBlas&) = delete;
  SingleBlas& operator=(const SingleBlas&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  int before_ = 1;
};

}  // namespace turnpike
