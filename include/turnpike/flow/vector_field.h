// x_dot = f(t, x; u): the layer of a network, read as a vector field that a control u steers.
//
// Shapes: x [N, d] (N samples side by side), u [P] (one control value for all samples), result [N, d].
// A field is a pure function without state: the control lives in Control, the parameters of training are the control's
// values. Derive from VectorField to add your own; `turnpike/laws/laws.h` ships the checks that every field must pass.
//
//   struct Pendulum final : VectorField {                       // q_dot = p, p_dot = -u_0 sin q
//     std::string name() const override { return "pendulum"; }
//     std::int64_t dimension() const override { return 2; }
//     std::int64_t n_parameters() const override { return 1; }
//     Tensor operator()(double t, const Tensor& x, const Tensor& u) const override {
//       return at::stack({x.select(1, 1), -u * at::sin(x.select(1, 0))}, 1);
//     }
//   };
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <turnpike/core/tensor.h>
#include <turnpike/fused/layer_spec.h>
#include <turnpike/math/random.h>

namespace turnpike {

// What is known of a field; the laws test each declared fact.
struct FieldFacts {
  bool rests_at_zero = false;         // f(t, x; 0) = 0 for every x: zero control, no motion
  std::optional<double> homogeneity;  // k with f(t, x; a u) = a^k f(t, x; u) for a > 0
  bool partitioned = false;           // x = (q, p), halves of d: q_dot depends on p alone, p_dot on q alone
};

class VectorField {
 public:
  virtual ~VectorField() = default;
  virtual std::string name() const = 0;
  virtual std::int64_t dimension() const = 0;     // d
  virtual std::int64_t n_parameters() const = 0;  // P

  virtual Tensor operator()(double t, const Tensor& x, const Tensor& u) const = 0;

  virtual FieldFacts facts() const { return {}; }

  // A bound on the Lipschitz constant of x -> f(t, x; u), if one is known.
  virtual std::optional<double> lipschitz(const Tensor& u) const { return std::nullopt; }

  // Only where facts().partitioned: q_dot(t, p; u) and p_dot(t, q; u), each [N, d/2]. Throws ContractError otherwise.
  virtual Tensor first_rate(double t, const Tensor& second, const Tensor& u) const;
  virtual Tensor second_rate(double t, const Tensor& first, const Tensor& u) const;

  // Random control values [slots, P] (float64): of the size that keeps |f| about `scale` for entries of x of order 1.
  virtual Tensor initial_control(std::int64_t slots, double scale, Random& random) const;

  // The layer as the fused kernels know it: they then run the roll and its adjoint. It must be this very field.
  virtual std::optional<LayerSpec> layer_spec() const { return std::nullopt; }

  // The body of a TorchScript function f(t: float, x: Tensor, u: Tensor) -> Tensor, if the field can be exported.
  virtual std::optional<std::string> torchscript() const { return std::nullopt; }
};

using FieldPtr = std::shared_ptr<const VectorField>;

// A field from any function: no facts, derivatives by autograd, not exportable.
FieldPtr make_field(std::string name, std::int64_t dimension, std::int64_t n_parameters,
                    std::function<Tensor(double, const Tensor&, const Tensor&)> function);

}  // namespace turnpike
