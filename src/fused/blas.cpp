#include "blas_internal.h"

#include <string_view>

// As Fortran offers it: matrices there stand by columns, so C' = B' A' is asked for.
extern "C" {
void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const float* alpha,
            const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c,
            const int* ldc);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const double* alpha,
            const double* a, const int* lda, const double* b, const int* ldb, const double* beta, double* c,
            const int* ldc);
char* openblas_get_corename(void);
int openblas_get_num_threads(void);
void openblas_set_num_threads(int n);
}

namespace turnpike {

bool blas_is_faster(std::int64_t side) {
  static const bool fallback = openblas_get_corename() == std::string_view("Prescott");
  return side >= 512 && !fallback;
}

template <class T>
void blas_multiply(const BlasOperand<T>& A, const BlasOperand<T>& B, std::int64_t rows, std::int64_t cols,
                   std::int64_t depth, T factor, T* C, std::int64_t C_stride) {
  const auto as_int = [](std::int64_t n) { return static_cast<int>(n); };
  const char *A_turn = A.transposed ? "T" : "N", *B_turn = B.transposed ? "T" : "N";
  const int m = as_int(cols), n = as_int(rows), k = as_int(depth);
  const int lda = as_int(B.stride), ldb = as_int(A.stride), ldc = as_int(C_stride);
  const T one = 1;
  if constexpr (sizeof(T) == sizeof(float)) {
    sgemm_(B_turn, A_turn, &m, &n, &k, &factor, B.entries, &lda, A.entries, &ldb, &one, C, &ldc);
  } else {
    dgemm_(B_turn, A_turn, &m, &n, &k, &factor, B.entries, &lda, A.entries, &ldb, &one, C, &ldc);
  }
}

template void blas_multiply(const BlasOperand<float>&, const BlasOperand<float>&, std::int64_t, std::int64_t,
                            std::int64_t, float, float*, std::int64_t);
template void blas_multiply(const BlasOperand<double>&, const BlasOperand<double>&, std::int64_t, std::int64_t,
                            std::int64_t, double, double*, std::int64_t);

SingleBlas::SingleBlas(bool wanted) {
  if (!wanted) return;
  static std::mutex one_holder;
  lock_ = std::unique_lock(one_holder);
  before_ = openblas_get_num_threads();
  if (before_ != 1) openblas_set_num_threads(1);
}

SingleBlas::~SingleBlas() {
  if (before_ != 1) openblas_set_num_threads(before_);
}

}  // namespace turnpike
