#include <turnpike/tangent/wide_convolution.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

#include <turnpike/base/error.h>

#include "gaussian_pairs_internal.h"
#include "points_internal.h"

namespace turnpike {
namespace {

void require_images(const Tensor& x, const char* name) {
  require(x.defined() && (x.dim() == 3 || x.dim() == 4) && x.numel() > 0 &&
              (x.scalar_type() == at::kDouble || x.scalar_type() == at::kFloat),
          fmt::format("wide_kernels: {} must be images [N, C, length] or [N, C, height, width] in float32 or float64, "
                      "none of them empty, got {}",
                      name, describe(x)));
  require(at::isfinite(x).all().item<bool>(), fmt::format("wide_kernels: {} holds numbers that are not finite", name));
}

// The positions of an image, and where an offset leads: P stands for outside.
class Positions {
 public:
  Positions(std::int64_t height, std::int64_t width, const WideConvolution& net)
      : height_(height), width_(width), circular_(net.padding == WideConvolution::Padding::circular) {
    const std::int64_t reach = net.filter / 2, up = height == 1 && net.filter > 1 ? 0 : reach;
    for (std::int64_t a = -up; a <= up; ++a)
      for (std::int64_t b = -reach; b <= reach; ++b) offsets_.push_back({a, b});
  }
  std::int64_t count() const { return height_ * width_; }
  std::size_t n_offsets() const { return offsets_.size(); }
  std::vector<std::int64_t> shifted(std::size_t offset) const {
    std::vector<std::int64_t> to;
    const auto wrap = [](std::int64_t i, std::int64_t n) { return ((i % n) + n) % n; };
    for (std::int64_t i = 0; i < height_; ++i)
      for (std::int64_t j = 0; j < width_; ++j) {
        std::int64_t a = i + offsets_[offset].first, b = j + offsets_[offset].second;
        if (circular_) {
          a = wrap(a, height_);
          b = wrap(b, width_);
        }
        to.push_back(a < 0 || a >= height_ || b < 0 || b >= width_ ? count() : a * width_ + b);
      }
    return to;
  }

 private:
  std::int64_t height_, width_;
  bool circular_;
  std::vector<std::pair<std::int64_t, std::int64_t>> offsets_;
};

// What a filter sees at every position, [P, N, |Q| C].
Tensor patches(const Tensor& images, const Positions& positions) {
  // [P + 1, N, C], zero outside.
  const Tensor pixels = at::constant_pad_nd(images.flatten(2).permute({2, 0, 1}), {0, 0, 0, 0, 0, 1});
  std::vector<Tensor> parts;
  for (std::size_t q = 0; q < positions.n_offsets(); ++q)
    parts.push_back(pixels.index_select(0, at::tensor(positions.shifted(q), at::kLong)));
  return at::cat(parts, 2);
}

// The problems: one a position (flatten), or one a pair of positions, the first one's slowest (average).
class Problems {
 public:
  Problems(const Positions& positions, bool all_pairs) : n_(positions.count()), all_pairs_(all_pairs) {
    for (std::size_t q = 0; q < positions.n_offsets(); ++q) {
      const std::vector<std::int64_t> to = positions.shifted(q);
      std::vector<std::int64_t> problem;
      for (std::int64_t p = 0; p < n_; ++p)
        for (std::int64_t r = all_pairs ? 0 : p; r < (all_pairs ? n_ : p + 1); ++r)
          problem.push_back(to[p] == n_ || to[r] == n_ ? count() : all_pairs ? to[p] * n_ + to[r] : to[p]);
      shifts_.push_back(at::tensor(problem, at::kLong));
      // The variance of one of the two may be inside while the other is outside.
      const auto axis = [&](bool first) {
        std::vector<std::int64_t> own;
        for (std::int64_t p = 0; p < n_; ++p)
          for (std::int64_t r = all_pairs ? 0 : p; r < (all_pairs ? n_ : p + 1); ++r) {
            const std::int64_t target = to[first ? p : r];
            // Any problem with this position on this side.
            own.push_back(target == n_ ? count() : !all_pairs ? target : first ? target * n_ : target);
          }
        return at::tensor(own, at::kLong);
      };
      x_shifts_.push_back(axis(true));
      z_shifts_.push_back(axis(false));
    }
  }
  std::int64_t count() const { return all_pairs_ ? n_ * n_ : n_; }

  GaussianPairs inputs(const Tensor& x, const Tensor& z) const {  // patches [P, N, D], [P, M, D]
    if (!all_pairs_) return pairs_of(x, z, false);
    return pairs_of(x.repeat_interleave(n_, 0), z.repeat({n_, 1, 1}), false);
  }
  // Of the sum over the filter: each offset a part of its own, nothing where it leaves the image.
  GaussianPairs convolved(const GaussianPairs& y, double factor, const GaussianPairs& bias) const {
    std::vector<GaussianPairs> parts = {bias};
    const double share = factor / static_cast<double>(shifts_.size());
    for (std::size_t q = 0; q < shifts_.size(); ++q)
      parts.push_back(scaled({moved(y.x_variance, x_shifts_[q]), moved(y.z_variance, z_shifts_[q]),
                              moved(y.apart, shifts_[q]), moved(y.along, shifts_[q])},
                             share));
    return direct_sum(parts);
  }
  Tensor convolved(const Tensor& T, double factor) const {
    Tensor sum = at::zeros_like(T);
    for (const Tensor& shift : shifts_) sum += moved(T, shift);
    return sum * (factor / static_cast<double>(shifts_.size()));
  }

 private:
  // values[shift], zero where it is count().
  Tensor moved(const Tensor& values, const Tensor& shift) const {
    const Tensor inside = values.index_select(0, shift.clamp_max(count() - 1));
    std::vector<std::int64_t> shape(values.dim(), 1);
    shape[0] = -1;
    return inside * (shift < count()).to(at::kDouble).view(shape);
  }
  std::int64_t n_;
  bool all_pairs_;
  std::vector<Tensor> shifts_, x_shifts_, z_shifts_;
};

WideKernels compute(const WideConvolution& net, const Tensor& x, const Tensor& z) {
  at::NoGradGuard no_grad;
  require_net(net.layers);
  require(net.filter >= 1 && net.filter % 2 == 1,
          fmt::format("WideConvolution: the filter must have an odd number of positions, got {}", net.filter));
  require_images(x, "x");
  require_images(z, "z");
  require(x.dim() == z.dim() && x.sizes().slice(1) == z.sizes().slice(1) && x.scalar_type() == z.scalar_type(),
          fmt::format("wide_kernels: the images of x and z must have one shape and dtype, got {} and {}", describe(x),
                      describe(z)));
  const Positions positions(x.dim() == 4 ? x.size(2) : 1, x.size(-1), net);
  const bool average = net.readout == WideConvolution::Readout::average;
  const Problems problems(positions, average);
  const WideNet& layers = net.layers;

  const GaussianPairs inputs =
      problems.inputs(patches(x.to(at::kDouble), positions), patches(z.to(at::kDouble), positions));
  const GaussianPairs bias = constant_pairs(inputs, layers.bias_variance);
  GaussianPairs y = direct_sum({scaled(inputs, layers.input_variance), bias});
  Tensor T = y.covariance();
  for (std::int64_t layer = 1; layer < layers.hidden_layers; ++layer) {
    const auto [phi, slopes] = through(layers.activation, y);
    const GaussianPairs next = problems.convolved(phi, layers.weight_variance, bias);
    const Tensor inner = problems.convolved(slopes * T, layers.weight_variance);
    T = next.covariance() + (layers.residual ? inner + T : inner);
    y = layers.residual ? direct_sum({next, y}) : next;
  }
  // The mean over positions, or over pairs of them.
  const auto [phi, slopes] = through(layers.activation, y);
  Tensor nngp = layers.bias_variance + layers.weight_variance * phi.covariance().mean(0);
  Tensor tangent = nngp + layers.weight_variance * (slopes * T).mean(0);
  if (x.is_same(z)) {
    // Sums over pairs of positions run in another order below the diagonal.
    nngp = (nngp + nngp.t()) / 2;
    tangent = (tangent + tangent.t()) / 2;
  }
  return {.nngp = nngp.to(x.scalar_type()), .tangent = tangent.to(x.scalar_type())};
}

}  // namespace

WideKernels wide_kernels(const WideConvolution& net, const Tensor& x, const Tensor& z) {
  return compute(net, x, z);
}

WideKernels wide_kernels(const WideConvolution& net, const Tensor& x) {
  return compute(net, x, x);
}

}  // namespace turnpike
