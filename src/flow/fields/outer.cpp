// f(x; W, b) = sigma(W x + b)
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

class OuterField final : public VectorField {
 public:
  OuterField(std::int64_t d, Activation sigma) : d_(d), sigma_(sigma) {}
  std::string name() const override { return "outer"; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return d_ * d_ + d_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor W = read.matrix(d_, d_), b = read.vector(d_);
    return activate(sigma_, at::addmm(b, x, W.t()));
  }

  FieldFacts facts() const override {
    const ActivationFacts& sigma = facts_of(sigma_);
    FieldFacts facts{.rests_at_zero = sigma.zero_at_zero};
    if (sigma.homogeneous) facts.homogeneity = 1.0;
    return facts;
  }

  std::optional<double> lipschitz(const Tensor& u) const override {
    return operator_norm(ControlReader(u).matrix(d_, d_)) * facts_of(sigma_).lipschitz;
  }

  std::optional<LayerSpec> layer_spec() const override { return LayerSpec{LayerKind::outer, sigma_, d_}; }

  std::optional<std::string> torchscript() const override {
    return fmt::format(
        "x = torch.addmm(u[{}:], x, u[:{}].view({}, {}).t())\n"
        "return {}\n",
        d_ * d_, d_ * d_, d_, d_, script_of(sigma_));
  }

 private:
  std::int64_t d_;
  Activation sigma_;
};

}  // namespace

FieldPtr outer_field(const FieldSpec& spec) {
  require(spec.dimension > 0, "outer_field: dimension must be > 0");
  return std::make_shared<OuterField>(spec.dimension, spec.activation);
}

}  // namespace turnpike
