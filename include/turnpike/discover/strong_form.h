// The strong form: the equation at points of the grid, with numerical derivatives.
//
//   d_t^r u (x_k, t_k) = sum_j xi_j f_j(u) d^a_j u       or  d^a_j f_j(u)
//
// For unequal steps, trajectories, clean data, and to check published tables; noise is amplified by every derivative,
// so the weak form is the default. What it makes of the columns is seen by adding as much noise once more, what the
// derivatives' own errors make of them by finer ones (finer_derivative). Rows are the points with all derivatives,
// thinned evenly to `most_rows`; memory is that of the rows and two copies of one field.
// Points whose differences touch a hole are left out.
#pragma once

#include <turnpike/discover/derivative.h>
#include <turnpike/discover/linear_system.h>

namespace turnpike {

struct StrongOptions {
  DerivativeOptions space, time;
  std::int64_t most_rows = 60000;
  bool see_errors = true;  // of noise and of the derivatives; products of columns are then unbiased by noise
};

LinearSystem strong_system(const std::vector<Measurement>& measurements, const std::vector<Candidate>& candidates,
                           const std::vector<LeftSide>& left_sides, const StrongOptions& options = {});

}  // namespace turnpike
