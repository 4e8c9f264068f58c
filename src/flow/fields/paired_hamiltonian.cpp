// q_dot = sigma(K p + b_q), p_dot = sigma(-K' q + b_p),  x = (q, p), K [d/2, d/2].  Haber & Ruthotto, arXiv:1705.03341,
// eq. (13)
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

class PairedHamiltonianField final : public VectorField {
 public:
  PairedHamiltonianField(std::int64_t d, Activation sigma) : half_(d / 2), sigma_(sigma) {}
  std::string name() const override { return "hamiltonian"; }
  std::int64_t dimension() const override { return 2 * half_; }
  std::int64_t n_parameters() const override { return half_ * half_ + 2 * half_; }

  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
    const Tensor q = x.narrow(1, 0, half_), p = x.narrow(1, half_, half_);
    return at::cat({first_rate(t, p, u), second_rate(t, q, u)}, 1);
  }
  Tensor first_rate(double, const Tensor& p, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor K = read.matrix(half_, half_), b_q = read.vector(half_);
    return activate(sigma_, at::addmm(b_q, p, K.t()));
  }
  Tensor second_rate(double, const Tensor& q, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor K = read.matrix(half_, half_);
    read.vector(half_);
    return activate(sigma_, at::addmm(read.vector(half_), q, K, 1, -1));
  }

  FieldFacts facts() const override {
    const ActivationFacts& sigma = facts_of(sigma_);
    FieldFacts facts{.rests_at_zero = sigma.zero_at_zero, .partitioned = true};
    if (sigma.homogeneous) facts.homogeneity = 1.0;
    return facts;
  }

  std::optional<double> lipschitz(const Tensor& u) const override {
    // The block matrix (0 K; -K' 0) has the singular values of K.
    return operator_norm(ControlReader(u).matrix(half_, half_)) * facts_of(sigma_).lipschitz;
  }

  std::optional<LayerSpec> layer_spec() const override { return LayerSpec{LayerKind::paired, sigma_, 2 * half_}; }

  std::optional<std::string> torchscript() const override {
    return fmt::format(
        "K = u[:{0}].view({1}, {1})\n"
        "x = torch.cat([torch.addmm(u[{0}:{2}], x[:, {1}:], K.t()), u[{2}:] - torch.mm(x[:, :{1}], K)], 1)\n"
        "return {3}\n",
        half_ * half_, half_, half_ * half_ + half_, script_of(sigma_));
  }

 private:
  std::int64_t half_;
  Activation sigma_;
};

}  // namespace

FieldPtr paired_hamiltonian_field(const FieldSpec& spec) {
  require(
      spec.dimension > 0 && spec.dimension % 2 == 0,
      fmt::format("the hamiltonian field splits x into q and p: the dimension must be even, got {}", spec.dimension));
  return std::make_shared<PairedHamiltonianField>(spec.dimension, spec.activation);
}

}  // namespace turnpike
