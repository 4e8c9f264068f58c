#include <turnpike/tangent/infinite_width.h>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/fused/tangent_kernel.h>
#include <turnpike/fused/vector_math.h>
#include <turnpike/math/random.h>

#include "gaussian_pairs_internal.h"
#include "points_internal.h"

namespace turnpike {
namespace {

WideActivation::Form form_of(Activation kind) {
  switch (kind) {
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::identity: return WideActivation::Form::rectifier;
    case Activation::sine: return WideActivation::Form::sine;
    default: return WideActivation::Form::other;
  }
}

double rectifier_slope(Activation kind) {
  return kind == Activation::leaky_relu ? leaky_relu_slope : kind == Activation::identity ? 1 : 0;
}

WideKernels compute(const WideNet& net, const Tensor& x, const Tensor& z) {
  at::NoGradGuard no_grad;
  require_net(net);
  require_points(x, "wide_kernels: x");
  require_points(z, "wide_kernels: z");
  require(
      x.size(1) == z.size(1) && x.scalar_type() == z.scalar_type(),
      fmt::format("wide_kernels: x and z must have the same width and dtype, got {} and {}", describe(x), describe(z)));
  const GaussianPairs inputs = pairs_of(x.to(at::kDouble), z.to(at::kDouble), x.is_same(z));
  const GaussianPairs bias = constant_pairs(inputs, net.bias_variance);
  GaussianPairs y = direct_sum({scaled(inputs, net.input_variance), bias});
  Tensor T = y.covariance();
  for (std::int64_t layer = 1; layer <= net.hidden_layers; ++layer) {
    auto [phi, slopes] = through(net.activation, y);
    phi = direct_sum({scaled(phi, net.weight_variance), bias});
    const Tensor inner = net.weight_variance * slopes * T;
    const bool skip = net.residual && layer < net.hidden_layers;
    T = phi.covariance() + (skip ? inner + T : inner);
    y = skip ? direct_sum({phi, y}) : phi;
  }
  return {.nngp = y.covariance().to(x.scalar_type()), .tangent = T.to(x.scalar_type())};
}

KernelFunction limit_kernel(const char* name, const WideNet& net, Tensor WideKernels::*which) {
  require_net(net);
  return {.name = fmt::format("{} ({}, {} hidden)", name, net.activation.name, net.hidden_layers),
          .matrix = [=](const Tensor& x, const Tensor& z) { return compute(net, x, z).*which; },
          // Every point with itself, one small problem each: the angles are zero.
          .diagonal =
              [=](const Tensor& x) {
                std::vector<Tensor> values;
                for (const Tensor& row : x.unsqueeze(1).unbind(0)) values.push_back((compute(net, row, row).*which)[0]);
                return at::cat(values);
              }};
}

Tensor normals(std::int64_t rows, std::int64_t columns, Random& random) {
  Tensor tensor = at::empty({rows, columns}, at::kDouble);
  double* values = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < rows * columns; ++i) values[i] = random.normal();
  return tensor;
}

// S = R R' for a semidefinite S [N, N], and its pseudo-inverse.
struct Root {
  Tensor root, inverse;
};
Root root_of(const Tensor& s) {
  const auto [values, vectors] = at::linalg_eigh(s);
  const double floor = s.size(0) * std::numeric_limits<double>::epsilon() * values.max().item<double>();
  const Tensor kept = values > floor;
  const Tensor inverse = at::where(kept, 1 / values, at::zeros_like(values));
  return {vectors * values.clamp_min(0).sqrt(), (vectors * inverse).mm(vectors.t())};
}

}  // namespace

WideActivation::WideActivation(Form form, double slope, std::string name, Pointwise evaluate)
    : form(form), slope(slope), name(std::move(name)), evaluate(std::move(evaluate)) {}

WideActivation::WideActivation(Activation kind)
    : WideActivation(form_of(kind), rectifier_slope(kind), facts_of(kind).name,
                     [kind](const double* x, double* value, double* slope, std::int64_t n) {
                       vector_activate(kind, x, value, slope, n);
                     }) {}

WideActivation WideActivation::erf() {
  return {Form::erf, 0, "erf", [](const double* x, double* value, double* slope, std::int64_t n) {
            for (std::int64_t i = 0; i < n; ++i) {
              value[i] = std::erf(x[i]);
              slope[i] = 2 * std::numbers::inv_sqrtpi * std::exp(-x[i] * x[i]);
            }
          }};
}

WideActivation WideActivation::rectifier(double slope) {
  require(std::isfinite(slope), "WideActivation::rectifier: the slope must be finite");
  return {Form::rectifier, slope, fmt::format("rectifier of slope {:g}", slope),
          [slope](const double* x, double* value, double* derivative, std::int64_t n) {
            for (std::int64_t i = 0; i < n; ++i) {
              derivative[i] = x[i] > 0 ? 1 : slope;
              value[i] = derivative[i] * x[i];
            }
          }};
}

WideActivation WideActivation::other(std::string name, Pointwise evaluate) {
  require(static_cast<bool>(evaluate), "WideActivation::other: a function must be given");
  return {Form::other, 0, std::move(name), std::move(evaluate)};
}

void require_net(const WideNet& net) {
  require(net.hidden_layers >= 1, fmt::format("WideNet: at least 1 hidden layer, got {}", net.hidden_layers));
  for (const auto& [name, value] : {std::pair{"weight_variance", net.weight_variance},
                                    {"bias_variance", net.bias_variance},
                                    {"input_variance", net.input_variance}})
    require(value >= 0 && std::isfinite(value),
            fmt::format("WideNet: {} must be finite and >= 0, got {}", name, value));
}

WideKernels wide_kernels(const WideNet& net, const Tensor& x, const Tensor& z) {
  return compute(net, x, z);
}

WideKernels wide_kernels(const WideNet& net, const Tensor& x) {
  return compute(net, x, x);
}

KernelFunction nngp_kernel(const WideNet& net) {
  return limit_kernel("NNGP", net, &WideKernels::nngp);
}

KernelFunction tangent_kernel(const WideNet& net) {
  return limit_kernel("tangent", net, &WideKernels::tangent);
}

namespace {

template <class T>
std::shared_ptr<const WideRectifierKernel<T>> fused(const WideNet& net, const Tensor& x) {
  const Tensor points = x.contiguous();
  const WideRectifier fused{.hidden_layers = static_cast<int>(net.hidden_layers),
                            .slope = net.activation.slope,
                            .residual = net.residual,
                            .weight_variance = net.weight_variance,
                            .bias_variance = net.bias_variance,
                            .input_variance = net.input_variance};
  return std::make_shared<const WideRectifierKernel<T>>(fused, points.data_ptr<T>(), x.size(0), x.size(1),
                                                        at::get_num_threads());
}

void require_fusible(const WideNet& net, const Tensor& x, const char* who) {
  require_net(net);
  require_points(x, fmt::format("{}: x", who));
  require(net.activation.form == WideActivation::Form::rectifier,
          fmt::format("{}: rectifiers, got {}; wide_kernels takes every net", who, net.activation.name));
}

// The system hands out memory as it is first touched, which page by page takes longer than the kernel. From this size
// on malloc maps a block of its own, which nothing else shares.
void ask_for_large_pages(const Tensor& fresh) {
  constexpr std::uintptr_t page = 1 << 21, own_block = 1 << 25;
  if (fresh.nbytes() < own_block) return;
  const auto from = reinterpret_cast<std::uintptr_t>(fresh.data_ptr()), first = (from + page - 1) / page * page;
  ::madvise(reinterpret_cast<void*>(first), from + fresh.nbytes() - first, MADV_HUGEPAGE);  // a wish: it may fail
}

template <class T>
Tensor fused_matrix(const WideNet& net, const Tensor& x) {
  const Tensor K = at::empty({x.size(0), x.size(0)}, x.options());
  ask_for_large_pages(K);
  fused<T>(net, x)->matrix(K.data_ptr<T>());
  return K;
}

template <class T>
LinearOperator fused_operator(const WideNet& net, const Tensor& x) {
  const auto apply = [kernel = fused<T>(net, x), n = x.size(0), dtype = x.scalar_type()](const Tensor& v) {
    require(v.scalar_type() == dtype, "fused_tangent_operator: v must have the dtype of x, got " + describe(v));
    require_shape(v, {n}, "fused_tangent_operator: v");
    const Tensor in = v.contiguous(), out = at::empty_like(in);
    kernel->times(in.data_ptr<T>(), out.data_ptr<T>());
    return out;
  };
  return {.rows = x.size(0), .cols = x.size(0), .apply = apply, .apply_transpose = apply, .dtype = x.scalar_type()};
}

}  // namespace

Tensor fused_tangent_kernel(const WideNet& net, const Tensor& x) {
  at::NoGradGuard no_grad;
  require_fusible(net, x, "fused_tangent_kernel");
  return x.scalar_type() == at::kFloat ? fused_matrix<float>(net, x) : fused_matrix<double>(net, x);
}

LinearOperator fused_tangent_operator(const WideNet& net, const Tensor& x) {
  at::NoGradGuard no_grad;
  require_fusible(net, x, "fused_tangent_operator");
  return x.scalar_type() == at::kFloat ? fused_operator<float>(net, x) : fused_operator<double>(net, x);
}

WideKernels sample_kernels(const WideNet& net, const Tensor& x, std::int64_t width, std::uint64_t seed) {
  at::NoGradGuard no_grad;
  require_net(net);
  require_points(x, "sample_kernels: x");
  require(width >= x.size(0),
          fmt::format("sample_kernels: the width must be at least the {} points, got {}", x.size(0), width));
  const Tensor points = x.to(at::kDouble);
  const std::int64_t n_points = x.size(0), L = net.hidden_layers;
  const double scale = std::sqrt(net.weight_variance / static_cast<double>(width));
  Random random(seed_for(seed, "sample_kernels"));
  const auto bias = [&](std::int64_t rows) -> Tensor {
    return std::sqrt(net.bias_variance) * normals(rows, 1, random);
  };

  // Forwards: y_l, phi(y_l), phi'(y_l) [n, N]. A row of W A is N(0, A'A).
  std::vector<Tensor> phi, slope, product;  // product: Z = W A of the layer that reads phi[l]
  std::vector<Root> gram;                   // of A'A, A = phi[l]
  const Tensor first = normals(width, points.size(1), random);
  Tensor y = std::sqrt(net.input_variance) * first.mm(points.t()) + bias(width);
  for (std::int64_t l = 0; l < L; ++l) {
    phi.push_back(at::empty_like(y));
    slope.push_back(at::empty_like(y));
    y = y.contiguous();
    net.activation.evaluate(y.data_ptr<double>(), phi[l].data_ptr<double>(), slope[l].data_ptr<double>(), y.numel());
    gram.push_back(root_of(phi[l].t().mm(phi[l])));
    if (l + 1 == L) break;
    product.push_back(normals(width, n_points, random).mm(gram[l].root.t()));
    const Tensor next = scale * product[l] + bias(width);
    y = net.residual ? next + y : next;
  }

  // Backwards: B = df/dy_l [n, N]. T = sum over layers of (A'A) * (B'B), entry by entry, + sigma_b^2 B'B.
  const Tensor readout = normals(width, 1, random);
  const auto squares = [](const Tensor& a) { return a.t().mm(a); };
  WideKernels k;
  k.nngp = scale * scale * squares(phi[L - 1]) + net.bias_variance;
  k.tangent = k.nngp.clone();
  Tensor B = scale * readout * slope[L - 1];
  for (std::int64_t l = L - 1; l > 0; --l) {
    // Layer l + 1 reads A = phi[l - 1].
    const Tensor BB = squares(B), &A = phi[l - 1];
    k.tangent += BB * (scale * scale * squares(A) + net.bias_variance);
    const Tensor fresh = normals(width, n_points, random).mm(root_of(BB).root.t());
    const Tensor from_forward = product[l - 1].t().mm(B) - A.t().mm(fresh);
    const Tensor back = scale * slope[l - 1] * (fresh + A.mm(gram[l - 1].inverse.mm(from_forward)));
    B = net.residual ? back + B : back;
  }
  k.tangent += squares(B) * (net.input_variance * points.mm(points.t()) + net.bias_variance);
  return {.nngp = k.nngp.to(x.scalar_type()), .tangent = k.tangent.to(x.scalar_type())};
}

}  // namespace turnpike
