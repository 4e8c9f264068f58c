#include <turnpike/analysis/curvature.h>

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>
#include <turnpike/core/krylov.h>
#include <turnpike/operators/hessian.h>

namespace turnpike {

Curvature curvature(const Loss& loss, const Tensor& theta, std::vector<CurvatureBlock> blocks, Progress& progress) {
  require_shape(theta, {-1}, "the parameters of a curvature");
  const auto n_blocks = static_cast<std::int64_t>(blocks.size()), stages = 3 + n_blocks;
  progress.update("curvature", 0, stages, "eigenvalues");
  Curvature result{.parameters = theta.numel(), .blocks = std::move(blocks)};
  result.gradient = gradient_of(loss, theta).norm().item<double>();
  result.loss = loss(theta).item<double>();
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient))
    throw Error("the loss or its gradient is not finite: nothing can be said of its curvature");

  const LinearOperator hessian = hessian_operator(loss, theta);
  const EigenPairs top = lanczos(hessian, std::min<std::int64_t>(5, theta.numel()), Extreme::largest,
                                 {.tolerance = 1e-3, .max_iterations = 80})
                             .partial();
  const Tensor values = top.values.to(at::kDouble).contiguous();
  result.top.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  progress.update("curvature", 1, stages, "trace");
  result.trace = hutchpp_trace(hessian, {.products = 45});
  progress.update("curvature", 2, stages, "density");
  result.density = spectral_density(hessian, {.probes = 4, .steps = 30});
  result.smallest = *std::min_element(result.density.nodes.begin(), result.density.nodes.end());
  const double zero = -1e-3 * std::abs(result.top.front());
  result.negative = result.density.mean([zero](double lambda) { return lambda < zero ? 1.0 : 0.0; });
  result.products = top.iterations + result.trace.products + result.density.products;
  for (std::int64_t i = 0; i < n_blocks; ++i) {
    CurvatureBlock& block = result.blocks[static_cast<std::size_t>(i)];
    progress.update("curvature", 3 + i, stages, block.name);
    const EigenPairs pair = lanczos(restricted_operator(hessian, {block.range}), 1, Extreme::largest,
                                    {.tolerance = 1e-2, .max_iterations = most_block_products})
                                .partial();
    block.largest = pair.values[0].item<double>();
    result.products += pair.iterations;
  }
  progress.update("curvature", stages, stages, "");
  return result;
}

}  // namespace turnpike
