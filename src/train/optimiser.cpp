#include <turnpike/train/optimiser.h>

#include "optimiser_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <array>
#include <cmath>
#include <limits>

namespace turnpike {
namespace {

struct KindName {
  OptimiserKind kind;
  const char* name;
};
constexpr std::array<KindName, 5> kinds{{{OptimiserKind::sgd, "sgd"},
                                         {OptimiserKind::adam, "adam"},
                                         {OptimiserKind::adamw, "adamw"},
                                         {OptimiserKind::lbfgs, "lbfgs"},
                                         {OptimiserKind::proximal, "proximal"}}};

}  // namespace

std::vector<std::string> optimiser_names() {
  std::vector<std::string> names;
  for (const KindName& entry : kinds) names.push_back(entry.name);
  return names;
}

OptimiserKind optimiser_named(std::string_view name) {
  for (const KindName& entry : kinds)
    if (name == entry.name) return entry.kind;
  const std::string near = did_you_mean(name, optimiser_names());
  throw InputError(fmt::format("unknown optimiser '{}'{}; the optimisers are {}", name,
                               near.empty() ? "" : fmt::format("; did you mean '{}'?", near),
                               fmt::join(optimiser_names(), ", ")));
}

const char* name_of(OptimiserKind kind) {
  for (const KindName& entry : kinds)
    if (entry.kind == kind) return entry.name;
  return "?";
}

bool takes_mini_batches(OptimiserKind kind) {
  return kind != OptimiserKind::lbfgs && kind != OptimiserKind::proximal;
}

double Optimiser::residual() const {
  return std::numeric_limits<double>::quiet_NaN();
}

double Optimiser::residual_here(const Closure&) {
  return std::numeric_limits<double>::quiet_NaN();
}

std::unique_ptr<Optimiser> make_optimiser(const OptimiserOptions& options, std::vector<Tensor> parameters,
                                          NonSmooth non_smooth) {
  require(!parameters.empty(), "an optimiser needs at least one parameter tensor");
  for (const Tensor& parameter : parameters) {
    require(parameter.is_leaf() && parameter.requires_grad(),
            "an optimiser's parameters must be leaves that require gradients");
    require(parameter.is_contiguous() && parameter.dtype() == parameters.front().dtype(),
            "an optimiser's parameters must be contiguous and of one dtype");
  }
  require(!non_smooth.prox || options.kind == OptimiserKind::proximal,
          fmt::format("the optimiser {} cannot treat a non-smooth part: choose proximal", name_of(options.kind)));
  switch (options.kind) {
    case OptimiserKind::sgd: return make_sgd(options, std::move(parameters));
    case OptimiserKind::adam:
    case OptimiserKind::adamw: return make_adam(options, std::move(parameters));
    case OptimiserKind::lbfgs: return make_lbfgs(options, std::move(parameters));
    case OptimiserKind::proximal: return make_proximal(options, std::move(parameters), std::move(non_smooth));
  }
  throw ContractError("no such optimiser");
}

Tensor flat_values(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> parts;
  for (const Tensor& parameter : parameters) parts.push_back(parameter.detach().reshape({-1}));
  return at::cat(parts);
}

Tensor flat_gradient(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> parts;
  for (const Tensor& parameter : parameters)
    parts.push_back(parameter.grad().defined() ? parameter.grad().detach().reshape({-1})
                                               : parameter.detach().new_zeros({parameter.numel()}));
  return at::cat(parts);
}

void assign(std::vector<Tensor>& parameters, const Tensor& flat) {
  at::NoGradGuard no_grad;
  std::int64_t offset = 0;
  for (Tensor& parameter : parameters) {
    parameter.copy_(flat.narrow(0, offset, parameter.numel()).view_as(parameter));
    offset += parameter.numel();
  }
}

double rounding_of(double f) {
  return 64 * std::numeric_limits<double>::epsilon() * std::abs(f);
}

double change_of(double f_a, double f_b, double slope) {
  const double difference = f_b - f_a;
  return std::abs(difference - slope) <= rounding_of(f_a) + rounding_of(f_b) ? slope : difference;
}

Tensor scalar(double value) {
  return at::scalar_tensor(value, at::kDouble);
}

Tensor scalar(std::int64_t value) {
  return at::full({}, value, at::kLong);
}

const Tensor& entry(const NamedTensors& state, const std::string& name) {
  const auto found = state.find(name);
  require(found != state.end(), fmt::format("the optimiser's state has no entry '{}'", name));
  return found->second;
}

Tensor like(const Tensor& parameter, const NamedTensors& state, const std::string& name) {
  const Tensor& stored = entry(state, name);
  require(stored.sizes() == parameter.sizes() && stored.dtype() == parameter.dtype(),
          fmt::format("the optimiser's state '{}' is {}, but the parameter is {}", name, describe(stored),
                      describe(parameter)));
  return stored.detach().clone();
}

}  // namespace turnpike
