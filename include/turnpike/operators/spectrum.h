// The spectrum of a symmetric operator A known by its products, such as a Hessian: trace, density, blocks. Its extreme
// eigenpairs are lanczos's (core/krylov.h).
//
//   tr A                        hutchpp_trace         exact for A of rank up to a third of the products
//   mu = 1/n sum_i delta(lambda_i)   spectral_density   exact, all of it, with n probes of n steps
//   A on some coordinates       restricted_operator   the Hessian of one layer
//
//   LinearOperator H = hessian_operator(loss, parameters);
//   EigenPairs sharpest = lanczos(H, 5, Extreme::largest).value();
//   TraceEstimate trace = hutchpp_trace(H, {.products = 90});        // trace.value, trace.low, trace.high
//   SpectralDensity density = spectral_density(H, {.probes = 8, .steps = 60});
//   panel.line(x, smoothed(density, x, 0.01 * density.width()));
//   LinearOperator first_layer = restricted_operator(H, {{0, 200}});
//
// Guarantees: no gradient is recorded; the same seed gives the same numbers; every random estimate is unbiased, uses
// all of its products (it never stops because its running mean happens to stand still), and comes with its standard
// error. Errors: ContractError for an operator that is not square or has no products, for budgets below the least, for
// ranges outside the operator; Error where a product is not finite.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <turnpike/core/linear_operator.h>

namespace turnpike {

struct TraceOptions {
  std::int64_t products = 90;  // with A, at least 9
  std::uint64_t seed = 0;
};

struct TraceEstimate {
  double value = 0;
  double low = 0, high = 0;   // 95 %, Student's t
  double standard_error = 0;  // 0 where the trace is exact
  std::int64_t products = 0;  // with A
};

// Hutch++: with Q [n, k] an orthonormal basis of A S, S random signs, and k random directions g of its complement,
//
//   tr A = tr Q'AQ + tr PAP,    P = I - Q Q',    tr PAP = mean of (n - k) g'Ag,  |g| = 1
//
// The first part takes the large eigenvalues exactly, so that only what is left fluctuates, and of that only what is
// not a multiple of the identity: relative error O(1/products) against Hutchinson's O(1/sqrt(products)) for
// semidefinite A. 3k products; with n of them or more, sum e_i' A e_i. Source: Meyer, Musco, Musco & Woodruff (2021),
// arXiv:2010.09649; directions of length one: Epperly, Tropp & Webber (2024), arXiv:2301.07825.
TraceEstimate hutchpp_trace(const LinearOperator& a, const TraceOptions& options = {});

struct DensityOptions {
  std::int64_t probes = 8;  // random starts; more than n are n
  std::int64_t steps = 60;  // of Lanczos a probe; more than n are n
  std::uint64_t seed = 0;
};

// The density of states, mu = 1/n sum_i delta(lambda_i), as weighted points: the mean of the Gauss rules of `probes`
// orthonormal random directions. Each integrates every polynomial of degree up to 2 steps - 1 without bias.
struct SpectralDensity {
  std::vector<double> nodes, weights;  // weights >= 0 sum to 1
  std::vector<std::size_t> starts;     // probe p holds nodes starts[p] .. starts[p + 1] - 1
  std::int64_t dimension = 0;          // n
  std::int64_t products = 0;           // with A

  struct Mean {
    double value = 0, standard_error = 0;  // over probes; of one probe, NaN; of n probes, 0
  };
  // 1/n sum_i f(lambda_i): n times that of f(x) = x is the trace, that of f(x) = [x < 0] the share of descent.
  Mean mean(const std::function<double(double)>& f) const;
  double width() const;  // largest node - smallest node
};

// Source: Ubaru, Chen & Saad (2017), doi:10.1137/16M1104974; Lin, Saad & Yang (2016), doi:10.1137/130934283.
SpectralDensity spectral_density(const LinearOperator& a, const DensityOptions& options = {});

// The density at x, each node drawn as a normal bell of the given deviation > 0: its integral over the line is 1.
std::vector<double> smoothed(const SpectralDensity& density, const std::vector<double>& x, double deviation);

struct IndexRange {
  std::int64_t begin = 0, end = 0;  // begin .. end - 1
};

// A with rows and columns outside the ranges struck out; its coordinates are those of the ranges, one after another.
// Ranges ascend and do not overlap.
LinearOperator restricted_operator(const LinearOperator& a, std::vector<IndexRange> ranges);

}  // namespace turnpike
