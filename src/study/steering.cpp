#include <turnpike/study/steering.h>

#include <cmath>

#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/study/measure.h>
#include <turnpike/train/multistart.h>

namespace turnpike {

Steering few_points(std::int64_t n, std::int64_t n_features, Random& random) {
  Steering task;
  task.data.x = normal_tensor({n, n_features}, random);
  task.data.y = at::ones({n, 1}, at::kDouble);
  task.data.y.slice(0, 1, n, 2).fill_(-1);
  task.data.schema.task = Task::regress;
  task.spec.n_features = n_features;
  task.spec.width = n_features + 1;
  task.spec.lift = Lift::pad;
  task.spec.field = {.kind = "inner", .dimension = n_features + 1};
  task.spec.initial_scale = 0.3;
  return task;
}

Optimum optimum(ModelSpec spec, const Objective& objective, const Dataset& data, const OptimumOptions& options,
                Progress& progress) {
  Starts starts = multistart([&](std::uint64_t seed) { return Model::make(spec, at::kDouble, seed); }, options.starts,
                             options.seed, objective, data, nullptr,
                             {.epochs = 0, .polish = {.iterations = options.iterations, .tolerance = 1e-8}}, progress);
  const PolishReport report = polish(starts.best, objective, data,
                                     {.iterations = options.iterations, .tolerance = options.tolerance}, progress);
  return {std::move(starts.best), report, std::move(starts.objectives)};
}

OptimumProfile optimum_profile(const Model& model, const Objective& objective, const Dataset& data) {
  require(objective.penalty.kind == PenaltyKind::l2 && objective.penalty.smooth(),
          "optimum_profile reads problems with an L2 penalty");
  OptimumProfile profile;
  const Tensor x0 = model.lift(data.x), control = model.control.detach().clone().requires_grad_();
  objective(model.flow, x0, control, model.readout(), data.y).total.backward();
  at::NoGradGuard no_gradient;
  const Tensor u = control.detach();
  const Tensor scale = 2 * objective.penalty.weight * model.flow.grid.cell_lengths(u) * u.norm(2, {1});
  const Roll roll = model.flow.roll(x0, u, {.save = Save::all});
  profile.times = roll.times;
  profile.end = roll.end;
  std::vector<Tensor> outputs;
  for (std::int64_t k = 0; k < roll.states.size(0); ++k) outputs.push_back(model.readout()(roll.states[k]));
  profile.outputs = at::stack(outputs);
  profile.phi = numbers((profile.outputs - data.y).square().sum(2).mean(1));
  profile.u = numbers(u.norm(2, {1}));
  profile.residual = numbers(control.grad().norm(2, {1}) / scale);
  return profile;
}

}  // namespace turnpike
