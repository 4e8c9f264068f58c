// Krylov methods: linear systems, eigenvalues and singular values of an operator known only by its products.
//
//   cg                A x = b,  A symmetric positive definite          1 product an iteration
//   gmres             A x = b,  any square A, restarted                1 product an iteration
//   lanczos           A v = lambda v, A symmetric, k extreme pairs     1 product an iteration
//   lanczos_quadrature  v' f(A) v for polynomials f, A symmetric       1 product a node
//   power_iteration   |lambda| largest, A square                       1 product an iteration
//   svds              A v = sigma u, k largest                         1 product of A and 1 of A' an iteration
//
//   Outcome<EigenPairs> top = lanczos(hessian, 3, Extreme::largest);
//   if (!top) report(top.failure().text());
//
// Shapes: b, x, v [n]; vectors [n, k]. Vectors have the operator's dtype; the tolerance is relative and never taken
// below 50 ulp of it. Residuals are those of the returned vectors, computed afresh, not the recurrence's. Guarantees:
// no gradient is recorded; the same seed gives the same vectors. lanczos keeps its whole basis orthogonal (memory n x
// iterations) and looks again, outside the span of what it found, until it finds nothing more extreme: multiple
// eigenvalues come with their multiplicity. Failure no_convergence holds the best approximation so far. Error where a
// product is not finite (cg: where p'Ap is not positive, as a Failure); ContractError on wrong shapes. Source: Saad,
// Iterative Methods for Sparse Linear Systems (2003), chapter 6; Golub & Van Loan, Matrix Computations
// (2013), 10.1-10.4.
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/base/outcome.h>
#include <turnpike/core/linear_operator.h>

namespace turnpike {

struct KrylovOptions {
  double tolerance = 1e-10;  // of |b - A x| / |b|, |A v - lambda v| / |A|, |A' u - sigma v| / |A|
  std::int64_t max_iterations = 1000;
  std::int64_t restart = 50;  // gmres: size of the basis
  std::uint64_t seed = 0;     // of the start vectors of lanczos, power_iteration and svds
};

struct LinearSolution {
  Tensor x;  // [n]
  std::int64_t iterations = 0;
  double residual = 0;  // |b - A x| / |b|
};

Outcome<LinearSolution> cg(const LinearOperator& a, const Tensor& b, const KrylovOptions& options = {});
Outcome<LinearSolution> gmres(const LinearOperator& a, const Tensor& b, const KrylovOptions& options = {});

enum class Extreme { largest, smallest };  // by value, signs counted

struct EigenPairs {
  Tensor values;                // [k] most extreme first
  Tensor vectors;               // [n, k] orthonormal
  Tensor residuals;             // [k] |A v - lambda v|
  std::int64_t iterations = 0;  // products with A
};

Outcome<EigenPairs> lanczos(const LinearOperator& a, std::int64_t k, Extreme end, const KrylovOptions& options = {});

// The Gauss rule of the measure that A and a start v make on A's spectrum:
//
//   v' f(A) v / |v|^2 = sum_i weights[i] f(nodes[i])    exactly for polynomials f of degree up to 2 m - 1
//
// Nodes ascend, weights are >= 0 and sum to 1. m = steps nodes, fewer where v lies in an invariant subspace of fewer
// dimensions: the rule is then exact for every f. Source: Golub & Meurant,
// Matrices, Moments and Quadrature with Applications (2010), chapter 6.
struct GaussRule {
  std::vector<double> nodes, weights;  // [m]
  std::int64_t products = 0;
};

GaussRule lanczos_quadrature(const LinearOperator& a, const Tensor& start, std::int64_t steps);

struct DominantPair {
  double value = 0;     // the Rayleigh quotient v' A v of the eigenvalue largest in modulus
  Tensor vector;        // [n]
  double residual = 0;  // |A v - lambda v|
  std::int64_t iterations = 0;
};

// Fails where no single eigenvalue dominates, as for +-1 or a complex pair.
Outcome<DominantPair> power_iteration(const LinearOperator& a, const KrylovOptions& options = {});

struct SingularTriplets {
  Tensor values;                // [k] descending, >= 0
  Tensor left, right;           // [m, k], [n, k] orthonormal
  Tensor residuals;             // [k] (|A v - sigma u|^2 + |A' u - sigma v|^2)^(1/2)
  std::int64_t iterations = 0;  // products with A and with A' in the search
};

Outcome<SingularTriplets> svds(const LinearOperator& a, std::int64_t k, const KrylovOptions& options = {});

}  // namespace turnpike
