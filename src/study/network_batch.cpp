#include <turnpike/study/network_batch.h>

#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>
#include <turnpike/core/activation.h>

namespace turnpike {

std::int64_t NetworkBatch::n_parameters() const {
  std::int64_t count = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) count += widths[l] * (widths[l - 1] + (biases ? 1 : 0));
  return count;
}

std::vector<Tensor> NetworkBatch::layers(const Tensor& theta) const {
  require_shape(theta, {-1, n_parameters()}, "the parameters of a batch of networks");
  std::vector<Tensor> layers;
  std::int64_t from = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    const std::int64_t rows = widths[l], columns = widths[l - 1] + (biases ? 1 : 0);
    layers.push_back(theta.narrow(1, from, rows * columns).view({-1, rows, columns}));
    from += rows * columns;
  }
  return layers;
}

Tensor NetworkBatch::random(std::int64_t n, double gain, Random& random) const {
  Tensor theta = at::zeros({n, n_parameters()}, at::kDouble);
  for (std::int64_t network = 0; network < n; ++network) {
    double* entry = theta.data_ptr<double>() + network * n_parameters();
    for (std::size_t l = 1; l < widths.size(); ++l) {
      const double deviation = gain / std::sqrt(static_cast<double>(widths[l - 1]));
      for (std::int64_t i = 0; i < widths[l]; ++i) {
        for (std::int64_t j = 0; j < widths[l - 1]; ++j) *entry++ = deviation * random.normal();
        if (biases) *entry++ = 0;
      }
    }
  }
  return theta;
}

Tensor NetworkBatch::operator()(const Tensor& theta, const Tensor& x) const {
  if (x.dim() == 3) {
    require_shape(x, {theta.size(0), -1, widths.front()}, "the inputs of a batch of networks");
  } else {
    require_shape(x, {-1, widths.front()}, "the input of a batch of networks");
  }
  Tensor state = x.dim() == 3 ? x : x.unsqueeze(0).expand({theta.size(0), -1, -1});
  const std::vector<Tensor> all = layers(theta);
  for (std::size_t l = 0; l < all.size(); ++l) {
    if (l > 0) state = activate(activation, state);
    const Tensor W = all[l].narrow(2, 0, widths[l]);
    state = at::bmm(state, W.transpose(1, 2));
    if (biases) state = state + all[l].select(2, widths[l]).unsqueeze(1);
  }
  return state;
}

Tensor NetworkBatch::product(const Tensor& theta) const {
  require(!biases && activation == Activation::identity, "only linear networks without biases are a matrix");
  const std::vector<Tensor> all = layers(theta);
  Tensor product = all.front();
  for (std::size_t l = 1; l < all.size(); ++l) product = at::bmm(all[l], product);
  return product;
}

Loss sum_of(const Losses& losses, std::int64_t n_parameters) {
  return [losses, n_parameters](const Tensor& w) -> Tensor {
    const Tensor values = losses(w.view({-1, n_parameters}));
    require_shape(values, {w.numel() / n_parameters}, "the losses");
    return values.sum();
  };
}

Tensor gradients(const Losses& losses, const Tensor& theta) {
  return gradient_of(sum_of(losses, theta.size(1)), theta.flatten()).view(theta.sizes());
}

Tensor gradient_flows(const Losses& losses, const Tensor& start, const std::vector<double>& times,
                      const StepController& controller) {
  const Tensor states = gradient_flow_at(sum_of(losses, start.size(1)), start.flatten(), times, controller).value();
  return states.view({-1, start.size(0), start.size(1)});
}

}  // namespace turnpike
