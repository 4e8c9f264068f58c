#include <turnpike/math/activation.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>

namespace turnpike {
namespace {

// The density and the distribution function of N(0, 1).
double phi(double x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}
double Phi(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

double sigmoid(double x) {
  // 1 / (1 + e^-x); for x < 0 written as e^x / (1 + e^x), so that nothing overflows.
  double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

double sigmoid_slope(double x) {
  // s (1 - s) = e^-|x| / (1 + e^-|x|)^2, without cancellation.
  double e = std::exp(-std::abs(x));
  return e / ((1 + e) * (1 + e));
}

double sech_squared(double x) {
  double c = std::cosh(x);
  return 1 / (c * c);
}

}  // namespace

const std::vector<ActivationFacts>& activation_table() {
  // gelu' = Phi(x) + x phi(x) has its extremes at x = +-sqrt 2, where gelu'' = phi(x) (2 - x^2) = 0.
  static const double gelu_lipschitz = Phi(std::numbers::sqrt2) + std::numbers::sqrt2 * phi(std::numbers::sqrt2);
  static const std::vector<ActivationFacts> table = {
      // kind, name, formula, monotone, homogeneous, zero at zero, Lipschitz, smooth, TorchScript
      {Activation::tanh, "tanh", "tanh x", true, false, true, 1, true, "torch.tanh(x)"},
      {Activation::relu, "relu", "max(x, 0)", true, true, true, 1, false, "torch.relu(x)"},
      {Activation::leaky_relu, "leaky_relu", "max(x, 0.01 x)", true, true, true, 1, false, "torch.leaky_relu(x, 0.01)"},
      {Activation::elu, "elu", "x for x > 0, e^x - 1 else", true, false, true, 1, false, "torch.elu(x)"},
      {Activation::sigmoid, "sigmoid", "1 / (1 + e^-x)", true, false, false, 0.25, true, "torch.sigmoid(x)"},
      {Activation::softplus, "softplus", "log(1 + e^x)", true, false, false, 1, true, "torch.softplus(x, 1, 40)"},
      {Activation::gelu, "gelu", "x Phi(x)", false, false, true, gelu_lipschitz, true, "torch.gelu(x)"},
      {Activation::sine, "sine", "sin x", false, false, true, 1, true, "torch.sin(x)"},
      {Activation::identity, "identity", "x", true, true, true, 1, true, "x"},
  };
  return table;
}

const ActivationFacts& facts_of(Activation kind) {
  for (const ActivationFacts& facts : activation_table())
    if (facts.kind == kind) return facts;
  throw ContractError(fmt::format("no activation has the number {}", static_cast<int>(kind)));
}

Activation activation_named(std::string_view name) {
  for (const ActivationFacts& facts : activation_table())
    if (facts.name == name) return facts.kind;
  std::vector<std::string> names = activation_names();
  std::string nearest = did_you_mean(name, names);
  throw InputError(fmt::format("unknown activation '{}'; {}", name,
                               nearest.empty() ? fmt::format("choose one of {}", fmt::join(names, ", "))
                                               : fmt::format("did you mean '{}'?", nearest)));
}

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const ActivationFacts& facts : activation_table()) names.push_back(facts.name);
  return names;
}

double value_of(Activation kind, double x) {
  switch (kind) {
    case Activation::tanh: return std::tanh(x);
    case Activation::relu: return x <= 0 ? 0 : x;  // this way round NaN stays NaN
    case Activation::leaky_relu: return x > 0 ? x : leaky_relu_slope * x;
    case Activation::elu: return x > 0 ? x : std::expm1(x);
    case Activation::sigmoid: return sigmoid(x);
    case Activation::softplus: return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case Activation::gelu: return x * Phi(x);
    case Activation::sine: return std::sin(x);
    case Activation::identity: return x;
  }
  return facts_of(kind).lipschitz;  // throws: no such kind
}

double slope_of(Activation kind, double x) {
  switch (kind) {
    case Activation::tanh: return sech_squared(x);
    case Activation::relu: return x > 0 ? 1 : 0;
    case Activation::leaky_relu: return x > 0 ? 1 : leaky_relu_slope;
    case Activation::elu: return x > 0 ? 1 : std::exp(x);
    case Activation::sigmoid: return sigmoid_slope(x);
    case Activation::softplus: return sigmoid(x);
    case Activation::gelu: return Phi(x) + x * phi(x);
    case Activation::sine: return std::cos(x);
    case Activation::identity: return 1;
  }
  return facts_of(kind).lipschitz;
}

double curvature_of(Activation kind, double x) {
  switch (kind) {
    case Activation::tanh: return -2 * std::tanh(x) * sech_squared(x);
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::identity: return 0;
    case Activation::elu: return x < 0 ? std::exp(x) : 0;
    case Activation::sigmoid: return -std::tanh(x / 2) * sigmoid_slope(x);  // s' (1 - 2 s)
    case Activation::softplus: return sigmoid_slope(x);
    case Activation::gelu: return phi(x) * (2 - x * x);
    case Activation::sine: return -std::sin(x);
  }
  return facts_of(kind).lipschitz;
}

}  // namespace turnpike
