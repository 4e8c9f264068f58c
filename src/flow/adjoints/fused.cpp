// The discrete adjoint by the fused kernels: what of a roll they cover, and their call as one autograd function. Second
// derivatives go through the reference.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <typeinfo>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <turnpike/base/error.h>
#include <turnpike/fused/roll.h>

#include "roll_internal.h"

namespace turnpike {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SchemeKernel {
  std::string name;
  FusedScheme scheme;
  SchemePtr known = make_scheme(name);
};
const std::vector<SchemeKernel>& scheme_kernels() {
  using Kind = FusedScheme::Kind;
  static const std::vector<SchemeKernel> table = {
      {"euler", {&euler_tableau()}},
      {"midpoint", {&midpoint_tableau()}},
      {"heun", {&heun_tableau()}},
      {"rk4", {&rk4_tableau()}},
      {"dopri5", {&dormand_prince_tableau()}},
      {"symplectic_euler", {nullptr, Kind::symplectic_euler}},
      {"verlet", {nullptr, Kind::verlet}},
  };
  return table;
}

// By name and type: a user's own scheme may bear any name.
const FusedScheme* scheme_kernel(const Scheme& scheme) {
  const std::string name = scheme.name();
  for (const SchemeKernel& entry : scheme_kernels()) {
    if (name != entry.name) continue;
    const Scheme& known = *entry.known;
    return typeid(scheme) == typeid(known) ? &entry.scheme : nullptr;
  }
  return nullptr;
}

std::optional<FusedCost> cost_kernel(const Cost* cost) {
  if (!cost) return FusedCost::none;
  static const CostPtr known_cost = make_cost("mean_square");
  const Cost& known = *known_cost;
  if (typeid(*cost) != typeid(known)) return std::nullopt;
  if (cost->name() == "mean_square") return FusedCost::mean_square;
  if (cost->name() == "cross_entropy") return FusedCost::cross_entropy;
  return std::nullopt;
}

// One roll as the kernels see it. A control that is linear in time is sampled first: row e of the table they read is
// u at evaluation e, a sum of two slots.
struct FusedRoll : torch::CustomClassHolder {
  RollPlan plan;
  FusedProblem problem;
  Tensor y;                                     // contiguous
  Tensor left, right, left_share, right_share;  // [n_rows] of a linear control, else undefined

  FusedRoll(RollPlan own_plan, const RollInputs& inputs) : plan(std::move(own_plan)) {
    const std::int64_t n_steps = plan.mesh.steps();
    problem.layer = *plan.field->layer_spec();
    problem.scheme = *scheme_kernel(*plan.scheme);
    problem.n_samples = inputs.x0.size(0);
    problem.saved = plan.saved;
    problem.threads = at::get_num_threads();
    problem.cost = *cost_kernel(plan.cost.get());
    if (plan.cost) {
      const Readout& readout = inputs.readout;
      problem.n_outputs = readout.weight.defined() ? readout.weight.size(0) : problem.layer.dimension;
      y = plan.y.detach().contiguous();
    }
    problem.steps.reserve(n_steps);
    for (std::int64_t k = 0; k < n_steps; ++k) problem.steps.push_back(plan.length(k));
    if (plan.grid.kind() == ControlKind::linear) {
      sample_slots(inputs.x0.options());
    } else {
      read_slots();
    }
  }

  Tensor table(const Tensor& control) const {
    if (!left.defined()) return control.contiguous();
    return control.index_select(-2, left) * left_share + control.index_select(-2, right) * right_share;
  }
  Tensor table_transpose(const Tensor& table_bar, const Tensor& control) const {
    if (!left.defined()) return table_bar;
    return at::zeros(control.sizes(), table_bar.options())
        .index_add_(-2, left, table_bar * left_share)
        .index_add_(-2, right, table_bar * right_share);
  }

 private:
  // Constant and shared controls: the cell in which a step's midpoint lies.
  void read_slots() {
    const std::vector<double>& knots = plan.grid.knots();
    problem.n_rows = plan.grid.slots();
    const int evaluations = problem.scheme.evaluations();
    problem.control_row.resize(problem.steps.size() * evaluations);
    std::int64_t *row = problem.control_row.data(), cell = 0;
    for (std::int64_t k = 0; k < plan.mesh.steps(); ++k) {
      const double middle = 0.5 * (plan.mesh.times[k] + plan.mesh.times[k + 1]);
      if (plan.grid.kind() == ControlKind::constant) {
        while (cell + 1 < plan.grid.cells() && knots[cell + 1] <= middle) ++cell;
      }
      row = std::fill_n(row, evaluations, cell);
    }
  }

  void sample_slots(const at::TensorOptions& options) {
    std::vector<std::int64_t> slots[2];
    std::vector<double> shares[2];
    for (std::int64_t k = 0; k < plan.mesh.steps(); ++k) {
      const double start = plan.start(k), h = plan.length(k);
      for (const double node : evaluation_nodes()) {
        const ControlGrid::Stencil at_t = plan.grid.stencil(start + node * h, start, start + h);
        for (int i = 0; i < 2; ++i) {
          slots[i].push_back(at_t.entries[i].slot);
          shares[i].push_back(at_t.entries[i].weight);
        }
        problem.control_row.push_back(problem.n_rows++);
      }
    }
    const auto index = options.dtype(at::kLong).requires_grad(false);
    left = at::tensor(slots[0], index);
    right = at::tensor(slots[1], index);
    left_share = at::tensor(shares[0], options.requires_grad(false)).unsqueeze(1);
    right_share = at::tensor(shares[1], options.requires_grad(false)).unsqueeze(1);
  }

  std::vector<double> evaluation_nodes() const {
    using Kind = FusedScheme::Kind;
    if (problem.scheme.kind == Kind::symplectic_euler) return {0, 0};
    if (problem.scheme.kind == Kind::verlet) return {0, 0.5, 1};
    return problem.scheme.tableau->c;
  }
};

template <class T>
const T* data_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

std::atomic<std::int64_t> nanoseconds_inside{0};

// Calls a kernel; its time counts as time inside the kernels.
template <class Call>
auto clocked(const Call& call) {
  struct Clock {
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Clock() {
      const auto taken = std::chrono::steady_clock::now() - start;
      nanoseconds_inside += std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count();
    }
  } clock;
  return call();
}

// The arrays that the kernels read, held until they have run.
template <class T>
struct Arrays {
  Tensor x0, control, weight, bias, y;
  FusedInputs<T> pointers;

  Arrays(const FusedRoll& roll, const RollInputs& inputs, const Tensor& own_y)
      : x0(inputs.x0.detach().contiguous()), control(roll.table(inputs.control.detach())), y(own_y) {
    if (inputs.readout.weight.defined()) weight = inputs.readout.weight.detach().contiguous();
    if (inputs.readout.bias.defined()) bias = inputs.readout.bias.detach().contiguous();
    pointers = {data_of<T>(x0), data_of<T>(control), data_of<T>(weight), data_of<T>(bias)};
    if (roll.problem.cost == FusedCost::mean_square) pointers.targets = data_of<T>(y);
    if (roll.problem.cost == FusedCost::cross_entropy) pointers.classes = data_of<std::int64_t>(y);
  }

  // Those of replica r; what all share has no leading dimension of them.
  FusedInputs<T> of_replica(std::int64_t r) const {
    FusedInputs<T> own = pointers;
    own.x0 += offset(x0, 2, r);
    own.control += offset(control, 2, r);
    if (own.weight) own.weight += offset(weight, 2, r);
    if (own.bias) own.bias += offset(bias, 1, r);
    if (own.targets) own.targets += offset(y, 2, r);
    if (own.classes) own.classes += offset(y, 1, r);
    return own;
  }

 private:
  static std::int64_t offset(const Tensor& tensor, std::int64_t shared_dims, std::int64_t r) {
    return tensor.dim() > shared_dims ? r * tensor.stride(0) : 0;
  }
};

template <class T>
RollOutputs run_forward(const FusedRoll& roll, const RollInputs& inputs) {
  const Arrays<T> arrays(roll, inputs, roll.y);
  RollOutputs out;
  out.end = at::empty_like(arrays.x0);
  FusedOutputs<T> pointers{.end = out.end.data_ptr<T>()};
  if (roll.plan.cost) {
    out.integral = at::empty({arrays.x0.size(0)}, arrays.x0.options());
    pointers.integral = out.integral.data_ptr<T>();
  }
  if (!roll.plan.saved.empty()) {
    out.states = at::empty({static_cast<std::int64_t>(roll.plan.saved.size()), arrays.x0.size(0), arrays.x0.size(1)},
                           arrays.x0.options());
    pointers.states = out.states.data_ptr<T>();
  }
  clocked([&] { fused_roll<T>(roll.problem, arrays.pointers, pointers); });
  return out;
}

// Gradients of those of x0, control, weight and bias that need one.
template <class T>
struct WantedGradients {
  variable_list tensors{4};
  FusedGradients<T> pointers;

  WantedGradients(const RollInputs& inputs, const Arrays<T>& arrays) {
    want(0, inputs.x0, arrays.x0, pointers.x0);
    want(1, inputs.control, arrays.control, pointers.control);
    want(2, inputs.readout.weight, arrays.weight, pointers.weight);
    want(3, inputs.readout.bias, arrays.bias, pointers.bias);
  }
  variable_list finish(const FusedRoll& roll, const RollInputs& inputs) {
    if (tensors[1].defined()) tensors[1] = roll.table_transpose(tensors[1], inputs.control);
    return std::move(tensors);
  }
  FusedGradients<T> of_replica(std::int64_t r) const {
    FusedGradients<T> own = pointers;
    T** each[] = {&own.x0, &own.control, &own.weight, &own.bias};
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (*each[i]) *each[i] += r * tensors[i].stride(0);
    return own;
  }

 private:
  void want(int i, const Tensor& input, const Tensor& like, T*& pointer) {
    if (!input.defined() || !input.requires_grad()) return;
    tensors[i] = at::empty_like(like);
    pointer = tensors[i].template data_ptr<T>();
  }
};

// Cotangents: of end, integral and states; undefined: zero. Gradients: of x0, control, weight and bias.
template <class T>
variable_list run_backward(const FusedRoll& roll, const RollInputs& inputs, const RollOutputs& bar) {
  const Arrays<T> arrays(roll, inputs, roll.y);
  const auto dense = [](const Tensor& tensor) { return tensor.defined() ? tensor.contiguous() : tensor; };
  const Tensor end = dense(bar.end), integral = dense(bar.integral), states = dense(bar.states);
  WantedGradients<T> gradients(inputs, arrays);
  clocked([&] {
    fused_pull_back<T>(roll.problem, arrays.pointers, {data_of<T>(end), data_of<T>(integral), data_of<T>(states)},
                       gradients.pointers);
  });
  return gradients.finish(roll, inputs);
}

struct FusedRollFunction : torch::autograd::Function<FusedRollFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x0, const Tensor& control, const Tensor& weight,
                               const Tensor& bias, const c10::intrusive_ptr<FusedRoll>& roll) {
    ctx->save_for_backward({x0, control, weight, bias});
    ctx->saved_data["roll"] = c10::IValue::make_capsule(roll);
    ctx->set_materialize_grads(false);
    const RollInputs inputs{x0, control, {empty_as_none(weight), empty_as_none(bias)}};
    const RollOutputs out =
        x0.scalar_type() == at::kFloat ? run_forward<float>(*roll, inputs) : run_forward<double>(*roll, inputs);
    variable_list outputs{out.end};
    if (out.integral.defined()) outputs.push_back(out.integral);
    if (out.states.defined()) outputs.push_back(out.states);
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, variable_list cotangents) {
    const auto roll = c10::static_intrusive_pointer_cast<FusedRoll>(ctx->saved_data["roll"].toCapsule());
    const RollPlan& plan = roll->plan;
    const variable_list saved = ctx->get_saved_variables();
    const RollInputs inputs{saved[0], saved[1], {empty_as_none(saved[2]), empty_as_none(saved[3])}};
    std::size_t next = 0;
    RollOutputs bar;
    bar.end = cotangents[next++];
    if (plan.cost) bar.integral = cotangents[next++];
    if (!plan.saved.empty()) bar.states = cotangents[next];

    variable_list gradients;
    if (at::GradMode::is_enabled()) {
      gradients = differentiable_pull_back(plan, inputs, cotangents);
    } else if (inputs.x0.scalar_type() == at::kFloat) {
      gradients = run_backward<float>(*roll, inputs, bar);
    } else {
      gradients = run_backward<double>(*roll, inputs, bar);
    }
    gradients.emplace_back();  // the roll
    return gradients;
  }
};

// A mean cost as the kernels see it; the flow again for derivatives that were not computed with it.
struct FusedCostCall : torch::CustomClassHolder {
  Flow flow;
  RunningCost cost;
  TrainingWeights weights;
  FusedRoll roll;           // of one replica
  variable_list gradients;  // of J, until they are handed out

  FusedCostCall(const Flow& flow, const RollPlan& plan, const RollInputs& first, const Tensor& y,
                const TrainingWeights& weights)
      : flow(flow), cost{plan.cost, {}, y}, weights(weights), roll(plan, first) {}

  // Of |u_r|^2 in energy int |u|^2 dt: the time that row r is active.
  std::vector<double> row_weights() const {
    std::vector<double> out;
    if (weights.energy == 0) return out;
    const std::vector<double>& knots = flow.grid.knots();
    if (flow.grid.kind() == ControlKind::shared) return {weights.energy * flow.grid.horizon()};
    out.reserve(knots.size());
    for (std::size_t k = 0; k + 1 < knots.size(); ++k) out.push_back(weights.energy * (knots[k + 1] - knots[k]));
    return out;
  }
};

template <class T>
TrainingCost run_cost(FusedCostCall& call, const RollInputs& inputs) {
  const bool many = inputs.control.dim() == 3;
  const FusedProblem& problem = call.roll.problem;
  const Arrays<T> arrays(call.roll, inputs, many ? call.cost.y.detach().contiguous() : call.roll.y);
  const double n = static_cast<double>(problem.n_samples);
  const FusedCostWeights weights{call.weights.running / n, call.weights.terminal / n, call.row_weights()};
  TrainingCost out;
  WantedGradients<T> gradients(inputs, arrays);
  std::vector<FusedCostSums> sums(1);
  if (many) {
    const std::int64_t R = inputs.control.size(0), d = problem.layer.dimension;
    out.end = at::empty({R, problem.n_samples, d}, arrays.x0.options());
    std::vector<FusedReplica<T>> replicas(R);
    for (std::int64_t r = 0; r < R; ++r) {
      replicas[r] = {arrays.of_replica(r), out.end.template data_ptr<T>() + r * out.end.stride(0),
                     gradients.of_replica(r)};
    }
    sums = clocked([&] { return fused_costs<T>(problem, replicas, weights); });
  } else {
    out.end = at::empty_like(arrays.x0);
    sums[0] = clocked([&] {
      return fused_cost<T>(problem, arrays.pointers, weights, out.end.template data_ptr<T>(), gradients.pointers);
    });
  }
  call.gradients = gradients.finish(call.roll, inputs);
  const auto values = [&](auto value) {
    Tensor tensor =
        many ? at::empty({inputs.control.size(0)}, arrays.x0.options()) : at::empty({}, arrays.x0.options());
    for (std::size_t r = 0; r < sums.size(); ++r) tensor.data_ptr<T>()[r] = static_cast<T>(value(sums[r]));
    return tensor;
  };
  const auto running = [&](const FusedCostSums& sum) { return weights.running * sum.running; };
  const auto terminal = [&](const FusedCostSums& sum) { return weights.terminal * sum.terminal; };
  out.running = values(running);
  out.terminal = values(terminal);
  out.energy = values([](const FusedCostSums& sum) { return sum.control; });
  out.value = values([&](const FusedCostSums& sum) { return running(sum) + terminal(sum) + sum.control; });
  return out;
}

struct FusedCostFunction : torch::autograd::Function<FusedCostFunction> {
  // Outputs: value, running, terminal, energy, end.
  static variable_list forward(AutogradContext* ctx, const Tensor& x0, const Tensor& control, const Tensor& weight,
                               const Tensor& bias, const c10::intrusive_ptr<FusedCostCall>& call) {
    ctx->save_for_backward({x0, control, weight, bias});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    ctx->set_materialize_grads(false);
    const RollInputs inputs{x0, control, {empty_as_none(weight), empty_as_none(bias)}};
    const TrainingCost out =
        x0.scalar_type() == at::kFloat ? run_cost<float>(*call, inputs) : run_cost<double>(*call, inputs);
    return {out.value, out.running, out.terminal, out.energy, out.end};
  }

  static variable_list backward(AutogradContext* ctx, variable_list cotangents) {
    const auto call = c10::static_intrusive_pointer_cast<FusedCostCall>(ctx->saved_data["call"].toCapsule());
    const bool value_alone =
        std::all_of(cotangents.begin() + 1, cotangents.end(), [](const Tensor& tensor) { return !tensor.defined(); });
    variable_list gradients = std::exchange(call->gradients, {});
    if (!gradients.empty() && value_alone && cotangents[0].defined() && !at::GradMode::is_enabled()) {
      for (Tensor& gradient : gradients) scale(gradient, cotangents[0]);
    } else {
      gradients = pull_back_by_rolls(*call, ctx->get_saved_variables(), cotangents);
    }
    gradients.emplace_back();  // the call
    return gradients;
  }

 private:
  // By a scalar, or by one of each replica.
  static void scale(Tensor& gradient, const Tensor& by) {
    if (!gradient.defined()) return;
    if (by.dim() == 0) {
      const double factor = by.item<double>();
      if (factor != 1) gradient.mul_(factor);
      return;
    }
    std::vector<std::int64_t> sizes(gradient.dim(), 1);
    sizes[0] = by.size(0);
    gradient.mul_(by.view(sizes));
  }

  static variable_list pull_back_by_rolls(const FusedCostCall& call, const variable_list& inputs,
                                          const variable_list& cotangents) {
    const bool again = at::GradMode::is_enabled();
    at::AutoGradMode record(true);
    const RollInputs all_inputs{inputs[0], inputs[1], {empty_as_none(inputs[2]), empty_as_none(inputs[3])}};
    const TrainingCost out = cost_of_rolls(call.flow, all_inputs, call.cost, call.weights);
    variable_list outputs, used, wanted;
    const Tensor* all[] = {&out.value, &out.running, &out.terminal, &out.energy, &out.end};
    for (std::size_t i = 0; i < std::size(all); ++i) {
      if (!cotangents[i].defined() || !all[i]->requires_grad()) continue;
      outputs.push_back(*all[i]);
      used.push_back(cotangents[i]);
    }
    for (const Tensor& input : inputs)
      if (input.requires_grad()) wanted.push_back(input);
    const variable_list found = outputs.empty() ? variable_list(wanted.size())
                                                : torch::autograd::grad(outputs, wanted, used, /*retain_graph=*/again,
                                                                        again, /*allow_unused=*/true);
    variable_list gradients;
    std::size_t next = 0;
    for (const Tensor& input : inputs) gradients.push_back(input.requires_grad() ? found[next++] : Tensor());
    return gradients;
  }
};

bool all_below(const Tensor& classes, std::int64_t m) {
  const std::int64_t* y = classes.data_ptr<std::int64_t>();
  return std::all_of(y, y + classes.size(0), [m](std::int64_t c) { return c >= 0 && c < m; });
}

// What of the running cost is not covered; empty if all is.
std::string cost_gap(const RollPlan& plan, const RollInputs& inputs, std::int64_t d) {
  const std::optional<FusedCost> cost = cost_kernel(plan.cost.get());
  if (!cost) return fmt::format("the running cost '{}' has no fused kernel", plan.cost->name());
  if (*cost == FusedCost::none) return {};
  const auto fits = [&inputs](const Tensor& tensor) {
    return tensor.device().is_cpu() && tensor.scalar_type() == inputs.x0.scalar_type();
  };
  const auto& [weight, bias] = inputs.readout;
  const std::int64_t n = inputs.x0.size(0);
  const std::int64_t m = weight.defined() && weight.dim() == 2 ? weight.size(0) : d;
  if ((weight.defined() && !(fits(weight) && weight.dim() == 2 && weight.size(1) == d && m > 0)) ||
      (bias.defined() && !(fits(bias) && bias.dim() == 1 && bias.size(0) == m))) {
    return "the readout is not a plain [m, d] matrix with an [m] bias of the state's dtype";
  }
  const Tensor& y = plan.y;
  if (!y.defined() || y.requires_grad() || !y.device().is_cpu())
    return "y is missing, needs a gradient or is not on the CPU";
  if (*cost == FusedCost::mean_square) {
    if (!(fits(y) && y.dim() == 2 && y.size(0) == n && y.size(1) == m)) return "y is not [N, m] of the state's dtype";
  } else if (!(y.dim() == 1 && y.size(0) == n && y.scalar_type() == at::kLong) || !all_below(y.contiguous(), m)) {
    return "y is not [N] of class numbers 0..m-1";
  }
  return {};
}

}  // namespace

double kernel_seconds() {
  return 1e-9 * static_cast<double>(nanoseconds_inside.load());
}

std::string fused_gap(const RollPlan& plan, const RollInputs& inputs) {
  if (plan.adjoint.kind != AdjointKind::discrete) {
    return fmt::format("it computes the discrete adjoint, not the {} one", name_of(plan.adjoint.kind));
  }
  const std::optional<LayerSpec> layer = plan.field->layer_spec();
  if (!layer) return fmt::format("the field '{}' has no fused kernel", plan.field->name());
  const std::int64_t d = layer->dimension;
  if (!scheme_kernel(*plan.scheme)) return fmt::format("the scheme '{}' has no fused kernel", plan.scheme->name());
  if (!plan.active.empty()) return "per-sample horizons are not covered";
  const at::ScalarType dtype = inputs.x0.scalar_type();
  if (!inputs.x0.device().is_cpu() || !inputs.control.device().is_cpu() ||
      (dtype != at::kFloat && dtype != at::kDouble)) {
    return "it computes float32 and float64 on the CPU, not " + describe(inputs.x0);
  }
  if (inputs.x0.size(0) == 0) return "there are no samples";
  return cost_gap(plan, inputs, d);
}

RollOutputs roll_fused(const RollPlan& plan, const RollInputs& inputs) {
  const auto roll = c10::make_intrusive<FusedRoll>(plan, inputs);
  return outputs_of(plan,
                    FusedRollFunction::apply(inputs.x0, inputs.control, none_as_empty(inputs.readout.weight, inputs.x0),
                                             none_as_empty(inputs.readout.bias, inputs.x0), roll));
}

TrainingCost cost_fused(const Flow& flow, const RollPlan& plan, const RollInputs& inputs, const Tensor& y,
                        const TrainingWeights& weights) {
  // A control that is linear in time is sampled for the kernels, and its norm is no sum over the samples.
  TrainingWeights inside = weights;
  if (flow.grid.kind() == ControlKind::linear) inside.energy = 0;
  const auto call = c10::make_intrusive<FusedCostCall>(flow, plan, of_replica(inputs, 0), y, inside);
  // Replicas that share what is differentiated have gradients of their own, which autograd then sums.
  const auto own = [&inputs](const Tensor& tensor, std::int64_t shared_dims) {
    if (inputs.control.dim() < 3 || !tensor.defined() || !tensor.requires_grad() || tensor.dim() > shared_dims)
      return tensor;
    std::vector<std::int64_t> sizes = tensor.sizes().vec();
    sizes.insert(sizes.begin(), inputs.control.size(0));
    return tensor.unsqueeze(0).expand(sizes);
  };
  const variable_list outputs = FusedCostFunction::apply(own(inputs.x0, 2), inputs.control,
                                                         none_as_empty(own(inputs.readout.weight, 2), inputs.x0),
                                                         none_as_empty(own(inputs.readout.bias, 1), inputs.x0), call);
  TrainingCost out{outputs[0], outputs[1], outputs[2], outputs[3], outputs[4]};
  if (weights.energy != inside.energy) {
    std::vector<Tensor> energies;
    for (std::int64_t r = 0; r < (inputs.control.dim() < 3 ? 1 : inputs.control.size(0)); ++r)
      energies.push_back(weights.energy * flow.grid.l2_squared(of_replica(inputs, r).control));
    out.energy = inputs.control.dim() < 3 ? energies[0] : at::stack(energies);
    out.value = out.value + out.energy;
  }
  return out;
}

}  // namespace turnpike
