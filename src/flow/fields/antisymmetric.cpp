// f(x; W, b) = sigma((W - W' - gamma I) x + b): the symmetric part of its Jacobian's inner matrix is -gamma I.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

class AntisymmetricField final : public VectorField {
 public:
  AntisymmetricField(std::int64_t d, double gamma, Activation sigma) : d_(d), gamma_(gamma), sigma_(sigma) {}
  std::string name() const override { return "antisymmetric"; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return d_ * d_ + d_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor A = antisymmetric(read.matrix(d_, d_)), b = read.vector(d_);
    Tensor z = at::addmm(b, x, A.t());
    if (gamma_ != 0) z = z - gamma_ * x;
    return activate(sigma_, z);
  }

  FieldFacts facts() const override {
    const ActivationFacts& sigma = facts_of(sigma_);
    // With damping u = 0 leaves sigma(-gamma x): no rest, and no homogeneity in u.
    FieldFacts facts{.rests_at_zero = sigma.zero_at_zero && gamma_ == 0};
    if (sigma.homogeneous && gamma_ == 0) facts.homogeneity = 1.0;
    return facts;
  }

  std::optional<double> lipschitz(const Tensor& u) const override {
    const Tensor W = ControlReader(u).matrix(d_, d_).detach();
    return operator_norm(antisymmetric(W) - gamma_ * at::eye(d_, W.options())) * facts_of(sigma_).lipschitz;
  }

  std::optional<LayerSpec> layer_spec() const override {
    return LayerSpec{LayerKind::antisymmetric, sigma_, d_, gamma_};
  }

  std::optional<std::string> torchscript() const override {
    return fmt::format(
        "W = u[:{0}].view({1}, {1})\n"
        "x = torch.addmm(u[{0}:], x, (W - W.t()).t()) - {2:.17g} * x\n"
        "return {3}\n",
        d_ * d_, d_, gamma_, script_of(sigma_));
  }

 private:
  static Tensor antisymmetric(const Tensor& W) { return W - W.t(); }
  std::int64_t d_;
  double gamma_;
  Activation sigma_;
};

}  // namespace

FieldPtr antisymmetric_field(const FieldSpec& spec) {
  require(spec.dimension > 0, "antisymmetric_field: dimension must be > 0");
  return std::make_shared<AntisymmetricField>(spec.dimension, spec.gamma, spec.activation);
}

}  // namespace turnpike
