// How many terms: the path's equation with the least extended Bayesian information criterion,
//
//   n log(r^2 + e^2) + k log n + 2 log C(p, k)
//
// n independent rows, k terms out of p candidates, r = |b - G xi| / |b|. The last term is the price of having looked at
// C(p, k) equations (Chen, Chen, Biometrika 2008, doi:10.1093/biomet/asn034, gamma = 1): without it, of a hundred noisy
// candidates some always help. e = 1e-3 (strong form: 1e-2) says that what explains all but a thousandth of the left
// side is exact: clean data have residuals of discretisation and round-off, which more terms always lower and which
// mean nothing.
//
// Chosen over cross-validation, which keeps superfluous terms with a probability that does not fall with more data, and
// over a threshold on coefficients, which is one more number that the user would have to know.
#pragma once

#include <string>
#include <vector>

#include <turnpike/discover/linear_system.h>
#include <turnpike/discover/sparse.h>
#include <turnpike/math/random.h>

namespace turnpike {

std::string criterion_text(double exact_residual);

double information_criterion(double residual_square, double terms, double candidates, double independent_rows,
                             double exact_residual);

// The path's index with the least criterion; -1: no term at all is better.
int choose_support(const NormalEquations& system, const std::vector<Support>& path, double independent_rows,
                   double exact_residual);

// Normal equations of unit columns, in boxes of rows about as large as what counts as one independent row, so that a
// resample is a sum of boxes.
class BoxedEquations {
 public:
  BoxedEquations(const LinearSystem& system, std::size_t left_side);

  const NormalEquations& all() const { return all_; }
  NormalEquations resample(Random& random) const;  // as many boxes, drawn with replacement
  std::size_t boxes() const { return boxes_.size(); }
  double rhs_norm() const { return rhs_norm_; }
  const std::vector<double>& column_norms() const { return column_norms_; }

 private:
  std::vector<Matrix> boxes_;  // gram of [G b], unit columns and unit b over all rows
  NormalEquations all_;
  std::vector<double> column_norms_;
  double rhs_norm_ = 0;
};

// Least squares on the rows, with 95 % intervals that allow for overlapping rows: the sandwich
//   (G'G)^-1 G' C G (G'G)^-1,  C_kl = w(k - l) r_k r_l,
// w a triangle along each axis as long as rows share data (Conley, J. Econometrics 1999), times Student's quantile for
// the independent rows.
struct RowFit {
  std::vector<double> coefficients, deviations;  // [support]
  double quantile = 0;                           // the interval is coefficient +- quantile * deviation
  double residual = 0;                           // |b - G xi| / |b|
  std::vector<std::size_t> only_noise;  // entries of the support whose columns are noise; the fit is then biased
};
RowFit fit_rows(const LinearSystem& system, std::size_t left_side, const Support& support);

// Drops the least certain term until each differs from zero at the level 0.1 %, shared over all candidates
// (Bonferroni): the criterion counts rows as if the residual were white, the sandwich does not, nor is it deceived by
// noise in the columns.
RowFit fit_significant(const LinearSystem& system, std::size_t left_side, Support& support);

}  // namespace turnpike
