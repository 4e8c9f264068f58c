// libtorch's SGD and L-BFGS behind the Optimiser interface, with their states as named tensors.
#include "optimiser_internal.h"

#include <fmt/format.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/sgd.h>

#include <turnpike/base/error.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace turnpike {
namespace {

namespace optim = torch::optim;

// libtorch keys its states by the tensor's address: as text up to 2.1, as a pointer since.
template <class Key>
Key key_of(const Tensor& parameter) {
  if constexpr (std::is_pointer_v<Key>)
    return parameter.unsafeGetTensorImpl();
  else
    return c10::guts::to_string(parameter.unsafeGetTensorImpl());
}
using StateKey = std::decay_t<decltype(std::declval<optim::Optimizer>().state())>::key_type;

template <class State>
State* find_state(optim::Optimizer& optimiser, const Tensor& parameter) {
  auto found = optimiser.state().find(key_of<StateKey>(parameter));
  return found == optimiser.state().end() ? nullptr : static_cast<State*>(found->second.get());
}

template <class State>
State& new_state(optim::Optimizer& optimiser, const Tensor& parameter) {
  auto state = std::make_unique<State>();
  State& reference = *state;
  optimiser.state()[key_of<StateKey>(parameter)] = std::move(state);
  return reference;
}

class Sgd final : public Optimiser {
 public:
  Sgd(const OptimiserOptions& options, std::vector<Tensor> parameters)
      : parameters_(std::move(parameters)),
        torch_(parameters_,
               optim::SGDOptions(options.rate).momentum(options.momentum).weight_decay(options.weight_decay)) {}

  Tensor step(const Closure& closure) override {
    Tensor loss = closure(true);
    torch_.step();
    return loss;
  }

  void set_rate(double rate) override {
    for (auto& group : torch_.param_groups()) group.options().set_lr(rate);
  }

  NamedTensors state() const override {
    NamedTensors out;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      if (const auto* state = find_state<optim::SGDParamState>(torch_, parameters_[i]))
        out[fmt::format("{}.momentum", i)] = state->momentum_buffer().detach().clone();
    return out;
  }

  void load(const NamedTensors& state) override {
    torch_.state().clear();
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const std::string name = fmt::format("{}.momentum", i);
      // Before its first step a parameter has no state.
      if (state.contains(name))
        new_state<optim::SGDParamState>(torch_, parameters_[i]).momentum_buffer(like(parameters_[i], state, name));
    }
  }

 private:
  std::vector<Tensor> parameters_;
  mutable optim::SGD torch_;  // its state() is not const
};

class Lbfgs final : public Optimiser {
 public:
  Lbfgs(const OptimiserOptions& options, std::vector<Tensor> parameters)
      : parameters_(std::move(parameters)),
        // In float32 pairs with y's < 1e-10 are noise, and their limit is right.
        scale_(parameters_.front().scalar_type() == at::kDouble ? 0x1p40 : 1),
        torch_(parameters_, torch_options(options, count(parameters_), scale_)) {}

  Tensor step(const Closure& closure) override {
    const Tensor start = flat_values(parameters_);
    const std::int64_t before = libtorch_iterations();
    Tensor f_start, g_start;
    double value_start = 0;
    torch_.step([&] {
      Tensor loss = closure(true);
      const double value = loss.item<double>();
      Tensor gradient = flat_gradient(parameters_);
      if (!f_start.defined()) {
        f_start = loss.detach();
        value_start = value;
        g_start = gradient;
        residual_ = gradient.norm().item<double>();
        if (!std::isfinite(value) || !std::isfinite(residual_))
          throw NotFiniteStart("the objective or its gradient is not finite where an L-BFGS step starts");
        return give(0, g_start);
      }
      const double slope = 0.5 * (g_start + gradient).dot(flat_values(parameters_) - start).item<double>();
      // Non-finite trial points look like a high plateau: the line search then falls back to a tenth of the step.
      if (!std::isfinite(value) || !std::isfinite(slope))
        return give(1e3 * (1 + std::abs(value_start)), at::zeros_like(gradient));
      return give(change_of(value_start, value, slope), gradient);
    });

    iterations_ += libtorch_iterations() - before;

    // Nothing moved: forget the history once, then give up.
    if (!at::equal(flat_values(parameters_), start)) {
      stuck_ = 0;
    } else {
      ++stuck_;
      torch_.state().clear();
    }
    return f_start;
  }

  double residual() const override { return residual_; }
  double residual_here(const Closure& closure) override {
    closure(true);
    return flat_gradient(parameters_).norm().item<double>();
  }
  std::int64_t iterations() const override { return iterations_; }
  bool stalled() const override { return stuck_ >= 2; }

  NamedTensors state() const override {
    NamedTensors out;
    out["stuck"] = scalar(stuck_);
    out["iterations"] = scalar(iterations_);
    out["residual"] = scalar(residual_);
    if (const auto* state = find_state<optim::LBFGSParamState>(torch_, parameters_.front())) {
      out["func_evals"] = scalar(state->func_evals());
      out["n_iter"] = scalar(state->n_iter());
      out["t"] = scalar(state->t());
      out["prev_loss"] = scalar(state->prev_loss());
      if (state->d().defined()) out["d"] = state->d().detach().clone();
      if (state->H_diag().defined()) out["H_diag"] = state->H_diag().detach().clone();
      if (state->prev_flat_grad().defined()) out["prev_flat_grad"] = state->prev_flat_grad().detach().clone();
      // `al` is scratch: every direction fills it before it reads it.
      if (!state->old_dirs().empty()) {
        out["old_dirs"] = stacked(state->old_dirs());
        out["old_stps"] = stacked(state->old_stps());
        out["ro"] = stacked(state->ro());
      }
    }
    return out;
  }

  void load(const NamedTensors& from) override {
    torch_.state().clear();
    stuck_ = entry(from, "stuck").item<std::int64_t>();
    iterations_ = entry(from, "iterations").item<std::int64_t>();
    residual_ = entry(from, "residual").item<double>();
    if (!from.contains("n_iter")) return;
    const std::int64_t n = count(parameters_);
    const auto optional = [&](const char* name) {
      return from.contains(name) ? from.at(name).detach().clone() : Tensor();
    };
    auto& state = new_state<optim::LBFGSParamState>(torch_, parameters_.front());
    state.func_evals(entry(from, "func_evals").item<std::int64_t>());
    state.n_iter(entry(from, "n_iter").item<std::int64_t>());
    state.t(entry(from, "t").item<double>());
    state.prev_loss(entry(from, "prev_loss").item<double>());
    state.d(optional("d"));
    state.H_diag(optional("H_diag"));
    state.prev_flat_grad(optional("prev_flat_grad"));
    if (state.d().defined()) require_shape(state.d(), {n}, "the optimiser's state 'd'");
    if (!from.contains("old_dirs")) return;
    const Tensor old_dirs = entry(from, "old_dirs"), old_stps = entry(from, "old_stps"), ro = entry(from, "ro");
    require_shape(old_dirs, {-1, n}, "the optimiser's state 'old_dirs'");
    require_shape(old_stps, {old_dirs.size(0), n}, "the optimiser's state 'old_stps'");
    require_shape(ro, {old_dirs.size(0)}, "the optimiser's state 'ro'");
    for (std::int64_t i = 0; i < old_dirs.size(0); ++i) {
      state.old_dirs().push_back(old_dirs[i].clone());
      state.old_stps().push_back(old_stps[i].clone());
      state.ro().push_back(ro[i].clone());
    }
  }

 private:
  static std::int64_t count(const std::vector<Tensor>& parameters) {
    std::int64_t n = 0;
    for (const Tensor& parameter : parameters) n += parameter.numel();
    return n;
  }

  static optim::LBFGSOptions torch_options(const OptimiserOptions& options, std::int64_t n, double scale) {
    // libtorch measures the largest entry, we the Euclidean norm: |g| <= sqrt(n) max |g_i|.
    return optim::LBFGSOptions(1)
        .max_iter(options.iterations)
        .max_eval(std::numeric_limits<std::int64_t>::max())
        .tolerance_grad(options.tolerance * scale / std::sqrt(static_cast<double>(n)))
        .tolerance_change(0)
        .history_size(options.history)
        .line_search_fn("strong_wolfe");
  }

  std::int64_t libtorch_iterations() const {
    const auto* state = find_state<optim::LBFGSParamState>(torch_, parameters_.front());
    return state ? state->n_iter() : 0;
  }

  static Tensor stacked(const std::deque<Tensor>& tensors) {
    return at::stack(std::vector<Tensor>(tensors.begin(), tensors.end()));
  }

  // Hands libtorch scale * f and leaves scale * gradient in the parameters.
  Tensor give(double value, const Tensor& gradient) {
    const Tensor scaled = gradient * scale_;
    std::int64_t offset = 0;
    for (Tensor& parameter : parameters_) {
      parameter.mutable_grad() = scaled.narrow(0, offset, parameter.numel()).view_as(parameter);
      offset += parameter.numel();
    }
    return scalar(value * scale_);
  }

  std::vector<Tensor> parameters_;
  double scale_;
  mutable optim::LBFGS torch_;
  std::int64_t stuck_ = 0, iterations_ = 0;
  double residual_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace

std::unique_ptr<Optimiser> make_sgd(const OptimiserOptions& options, std::vector<Tensor> parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

std::unique_ptr<Optimiser> make_lbfgs(const OptimiserOptions& options, std::vector<Tensor> parameters) {
  return std::make_unique<Lbfgs>(options, std::move(parameters));
}

}  // namespace turnpike
