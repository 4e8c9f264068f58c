#include "studies/kernels/wide.h"

#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/seed.h>
#include <turnpike/study/measure.h>

namespace turnpike::studies {

Tensor WideNets::kernel(const Tensor& theta, std::int64_t s, const Tensor& x) const {
  return tangent_kernel(map_of(at(theta, s)), x, {}, {.method = TangentMethod::structured, .rates = rates_of_one()});
}

WideNets wide_nets(const std::vector<std::int64_t>& widths, Activation activation, double weight_variance,
                   const StudyContext& study) {
  WideNets wide{.nets = {.widths = widths, .activation = activation}};
  std::vector<FeedForward> nets;
  std::vector<double> weights, biases(widths.size() - 1, 0.0);
  for (std::size_t l = 0; l + 1 < widths.size(); ++l)
    weights.push_back(weight_variance / static_cast<double>(widths[l]));
  for (int s = 0; s < study.seeds(); ++s) {
    FeedForward net = FeedForward::make({.widths = widths, .activation = activation}, at::kDouble,
                                        seed_for(study.seed(), "wide network", static_cast<std::uint64_t>(s)));
    for (Tensor& weight : net.weights) weight = weight * std::sqrt(weight_variance);
    nets.push_back(std::move(net));
  }
  wide.all = map_of(wide.nets, wide.nets.stacked(nets));
  wide.rates = layer_rates(nets[0], weights, biases).repeat({wide.n()});
  return wide;
}

Tensor sphere_points(std::int64_t n, std::int64_t d, Random& random) {
  const Tensor x = normal_tensor({n, d}, random);
  return x * (std::sqrt(static_cast<double>(d)) / x.norm(2, at::IntArrayRef{1}, /*keepdim=*/true));
}

}  // namespace turnpike::studies
