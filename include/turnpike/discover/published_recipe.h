// The sparse regression by which the table of Rudy, Brunton, Proctor, Kutz (Sci. Adv. 3, 2017, e1602614) was made, so
// that it can be checked; not a method to be used. With StrongOptions as there: finite differences of second order for
// clean data, fits of Chebyshev polynomials for noisy ones.
//
//   ridge 1e-5 on unit columns, up to 10 rounds of thresholding at `tolerance`, then least squares;
//   25 steps of the tolerance, accepted while |b - G xi| on a fifth of the rows plus 1e-3 cond(G) |xi|_0 does not grow
//
// A complex coefficient is a pair of columns here, thresholded together.
#pragma once

#include <cstdint>

#include <turnpike/discover/linear_system.h>
#include <turnpike/discover/sparse.h>

namespace turnpike {

struct PublishedOptions {
  double tolerance_step = 1;  // 1 for Burgers, 5 for KdV and Kuramoto-Sivashinsky
  std::uint64_t seed = 0;     // of the split
};
Support published_support(const LinearSystem& system, std::size_t left_side, const PublishedOptions& options = {});

}  // namespace turnpike
