// Sparse solvers: for min |G xi - b| with few xi different from zero, a path of supports from one term up.
//
//   best_subset  the support of each size with the least residual: surely so up to the size that 20 000 regressions can
//                settle, beyond it the best of growing by one, shrinking by one from all columns, and exchanging one
//                for one until nothing improves
//   threshold    sequentially thresholded ridge regression, over a range of thresholds (Brunton 2016; Rudy 2017)
//   omp          orthogonal matching pursuit: the column most correlated with what is left
//   frols        forward regression by error reduction ratio (Billings 2013): the column that reduces it most
//                (both greedy ones go on to the largest size, then drop the least useful column, one by one)
//   sr3          relaxed and regularised, min |G x - b|^2 / 2 + lambda |w|_0 + (nu/2) |x - w|^2 over a range of lambda
//                (Zheng et al. 2019, doi:10.1109/ACCESS.2018.2886528)
//
// All work on the normal equations of unit columns, so that a path costs nothing in rows and resamples are sums of
// blocks. Residuals below 1e-8 are round-off there; the equation chosen is fitted anew on the rows.
#pragma once

#include <string>
#include <vector>

#include <turnpike/math/dense.h>

namespace turnpike {

struct NormalEquations {
  Matrix gram;                // G'G [p, p], diagonal one (zero: the column is zero)
  std::vector<double> right;  // G'b [p], |b| = 1
  Matrix telling = {};        // [p, p], positive definite on the supports that may be taken; none: all may

  std::size_t size() const { return right.size(); }
};

using Support = std::vector<int>;  // columns, increasing

struct SupportFit {
  std::vector<double> coefficients;  // [support], of the unit columns
  double residual_square = 1;        // |b - G xi|^2, >= 0
};
SupportFit fit_support(const NormalEquations& system, const Support& support);

// Supports with 1 to `largest` terms, at most one of each size, smallest first. With `start`, the path of a similar
// system (a resample's original), the search goes on from there instead of trying all.
std::vector<Support> best_subset_path(const NormalEquations& system, int largest,
                                      const std::vector<Support>& start = {});
// What else comes near: up to `each` supports of each size that the same search meets, the least residual first.
std::vector<Support> best_supports(const NormalEquations& system, int largest, int each);
// That support with one column exchanged for another: for each that goes, up to `each` that come, the best first.
std::vector<Support> neighbours(const NormalEquations& system, const Support& support, int each);
std::vector<Support> threshold_path(const NormalEquations& system, int largest);
std::vector<Support> omp_path(const NormalEquations& system, int largest);
std::vector<Support> frols_path(const NormalEquations& system, int largest);
std::vector<Support> sr3_path(const NormalEquations& system, int largest);

const std::vector<std::string>& solver_names();
// By name; InputError for an unknown one.
std::vector<Support> sparse_path(const std::string& solver, const NormalEquations& system, int largest,
                                 const std::vector<Support>& start = {});

}  // namespace turnpike
