// The one place where kernels call BLAS: products of matrices that fill its blocks.
#pragma once

#include <cstdint>
#include <mutex>

namespace turnpike {

// Sides from which BLAS is faster than our tiles: float32 by 15 to 35 %, float64 by 0 to 25 %; at 384 it is slower.
inline constexpr std::int64_t blas_dimension = 512;

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

// BLAS works with n threads as long as this lives, one caller at a time, so that its bits depend on n alone. n = 0: no
// effect.
class BlasThreads {
 public:
  explicit BlasThreads(int n);
  ~BlasThreads();
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  int before_ = 0;
};

}  // namespace turnpike
