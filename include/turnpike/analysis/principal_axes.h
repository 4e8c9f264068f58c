// The plane (or the few axes) in which trajectories spread most: eigenvectors of the covariance of all states.
//
//   PrincipalAxes axes = principal_axes(roll.states);         // [n, N, d]
//   Tensor plane = axes.project(roll.states);                 // [n, N, 2]
//   axes.explained;                                           // {0.81, 0.12}: fractions of the variance
//
// An axis points to where its largest entry is positive, so that the same data give the same picture. Source: Pearson
// (1901).
#pragma once

#include <vector>

#include <turnpike/core/tensor.h>

namespace turnpike {

struct PrincipalAxes {
  Tensor mean;                    // [d]
  Tensor axes;                    // [k, d] orthonormal rows
  std::vector<double> explained;  // [k] descending; 0 where nothing varies

  Tensor project(const Tensor& states) const;  // [..., d] -> [..., k]
};

// k = min(n_axes, d). ContractError unless the states have at least two dimensions and are finite.
PrincipalAxes principal_axes(const Tensor& states, std::int64_t n_axes = 2);

}  // namespace turnpike
