// p' = p0 + h/2 p_dot(t, q0),  q1 = q0 + h q_dot(t + h/2, p'),  p1 = p' + h/2 p_dot(t + h, q1).  Hairer, Lubich &
// Wanner (2003)
#include <ATen/ATen.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

class Verlet final : public Scheme {
 public:
  std::string name() const override { return "verlet"; }
  int order() const override { return 2; }
  int evaluations() const override { return 2; }
  bool symplectic() const override { return true; }
  bool reversible() const override { return true; }
  bool needs_partition() const override { return true; }

  StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const override {
    StepResult result;
    result.x1 = kick_drift_kick(rates, t, h, x0);
    if (needs.nodes) result.nodes = {{t, h / 2, x0}, {t + h, h / 2, result.x1}};
    if (needs.dense) result.stages = {rates.full(t, x0), rates.full(t + h, result.x1)};
    return result;
  }

  // The scheme is symmetric: a step of -h from the end undoes it.
  Tensor inverse(const Rates& rates, double t, double h, const Tensor& x1) const override {
    return kick_drift_kick(rates, t + h, -h, x1);
  }

  std::string torchscript() const override {
    return "m = x.size(1) // 2\n"
           "p = x[:, m:] + (h / 2) * self.rate(k, t, x)[:, m:]\n"
           "q = x[:, :m] + h * self.rate(k, t + h / 2, torch.cat([x[:, :m], p], 1))[:, :m]\n"
           "p = p + (h / 2) * self.rate(k, t + h, torch.cat([q, p], 1))[:, m:]\n"
           "x = torch.cat([q, p], 1)\n";
  }

 private:
  static Tensor kick_drift_kick(const Rates& rates, double t, double h, const Tensor& x0) {
    const std::int64_t half = x0.size(1) / 2;
    const Tensor q0 = x0.narrow(1, 0, half), p0 = x0.narrow(1, half, half);
    const Tensor p = at::add(p0, rates.second(t, q0), h / 2);
    const Tensor q1 = at::add(q0, rates.first(t + h / 2, p), h);
    const Tensor p1 = at::add(p, rates.second(t + h, q1), h / 2);
    return at::cat({q1, p1}, 1);
  }
};

}  // namespace

SchemePtr verlet() {
  return std::make_shared<Verlet>();
}

}  // namespace turnpike
