// Wide networks in the tangent-kernel parametrisation, several side by side, as the studies of this chapter train them.
#pragma once

#include <vector>

#include <turnpike/study/study.h>
#include <turnpike/tangent/empirical.h>

namespace turnpike::studies {

struct WideNets {
  Ensemble nets;      // one network a seed
  ParametricMap all;  // side by side, theta [S P]
  Tensor rates;       // [S P]: those of one network repeated

  Tensor rates_of_one() const { return rates.narrow(0, 0, nets.n_parameters()); }
  std::int64_t n() const { return all.theta.numel() / nets.n_parameters(); }
  // Network s at parameters theta [S P].
  FeedForward at(const Tensor& theta, std::int64_t s) const { return nets.member(theta.view({n(), -1}), s); }
  // Its tangent kernel on x at theta.
  Tensor kernel(const Tensor& theta, std::int64_t s, const Tensor& x) const;
};

// widths as in FeedForwardSpec; weights N(0, weight_variance / d) with learning rates weight_variance / d, biases 0 and
// not trained.
WideNets wide_nets(const std::vector<std::int64_t>& widths, Activation activation, double weight_variance,
                   const StudyContext& study);

// [n, d] directions uniform on the sphere of radius d^(1/2).
Tensor sphere_points(std::int64_t n, std::int64_t d, Random& random);

}  // namespace turnpike::studies
