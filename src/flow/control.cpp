#include <turnpike/flow/control.h>

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <turnpike/base/error.h>

namespace turnpike {

ControlKind control_kind_named(std::string_view name) {
  if (name == "constant") return ControlKind::constant;
  if (name == "linear") return ControlKind::linear;
  if (name == "shared") return ControlKind::shared;
  throw InputError(fmt::format("unknown control '{}'; choose constant, linear or shared", name));
}

const char* name_of(ControlKind kind) {
  switch (kind) {
    case ControlKind::constant: return "constant";
    case ControlKind::linear: return "linear";
    case ControlKind::shared: return "shared";
  }
  return "";
}

ControlGrid::ControlGrid(ControlKind kind, std::vector<double> knots) : kind_(kind), knots_(std::move(knots)) {
  require(knots_.size() >= 2 && knots_.front() == 0, "ControlGrid: knots must start at 0 and be at least two");
  for (std::size_t k = 1; k < knots_.size(); ++k) {
    require(knots_[k] > knots_[k - 1] && std::isfinite(knots_[k]),
            fmt::format("ControlGrid: knots must ascend, got {} after {}", knots_[k], knots_[k - 1]));
  }
}

ControlGrid ControlGrid::uniform(ControlKind kind, double horizon, std::int64_t cells) {
  require(cells > 0 && horizon > 0 && std::isfinite(horizon),
          fmt::format("ControlGrid: needs a positive horizon and cells, got {} and {}", horizon, cells));
  std::vector<double> knots(cells + 1);
  for (std::int64_t k = 0; k <= cells; ++k) knots[k] = horizon * static_cast<double>(k) / static_cast<double>(cells);
  return ControlGrid(kind, std::move(knots));
}

std::int64_t ControlGrid::slots() const {
  switch (kind_) {
    case ControlKind::constant: return cells();
    case ControlKind::linear: return cells() + 1;
    case ControlKind::shared: return 1;
  }
  return 0;
}

ControlGrid::Stencil ControlGrid::stencil(double t, double start, double end) const {
  Stencil stencil;
  if (kind_ == ControlKind::shared) {
    stencil.entries[0] = {0, 1};
    stencil.count = 1;
    return stencil;
  }
  // The step's midpoint says which cell it lies in: at a knot itself, t would not.
  const double middle = 0.5 * (start + end);
  const auto after = std::upper_bound(knots_.begin(), knots_.end(), middle) - knots_.begin();
  const std::int64_t cell = std::clamp<std::int64_t>(after - 1, 0, cells() - 1);
  if (kind_ == ControlKind::constant) {
    stencil.entries[0] = {cell, 1};
    stencil.count = 1;
    return stencil;
  }
  const double theta = (t - knots_[cell]) / (knots_[cell + 1] - knots_[cell]);
  stencil.entries = {SlotWeight{cell, 1 - theta}, SlotWeight{cell + 1, theta}};
  stencil.count = 2;
  return stencil;
}

Tensor ControlGrid::sample(const Tensor& values, const std::vector<double>& times) const {
  require_shape(values, {slots(), -1}, "control");
  std::vector<Tensor> rows;
  rows.reserve(times.size());
  for (const double t : times) {
    const Stencil at_t = stencil(t, t, t);
    Tensor row = values[at_t.entries[0].slot] * at_t.entries[0].weight;
    if (at_t.count == 2) row = row + values[at_t.entries[1].slot] * at_t.entries[1].weight;
    rows.push_back(row);
  }
  return at::stack(rows);
}

Tensor ControlGrid::cell_lengths(const Tensor& like) const {
  std::vector<double> lengths;
  if (kind_ == ControlKind::shared) {
    lengths.push_back(horizon());
  } else {
    for (std::int64_t k = 0; k < cells(); ++k) lengths.push_back(knots_[k + 1] - knots_[k]);
  }
  return at::tensor(lengths, like.options().requires_grad(false));
}

namespace {

// sum_k h_k |u_k|^2 and its gradient 2 h_k u_k, each in one pass: as operations of libtorch they cost more than a fused
// gradient of a narrow flow.
struct WeightedSquares : torch::autograd::Function<WeightedSquares> {
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& u, const std::vector<double>& h) {
    const Tensor dense = u.detach().contiguous();
    double sum = 0;
    AT_DISPATCH_FLOATING_TYPES(dense.scalar_type(), "l2_squared", [&] {
      const scalar_t* row = dense.data_ptr<scalar_t>();
      for (const double length : h) {
        double square = 0;
        for (std::int64_t i = 0; i < dense.size(1); ++i, ++row) square += static_cast<double>(*row) * *row;
        sum += length * square;
      }
    });
    ctx->save_for_backward({u, at::tensor(h, u.options().requires_grad(false))});
    return at::scalar_tensor(sum, u.options().requires_grad(false));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list cotangents) {
    const torch::autograd::variable_list saved = ctx->get_saved_variables();
    return {saved[0] * (saved[1] * (2 * cotangents[0])).unsqueeze(1), Tensor()};
  }
};

}  // namespace

Tensor ControlGrid::l2_squared(const Tensor& values) const {
  require_shape(values, {slots(), -1}, "control");
  if (kind_ != ControlKind::linear && values.device().is_cpu()) {
    std::vector<double> lengths;
    for (std::int64_t k = 0; k < slots(); ++k)
      lengths.push_back(kind_ == ControlKind::shared ? horizon() : knots_[k + 1] - knots_[k]);
    return WeightedSquares::apply(values, lengths);
  }
  const Tensor h = cell_lengths(values);
  if (kind_ != ControlKind::linear) return (h * values.square().sum(1)).sum();
  // int_0^h |a + (b - a) s/h|^2 ds = h/3 (|a|^2 + a.b + |b|^2)
  const Tensor a = values.narrow(0, 0, cells()), b = values.narrow(0, 1, cells());
  return (h / 3 * (a.square() + a * b + b.square()).sum(1)).sum();
}

Tensor ControlGrid::l1(const Tensor& values) const {
  require_shape(values, {slots(), -1}, "control");
  const Tensor h = cell_lengths(values);
  const auto length = [](const Tensor& u) { return at::linalg_vector_norm(u, 2, at::IntArrayRef{1}); };
  if (kind_ != ControlKind::linear) return (h * length(values)).sum();
  static constexpr double nodes[] = {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526};
  static constexpr double weights[] = {0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538};
  const Tensor a = values.narrow(0, 0, cells()), b = values.narrow(0, 1, cells());
  Tensor total = at::zeros({}, values.options().requires_grad(false));
  for (int i = 0; i < 4; ++i) {
    const double theta = 0.5 * (1 + nodes[i]);
    total = total + 0.5 * weights[i] * (h * length(a * (1 - theta) + b * theta)).sum();
  }
  return total;
}

Tensor ControlGrid::sup(const Tensor& values) const {
  require_shape(values, {slots(), -1}, "control");
  return at::linalg_vector_norm(values, 2, at::IntArrayRef{1}).max();
}

Tensor ControlGrid::variation_squared(const Tensor& values) const {
  require_shape(values, {slots(), -1}, "control");
  if (slots() < 2) return at::zeros({}, values.options().requires_grad(false));
  const Tensor h = cell_lengths(values);
  const Tensor gap =
      kind_ == ControlKind::linear ? h : 0.5 * (h.narrow(0, 0, cells() - 1) + h.narrow(0, 1, cells() - 1));
  return (at::diff(values, 1, 0).square().sum(1) / gap).sum();
}

}  // namespace turnpike
