// p1 = p0 + h p_dot(t, q0),  q1 = q0 + h q_dot(t, p1)
#include <ATen/ATen.h>

#include "schemes_internal.h"

namespace turnpike {
namespace {

class SymplecticEuler final : public Scheme {
 public:
  std::string name() const override { return "symplectic_euler"; }
  int order() const override { return 1; }
  int evaluations() const override { return 1; }
  bool symplectic() const override { return true; }
  bool reversible() const override { return true; }
  bool needs_partition() const override { return true; }

  StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const override {
    const std::int64_t half = x0.size(1) / 2;
    const Tensor q0 = x0.narrow(1, 0, half), p0 = x0.narrow(1, half, half);
    const Tensor p1 = at::add(p0, rates.second(t, q0), h);
    const Tensor q1 = at::add(q0, rates.first(t, p1), h);
    StepResult result;
    result.x1 = at::cat({q1, p1}, 1);
    if (needs.nodes) result.nodes.push_back({t, h, x0});
    if (needs.dense) result.stages = {rates.full(t, x0), rates.full(t + h, result.x1)};
    return result;
  }

  Tensor inverse(const Rates& rates, double t, double h, const Tensor& x1) const override {
    const std::int64_t half = x1.size(1) / 2;
    const Tensor q1 = x1.narrow(1, 0, half), p1 = x1.narrow(1, half, half);
    const Tensor q0 = at::sub(q1, rates.first(t, p1), h);
    const Tensor p0 = at::sub(p1, rates.second(t, q0), h);
    return at::cat({q0, p0}, 1);
  }

  std::string torchscript() const override {
    return "m = x.size(1) // 2\n"
           "p = x[:, m:] + h * self.rate(k, t, x)[:, m:]\n"
           "q = x[:, :m] + h * self.rate(k, t, torch.cat([x[:, :m], p], 1))[:, :m]\n"
           "x = torch.cat([q, p], 1)\n";
  }
};

}  // namespace

SchemePtr symplectic_euler() {
  return std::make_shared<SymplecticEuler>();
}

}  // namespace turnpike
