// f(x; W, b) = W sigma(x) + b
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

class InnerField final : public VectorField {
 public:
  InnerField(std::int64_t d, Activation sigma) : d_(d), sigma_(sigma) {}
  std::string name() const override { return "inner"; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return d_ * d_ + d_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor W = read.matrix(d_, d_), b = read.vector(d_);
    return at::addmm(b, activate(sigma_, x), W.t());
  }

  FieldFacts facts() const override { return {.rests_at_zero = true, .homogeneity = 1.0}; }

  std::optional<double> lipschitz(const Tensor& u) const override {
    return operator_norm(ControlReader(u).matrix(d_, d_)) * facts_of(sigma_).lipschitz;
  }

  std::optional<LayerSpec> layer_spec() const override { return LayerSpec{LayerKind::inner, sigma_, d_}; }

  std::optional<std::string> torchscript() const override {
    return fmt::format(
        "x = {}\n"
        "return torch.addmm(u[{}:], x, u[:{}].view({}, {}).t())\n",
        script_of(sigma_), d_ * d_, d_ * d_, d_, d_);
  }

 private:
  std::int64_t d_;
  Activation sigma_;
};

}  // namespace

FieldPtr inner_field(const FieldSpec& spec) {
  require(spec.dimension > 0, "inner_field: dimension must be > 0");
  return std::make_shared<InnerField>(spec.dimension, spec.activation);
}

}  // namespace turnpike
