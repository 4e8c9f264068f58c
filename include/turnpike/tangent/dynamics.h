// Training as a flow: of the outputs under a fixed tangent kernel, of the parameters of the real network, and both in
// discrete steps.
//
//   L(theta) = w/n sum_i g(z_i; y_i),   theta_dot = -grad L,   z_dot = -K dL/dz        (K fixed: the lazy limit)
//   with friction a:   theta_ddot + a theta_dot = -grad L,     z_ddot + a z_dot = -K dL/dz     (at rest at t = 0)
//
// For the square loss 1/(2n) sum |z - y|^2 (w = 1/2 and "mean_square") in closed form, with q = K*:
//
//   z_t - y = e^{-K t/n} (z_0 - y)                            z*_t = z*_0 + q K^-1 (I - e^{-K t/n}) (y - z_0)
//   step s, k of them: (I - s K/n)^k in place of e^{-K t/n};  stable for s < 2n / lambda_max
//
// Shapes: z, y [n, o] (class numbers: y [n] int64); K [n o, n o] as of tangent_kernel, or [n, n]: the same for every
// output; K* [n* o, n o] or [n*, n]. n* samples are only looked at.
//
//   const Tensor K = tangent_kernel(map, x), z0 = map(x);
//   const SquareLossFlow flow(K);
//   flow.train(z0, y, /*t=*/100);                              // [n, o], close to y
//   network_flow(map, x, y, {}, {.horizon = 100}).value();     // what the network itself does
//
// Errors: ContractError for shapes that do not fit; failures of integration as Outcomes with what was computed.
// Source: Jacot, Gabriel, Hongler (2018), arXiv:1806.07572; Lee et al. (2019), arXiv:1902.06720.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <turnpike/base/outcome.h>
#include <turnpike/flow/cost.h>
#include <turnpike/flow/integrate.h>
#include <turnpike/tangent/empirical.h>

namespace turnpike {

// L = weight / n sum of the cost over the samples.
struct TrainingLoss {
  CostPtr cost = make_cost("mean_square");
  double weight = 0.5;

  Tensor value(const Tensor& z, const Tensor& y) const;  // a scalar, differentiable
  Tensor slope(const Tensor& z, const Tensor& y) const;  // dL/dz [n, o]
};

// The closed forms of the square loss at finite times, by one eigen-decomposition of K.
class SquareLossFlow {
 public:
  explicit SquareLossFlow(const Tensor& K);  // symmetric, float; eigenvalues below 0 (rounding) are taken as 0

  const Tensor& eigenvalues() const { return eigenvalues_; }    // [m] ascending
  const Tensor& eigenvectors() const { return eigenvectors_; }  // [m, m] in columns
  // 2n / lambda_max: gradient descent on n samples diverges above.
  double largest_stable_step(std::int64_t n) const;

  Tensor residual(const Tensor& r0, double t) const;                                 // e^{-K t/n} r0
  Tensor residual_after(const Tensor& r0, double step, std::int64_t n_steps) const;  // (I - s K/n)^k r0
  Tensor train(const Tensor& z0, const Tensor& y, double t) const;                   // z_t on the samples
  Tensor elsewhere(const Tensor& K_star, const Tensor& z0_star, const Tensor& z0, const Tensor& y, double t) const;

 private:
  Tensor eigenvalues_, eigenvectors_;
};

// t -> infinity: z*_0 + K* (K + ridge I)^-1 (y - z_0), by Cholesky. Error with advice where K + ridge I is not positive
// definite.
Tensor square_loss_limit(const Tensor& K, const Tensor& K_star, const Tensor& z0_star, const Tensor& z0,
                         const Tensor& y, double ridge = 0);

// Training of the outputs alone under a fixed kernel.
struct KernelProblem {
  Tensor K, z0, y;
  Tensor K_star, z0_star;  // undefined: nothing is looked at elsewhere
};

struct FlowOptions {
  double horizon = 1;
  std::vector<double> times;       // to save at; empty: every accepted step
  std::optional<double> friction;  // not given: the flow of first order
  StepController controller{};     // dopri5
};

struct DescentOptions {
  double step = 0.1;
  double momentum = 0;  // v <- momentum v - step dL,  then add v
  std::int64_t steps = 100;
  std::int64_t every = 1;  // steps between what is saved; the start and the end always are
};

struct OutputCurve {
  std::vector<double> times;  // or steps
  Tensor train, elsewhere;    // [k, n, o], [k, n*, o]
};

Outcome<OutputCurve> kernel_flow(const KernelProblem& problem, const TrainingLoss& loss, const FlowOptions& options);
// The same numbers as gradient descent on the parameters of linearised(map) from theta_0. Failure: divergence.
Outcome<OutputCurve> kernel_descent(const KernelProblem& problem, const TrainingLoss& loss,
                                    const DescentOptions& options);

struct ParameterCurve {
  std::vector<double> times;  // or steps
  Tensor theta;               // [k, P]
  std::int64_t evaluations = 0;
};

// The network's own training, full batch, from map.theta; rates [P] as of tangent_kernel.
Outcome<ParameterCurve> network_flow(const ParametricMap& map, const Tensor& x, const Tensor& y,
                                     const TrainingLoss& loss, const FlowOptions& options, const Tensor& rates = {});
Outcome<ParameterCurve> network_descent(const ParametricMap& map, const Tensor& x, const Tensor& y,
                                        const TrainingLoss& loss, const DescentOptions& options,
                                        const Tensor& rates = {});

}  // namespace turnpike
