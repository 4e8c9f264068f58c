#include <turnpike/train/gradient_flow.h>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

Outcome<Trajectory> flow(const Loss& loss, const Tensor& start, double time, const std::vector<double>& save_times,
                         const StepController& controller) {
  const auto descent = [&loss](const Tensor& w) -> Tensor { return -gradient_of(loss, w); };
  return flow_along(descent, start, time, save_times, controller);
}

Loss sum_of(const Losses& losses, std::int64_t n_parameters) {  // [N P] -> scalar
  return [losses, n_parameters](const Tensor& w) -> Tensor {
    const Tensor values = losses(w.view({-1, n_parameters}));
    require_shape(values, {w.numel() / n_parameters}, "the losses");
    return values.sum();
  };
}

}  // namespace

Tensor gradient_of(const Loss& loss, const Tensor& w) {
  at::AutoGradMode with_gradient(true);
  const Tensor leaf = w.detach().clone().requires_grad_();
  const Tensor value = loss(leaf);
  require(value.defined() && value.numel() == 1, "a loss must give one number, got " + describe(value));
  if (!value.requires_grad()) return at::zeros_like(w);
  const Tensor gradient =
      torch::autograd::grad({value.sum()}, {leaf}, {}, /*retain_graph=*/false, /*create_graph=*/false,
                            /*allow_unused=*/true)[0];
  return gradient.defined() ? gradient.detach() : at::zeros_like(w);
}

Outcome<Tensor> gradient_flow(const Loss& loss, const Tensor& start, double time, const StepController& controller) {
  const Outcome<Trajectory> run = flow(loss, start, time, {}, controller);
  const Tensor end = run.partial().states[-1][0];
  if (!run) return {end, run.failure()};
  return end;
}

Outcome<Tensor> gradient_flow_at(const Loss& loss, const Tensor& start, const std::vector<double>& times,
                                 const StepController& controller) {
  require(!times.empty(), "a gradient flow needs at least one time");
  const Outcome<Trajectory> run = flow(loss, start, times.back(), times, controller);
  const Tensor states = run.partial().states.squeeze(1);
  if (!run) return {states, run.failure()};
  return states;
}

Tensor gradients(const Losses& losses, const Tensor& theta) {
  require_shape(theta, {-1, -1}, "the parameters of losses side by side");
  return gradient_of(sum_of(losses, theta.size(1)), theta.flatten()).view(theta.sizes());
}

Tensor gradient_flows(const Losses& losses, const Tensor& start, const std::vector<double>& times,
                      const StepController& controller) {
  require_shape(start, {-1, -1}, "the start of gradient flows");
  const Tensor states = gradient_flow_at(sum_of(losses, start.size(1)), start.flatten(), times, controller).value();
  return states.view({-1, start.size(0), start.size(1)});
}

Outcome<Trajectory> flow_along(const std::function<Tensor(const Tensor& s)>& velocity, const Tensor& start, double time,
                               const std::vector<double>& save_times, const StepController& controller) {
  require_shape(start, {-1}, "the start of a flow");
  require(std::isfinite(time) && time > 0, fmt::format("a flow needs a positive time, got {}", time));
  // A field without control: its one parameter is not read.
  const FieldPtr field =
      make_field("flow", start.size(0), 1,
                 [&velocity](double, const Tensor& x, const Tensor&) -> Tensor { return velocity(x[0]).unsqueeze(0); });
  return integrate(
      {.field = field, .grid = ControlGrid::uniform(ControlKind::shared, time, 1), .scheme = make_scheme("dopri5")},
      at::zeros({1, 1}, start.options()), start.detach().unsqueeze(0),
      {.controller = controller, .save_times = save_times});
}

}  // namespace turnpike
