// Matrix completion as a convex program: the matrix of least nuclear norm |X|_* (the sum of its singular values) among
// those with the given entries.
//
//   min |X|_*  subject to  X_ij = b_ij on Omega        dual:  max sum_Omega b_ij Y_ij  subject to |Y| <= 1, Y = 0 off
//   Omega
//
//   NuclearNorm least = least_nuclear_norm(observed, values).value();     // observed [m, n] bool, values [m, n]
//   least.norm, least.gap                                                 // |X|_* less the dual value, >= 0
//
// Method: alternating directions (ADMM), singular values soft-thresholded in one half, entries set in the other. The
// matrix has the given entries exactly and the dual point is feasible, so that the gap is a certificate: no matrix has
// a norm below norm - gap. Cost: one singular value decomposition an iteration. Failure no_convergence holds the best
// so far. Errors: ContractError for shapes that differ, no observed entry, values that are not finite. Source: Boyd et
// al. (2011), doi:10.1561/2200000016; Candes & Recht (2009), doi:10.1007/s10208-009-9045-5.
#pragma once

#include <cstdint>

#include <turnpike/base/outcome.h>
#include <turnpike/core/tensor.h>

namespace turnpike {

struct NuclearNormOptions {
  double tolerance = 1e-6;  // of the gap, relative to the norm
  std::int64_t max_iterations = 3000;
};

struct NuclearNorm {
  Tensor matrix;    // [m, n] float64
  double norm = 0;  // |X|_*
  double gap = 0;   // norm less the value of a feasible dual point
  std::int64_t iterations = 0;
};

Outcome<NuclearNorm> least_nuclear_norm(const Tensor& observed, const Tensor& values,
                                        const NuclearNormOptions& options = {});

double singular_value_sum(const Tensor& matrix);  // [m, n]

}  // namespace turnpike
