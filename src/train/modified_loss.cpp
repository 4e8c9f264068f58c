#include <turnpike/train/modified_loss.h>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/base/error.h>
#include <cmath>

namespace turnpike {
namespace {

void require_step(double step) {
  require(std::isfinite(step) && step >= 0, fmt::format("a modified loss needs a step >= 0, got {}", step));
}

}  // namespace

Loss with_gradient_penalty(Loss loss, double weight) {
  require(std::isfinite(weight), fmt::format("a gradient penalty needs a finite weight, got {}", weight));
  return [loss = std::move(loss), weight](const Tensor& w) -> Tensor {
    at::AutoGradMode with_gradient(true);
    const bool differentiable = w.requires_grad();
    const Tensor at_w = differentiable ? w : w.detach().clone().requires_grad_();
    const Tensor value = loss(at_w);
    require(value.defined() && value.numel() == 1, "a loss must give one number, got " + describe(value));
    Tensor total = value;
    if (value.requires_grad()) {
      const Tensor gradient =
          torch::autograd::grad({value.sum()}, {at_w}, {}, /*retain_graph=*/true, /*create_graph=*/true,
                                /*allow_unused=*/true)[0];
      if (gradient.defined()) total = value + weight * gradient.square().sum();
    }
    return differentiable ? total : total.detach();
  };
}

Loss mean_loss(std::vector<Loss> batches) {
  require(!batches.empty(), "the mean loss needs at least one batch");
  return [batches = std::move(batches)](const Tensor& w) -> Tensor {
    Tensor sum = batches[0](w);
    for (std::size_t k = 1; k < batches.size(); ++k) sum = sum + batches[k](w);
    return sum / static_cast<double>(batches.size());
  };
}

Loss modified_loss(Loss loss, double step) {
  require_step(step);
  return with_gradient_penalty(std::move(loss), step / 4);
}

// (1/m) sum_k (C_k + eps/4 |grad C_k|^2)
Loss modified_loss(std::vector<Loss> batches, double step) {
  require_step(step);
  for (Loss& batch : batches) batch = modified_loss(std::move(batch), step);
  return mean_loss(std::move(batches));
}

}  // namespace turnpike
