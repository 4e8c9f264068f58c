#include <turnpike/net/ensemble_cost.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/fused/perceptron.h>

namespace turnpike {

EnsembleCost mean_square(const Ensemble& nets, const Tensor& theta, const Tensor& x, const Tensor& y) {
  require(nets.biases && !nets.sigma, "the fused kernels are of perceptrons with biases and an activation by name");
  require_shape(theta, {-1, nets.n_parameters()}, "the parameters of an ensemble");
  const std::int64_t S = theta.size(0), N = x.size(0), P = theta.size(1), outputs = nets.widths.back();
  require_shape(x, {-1, nets.widths.front()}, "the samples of an ensemble");
  require(y.sizes() == at::IntArrayRef({N, outputs}) || y.sizes() == at::IntArrayRef({S, N, outputs}),
          fmt::format("the targets of {} networks must be [{}, {}] or one such for each, got {}", S, N, outputs,
                      describe(y)));
  require(x.dtype() == theta.dtype() && y.dtype() == theta.dtype(),
          "parameters, samples and targets must be of a dtype");
  const FusedPerceptron net{.widths = nets.widths, .activation = nets.activation, .threads = at::get_num_threads()};
  const Tensor u = theta.detach().contiguous(), at_x = x.contiguous(), at_y = y.contiguous();
  EnsembleCost cost{.gradient = at::empty_like(u)};
  const double weight = 1 / static_cast<double>(N);
  AT_DISPATCH_FLOATING_TYPES(u.scalar_type(), "mean_square", [&] {
    for (std::int64_t s = 0; s < S; ++s) {
      const FusedTargets<scalar_t> targets{.values = at_y.data_ptr<scalar_t>() + (y.dim() == 3 ? s * N * outputs : 0)};
      cost.value +=
          weight * fused_perceptron_cost<scalar_t>(net, at_x.data_ptr<scalar_t>(), u.data_ptr<scalar_t>() + s * P,
                                                   targets, N, weight, cost.gradient.data_ptr<scalar_t>() + s * P);
    }
  });
  return cost;
}

}  // namespace turnpike
