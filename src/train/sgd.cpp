// v = momentum v + g,  x -= rate v,  v = g at the first step  (Sutskever et al., ICML 2013, as PyTorch has it)
#include "optimiser_internal.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <utility>

namespace turnpike {
namespace {

class Sgd final : public Optimiser {
 public:
  Sgd(const OptimiserOptions& options, std::vector<Tensor> parameters)
      : options_(options), parameters_(std::move(parameters)), velocities_(parameters_.size()) {}

  Tensor step(const Closure& closure) override {
    Tensor loss = closure(true);
    at::NoGradGuard no_gradient;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      Tensor &x = parameters_[i], &v = velocities_[i];
      if (!x.grad().defined()) continue;
      const Tensor g = options_.weight_decay == 0 ? x.grad() : x.grad() + options_.weight_decay * x;
      if (options_.momentum == 0)
        x.sub_(g, options_.rate);
      else {
        if (v.defined())
          v.mul_(options_.momentum).add_(g);
        else
          v = g.clone();
        x.sub_(v, options_.rate);
      }
    }
    return loss;
  }

  void set_rate(double rate) override { options_.rate = rate; }

  NamedTensors state() const override {
    NamedTensors out;
    for (std::size_t i = 0; i < velocities_.size(); ++i)
      if (velocities_[i].defined()) out[name(i)] = velocities_[i].clone();
    return out;
  }

  void load(const NamedTensors& state) override {
    for (std::size_t i = 0; i < velocities_.size(); ++i)
      velocities_[i] = state.contains(name(i)) ? like(parameters_[i], state, name(i)) : Tensor();
  }

 private:
  static std::string name(std::size_t i) { return fmt::format("{}.momentum", i); }

  OptimiserOptions options_;
  std::vector<Tensor> parameters_, velocities_;  // a velocity is undefined before its first step
};

}  // namespace

std::unique_ptr<Optimiser> make_sgd(const OptimiserOptions& options, std::vector<Tensor> parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

}  // namespace turnpike
