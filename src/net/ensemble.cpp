#include <turnpike/net/ensemble.h>

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

namespace turnpike {
namespace {

// The pieces of theta, W_1, b_1, W_2, ...: by one split, whose backward pass writes the gradient once; that of a narrow
// for each piece would write the whole of it.
std::vector<Tensor> pieces_of(const Ensemble& nets, const Tensor& theta) {
  require_shape(theta, {-1, nets.n_parameters()}, "the parameters of an ensemble");
  std::vector<std::int64_t> sizes;
  for (std::size_t l = 1; l < nets.widths.size(); ++l) {
    sizes.push_back(nets.widths[l] * nets.widths[l - 1]);
    if (nets.biases) sizes.push_back(nets.widths[l]);
  }
  return theta.split_with_sizes(sizes, 1);
}

}  // namespace

std::int64_t Ensemble::n_parameters() const {
  std::int64_t count = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) count += widths[l] * (widths[l - 1] + (biases ? 1 : 0));
  return count;
}

Tensor Ensemble::random(std::int64_t networks, double gain, Random& random) const {
  Tensor theta = at::zeros({networks, n_parameters()}, at::kDouble);
  double* entry = theta.data_ptr<double>();
  for (std::int64_t s = 0; s < networks; ++s) {
    for (std::size_t l = 1; l < widths.size(); ++l) {
      const double deviation = gain / std::sqrt(static_cast<double>(widths[l - 1]));
      for (std::int64_t i = 0; i < widths[l] * widths[l - 1]; ++i) *entry++ = deviation * random.normal();
      if (biases) entry += widths[l];
    }
  }
  return theta;
}

Tensor Ensemble::stacked(const std::vector<FeedForward>& networks) const {
  require(!networks.empty() && biases, "an ensemble of networks needs at least one of them, and biases");
  std::vector<Tensor> rows;
  for (const FeedForward& net : networks) {
    const FeedForwardSpec& spec = net.spec;
    require(spec.widths == widths && spec.form == LayerForm::outer && spec.affine_end && spec.pieces == 0,
            "the networks of an ensemble must be of one shape: of outer form with an affine end, without maxout");
    require(sigma || spec.activation == activation, "the networks of an ensemble must have its activation");
    std::vector<Tensor> parts;
    for (std::size_t l = 0; l < net.weights.size(); ++l) {
      parts.push_back(net.weights[l].detach().flatten());
      parts.push_back(net.biases[l].detach());
    }
    rows.push_back(at::cat(parts));
  }
  return at::stack(rows);
}

std::vector<Tensor> Ensemble::weights(const Tensor& theta) const {
  const std::vector<Tensor> pieces = pieces_of(*this, theta);
  std::vector<Tensor> result;
  for (std::size_t l = 1; l < widths.size(); ++l)
    result.push_back(pieces[(l - 1) * (biases ? 2 : 1)].view({-1, widths[l], widths[l - 1]}));
  return result;
}

std::vector<Tensor> Ensemble::bias_vectors(const Tensor& theta) const {
  if (!biases) return {};
  const std::vector<Tensor> pieces = pieces_of(*this, theta);
  std::vector<Tensor> result;
  for (std::size_t l = 1; l < widths.size(); ++l) result.push_back(pieces[2 * l - 1]);
  return result;
}

Tensor Ensemble::operator()(const Tensor& theta, const Tensor& x) const {
  const std::vector<Tensor> W = weights(theta), b = bias_vectors(theta);
  const std::int64_t S = theta.size(0);
  require(x.defined() && (x.dim() == 2 || (x.dim() == 3 && x.size(0) == S)) && x.size(-1) == widths.front(),
          fmt::format("an ensemble of {} needs x [N, {}] or [{}, N, {}], got {}", S, widths.front(), S, widths.front(),
                      describe(x)));
  Tensor z = x.dim() == 3 ? x : x.expand({S, x.size(0), x.size(1)});
  for (std::size_t l = 0; l < W.size(); ++l) {
    if (l > 0) z = sigma ? sigma(z) : activate(activation, z);
    z = biases ? at::baddbmm(b[l].unsqueeze(1), z, W[l].transpose(1, 2)) : at::bmm(z, W[l].transpose(1, 2));
  }
  return z;
}

Tensor Ensemble::product(const Tensor& theta) const {
  require(!biases && !sigma && activation == Activation::identity, "only linear networks without biases are a matrix");
  const std::vector<Tensor> W = weights(theta);
  Tensor product = W.front();
  for (std::size_t l = 1; l < W.size(); ++l) product = at::bmm(W[l], product);
  return product;
}

FeedForward Ensemble::member(const Tensor& theta, std::int64_t s) const {
  const std::vector<Tensor> W = weights(theta), b = bias_vectors(theta);
  require(s >= 0 && s < theta.size(0), fmt::format("an ensemble of {} has no network {}", theta.size(0), s));
  require(!sigma, "a network alone has one of the activations by name");
  FeedForward net{.spec = {.widths = widths, .activation = activation}, .weights = {}, .biases = {}};
  for (std::size_t l = 0; l < W.size(); ++l) {
    net.weights.push_back(W[l][s]);
    net.biases.push_back(biases ? b[l][s] : at::zeros({widths[l + 1]}, theta.options().requires_grad(false)));
  }
  return net;
}

}  // namespace turnpike
