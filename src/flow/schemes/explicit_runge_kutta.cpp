// k_i = f(t + c_i h, x0 + h sum_{j<i} a_ij k_j),  x1 = x0 + h sum_i b_i k_i
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

// x + h sum_j w_j k_j, skipping zero weights.
Tensor combine(const Tensor& x, double h, const std::vector<double>& weights, const std::vector<Tensor>& rates) {
  Tensor sum = x;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] != 0) sum = at::add(sum, rates[j], h * weights[j]);
  }
  return sum;
}

class ExplicitRungeKutta final : public Scheme {
 public:
  explicit ExplicitRungeKutta(const Tableau& tableau) : tableau_(tableau) {}
  std::string name() const override { return tableau_.name; }
  int order() const override { return tableau_.order; }
  int evaluations() const override { return tableau_.stages(); }
  int embedded_order() const override { return tableau_.b_error.empty() ? 0 : tableau_.order - 1; }

  StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const override {
    StepResult result;
    std::vector<Tensor>& k = result.stages;
    k.reserve(tableau_.stages() + 1);
    for (int i = 0; i < tableau_.stages(); ++i) {
      const Tensor x = i == 0 ? x0 : combine(x0, h, tableau_.a[i], k);
      const double time = t + tableau_.c[i] * h;
      k.push_back(rates.full(time, x));
      if (needs.nodes && tableau_.b[i] != 0) result.nodes.push_back({time, h * tableau_.b[i], x});
    }
    result.x1 = combine(x0, h, tableau_.b, k);
    if (needs.error && embedded_order() > 0) result.error = combine(at::zeros_like(x0), h, tableau_.b_error, k);
    if (needs.dense && tableau_.dense.empty()) k.push_back(rates.full(t + h, result.x1));
    return result;
  }

  // x(t + theta h) = x0 + h sum_i k_i sum_m dense[i][m] theta^(m+1)
  Tensor dense(const StepResult& step, const Tensor& x0, double h, double theta) const override {
    if (tableau_.dense.empty()) return Scheme::dense(step, x0, h, theta);
    std::vector<double> weights(tableau_.stages(), 0.0);
    for (int i = 0; i < tableau_.stages(); ++i) {
      double power = theta;
      for (const double coefficient : tableau_.dense[i]) {
        weights[i] += coefficient * power;
        power *= theta;
      }
    }
    return combine(x0, h, weights, step.stages);
  }

  std::string torchscript() const override {
    std::string script;
    const auto combination = [&](const std::vector<double>& weights) {
      std::string sum = "x";
      for (std::size_t j = 0; j < weights.size(); ++j) {
        if (weights[j] != 0) sum += fmt::format(" + (h * {:.17g}) * k{}", weights[j], j);
      }
      return sum;
    };
    for (int i = 0; i < tableau_.stages(); ++i) {
      script += fmt::format("k{} = self.rate(k, t + {:.17g} * h, {})\n", i, tableau_.c[i], combination(tableau_.a[i]));
    }
    return script + "x = " + combination(tableau_.b) + "\n";
  }

 private:
  const Tableau& tableau_;
};

}  // namespace

SchemePtr explicit_runge_kutta(const Tableau& tableau) {
  return std::make_shared<ExplicitRungeKutta>(tableau);
}

}  // namespace turnpike
