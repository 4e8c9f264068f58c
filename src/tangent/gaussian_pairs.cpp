#include "gaussian_pairs_internal.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <turnpike/math/quadrature.h>

#include "points_internal.h"

namespace turnpike {
namespace {

constexpr double pi = std::numbers::pi;

// x_i z_j.
Tensor products(const Tensor& x, const Tensor& z) {
  return x.unsqueeze(-1) * z.unsqueeze(-2);
}

Tensor cosine(const GaussianPairs& p) {
  return (p.along - p.apart) / 2;
}

Tensor angle(const GaussianPairs& p) {
  return 2 * at::atan2(p.apart.sqrt(), p.along.sqrt());
}

// Both complements 1 where one of the two numbers is zero.
void settle(GaussianPairs& p) {
  const Tensor zero = (p.x_variance == 0).unsqueeze(-1).logical_or((p.z_variance == 0).unsqueeze(-2));
  p.apart = p.apart.clamp(0, 2).masked_fill(zero, 1);
  p.along = p.along.clamp(0, 2).masked_fill(zero, 1);
}

// From second moments.
GaussianPairs from_moments(Tensor x_variance, Tensor z_variance, const Tensor& moment, bool symmetric) {
  const Tensor size = products(x_variance.sqrt(), z_variance.sqrt());
  const Tensor c = moment / at::where(size > 0, size, at::ones_like(size));
  GaussianPairs p{std::move(x_variance), std::move(z_variance), 1 - c, 1 + c, symmetric};
  settle(p);
  return p;
}

// phi(t) = max(t, 0) + a min(t, 0), theta the angle, b(theta) = (sin theta - theta cos theta) / pi, k1 = cos theta + b:
//   E[phi(u)^2] = (1 + a^2) q / 2
//   E[phi(u) phi(v)] = sqrt(q q') ((1 - a)^2 k1 + 2 a cos theta) / 2
//   E[phi'(u) phi'(v)] = ((1 - a)^2 (1 - theta / pi) + 2 a) / 2
// Beyond a right angle k1 = b(pi - theta).
std::pair<GaussianPairs, Tensor> through_rectifier(double a, const GaussianPairs& p) {
  const Tensor theta = angle(p), supplement = 2 * at::atan2(p.along.sqrt(), p.apart.sqrt()), c = cosine(p);
  const Tensor b = (at::sin(theta) - theta * c) / pi, b_supplement = (at::sin(supplement) + supplement * c) / pi;
  const double bend = (1 - a) * (1 - a), size = 1 + a * a;
  GaussianPairs out = scaled(p, size / 2);
  out.apart = at::where(p.apart <= 1, bend * (p.apart - b) + 2 * a * p.apart,
                        (1 + a) * (1 + a) - bend * b_supplement - 2 * a * p.along) /
              size;
  out.along = (bend * (p.along + b) + 2 * a * p.along) / size;
  settle(out);
  return {out, (bend * (1 - theta / pi) + 2 * a) / 2};
}

// With m = var(u - v) / 2, w = var(u + v) / 2:
//   E[sin u sin v] = (e^-m - e^-w) / 2,   E[cos u cos v] = (e^-m + e^-w) / 2,   E[sin^2 u] = (1 - e^(-2q)) / 2
std::pair<GaussianPairs, Tensor> through_sine(const GaussianPairs& p) {
  const Tensor x = p.x_variance.sqrt(), z = p.z_variance.sqrt(), size = products(x, z);
  const Tensor m = (x.unsqueeze(-1) - z.unsqueeze(-2)).square() / 2 + size * p.apart;
  const Tensor w = (x.unsqueeze(-1) - z.unsqueeze(-2)).square() / 2 + size * p.along;
  // The difference by expm1 from the larger of the two.
  const Tensor moment = -at::exp(-at::minimum(m, w)) * at::expm1(-(w - m).abs()) * at::sign(w - m) / 2;
  const auto variance = [](const Tensor& q) -> Tensor { return -at::expm1(-2 * q) / 2; };
  return {from_moments(variance(p.x_variance), variance(p.z_variance), moment, p.symmetric),
          (at::exp(-m) + at::exp(-w)) / 2};
}

// With D = (1 + 2q)(1 + 2q') - 4 s^2 = 1 + 2q + 2q' + 4 q q' sin^2 theta:
//   E[erf u erf v] = (2/pi) atan(2 s / sqrt D),   E[erf' erf'] = (4/pi) / sqrt D
std::pair<GaussianPairs, Tensor> through_erf(const GaussianPairs& p) {
  const Tensor root = (1 + 2 * (p.x_variance.unsqueeze(-1) + p.z_variance.unsqueeze(-2)) +
                       4 * products(p.x_variance, p.z_variance) * p.apart * p.along)
                          .sqrt();
  const Tensor moment = at::atan2(2 * p.covariance(), root) * (2 / pi);
  const auto variance = [](const Tensor& q) -> Tensor { return at::atan2(2 * q, (1 + 4 * q).sqrt()) * (2 / pi); };
  return {from_moments(variance(p.x_variance), variance(p.z_variance), moment, p.symmetric), (4 / pi) / root};
}

// Moments of phi(u), phi(v), phi'(u), phi'(v) in polar coordinates of the two independent normals behind u and v:
//   u = a r cos t,  v = b r cos(t - theta),   int dt / (2 pi) int r e^(-r^2/2) dr
// The signs of u and v change on four rays, which cut the circle into sectors. Gauss-Legendre in each and in r, with
// substitutions that crowd the points towards the rays and r = 0, where steep activations change.
class PolarRule {
 public:
  explicit PolarRule(const WideActivation& phi) : phi_(phi) {
    const GaussRule angular = gauss_legendre(n_angles), radial = gauss_legendre(n_radii);
    for (int i = 0; i < n_angles; ++i) {
      const double s = angular.nodes[i];
      angles_.push_back(s * (3 - s * s) / 2);
      angle_weights_.push_back(angular.weights[i] * 3 * (1 - s * s) / 2);
    }
    constexpr double far = 9;  // e^(-far^2/2) = 3e-18
    for (int i = 0; i < n_radii; ++i) {
      const double s = (radial.nodes[i] + 1) / 2, r = far * s * s * s;
      radii_.push_back(r);
      radius_weights_.push_back(radial.weights[i] / 2 * 3 * far * s * s * r * std::exp(-r * r / 2) / (2 * pi));
    }
    for (std::vector<double>* buffer : {&u_, &v_, &phi_u_, &phi_v_, &slope_u_, &slope_v_})
      buffer->resize(n_angles * n_radii);
  }

  struct Moments {
    double square_u = 0, square_v = 0;  // E[phi(u)^2], E[phi(v)^2]
    double apart = 0, along = 0;        // E[(phi(u) / size_u -+ phi(v) / size_v)^2] / 2
    double slope = 0;                   // E[phi'(u) phi'(v)]
  };
  // a, b: deviations of u and v; sizes: the root mean squares of phi(u) and phi(v), or 1.
  Moments operator()(double a, double b, double theta, double size_u = 1, double size_v = 1) {
    Moments sum;
    const double rays[] = {theta - pi / 2, pi / 2, pi / 2 + theta, 3 * pi / 2, 3 * pi / 2 + theta};
    for (int sector = 0; sector < 4; ++sector) {
      const double middle = (rays[sector] + rays[sector + 1]) / 2, half = (rays[sector + 1] - rays[sector]) / 2;
      if (half <= 0) continue;
      for (int i = 0, k = 0; i < n_angles; ++i) {
        const double t = middle + half * angles_[i];
        const double along_u = a * std::cos(t), along_v = b * std::cos(t - theta);
        for (int j = 0; j < n_radii; ++j, ++k) {
          u_[k] = along_u * radii_[j];
          v_[k] = along_v * radii_[j];
        }
      }
      phi_.evaluate(u_.data(), phi_u_.data(), slope_u_.data(), n_angles * n_radii);
      phi_.evaluate(v_.data(), phi_v_.data(), slope_v_.data(), n_angles * n_radii);
      for (int i = 0, k = 0; i < n_angles; ++i) {
        Moments line;
        for (int j = 0; j < n_radii; ++j, ++k) {
          const double w = radius_weights_[j], pu = phi_u_[k] / size_u, pv = phi_v_[k] / size_v;
          line.square_u += w * pu * pu;
          line.square_v += w * pv * pv;
          line.apart += w * (pu - pv) * (pu - pv);
          line.along += w * (pu + pv) * (pu + pv);
          line.slope += w * slope_u_[k] * slope_v_[k];
        }
        const double w = half * angle_weights_[i];
        sum.square_u += w * line.square_u;
        sum.square_v += w * line.square_v;
        sum.apart += w * line.apart / 2;
        sum.along += w * line.along / 2;
        sum.slope += w * line.slope;
      }
    }
    return sum;
  }

 private:
  static constexpr int n_angles = 32, n_radii = 40;
  const WideActivation& phi_;
  std::vector<double> angles_, angle_weights_, radii_, radius_weights_;
  std::vector<double> u_, v_, phi_u_, phi_v_, slope_u_, slope_v_;
};

std::pair<GaussianPairs, Tensor> through_quadrature(const WideActivation& phi, const GaussianPairs& p) {
  const std::int64_t n = p.x_variance.size(-1), m = p.z_variance.size(-1), rows = p.x_variance.numel();
  const auto second_moment = [&](const Tensor& q) {
    PolarRule rule(phi);
    const Tensor deviation = q.sqrt().contiguous(), out = at::empty_like(deviation);
    for (std::int64_t i = 0; i < q.numel(); ++i) {
      const double a = deviation.data_ptr<double>()[i];
      out.data_ptr<double>()[i] = rule(a, a, 0).square_u;
    }
    return out;
  };
  const Tensor theta = angle(p).contiguous(), slopes = at::empty_like(theta);
  GaussianPairs out{.x_variance = second_moment(p.x_variance),
                    .apart = at::empty_like(theta),
                    .along = at::empty_like(theta),
                    .symmetric = p.symmetric};
  out.z_variance = p.symmetric ? out.x_variance : second_moment(p.z_variance);
  const Tensor a = p.x_variance.sqrt().contiguous(), b = p.z_variance.sqrt().contiguous();
  // phi may vanish almost everywhere: then any size does.
  const auto sizes = [](const Tensor& q) { return at::where(q > 0, q, at::ones_like(q)).sqrt(); };
  const Tensor size_u = sizes(out.x_variance), size_v = sizes(out.z_variance);
  const auto at_pair = [&](const Tensor& tensor, std::int64_t i, std::int64_t j) -> double& {
    return tensor.data_ptr<double>()[i * m + j];
  };
  // Row i belongs to problem i / n.
  at::parallel_for(0, rows, 1, [&](std::int64_t first, std::int64_t last) {
    PolarRule rule(phi);
    for (std::int64_t i = first; i < last; ++i) {
      for (std::int64_t j = p.symmetric ? i : 0; j < m; ++j) {
        const std::int64_t column = i / n * m + j;
        const auto moments = rule(a.data_ptr<double>()[i], b.data_ptr<double>()[column], at_pair(theta, i, j),
                                  size_u.data_ptr<double>()[i], size_v.data_ptr<double>()[column]);
        at_pair(out.apart, i, j) = moments.apart;
        at_pair(out.along, i, j) = moments.along;
        at_pair(slopes, i, j) = moments.slope;
        if (!p.symmetric) continue;
        at_pair(out.apart, j, i) = moments.apart;
        at_pair(out.along, j, i) = moments.along;
        at_pair(slopes, j, i) = moments.slope;
      }
    }
  });
  settle(out);
  return {out, slopes};
}

}  // namespace

Tensor GaussianPairs::covariance() const {
  return products(x_variance.sqrt(), z_variance.sqrt()) * cosine(*this);
}

GaussianPairs pairs_of(const Tensor& x, const Tensor& z, bool symmetric) {
  const Directions a = directions(x), b = symmetric ? a : directions(z);
  auto [apart, along] = half_square_distances(a, b);
  return {a.length.square(), b.length.square(), std::move(apart), std::move(along), symmetric};
}

GaussianPairs constant_pairs(const GaussianPairs& like, double variance) {
  GaussianPairs p{at::full_like(like.x_variance, variance), at::full_like(like.z_variance, variance),
                  at::zeros_like(like.apart), at::full_like(like.along, 2), like.symmetric};
  settle(p);
  return p;
}

GaussianPairs scaled(GaussianPairs pairs, double factor) {
  pairs.x_variance = pairs.x_variance * factor;
  pairs.z_variance = pairs.z_variance * factor;
  settle(pairs);
  return pairs;
}

// With the shares r_i = sqrt(q_i / q) of the parts, unit vectors, for x and z:
//   1 - cos = |r_x - r_z|^2 / 2 + sum_i r_xi r_zi (1 - cos_i),   the same for 1 + cos.
GaussianPairs direct_sum(const std::vector<GaussianPairs>& parts) {
  GaussianPairs sum{at::zeros_like(parts[0].x_variance), at::zeros_like(parts[0].z_variance),
                    at::zeros_like(parts[0].apart), at::zeros_like(parts[0].along), parts[0].symmetric};
  for (const GaussianPairs& part : parts) {
    sum.x_variance = sum.x_variance + part.x_variance;
    sum.z_variance = sum.z_variance + part.z_variance;
  }
  const auto share = [](const Tensor& part, const Tensor& whole) {
    return (part / at::where(whole > 0, whole, at::ones_like(whole))).sqrt();
  };
  for (const GaussianPairs& part : parts) {
    const Tensor x = share(part.x_variance, sum.x_variance), z = share(part.z_variance, sum.z_variance);
    const Tensor spread = (x.unsqueeze(-1) - z.unsqueeze(-2)).square() / 2, both = products(x, z);
    sum.apart += spread + both * part.apart;
    sum.along += spread + both * part.along;
  }
  settle(sum);
  return sum;
}

std::pair<GaussianPairs, Tensor> through(const WideActivation& phi, const GaussianPairs& pairs) {
  switch (phi.form) {
    case WideActivation::Form::rectifier: return through_rectifier(phi.slope, pairs);
    case WideActivation::Form::sine: return through_sine(pairs);
    case WideActivation::Form::erf: return through_erf(pairs);
    case WideActivation::Form::other: break;
  }
  return through_quadrature(phi, pairs);
}

}  // namespace turnpike
