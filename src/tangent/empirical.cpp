#include <turnpike/tangent/empirical.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

using torch::autograd::grad;

Tensor flat(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> parts;
  for (const Tensor& tensor : tensors) parts.push_back(tensor.detach().reshape({-1}));
  return at::cat(parts);
}

// Pieces of theta in the shapes of `like`, views that gradients flow through. By one split: its backward pass writes
// the gradient once, that of a narrow for each piece the whole of it.
std::vector<Tensor> unflattened(const Tensor& theta, const std::vector<Tensor>& like) {
  std::vector<std::int64_t> sizes;
  std::int64_t count = 0;
  for (const Tensor& tensor : like) {
    sizes.push_back(tensor.numel());
    count += tensor.numel();
  }
  require_shape(theta, {count}, "the parameters theta");
  std::vector<Tensor> parts = theta.split_with_sizes(sizes);
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = parts[i].view(like[i].sizes());
  return parts;
}

std::vector<Tensor> tensors_of(const FeedForward& net) {
  std::vector<Tensor> tensors;
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    tensors.push_back(net.weights[l]);
    tensors.push_back(net.biases[l]);
  }
  return tensors;
}

std::vector<Tensor> tensors_of(const Model& model) {
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : model.parameters()) tensors.push_back(tensor);
  return tensors;
}

// f at x with a gradient for theta. The leaf and the output, both kept by whoever differentiates.
struct Evaluation {
  Tensor theta, z;  // [P], [N, o]

  Evaluation(const ParametricMap& map, const Tensor& x) {
    require(map.theta.defined() && map.theta.dim() == 1,
            "the parameters of a parametric map must be one flat tensor, got " + describe(map.theta));
    require(x.defined() && x.dim() >= 1, "the samples of a tangent kernel must be [N, ...], got " + describe(x));
    at::AutoGradMode with_gradient(true);
    theta = map.theta.detach().clone().requires_grad_();
    z = map.f(x.detach(), theta);
    require(z.defined() && z.dim() == 2 && z.size(0) == x.size(0),
            fmt::format("a parametric map must give [{}, o], one row a sample, got {}", x.size(0), describe(z)));
  }

  // J' v, v [N, o].
  Tensor pull_back(const Tensor& v) const {
    Tensor g;
    if (z.requires_grad()) g = grad({z}, {theta}, {v}, /*retain_graph=*/true, false, /*allow_unused=*/true)[0];
    return g.defined() ? g : at::zeros_like(theta).detach();
  }
};

// J v by the derivative of w -> J' w, which is linear: two backward passes make one forward product.
struct PushForward {
  Tensor probe, pulled;  // w [N, o], J' w [P] with its graph

  explicit PushForward(const Evaluation& at) {
    at::AutoGradMode with_gradient(true);
    probe = at::zeros_like(at.z).detach().requires_grad_();
    if (at.z.requires_grad()) pulled = grad({at.z}, {at.theta}, {probe}, true, /*create_graph=*/true, true)[0];
    check(at);
  }

  // <J g, w> = |g|^2 for g = J' w and a w without accidental symmetry: a backward pass of f that cannot be
  // differentiated would give a wrong product without a word.
  void check(const Evaluation& at) const {
    const Tensor w = at::cos(at::arange(1, at.z.numel() + 1, at::kDouble).square()).to(at.z.dtype()).view(at.z.sizes());
    const Tensor g = at.pull_back(w);
    const double left = ((*this)(g)*w).sum().item<double>(), right = g.square().sum().item<double>();
    const double tolerance = w.scalar_type() == at::kFloat ? 1e-3 : 1e-9;
    if (std::abs(left - right) > tolerance * right)
      throw Error(fmt::format(
          "the forward product of the parametric map failed its check: <J J'w, w> = {:.6g}, |J'w|^2 = {:.6g}; its "
          "backward pass cannot be differentiated: take TangentMethod::jacobian, or write f with differentiable "
          "operations",
          left, right));
  }

  Tensor operator()(const Tensor& v) const {  // [P] -> [N, o]
    Tensor product;
    if (pulled.defined() && pulled.requires_grad())
      product = grad({pulled}, {probe}, {v}, /*retain_graph=*/true, false, /*allow_unused=*/true)[0];
    return product.defined() ? product : at::zeros_like(probe).detach();
  }
};

void check_rates(const ParametricMap& map, const Tensor& rates) {
  if (rates.defined()) require_shape(rates, map.theta.sizes(), "the rates of a tangent kernel");
}

Tensor weighted(const Tensor& gradients, const Tensor& rates) {
  return rates.defined() ? gradients * rates : gradients;
}

Tensor symmetrised(const Tensor& K) {
  return 0.5 * (K + K.t());
}

Tensor by_jacobian(const ParametricMap& map, const Tensor& x1, const Tensor& x2, const TangentOptions& options) {
  const std::int64_t n1 = x1.size(0), n2 = x2.size(0);
  const std::int64_t o = n1 > 0 ? Evaluation(map, x1.narrow(0, 0, 1)).z.size(1) : 0;
  const std::int64_t a_sample = std::max<std::int64_t>(1, 2 * o * map.theta.numel() * map.theta.element_size());
  const std::int64_t block = std::max<std::int64_t>(1, options.block_bytes / a_sample);
  const bool same = x1.is_same(x2);
  const Tensor K = at::empty({n1 * o, n2 * o}, map.theta.options().requires_grad(false));
  for (std::int64_t i = 0; i < n1; i += block) {
    const std::int64_t rows = std::min(block, n1 - i);
    const Tensor J1 = tangent_jacobian(map, x1.narrow(0, i, rows)), left = weighted(J1, options.rates);
    for (std::int64_t j = same ? i : 0; j < n2; j += block) {
      const std::int64_t columns = std::min(block, n2 - j);
      const Tensor J2 = same && j == i ? J1 : tangent_jacobian(map, x2.narrow(0, j, columns));
      const Tensor part = at::mm(left, J2.t());
      K.narrow(0, i * o, rows * o).narrow(1, j * o, columns * o).copy_(part);
      if (same && j > i) K.narrow(0, j * o, columns * o).narrow(1, i * o, rows * o).copy_(part.t());
    }
  }
  return K;
}

Tensor by_products(const ParametricMap& map, const Tensor& x1, const Tensor& x2, const Tensor& rates) {
  const Evaluation at(map, x1);
  const PushForward J1(at);
  const std::int64_t o = at.z.size(1);
  std::vector<Tensor> columns;
  for (std::int64_t j = 0; j < x2.size(0); ++j) {
    const Evaluation sample(map, x2.narrow(0, j, 1));
    for (std::int64_t k = 0; k < o; ++k) {
      const Tensor e = at::zeros_like(sample.z).detach();
      e.select(1, k).fill_(1);
      columns.push_back(J1(weighted(sample.pull_back(e), rates)).reshape({-1}));
    }
  }
  if (columns.empty()) return at::empty({at.z.numel(), 0}, at.z.options().requires_grad(false));
  return at::stack(columns, 1);
}

// The input x_l of every affine map and df/dy_l, y_l = W_l x_l + b_l.
struct LayerDerivatives {
  std::vector<Tensor> inputs;  // [N, d_{l-1}]
  std::vector<Tensor> slopes;  // [N, o, rows_l]
};

// A bias of its own for every sample has the derivative df/dy_l, whatever the form of the layer.
LayerDerivatives layer_derivatives(const FeedForward& net, const Tensor& x) {
  at::AutoGradMode with_gradient(true);
  FeedForward own = net;
  for (Tensor& weight : own.weights) weight = weight.detach();
  for (Tensor& bias : own.biases) bias = bias.detach().expand({x.size(0), bias.size(0)}).contiguous().requires_grad_();
  const std::vector<Tensor> maps = own.intermediate(x.detach());
  LayerDerivatives result;
  const std::size_t L = own.weights.size();
  for (std::size_t l = 0; l < L; ++l) {
    const std::size_t at = net.spec.form == LayerForm::residual ? l : 2 * l + (net.spec.form == LayerForm::inner);
    result.inputs.push_back(maps[at].detach());
  }
  const Tensor& z = maps.back();
  std::vector<std::vector<Tensor>> slopes(L);
  for (std::int64_t k = 0; k < z.size(1); ++k) {
    const auto gradients =
        grad({z.select(1, k).sum()}, own.biases, {}, /*retain_graph=*/true, false, /*allow_unused=*/true);
    for (std::size_t l = 0; l < L; ++l)
      slopes[l].push_back(gradients[l].defined() ? gradients[l] : at::zeros_like(own.biases[l]).detach());
  }
  for (std::size_t l = 0; l < L; ++l) result.slopes.push_back(at::stack(slopes[l], 1));
  return result;
}

// The one rate of a piece of theta.
double uniform_rate(const Tensor& rates, std::int64_t from, std::int64_t count) {
  if (!rates.defined()) return 1;
  const Tensor piece = rates.narrow(0, from, count);
  const double low = piece.min().item<double>(), high = piece.max().item<double>();
  require(low == high,
          fmt::format("the structured tangent kernel needs one rate for each weight and bias tensor, got {:.6g} to "
                      "{:.6g} in one of them; use TangentMethod::jacobian",
                      low, high));
  return low;
}

Tensor by_layers(const ParametricMap& map, const Tensor& x1, const Tensor& x2, const Tensor& rates) {
  require(map.layers.has_value(),
          "the structured tangent kernel is of dense layers (map_of of a FeedForward); use TangentMethod::jacobian");
  const FeedForward net = with_parameters(*map.layers, map.theta.detach());
  const LayerDerivatives first = layer_derivatives(net, x1),
                         second = x1.is_same(x2) ? first : layer_derivatives(net, x2);
  const std::int64_t n1 = x1.size(0), n2 = x2.size(0), o = net.spec.widths.back();
  const Tensor K = at::zeros({n1, o, n2, o}, map.theta.options().requires_grad(false));
  std::int64_t from = 0;
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    const std::int64_t n_weights = net.weights[l].numel(), n_biases = net.biases[l].numel();
    const double r_W = uniform_rate(rates, from, n_weights), r_b = uniform_rate(rates, from + n_weights, n_biases);
    from += n_weights + n_biases;
    const Tensor inner = r_W * at::mm(first.inputs[l], second.inputs[l].t()) + r_b;  // [N1, N2]
    const Tensor outer = at::mm(first.slopes[l].reshape({n1 * o, -1}), second.slopes[l].reshape({n2 * o, -1}).t());
    K.add_(outer.view({n1, o, n2, o}).mul_(inner.view({n1, 1, n2, 1})));
  }
  return K.view({n1 * o, n2 * o});
}

}  // namespace

const char* name_of(TangentMethod method) {
  switch (method) {
    case TangentMethod::jacobian: return "jacobian";
    case TangentMethod::products: return "products";
    case TangentMethod::structured: return "structured";
  }
  return "?";
}

FeedForward with_parameters(const FeedForward& net, const Tensor& theta) {
  FeedForward other = net;
  const std::vector<Tensor> parts = unflattened(theta, tensors_of(net));
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    other.weights[l] = parts[2 * l];
    other.biases[l] = parts[2 * l + 1];
  }
  return other;
}

Model with_parameters(const Model& model, const Tensor& theta) {
  Model other = model;
  const auto names = model.parameters();
  const std::vector<Tensor> parts = unflattened(theta, tensors_of(model));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& name = names[i].first;
    (name == "control"       ? other.control
     : name == "lift.weight" ? other.lift_weight
     : name == "lift.bias"   ? other.lift_bias
     : name == "head.weight" ? other.head_weight
                             : other.head_bias) = parts[i];
  }
  return other;
}

ParametricMap map_of(const FeedForward& net) {
  return {.f = [net](const Tensor& x, const Tensor& theta) { return with_parameters(net, theta).forward(x); },
          .theta = flat(tensors_of(net)),
          .layers = net};
}

ParametricMap map_of(const Model& model) {
  return {.f = [model](const Tensor& x, const Tensor& theta) { return with_parameters(model, theta).forward(x); },
          .theta = flat(tensors_of(model)),
          .layers = {}};
}

ParametricMap map_of(const Flow& flow, const Tensor& control) {
  return {.f = [flow, shape = control.sizes().vec()](
                   const Tensor& x, const Tensor& theta) { return flow.roll(x, theta.view(shape)).end; },
          .theta = flat({control}),
          .layers = {}};
}

ParametricMap map_of(const Ensemble& nets, const Tensor& theta) {
  require_shape(theta, {-1, nets.n_parameters()}, "the parameters of an ensemble");
  return {.f = [nets, shape = theta.sizes().vec()](const Tensor& x, const Tensor& at) -> Tensor {
            return nets(at.view(shape), x).transpose(0, 1).reshape({x.size(0), -1});
          },
          .theta = flat({theta}),
          .layers = {}};
}

Tensor layer_rates(const FeedForward& net, const std::vector<double>& weights, const std::vector<double>& biases) {
  require(weights.size() == net.weights.size() && biases.size() == net.biases.size(),
          fmt::format("layer_rates needs {} rates of weights and of biases, got {} and {}", net.weights.size(),
                      weights.size(), biases.size()));
  std::vector<Tensor> parts;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    parts.push_back(at::full({net.weights[l].numel()}, weights[l], net.weights[l].options().requires_grad(false)));
    parts.push_back(at::full({net.biases[l].numel()}, biases[l], net.biases[l].options().requires_grad(false)));
  }
  return at::cat(parts);
}

Tensor tangent_jacobian(const ParametricMap& map, const Tensor& x) {
  const std::int64_t n = x.size(0);
  Tensor J = at::empty({0, map.theta.numel()}, map.theta.options().requires_grad(false));
  // One sample at a time: a pass back through the whole batch would cost N of them for each row.
  for (std::int64_t i = 0; i < n; ++i) {
    const Evaluation sample(map, x.narrow(0, i, 1));
    const std::int64_t o = sample.z.size(1);
    if (i == 0) J.resize_({n * o, map.theta.numel()});
    for (std::int64_t k = 0; k < o; ++k) {
      const Tensor e = at::zeros_like(sample.z).detach();
      e.select(1, k).fill_(1);
      J[i * o + k].copy_(sample.pull_back(e));
    }
  }
  return J;
}

Tensor tangent_kernel(const ParametricMap& map, const Tensor& x1, const Tensor& x2, const TangentOptions& options) {
  check_rates(map, options.rates);
  const Tensor& second = x2.defined() ? x2 : x1;
  require(second.dim() == x1.dim() && second.sizes().slice(1) == x1.sizes().slice(1),
          fmt::format("the samples of a tangent kernel must have one shape, got {} and {}", describe(x1),
                      describe(second)));
  Tensor K;
  switch (options.method) {
    case TangentMethod::jacobian: K = by_jacobian(map, x1, second, options); break;
    case TangentMethod::products: K = by_products(map, x1, second, options.rates); break;
    case TangentMethod::structured: K = by_layers(map, x1, second, options.rates); break;
  }
  return x2.defined() ? K : symmetrised(K);
}

LinearOperator tangent_operator(const ParametricMap& map, const Tensor& x1, const Tensor& x2, const Tensor& rates) {
  check_rates(map, rates);
  const Evaluation first(map, x1), second = x2.defined() ? Evaluation(map, x2) : first;
  const PushForward J1(first), J2 = x2.defined() ? PushForward(second) : J1;
  const auto product = [rates](const PushForward& onto, const Evaluation& from, const Tensor& v, const char* what) {
    require_shape(v, {from.z.numel()}, what);
    return onto(weighted(from.pull_back(v.detach().view(from.z.sizes())), rates)).reshape({-1});
  };
  return {.rows = first.z.numel(),
          .cols = second.z.numel(),
          .apply = [=](const Tensor& v) { return product(J1, second, v, "v of the tangent kernel"); },
          .apply_transpose = [=](const Tensor& w) { return product(J2, first, w, "w of the tangent kernel"); },
          .dtype = map.theta.scalar_type()};
}

Tensor mean_over_outputs(const Tensor& kernel, std::int64_t n_outputs) {
  require(
      n_outputs > 0 && kernel.dim() == 2 && kernel.size(0) % n_outputs == 0 && kernel.size(1) % n_outputs == 0,
      fmt::format("mean_over_outputs of {} outputs needs a kernel [N1 o, N2 o], got {}", n_outputs, describe(kernel)));
  const Tensor blocks = kernel.reshape({kernel.size(0) / n_outputs, n_outputs, kernel.size(1) / n_outputs, n_outputs});
  return at::diagonal(blocks, 0, 1, 3).mean(-1);
}

ParametricMap linearised(const ParametricMap& map) {
  return {.f = [map](const Tensor& x, const Tensor& theta) -> Tensor {
            const Evaluation at(map, x);
            const PushForward J(at);
            const Tensor z0 = at.z.detach();
            if (!J.pulled.defined() || !J.pulled.requires_grad()) return z0;
            at::AutoGradMode with_gradient(true);
            return z0 + grad({J.pulled}, {J.probe}, {theta - map.theta}, true, /*create_graph=*/true)[0];
          },
          .theta = map.theta.detach().clone(),
          .layers = {}};
}

}  // namespace turnpike
