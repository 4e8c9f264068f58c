#include <turnpike/train/gradient_flow.h>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <cmath>

namespace turnpike {
namespace {

Outcome<Trajectory> flow(const Loss& loss, const Tensor& start, double time, const std::vector<double>& save_times,
                         const StepController& controller) {
  require_shape(start, {-1}, "the start of a gradient flow");
  require(std::isfinite(time) && time > 0, fmt::format("a gradient flow needs a positive time, got {}", time));
  // A field without control: its one parameter is not read.
  const FieldPtr descent = make_field(
      "gradient flow", start.size(0), 1,
      [&loss](double, const Tensor& w, const Tensor&) -> Tensor { return -gradient_of(loss, w[0]).unsqueeze(0); });
  return integrate(
      {.field = descent, .grid = ControlGrid::uniform(ControlKind::shared, time, 1), .scheme = make_scheme("dopri5")},
      at::zeros({1, 1}, start.options()), start.detach().unsqueeze(0),
      {.controller = controller, .save_times = save_times});
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

}  // namespace turnpike
