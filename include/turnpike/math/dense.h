// Dense linear algebra in double precision, by LAPACK.
//
//   least_squares       min_x |A x - b|                 QR with column pivoting
//   solve_cholesky      S x = b, S symmetric, positive definite
//   symmetric_eigen     S = V diag(lambda) V', lambda increasing
//   singular_values     decreasing
//
// Shapes stand at the functions; ContractError where they do not fit. For small and middle sizes (up to some thousand
// columns); what is large belongs to core/linear_operator.h.
//
//   Matrix a(3, 2);
//   a(0, 0) = 1; a(1, 1) = 2; a(2, 1) = 1;
//   std::vector<double> x = least_squares(a, b).solution;
//
// Source: Anderson et al., LAPACK Users' Guide, 3rd ed., 1999.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace turnpike {

// Column-major, as LAPACK wants it.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), values_(rows * columns) {}

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  double& operator()(std::size_t row, std::size_t column) { return values_[row + column * rows_]; }
  double operator()(std::size_t row, std::size_t column) const { return values_[row + column * rows_]; }
  std::span<double> column(std::size_t j) { return {values_.data() + j * rows_, rows_}; }
  std::span<const double> column(std::size_t j) const { return {values_.data() + j * rows_, rows_}; }
  double* data() { return values_.data(); }
  const double* data() const { return values_.data(); }

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<double> values_;
};

double dot(std::span<const double> a, std::span<const double> b);
double norm(std::span<const double> a);

std::vector<double> multiply(const Matrix& a, std::span<const double> x);  // A x [rows]
Matrix gram(const Matrix& a);                                              // A' A [columns, columns], both triangles

struct LeastSquares {
  std::vector<double> solution;  // [columns]; zero where a column depends on the others
  double residual = 0;           // |A x - b|
  int rank = 0;                  // pivots above 1e-13 of the largest column
};
LeastSquares least_squares(const Matrix& a, std::span<const double> b);  // rows >= 1

// Nothing where S is not positive definite to working precision.
std::optional<std::vector<double>> solve_cholesky(const Matrix& s, std::span<const double> b);
std::optional<Matrix> inverse_cholesky(const Matrix& s);

struct SymmetricEigen {
  std::vector<double> values;
  Matrix vectors;  // column j belongs to value j
};
SymmetricEigen symmetric_eigen(const Matrix& s);

std::vector<double> singular_values(const Matrix& a);

}  // namespace turnpike
