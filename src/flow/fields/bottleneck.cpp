// f(x; W1, b1, W2, b2) = W2 sigma(W1 x + b1) + b2,  W1 [r, d], W2 [d, r]
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

class BottleneckField final : public VectorField {
 public:
  BottleneckField(std::int64_t d, std::int64_t r, Activation sigma) : d_(d), r_(r), sigma_(sigma) {}
  std::string name() const override { return "bottleneck"; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return 2 * r_ * d_ + r_ + d_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor W1 = read.matrix(r_, d_), W2 = read.matrix(d_, r_), b1 = read.vector(r_), b2 = read.vector(d_);
    return at::addmm(b2, activate(sigma_, at::addmm(b1, x, W1.t())), W2.t());
  }

  FieldFacts facts() const override { return {.rests_at_zero = true}; }

  std::optional<double> lipschitz(const Tensor& u) const override {
    ControlReader read(u);
    const double inner = operator_norm(read.matrix(r_, d_));
    return operator_norm(read.matrix(d_, r_)) * facts_of(sigma_).lipschitz * inner;
  }

  std::optional<LayerSpec> layer_spec() const override {
    return LayerSpec{.kind = LayerKind::bottleneck, .activation = sigma_, .dimension = d_, .hidden = r_};
  }

  // W1 and b1 of order 1 (features that differ), W2 of size `scale`: small everywhere would start at a saddle.
  Tensor initial_control(std::int64_t slots, double scale, Random& random) const override {
    const Tensor W1 = random_normal(slots, r_ * d_, 1 / std::sqrt(static_cast<double>(d_)), random);
    const Tensor W2 = random_normal(slots, d_ * r_, scale / std::sqrt(static_cast<double>(r_)), random);
    const Tensor b1 = random_normal(slots, r_, 0.5, random);
    return at::cat({W1, W2, b1, at::zeros({slots, d_}, at::kDouble)}, 1);
  }

  std::optional<std::string> torchscript() const override {
    const std::int64_t n = r_ * d_;
    return fmt::format(
        "x = torch.addmm(u[{0}:{1}], x, u[:{2}].view({3}, {4}).t())\n"
        "x = {5}\n"
        "return torch.addmm(u[{1}:], x, u[{2}:{0}].view({4}, {3}).t())\n",
        2 * n, 2 * n + r_, n, r_, d_, script_of(sigma_));
  }

 private:
  std::int64_t d_, r_;
  Activation sigma_;
};

}  // namespace

FieldPtr bottleneck_field(const FieldSpec& spec) {
  require(spec.dimension > 0 && spec.hidden >= 0, "bottleneck_field: dimension must be > 0 and hidden >= 0");
  return std::make_shared<BottleneckField>(spec.dimension, spec.hidden > 0 ? spec.hidden : spec.dimension,
                                           spec.activation);
}

}  // namespace turnpike
