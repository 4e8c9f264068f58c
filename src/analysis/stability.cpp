#include <turnpike/analysis/stability.h>

#include <fmt/format.h>
#include <torch/types.h>
#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>
#include <turnpike/operators/jacobian.h>

namespace turnpike {
namespace {

std::vector<double> to_vector(const Tensor& tensor) {
  const Tensor values = tensor.to(at::kDouble).cpu().contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

// [n, N] -> over N
Spread spread_of(const Tensor& values) {
  return {to_vector(values.amin(1)), to_vector(at::quantile(values, 0.5, /*dim=*/1)), to_vector(values.amax(1))};
}

// Uniform in the unit ball of R^d: a normal direction, and radius^(1/d) of a uniform one.
std::vector<double> in_unit_ball(std::int64_t d, Random& random) {
  std::vector<double> point(d);
  double square = 0;
  for (double& entry : point) {
    entry = random.normal();
    square += entry * entry;
  }
  const double scale = std::pow(random.uniform(), 1.0 / static_cast<double>(d)) / std::sqrt(square);
  for (double& entry : point) entry *= scale;
  return point;
}

// exp(int_0^t L(u(s)) ds) by the midpoint rule on the mesh: exact for a constant control.
std::vector<double> lipschitz_bound(const Flow& flow, const Mesh& mesh, const Tensor& control,
                                    const std::vector<double>& times) {
  std::vector<double> bound;
  double integral = 0;
  std::int64_t k = 0;
  for (const double time : times) {
    for (; k < mesh.steps() && mesh.times[k + 1] <= time * (1 + 1e-12); ++k) {
      const double start = mesh.times[k], end = mesh.times[k + 1];
      const auto lipschitz = flow.field->lipschitz(flow.grid.sample(control, {0.5 * (start + end)})[0]);
      if (!lipschitz) return {};
      integral += (end - start) * *lipschitz;
    }
    bound.push_back(std::exp(integral));
  }
  return bound;
}

}  // namespace

SingularProfile singular_profile(const Flow& flow, const Tensor& control, const Tensor& x0,
                                 const std::vector<double>& times) {
  at::NoGradGuard no_gradient;
  DepthJacobians run = jacobians_through_depth(flow, control, x0, times);
  SingularProfile profile;
  profile.times = std::move(run.times);
  profile.values = at::linalg_svdvals(run.jacobians.to(at::kDouble));
  profile.largest = spread_of(profile.values.select(2, 0));
  profile.smallest = spread_of(profile.values.select(2, -1));
  const Tensor t = at::tensor(profile.times, at::kDouble).view({-1, 1, 1});
  profile.exponents = at::where(t > 0, profile.values.log() / t, at::full({}, std::nan(""), at::kDouble));
  return profile;
}

Amplification amplification(const Flow& flow, const Tensor& control, const AmplificationOptions& options) {
  const std::int64_t d = flow.field->dimension();
  require_shape(options.centres, {-1, d}, "amplification: centres");
  require(options.centres.size(0) > 0 && options.n_pairs > 0 && options.radius > 0,
          fmt::format("amplification needs a centre, n_pairs > 0 and radius > 0, got {} centres, {} pairs, radius {}",
                      options.centres.size(0), options.n_pairs, options.radius));
  at::NoGradGuard no_gradient;
  const Tensor centres = options.centres.detach().to(at::kDouble).contiguous();
  const std::int64_t n_centres = centres.size(0), n = options.n_pairs;
  Tensor first = at::empty({n, d}, at::kDouble), second = at::empty({n, d}, at::kDouble);
  Random random(seed_for(options.seed, "amplification"));
  for (std::int64_t i = 0; i < n; ++i) {
    const double* centre = centres.data_ptr<double>() + (i % n_centres) * d;
    std::vector<double> a = in_unit_ball(d, random);
    const std::vector<double> b = in_unit_ball(d, random);
    if (i < n_centres) std::fill(a.begin(), a.end(), 0.0);
    const double fraction = std::pow(10.0, random.uniform(-3, 0));
    for (std::int64_t j = 0; j < d; ++j) {
      first.data_ptr<double>()[i * d + j] = centre[j] + options.radius * a[j];
      second.data_ptr<double>()[i * d + j] = centre[j] + options.radius * (a[j] + fraction * (b[j] - a[j]));
    }
  }

  Amplification result;
  // Both ends of all pairs in one roll, so that an adaptive flow takes the same steps for both.
  const Tensor y = first.to(control.scalar_type()), z = second.to(control.scalar_type());
  const Roll roll = flow.roll(at::cat({y, z}), control,
                              {.save = options.times.empty() ? Save::all : Save::times, .times = options.times});
  result.times = roll.times;
  const Tensor gaps =
      (roll.states.narrow(1, 0, n) - roll.states.narrow(1, n, n)).to(at::kDouble).norm(2, 2);  // [n_times, n]
  result.pairs = to_vector((gaps / (y - z).to(at::kDouble).norm(2, 1)).amax(1));

  Flow same_mesh = flow;
  if (flow.controller) {
    same_mesh.mesh = Mesh{flow.roll(at::cat({y, z}), control, {.save = Save::all}).times};
    same_mesh.controller.reset();
  }
  const DepthJacobians run = jacobians_through_depth(same_mesh, control, y, result.times);
  result.singular = to_vector(at::linalg_svdvals(run.jacobians.to(at::kDouble)).select(2, 0).amax(1));
  result.lipschitz = lipschitz_bound(flow, same_mesh.mesh.with_stops(result.times), control, result.times);
  result.domain = fmt::format("{} pairs in balls of radius {:.4g} about {} centre{}, seed {}", n, options.radius,
                              n_centres, n_centres == 1 ? "" : "s", options.seed);
  return result;
}

}  // namespace turnpike
