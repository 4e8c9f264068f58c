#include <turnpike/math/dense.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>

// LAPACK as Fortran offers it: the C layers over it differ from one distribution to the next, these names do not.
extern "C" {
double ddot_(const int* n, const double* x, const int* incx, const double* y, const int* incy);
double dnrm2_(const int* n, const double* x, const int* incx);
void dgemv_(const char* trans, const int* m, const int* n, const double* alpha, const double* a, const int* lda,
            const double* x, const int* incx, const double* beta, double* y, const int* incy);
void dsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha, const double* a,
            const int* lda, const double* beta, double* c, const int* ldc);
void dtrsv_(const char* uplo, const char* trans, const char* diag, const int* n, const double* a, const int* lda,
            double* x, const int* incx);
void dgeqp3_(const int* m, const int* n, double* a, const int* lda, int* jpvt, double* tau, double* work,
             const int* lwork, int* info);
void dormqr_(const char* side, const char* trans, const int* m, const int* n, const int* k, const double* a,
             const int* lda, const double* tau, double* c, const int* ldc, double* work, const int* lwork, int* info);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dpotrs_(const char* uplo, const int* n, const int* nrhs, const double* a, const int* lda, double* b,
             const int* ldb, int* info);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
}

namespace turnpike {
namespace {

const int one = 1;

int as_int(std::size_t n) {
  return static_cast<int>(n);
}

void check_info(int info, const char* routine) {
  require(info >= 0, fmt::format("{} refused its argument {}", routine, -info));
  if (info > 0) throw Error(fmt::format("{} did not converge (info = {}); are the numbers finite?", routine, info));
}

void mirror_upper(Matrix& s) {
  for (std::size_t j = 0; j < s.columns(); ++j)
    for (std::size_t i = 0; i < j; ++i) s(j, i) = s(i, j);
}

// The factor of S, or false where S is not positive definite.
bool factor(Matrix& s) {
  require(s.rows() == s.columns(),
          fmt::format("a Cholesky factor needs a square matrix, got {} x {}", s.rows(), s.columns()));
  const int n = as_int(s.rows());
  int info = 0;
  if (n) dpotrf_("U", &n, s.data(), &n, &info);
  return info == 0;
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(),
          fmt::format("a product needs vectors of one length, got {} and {}", a.size(), b.size()));
  const int n = as_int(a.size());
  return ddot_(&n, a.data(), &one, b.data(), &one);
}

double norm(std::span<const double> a) {
  const int n = as_int(a.size());
  return dnrm2_(&n, a.data(), &one);
}

std::vector<double> multiply(const Matrix& a, std::span<const double> x) {
  require(a.columns() == x.size(), fmt::format("{} columns cannot multiply {} numbers", a.columns(), x.size()));
  std::vector<double> y(a.rows());
  const int m = as_int(a.rows()), n = as_int(a.columns());
  const double alpha = 1, beta = 0;
  if (m && n) dgemv_("N", &m, &n, &alpha, a.data(), &m, x.data(), &one, &beta, y.data(), &one);
  return y;
}

Matrix gram(const Matrix& a) {
  Matrix s(a.columns(), a.columns());
  const int n = as_int(a.columns()), k = as_int(a.rows());
  const double alpha = 1, beta = 0;
  if (n && k) dsyrk_("U", "T", &n, &k, &alpha, a.data(), &k, &beta, s.data(), &n);
  mirror_upper(s);
  return s;
}

LeastSquares least_squares(const Matrix& a, std::span<const double> b) {
  require(a.rows() == b.size() && a.rows() >= 1,
          fmt::format("least squares of {} equations with {} right sides", a.rows(), b.size()));
  LeastSquares answer;
  answer.solution.assign(a.columns(), 0);
  if (!a.columns()) {
    answer.residual = norm(b);
    return answer;
  }
  Matrix q = a;
  const int m = as_int(a.rows()), n = as_int(a.columns()), k = std::min(m, n);
  std::vector<int> pivots(a.columns(), 0);
  std::vector<double> tau(static_cast<std::size_t>(k)), rhs(b.begin(), b.end());
  const int n_work = std::max(64 * (n + 1) + 2 * n, 64 * 64);
  std::vector<double> work(static_cast<std::size_t>(n_work));
  int info = 0;
  dgeqp3_(&m, &n, q.data(), &m, pivots.data(), tau.data(), work.data(), &n_work, &info);
  check_info(info, "dgeqp3");
  dormqr_("L", "T", &m, &one, &k, q.data(), &m, tau.data(), rhs.data(), &m, work.data(), &n_work, &info);
  check_info(info, "dormqr");

  int rank = 0;
  while (rank < k &&
         std::abs(q(static_cast<std::size_t>(rank), static_cast<std::size_t>(rank))) > 1e-13 * std::abs(q(0, 0)))
    ++rank;
  answer.rank = rank;
  answer.residual = norm(std::span(rhs).subspan(static_cast<std::size_t>(rank)));
  if (rank) dtrsv_("U", "N", "N", &rank, q.data(), &m, rhs.data(), &one);
  for (int j = 0; j < rank; ++j)
    answer.solution[static_cast<std::size_t>(pivots[static_cast<std::size_t>(j)] - 1)] =
        rhs[static_cast<std::size_t>(j)];
  return answer;
}

std::optional<std::vector<double>> solve_cholesky(const Matrix& s, std::span<const double> b) {
  require(s.rows() == b.size(), fmt::format("{} equations with {} right sides", s.rows(), b.size()));
  Matrix u = s;
  if (!factor(u)) return std::nullopt;
  std::vector<double> x(b.begin(), b.end());
  const int n = as_int(s.rows());
  int info = 0;
  if (n) dpotrs_("U", &n, &one, u.data(), &n, x.data(), &n, &info);
  return x;
}

namespace {

// In place, by elimination without exchanges: its pivots are the squares of the Cholesky factor's diagonal. For
// matrices so small that a call of LAPACK costs more than its work.
constexpr std::size_t small_matrix = 12;
bool invert_small(Matrix& s) {
  const std::size_t n = s.rows();
  for (std::size_t k = 0; k < n; ++k) {
    if (!(s(k, k) > 0)) return false;
    const double pivot = 1 / s(k, k);
    s(k, k) = 1;
    for (std::size_t j = 0; j < n; ++j) s(k, j) *= pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = s(i, k);
      s(i, k) = 0;
      for (std::size_t j = 0; j < n; ++j) s(i, j) -= factor * s(k, j);
    }
  }
  return true;
}

}  // namespace

std::optional<Matrix> inverse_cholesky(const Matrix& s) {
  Matrix u = s;
  if (s.rows() <= small_matrix) {
    if (!invert_small(u)) return std::nullopt;
    mirror_upper(u);
    return u;
  }
  if (!factor(u)) return std::nullopt;
  const int n = as_int(s.rows());
  int info = 0;
  if (n) dpotri_("U", &n, u.data(), &n, &info);
  if (info) return std::nullopt;
  mirror_upper(u);
  return u;
}

SymmetricEigen symmetric_eigen(const Matrix& s) {
  require(s.rows() == s.columns(), fmt::format("eigenvalues of a {} x {} matrix", s.rows(), s.columns()));
  SymmetricEigen answer = {std::vector<double>(s.rows()), s};
  const int n = as_int(s.rows()), n_work = 1 + 6 * n + 2 * n * n, n_iwork = 3 + 5 * n;
  std::vector<double> work(static_cast<std::size_t>(n_work));
  std::vector<int> iwork(static_cast<std::size_t>(n_iwork));
  int info = 0;
  if (n)
    dsyevd_("V", "U", &n, answer.vectors.data(), &n, answer.values.data(), work.data(), &n_work, iwork.data(), &n_iwork,
            &info);
  check_info(info, "dsyevd");
  return answer;
}

std::vector<double> singular_values(const Matrix& a) {
  Matrix copy = a;
  const int m = as_int(a.rows()), n = as_int(a.columns()), k = std::min(m, n);
  std::vector<double> values(static_cast<std::size_t>(k));
  if (!k) return values;
  const int n_work = 3 * k + std::max(std::max(m, n), 7 * k) + 64 * (m + n);
  std::vector<double> work(static_cast<std::size_t>(n_work));
  std::vector<int> iwork(static_cast<std::size_t>(8 * k));
  int info = 0;
  dgesdd_("N", &m, &n, copy.data(), &m, values.data(), nullptr, &one, nullptr, &one, work.data(), &n_work, iwork.data(),
          &info);
  check_info(info, "dgesdd");
  return values;
}

}  // namespace turnpike
