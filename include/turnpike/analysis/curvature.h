// How a loss curves around its parameters: the Hessian's largest eigenvalues, its trace and density, and the largest
// eigenvalue of each of its blocks on the diagonal, as of one layer alone.
//
//   H = grad^2 L(theta),   gradient descent can rest at theta with steps up to 2 / lambda_max(H)
//   block [a, b):  H with all other rows and columns struck out: what a step in those parameters alone meets
//
//   const Curvature c = curvature(L, theta, {{"layer 0", {0, 6}}, {"layer 1", {6, 12}}});
//   c.top[0];  c.trace.value;  c.blocks[1].largest;
//
// theta [P]. Some 245 products with H and for a block as many as it has parameters, at most 30; a product costs about
// three gradients. Eigenvalues to 1e-3 of the largest (blocks: 1e-2). Errors: Error where L or its derivatives are not
// finite; ContractError for an L that gives no number, and blocks outside theta. Sources: operators/spectrum.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <turnpike/base/progress.h>
#include <turnpike/operators/spectrum.h>
#include <turnpike/train/gradient_flow.h>

namespace turnpike {

struct CurvatureBlock {
  std::string name;
  IndexRange range;
  double largest = 0;  // eigenvalue
};

struct Curvature {
  std::int64_t parameters = 0, products = 0;
  double loss = 0, gradient = 0;  // L, |grad L|
  std::vector<double> top;        // largest eigenvalues, at most 5, descending
  double smallest = 0;            // the least node of the density: an upper bound of the least eigenvalue
  TraceEstimate trace;
  SpectralDensity density;
  SpectralDensity::Mean negative;  // share of eigenvalues below -1e-3 of the largest
  std::vector<CurvatureBlock> blocks;
};

inline constexpr std::int64_t most_block_products = 30;

Curvature curvature(const Loss& loss, const Tensor& theta, std::vector<CurvatureBlock> blocks = {},
                    Progress& progress = no_progress());

}  // namespace turnpike
