// What the optimisers share.
#pragma once

#include <turnpike/base/error.h>
#include <turnpike/train/optimiser.h>

namespace turnpike {

// f or its gradient is not finite where a step of a line search starts.
struct NotFiniteStart : Error {
  using Error::Error;
};

std::unique_ptr<Optimiser> make_sgd(const OptimiserOptions& options, std::vector<Tensor> parameters);
std::unique_ptr<Optimiser> make_adam(const OptimiserOptions& options, std::vector<Tensor> parameters);  // and AdamW
std::unique_ptr<Optimiser> make_lbfgs(const OptimiserOptions& options, std::vector<Tensor> parameters);
std::unique_ptr<Optimiser> make_proximal(const OptimiserOptions& options, std::vector<Tensor> parameters,
                                         NonSmooth non_smooth);

Tensor flat_values(const std::vector<Tensor>& parameters);    // [n], a copy
Tensor flat_gradient(const std::vector<Tensor>& parameters);  // [n], zeros where undefined
void assign(std::vector<Tensor>& parameters, const Tensor& flat);

// The change of f from a to b: f_b - f_a, or, where the two agree to rounding, by the trapezoidal rule on the line
// between them,
//   f(b) - f(a) = (g_a + g_b)'(b - a) / 2 + O(|b - a|^3),
// which keeps its digits. `slope` is that right side.
double change_of(double f_a, double f_b, double slope);
double rounding_of(double f);  // a bound on the rounding error of an objective of size f

Tensor scalar(double value);
Tensor scalar(std::int64_t value);
// The state's tensor of that name; ContractError if there is none.
const Tensor& entry(const NamedTensors& state, const std::string& name);
// A copy of it; ContractError unless it is like the parameter.
Tensor like(const Tensor& parameter, const NamedTensors& state, const std::string& name);

}  // namespace turnpike
