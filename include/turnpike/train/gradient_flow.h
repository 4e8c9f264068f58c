// Training in the limit of small steps: a curve of parameters w(t) [n],
//
//   w_dot = -grad C(w),   w(0) = start
//
//   const Loss C = [&](const Tensor& w) { return (X.mv(w) - y).square().mean(); };
//   Outcome<Tensor> w = gradient_flow(C, start, 0.1);       // w(0.1), to about 1e-12
//
// A loss maps a vector [n] to a scalar by operations that autograd knows. Many side by side, as of an ensemble
// (net/ensemble.h), are Losses: [N, P] -> [N], row i of which only row i acts on. Their sum is a loss of all N P
// numbers, whose flow is the N flows with common steps.
//
//   gradient_flows(losses, theta, {0, 1, 2});               // [3, N, P]
//
// The flow is integrated by Dormand and Prince's 5(4) pair with chosen steps (flow/integrate.h); its failures
// (divergence, step_underflow, step_limit) come with the state reached. Cost: 6 gradients an accepted step. Errors:
// ContractError for a start that is no vector, a loss that gives no scalar, a negative time.
#pragma once

#include <functional>

#include <turnpike/base/outcome.h>
#include <turnpike/core/tensor.h>
#include <turnpike/flow/integrate.h>

namespace turnpike {

using Loss = std::function<Tensor(const Tensor& w)>;  // [n] -> scalar

Tensor gradient_of(const Loss& loss, const Tensor& w);  // grad C(w) [n], zero where C does not depend on w; detached

inline constexpr StepController tight_steps{.rtol = 1e-13, .atol = 1e-15};

Outcome<Tensor> gradient_flow(const Loss& loss, const Tensor& start, double time,
                              const StepController& controller = tight_steps);
// w at ascending times [times, n], by dense output: local error of order 5.
Outcome<Tensor> gradient_flow_at(const Loss& loss, const Tensor& start, const std::vector<double>& times,
                                 const StepController& controller = tight_steps);

using Losses = std::function<Tensor(const Tensor& theta)>;  // [N, P] -> [N]

Tensor gradients(const Losses& losses, const Tensor& theta);  // [N, P], row i: grad L_i(theta_i)
// At ascending times, [times, N, P]. Throws Error where the flow fails.
Tensor gradient_flows(const Losses& losses, const Tensor& start, const std::vector<double>& times,
                      const StepController& controller = tight_steps);

// s_dot = velocity(s) for any velocity [n] -> [n], by the same steps: states at the times given [times, 1, n]; none:
// at every accepted step.
Outcome<Trajectory> flow_along(const std::function<Tensor(const Tensor& s)>& velocity, const Tensor& start, double time,
                               const std::vector<double>& save_times, const StepController& controller);

}  // namespace turnpike
