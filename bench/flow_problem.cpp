#include "flow_problem.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/flow/fields.h>
#include <turnpike/math/random.h>

namespace turnpike {

FlowProblem make_flow_problem(const FlowCase& shape, c10::ScalarType dtype, std::uint64_t seed) {
  FlowProblem problem{.shape = shape};
  const double horizon = 10;
  const FieldPtr field =
      make_field(FieldSpec{.kind = shape.field, .dimension = shape.dimension, .activation = shape.activation});
  problem.flow = Flow::uniform(field, shape.scheme, horizon, shape.layers);
  problem.objective = {.cost = make_cost(shape.loss), .running = 1, .terminal = 1, .penalty = {.weight = 1e-3}};
  Random random(seed);
  const auto normal = [&](std::int64_t rows, std::int64_t columns) {
    Tensor tensor = at::empty({rows, columns}, at::kDouble);
    for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = random.normal();
    return tensor;
  };
  const std::int64_t n = shape.samples, m = shape.n_outputs();
  problem.x0 = normal(n, shape.dimension).to(dtype);
  problem.control = field->initial_control(shape.layers, 0.5, random).to(dtype).requires_grad_();
  problem.readout.weight = (normal(m, shape.dimension) / std::sqrt(static_cast<double>(shape.dimension))).to(dtype);
  if (problem.objective.cost->classes()) {
    problem.y = at::empty({n}, at::kLong);
    for (std::int64_t i = 0; i < n; ++i)
      problem.y.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(m)));
  } else {
    problem.y = normal(n, m).to(dtype);
  }
  return problem;
}

Tensor turnpike_gradient(const FlowProblem& problem) {
  const ObjectiveValue value = problem.objective(problem.flow, problem.x0, problem.control, problem.readout, problem.y);
  return torch::autograd::grad({value.total}, {problem.control})[0];
}

double relative_difference(const Tensor& a, const Tensor& b) {
  const Tensor exact = b.to(at::kDouble);
  return ((a.to(at::kDouble) - exact).norm() / exact.norm()).item<double>();
}

double gradient_tolerance(const FlowProblem& problem) {
  if (problem.dtype() == at::kDouble) return 1e-11;
  // A kink lies on one side for the one program and on the other for the other: a sample's contribution jumps.
  return facts_of(problem.shape.activation).smooth ? 1e-4 : 1e-2;
}

}  // namespace turnpike
