#include <turnpike/net/feed_forward.h>

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/activation.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

bool ends_here(const FeedForwardSpec& spec, std::int64_t layer) {
  return spec.form == LayerForm::outer && spec.affine_end && layer == spec.depth();
}

// Layers count from 1.
std::int64_t rows_of(const FeedForwardSpec& spec, std::int64_t layer) {
  const std::int64_t width = spec.widths[static_cast<std::size_t>(layer)];
  return spec.pieces > 0 && !ends_here(spec, layer) ? spec.pieces * width : width;
}

void check(const FeedForwardSpec& spec) {
  require(spec.widths.size() >= 2,
          fmt::format("a network has at least an input and an output width, got {} widths", spec.widths.size()));
  for (std::int64_t width : spec.widths) require(width > 0, fmt::format("a width must be positive, got {}", width));
  require(spec.pieces == 0 || (spec.pieces >= 2 && spec.form != LayerForm::inner),
          fmt::format("maxout takes two or more pieces of outer or residual layers, got {}", spec.pieces));
  if (spec.form == LayerForm::residual)
    for (std::int64_t width : spec.widths)
      require(width == spec.widths[0],
              fmt::format("a residual network adds its layers to the state: all widths must be "
                          "equal, got {} and {}",
                          spec.widths[0], width));
}

Tensor bend(const FeedForwardSpec& spec, const Tensor& z) {
  return spec.pieces > 0 ? maxout(z, spec.pieces) : activate(spec.activation, z);
}

}  // namespace

FeedForward FeedForward::make(const FeedForwardSpec& spec, c10::ScalarType dtype, std::uint64_t seed) {
  check(spec);
  FeedForward net{.spec = spec, .weights = {}, .biases = {}};
  for (std::int64_t l = 1; l <= spec.depth(); ++l) {
    Random random(seed_for(seed, "layer", static_cast<std::uint64_t>(l)));
    const std::int64_t rows = rows_of(spec, l), columns = spec.widths[static_cast<std::size_t>(l - 1)];
    Tensor weight = at::empty({rows, columns}, at::kDouble);
    double* entry = weight.data_ptr<double>();
    for (std::int64_t i = 0; i < rows * columns; ++i)
      entry[i] = random.normal() / std::sqrt(static_cast<double>(columns));
    net.weights.push_back(weight.to(dtype));
    net.biases.push_back(at::zeros({rows}, dtype));
  }
  return net;
}

std::vector<Tensor> FeedForward::intermediate(const Tensor& x) const {
  check(spec);
  require_shape(x, {-1, spec.widths[0]}, "the input of the network");
  std::vector<Tensor> outputs = {x};
  for (std::int64_t l = 1; l <= spec.depth(); ++l) {
    const Tensor &W = weights[static_cast<std::size_t>(l - 1)], &b = biases[static_cast<std::size_t>(l - 1)];
    const auto affine = [&](const Tensor& z) -> Tensor { return at::addmm(b, z, W.t()); };
    switch (spec.form) {
      case LayerForm::outer:
        outputs.push_back(affine(outputs.back()));
        if (!ends_here(spec, l)) outputs.push_back(bend(spec, outputs.back()));
        break;
      case LayerForm::inner:
        outputs.push_back(bend(spec, outputs.back()));
        outputs.push_back(affine(outputs.back()));
        break;
      case LayerForm::residual:
        outputs.push_back(outputs.back() + spec.step * bend(spec, affine(outputs.back())));
        break;
    }
  }
  return outputs;
}

Tensor FeedForward::forward(const Tensor& x) const {
  return intermediate(x).back();
}

std::int64_t FeedForward::n_parameters() const {
  std::int64_t count = 0;
  for (const Tensor& weight : weights) count += weight.numel();
  for (const Tensor& bias : biases) count += bias.numel();
  return count;
}

std::int64_t count_parameters(const FeedForwardSpec& spec) {
  check(spec);
  std::int64_t count = 0;
  for (std::int64_t l = 1; l <= spec.depth(); ++l)
    count += rows_of(spec, l) * (spec.widths[static_cast<std::size_t>(l - 1)] + 1);
  return count;
}

Tensor maxout(const Tensor& z, std::int64_t pieces) {
  require(pieces > 0 && z.dim() > 0 && z.size(-1) % pieces == 0,
          fmt::format("maxout of {} pieces needs that many blocks, got {}", pieces, describe(z)));
  std::vector<std::int64_t> blocks = z.sizes().vec();
  blocks.back() = pieces;
  blocks.push_back(z.size(-1) / pieces);
  return z.reshape(blocks).amax(-2);
}

}  // namespace turnpike
