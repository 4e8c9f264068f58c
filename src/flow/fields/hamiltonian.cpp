// x_dot = J grad H(x; u), J = (0 I; -I 0):  q_dot = dH/dp, p_dot = -dH/dq.
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

#include "field_internal.h"

namespace turnpike {
namespace {

Tensor rotate(const Tensor& gradient) {  // J grad: (g_q, g_p) -> (g_p, -g_q)
  const std::int64_t half = gradient.size(1) / 2;
  return at::cat({gradient.narrow(1, half, half), -gradient.narrow(1, 0, half)}, 1);
}

void require_even(std::int64_t dimension) {
  require(dimension > 0 && dimension % 2 == 0,
          fmt::format("a Hamiltonian field splits x into q and p: the dimension must be even, got {}", dimension));
}

// H = a . sigma(W x + b), W [r, d]: grad H = W' (a * sigma'(W x + b))
class HamiltonianNetworkField final : public VectorField {
 public:
  HamiltonianNetworkField(std::int64_t d, std::int64_t r, Activation sigma) : d_(d), r_(r), sigma_(sigma) {}
  std::string name() const override { return "hamiltonian_network"; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return r_ * d_ + 2 * r_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    ControlReader read(u);
    const Tensor W = read.matrix(r_, d_), b = read.vector(r_), a = read.vector(r_);
    return rotate(at::mm(a * activation_slope(sigma_, at::addmm(b, x, W.t())), W));
  }

  FieldFacts facts() const override { return {.rests_at_zero = true}; }

  Tensor initial_control(std::int64_t slots, double scale, Random& random) const override {
    const Tensor W = random_normal(slots, r_ * d_, 1 / std::sqrt(static_cast<double>(d_)), random);
    const Tensor b = random_normal(slots, r_, 0.5, random);
    return at::cat({W, b, random_normal(slots, r_, scale / std::sqrt(static_cast<double>(r_)), random)}, 1);
  }

 private:
  std::int64_t d_, r_;
  Activation sigma_;
};

class HamiltonianField final : public VectorField {
 public:
  using Hamiltonian = std::function<Tensor(const Tensor&, const Tensor&)>;
  HamiltonianField(std::string name, std::int64_t d, std::int64_t n_parameters, Hamiltonian hamiltonian)
      : name_(std::move(name)), d_(d), n_parameters_(n_parameters), hamiltonian_(std::move(hamiltonian)) {}
  std::string name() const override { return name_; }
  std::int64_t dimension() const override { return d_; }
  std::int64_t n_parameters() const override { return n_parameters_; }

  Tensor operator()(double, const Tensor& x, const Tensor& u) const override {
    const bool record = at::GradMode::is_enabled() && (x.requires_grad() || u.requires_grad());
    at::AutoGradMode with_gradient(true);
    const Tensor point = record && x.requires_grad() ? x : x.detach().requires_grad_();
    const Tensor energy = hamiltonian_(point, record ? u : u.detach());
    require_shape(energy, {x.size(0)}, "the Hamiltonian '" + name_ + "'");
    const Tensor gradient = torch::autograd::grad({energy.sum()}, {point}, {}, record, record)[0];
    return rotate(gradient);
  }

 private:
  std::string name_;
  std::int64_t d_, n_parameters_;
  Hamiltonian hamiltonian_;
};

}  // namespace

FieldPtr hamiltonian_network_field(const FieldSpec& spec) {
  require_even(spec.dimension);
  return std::make_shared<HamiltonianNetworkField>(spec.dimension, spec.hidden > 0 ? spec.hidden : spec.dimension,
                                                   spec.activation);
}

FieldPtr hamiltonian_field(std::string name, std::int64_t dimension, std::int64_t n_parameters,
                           std::function<Tensor(const Tensor&, const Tensor&)> hamiltonian) {
  require_even(dimension);
  return std::make_shared<HamiltonianField>(std::move(name), dimension, n_parameters, std::move(hamiltonian));
}

}  // namespace turnpike
