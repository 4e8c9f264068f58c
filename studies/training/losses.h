// Losses on which training's studies try what is claimed of any smooth loss: [n] -> scalar.
#pragma once

#include <vector>

#include <turnpike/math/random.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike::studies {

struct LossCase {
  std::string name;
  std::vector<Loss> batches;  // each with a minimum of its own
  Tensor start;               // [n]
  Loss whole() const;         // their mean
};

LossCase quadratic_case(std::int64_t n, std::int64_t batches, Random& random);
LossCase log_cosh_case(std::int64_t n, std::int64_t batches, Random& random);  // sum_j log cosh(a_j w + b_j)
// The mean square error of a tanh network 1-4-1 on noisy samples of a sine, some in each batch.
LossCase network_case(std::int64_t batches, Random& random);

// From `start` by L-BFGS to the nearest flat place, then by Newton's method to rounding.
Tensor minimum_of(const Loss& loss, const Tensor& start, std::int64_t iterations = 2000);

double largest_curvature(const Loss& loss, const Tensor& w);  // the top eigenvalue of the Hessian

}  // namespace turnpike::studies
