// Activations and their facts, in one table. sigma acts entry by entry.
//
//   const ActivationFacts& facts = facts_of(Activation::tanh);   // facts.lipschitz == 1
//
// A fact is a theorem about the exact function, not a measurement; tests/math checks each on a grid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

enum class Activation { tanh, relu, leaky_relu, elu, sigmoid, softplus, gelu, sine, identity };

// leaky_relu: max(x, 0.01 x). elu: x for x > 0, e^x - 1 else. softplus: log(1 + e^x). gelu: x Phi(x) (exact, by erf).
// sine: sin x.
inline constexpr double leaky_relu_slope = 0.01;

struct ActivationFacts {
  Activation kind;
  const char* name;
  const char* formula;      // plain text
  bool monotone;            // non-decreasing
  bool homogeneous;         // sigma(a x) = a sigma(x) for a > 0
  bool zero_at_zero;        // sigma(0) = 0
  double lipschitz;         // sup |sigma'|
  bool smooth;              // infinitely differentiable
  const char* torchscript;  // expression in x, for export
};

const std::vector<ActivationFacts>& activation_table();
const ActivationFacts& facts_of(Activation kind);
Activation activation_named(std::string_view name);  // InputError with did-you-mean
std::vector<std::string> activation_names();

// sigma, sigma', sigma'' at a point. At a kink sigma' is 0 from the left (relu'(0) = 0, leaky_relu'(0) = its slope),
// sigma'' = 0.
double value_of(Activation kind, double x);
double slope_of(Activation kind, double x);
double curvature_of(Activation kind, double x);

}  // namespace turnpike
