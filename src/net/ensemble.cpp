#include <turnpike/net/ensemble.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/activation.h>

namespace turnpike {

Ensemble Ensemble::make(const FeedForwardSpec& spec, std::int64_t members, c10::ScalarType dtype, std::uint64_t seed) {
  require(members >= 1, fmt::format("an ensemble needs a member, got {}", members));
  require(spec.form == LayerForm::outer && spec.affine_end && spec.pieces == 0,
          "an ensemble holds perceptrons with an affine end, without maxout");
  std::vector<FeedForward> nets;
  for (std::int64_t e = 0; e < members; ++e)
    nets.push_back(FeedForward::make(spec, dtype, seed_for(seed, "member", static_cast<std::uint64_t>(e))));
  Ensemble ensemble{.spec = spec, .members = members};
  for (std::size_t l = 0; l < nets.front().weights.size(); ++l) {
    std::vector<Tensor> W, b;
    for (const FeedForward& net : nets) {
      W.push_back(net.weights[l].t());
      b.push_back(net.biases[l].unsqueeze(0));
    }
    ensemble.weights.push_back(at::stack(W).contiguous().requires_grad_());
    ensemble.biases.push_back(at::stack(b).requires_grad_());
  }
  return ensemble;
}

Tensor Ensemble::forward(const Tensor& x) const {
  require(x.defined() && (x.dim() == 2 || (x.dim() == 3 && x.size(0) == members)) && x.size(-1) == spec.widths.front(),
          fmt::format("an ensemble of {} needs x [N, {}] or [{}, N, {}], got {}", members, spec.widths.front(), members,
                      spec.widths.front(), describe(x)));
  Tensor z = x.dim() == 3 ? x : x.expand({members, x.size(0), x.size(1)});
  for (std::size_t l = 0; l < weights.size(); ++l) {
    z = at::baddbmm(biases[l], z, weights[l]);
    if (l + 1 < weights.size()) z = activate(spec.activation, z);
  }
  return z;
}

FeedForward Ensemble::member(std::int64_t e) const {
  require(e >= 0 && e < members, fmt::format("an ensemble of {} has no member {}", members, e));
  FeedForward net{.spec = spec};
  for (std::size_t l = 0; l < weights.size(); ++l) {
    net.weights.push_back(weights[l][e].t().contiguous());
    net.biases.push_back(biases[l][e].squeeze(0));
  }
  return net;
}

std::vector<Tensor> Ensemble::parameters() const {
  std::vector<Tensor> all = weights;
  all.insert(all.end(), biases.begin(), biases.end());
  return all;
}

}  // namespace turnpike
