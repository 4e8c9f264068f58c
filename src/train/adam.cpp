// Adam and AdamW, a step in one pass over the entries: the parameters of a wide network and their moments do not fit
// into the cache, and each pass of libtorch's eight would fetch them anew.
#include "optimiser_internal.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace turnpike {
namespace {

// g += coupled x (adam), x -= decoupled x (adamw);  m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
// x -= rate m / (sqrt(v) / root + epsilon),  rate and root corrected for the moments' start at zero
template <class T>
struct Update {
  T beta1, beta2, epsilon, coupled, decoupled, rate, root;

  void operator()(T* x, const T* g, T* m, T* v, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) {
      const T slope = g[i] + coupled * x[i];
      m[i] = beta1 * m[i] + (1 - beta1) * slope;
      v[i] = beta2 * v[i] + (1 - beta2) * slope * slope;
      x[i] -= decoupled * x[i] + rate * m[i] / (std::sqrt(v[i]) / root + epsilon);
    }
  }
};

// The moments of one parameter; none before its first step.
struct Moments {
  std::int64_t step = 0;
  Tensor first{}, second{};
};

class Adam final : public Optimiser {
 public:
  Adam(const OptimiserOptions& options, std::vector<Tensor> parameters)
      : options_(options), parameters_(std::move(parameters)), moments_(parameters_.size()) {}

  Tensor step(const Closure& closure) override {
    Tensor loss = closure(true);
    at::NoGradGuard no_gradient;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      if (parameters_[i].grad().defined()) move(parameters_[i], parameters_[i].grad().contiguous(), moments_[i]);
    return loss;
  }

  void set_rate(double rate) override { options_.rate = rate; }

  NamedTensors state() const override {
    NamedTensors out;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      if (moments_[i].step == 0) continue;
      out[fmt::format("{}.step", i)] = scalar(moments_[i].step);
      out[fmt::format("{}.exp_avg", i)] = moments_[i].first.clone();
      out[fmt::format("{}.exp_avg_sq", i)] = moments_[i].second.clone();
    }
    return out;
  }

  void load(const NamedTensors& state) override {
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      moments_[i] = {};
      if (!state.contains(fmt::format("{}.step", i))) continue;
      moments_[i].step = entry(state, fmt::format("{}.step", i)).item<std::int64_t>();
      moments_[i].first = like(parameters_[i], state, fmt::format("{}.exp_avg", i));
      moments_[i].second = like(parameters_[i], state, fmt::format("{}.exp_avg_sq", i));
    }
  }

 private:
  void move(const Tensor& x, const Tensor& g, Moments& moments) const {
    if (moments.step == 0) moments = {0, at::zeros_like(x), at::zeros_like(x)};
    const auto t = static_cast<double>(++moments.step);
    const bool decoupled = options_.kind == OptimiserKind::adamw;
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "adam", [&] {
      const auto as = [](double value) { return static_cast<scalar_t>(value); };
      const Update<scalar_t> update{.beta1 = as(options_.beta1),
                                    .beta2 = as(options_.beta2),
                                    .epsilon = as(options_.epsilon),
                                    .coupled = as(decoupled ? 0 : options_.weight_decay),
                                    .decoupled = as(decoupled ? options_.rate * options_.weight_decay : 0),
                                    .rate = as(options_.rate / (1 - std::pow(options_.beta1, t))),
                                    .root = as(std::sqrt(1 - std::pow(options_.beta2, t)))};
      update(x.data_ptr<scalar_t>(), g.data_ptr<scalar_t>(), moments.first.data_ptr<scalar_t>(),
             moments.second.data_ptr<scalar_t>(), x.numel());
    });
  }

  OptimiserOptions options_;
  std::vector<Tensor> parameters_;
  std::vector<Moments> moments_;
};

}  // namespace

std::unique_ptr<Optimiser> make_adam(const OptimiserOptions& options, std::vector<Tensor> parameters) {
  return std::make_unique<Adam>(options, std::move(parameters));
}

}  // namespace turnpike
