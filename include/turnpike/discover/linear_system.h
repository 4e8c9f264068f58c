// What both forms hand to the solvers: G xi = b, a row for each test function or grid point, a column for each
// candidate, a right side for each left side that was asked for. All real: complex problems have their real and
// imaginary parts as rows.
#pragma once

#include <complex>
#include <string>
#include <vector>

#include <turnpike/discover/library.h>
#include <turnpike/discover/measurement.h>
#include <turnpike/math/dense.h>

namespace turnpike {

// The left side d_t^order of a field.
struct LeftSide {
  int field = 0;
  int order = 1;
};
std::string left_side_text(const LeftSide& side, const Measurement& measurement);  // "u_t", "u_tt"

// The rows of one experiment: points of a lattice, those that touch no hole.
struct RowBlock {
  std::size_t first_row = 0;
  int components = 1;                 // 2: first the real parts of all, then the imaginary ones
  std::vector<std::int64_t> lattice;  // points of the lattice along each axis, time last
  std::vector<std::int64_t> points;   // which of them are rows, in order
  std::vector<double> reach;          // along each axis, lattice points until two rows share no data
  std::vector<double> correlation;    // along each axis, lattice points that count as one independent row

  std::size_t rows() const { return points.size() * static_cast<std::size_t>(components); }
  double effective_rows() const;  // independent rows among them
};

// How noise on the data gets into the products of columns: cov(G_j, G_l) summed over rows is the noise's covariance of
// their functions of the point, averaged over a sample of points, times what the test functions' derivatives have in
// common.
struct NoiseModel {
  std::vector<double> variance;  // of each field
  std::vector<std::vector<std::complex<double>>>
      sample;  // [points][fields], at points drawn as often as rows cover them
  std::vector<std::vector<std::vector<double>>> weights;  // [axis][order]: derivatives of the test function on the grid
  std::vector<std::int64_t> strides;                      // [axis]: grid points from one test function to the next
  std::vector<std::vector<std::complex<double>>> middles;  // [points of the block][fields]: the fields there
  double test_functions = 0;
};

struct LinearSystem {
  std::vector<Candidate> candidates;
  std::vector<LeftSide> left_sides;
  Matrix columns;                        // [rows, candidates]
  std::vector<std::vector<double>> rhs;  // [left sides][rows]
  std::vector<RowBlock> blocks;
  double exact_residual = 1e-3;   // what |b - G xi| / |b| means nothing below: discretisation
  std::vector<NoiseModel> noise;  // [blocks]; none: not modelled
  Matrix noise_products;  // [candidates + left sides, ..], instead: what noise adds to their products; none: ditto
  // What the derivatives' own errors E, seen by finer ones, make of the products of the columns and left sides G: E'E
  // and G'E, less what noise makes of them. [candidates + left sides, ..]; none: not seen.
  Matrix error_products, error_overlap;
  std::vector<std::string> notes;  // what was chosen from the data, a sentence each

  std::size_t rows() const { return columns.rows(); }
  bool models_noise() const { return !noise.empty() || noise_products.rows() > 0; }
  bool models_errors() const { return error_products.rows() > 0; }
  double effective_rows() const;
};

// What noise adds to the Gram matrix of the columns of a support and, last, the left side: [k + 1, k + 1]. With it
// taken away, the normal equations have no bias to the accuracy of `NoiseModel`.
Matrix noise_gram(const LinearSystem& system, std::size_t left_side, const std::vector<int>& support);

// The part of a matrix over candidates and left sides that belongs to a support and, last, a left side: [k + 1, k + 1];
// zero if there is none.
Matrix part_of(const Matrix& products, const LinearSystem& system, std::size_t left_side,
               const std::vector<int>& support);

// The covariance of what noise makes of two rows of a block, for these coefficients: a sum of kernels,
//   C(k, l) = (weight(k) + weight(l)) / 2 * product over the axes of along[axis][k - l + reach],
// weight [points of the block] from the fields in the middle of each test function, lags in lattice points, reach the
// largest.
struct NoiseKernel {
  std::vector<double> weight;
  std::vector<std::vector<double>> along;
};
std::vector<NoiseKernel> noise_kernels(const LinearSystem& system, std::size_t block, std::size_t left_side,
                                       const std::vector<int>& support, const std::vector<double>& coefficients);

// The deviation of white noise on a field: from differences of orders 2 to 8 along each axis, of which a smooth field
// leaves little; the least of them, as a field that is not smooth along an axis only adds. sqrt(E|e|^2) if complex.
double noise_deviation(const Measurement& measurement, const Field& field);

// What all methods ask of measurements that are searched together.
// InputError unless they have the same names of axes and fields, and all or none of each field is complex.
void check_together(const std::vector<Measurement>& measurements);

}  // namespace turnpike
