#include <turnpike/net/model.h>

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>

#include "model_internal.h"

namespace turnpike {
namespace {

constexpr const char* lift_names[] = {"none", "pad", "linear"};
constexpr const char* head_names[] = {"fixed", "linear"};

// Entries N(0, 1/cols): an input of size 1 gives an output of size 1.
Tensor random_matrix(std::int64_t rows, std::int64_t cols, c10::ScalarType dtype, std::uint64_t seed) {
  Random random(seed);
  Tensor matrix = at::empty({rows, cols}, at::kDouble);
  double* entry = matrix.data_ptr<double>();
  const double deviation = 1 / std::sqrt(static_cast<double>(cols));
  for (std::int64_t i = 0; i < rows * cols; ++i) entry[i] = deviation * random.normal();
  return matrix.to(dtype);
}

// P x = the last m coordinates of x
Tensor selection(std::int64_t m, std::int64_t width, c10::ScalarType dtype) {
  return at::eye(width, dtype).narrow(0, width - m, m).clone();
}

Tensor copy(const Tensor& tensor) {
  return tensor.defined() ? tensor.detach().clone() : tensor;
}

}  // namespace

const char* name_of(Lift lift) {
  return lift_names[static_cast<int>(lift)];
}
const char* name_of(Head head) {
  return head_names[static_cast<int>(head)];
}

Lift lift_named(std::string_view name) {
  for (const Lift lift : {Lift::none, Lift::pad, Lift::linear})
    if (name == name_of(lift)) return lift;
  throw InputError(fmt::format("unknown lift '{}'; choose one of none, pad, linear", name));
}

Head head_named(std::string_view name) {
  for (const Head head : {Head::fixed, Head::linear})
    if (name == name_of(head)) return head;
  throw InputError(fmt::format("unknown head '{}'; choose one of fixed, linear", name));
}

Model model_without_weights(const ModelSpec& spec) {
  require(spec.n_features > 0 && spec.width > 0 && spec.n_outputs > 0,
          "a model needs at least one feature, one state and one output");
  require(spec.field.dimension == spec.width,
          fmt::format("the field has dimension {} and the state has width {}: they must agree", spec.field.dimension,
                      spec.width));
  require(spec.lift != Lift::none || spec.n_features == spec.width,
          fmt::format("without a lift the width must be the number of features: {} and {}; set lift to pad or linear",
                      spec.width, spec.n_features));
  require(spec.lift != Lift::pad || spec.n_features <= spec.width,
          fmt::format("padding cannot shorten {} features to width {}; use a linear lift or a larger width",
                      spec.n_features, spec.width));
  require(spec.head == Head::linear || spec.n_outputs <= spec.width,
          fmt::format("a fixed head cannot read {} outputs from {} coordinates; use a linear head or a larger width",
                      spec.n_outputs, spec.width));
  Model model;
  model.spec = spec;
  model.flow.field = make_field(spec.field);
  model.flow.scheme = make_scheme(spec.scheme);
  model.flow.adjoint = spec.adjoint;
  return model;
}

void set_fixed_head(Model& model) {
  model.head_weight = selection(model.spec.n_outputs, model.spec.width, model.dtype());
  model.head_bias = Tensor();
}

Model Model::make(const ModelSpec& spec, c10::ScalarType dtype, std::uint64_t seed) {
  Model model = model_without_weights(spec);
  model.flow.grid = ControlGrid::uniform(spec.control, spec.horizon, spec.layers);
  model.flow.mesh = Mesh::uniform(spec.horizon, spec.layers);
  Random random(seed_for(seed, "initial control"));
  model.control = model.flow.field->initial_control(model.flow.grid.slots(), spec.initial_scale, random).to(dtype);
  if (spec.lift == Lift::linear) {
    model.lift_weight = random_matrix(spec.width, spec.n_features, dtype, seed_for(seed, "lift"));
    model.lift_bias = at::zeros({spec.width}, dtype);
  }
  if (spec.head == Head::linear) {
    model.head_weight = random_matrix(spec.n_outputs, spec.width, dtype, seed_for(seed, "head"));
    model.head_bias = at::zeros({spec.n_outputs}, dtype);
  } else {
    set_fixed_head(model);
  }
  return model;
}

Tensor Model::lift(const Tensor& x) const {
  require_shape(x, {-1, spec.n_features}, "features");
  switch (spec.lift) {
    case Lift::none: return x;
    case Lift::pad: return at::constant_pad_nd(x, {0, spec.width - spec.n_features});
    case Lift::linear: return at::addmm(lift_bias, x, lift_weight.t());
  }
  throw ContractError("no such lift");
}

Examples Model::examples(const Batch& batch) const {
  const std::int64_t n_classes = spec.coding == TargetCoding::real    ? 0
                                 : spec.coding == TargetCoding::signs ? 2
                                                                      : spec.n_outputs;
  return examples_of(batch, standardiser, spec.coding, n_classes, dtype());
}

Readout Model::readout() const {
  return {head_weight, head_bias};
}

Tensor Model::forward(const Tensor& x) const {
  return readout()(flow.roll(lift(x), control).end);
}

Tensor Model::standardise(const Tensor& x) const {
  return standardiser.apply(x.scalar_type() == at::kDouble ? x : x.to(dtype())).to(dtype());
}

Tensor Model::outputs(const Tensor& x) const {
  at::NoGradGuard no_gradient;
  return standardiser.invert_target(forward(standardise(x)));
}

std::vector<std::pair<std::string, Tensor>> Model::parameters() const {
  std::vector<std::pair<std::string, Tensor>> all = {{"control", control}};
  if (spec.lift == Lift::linear) {
    all.emplace_back("lift.weight", lift_weight);
    all.emplace_back("lift.bias", lift_bias);
  }
  if (spec.head == Head::linear) {
    all.emplace_back("head.weight", head_weight);
    all.emplace_back("head.bias", head_bias);
  }
  return all;
}

std::int64_t Model::n_parameters() const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : parameters()) count += tensor.numel();
  return count;
}

Model Model::clone() const {
  Model other = *this;
  for (Tensor* tensor : {&other.lift_weight, &other.lift_bias, &other.control, &other.head_weight, &other.head_bias})
    *tensor = copy(*tensor);
  return other;
}

Model Model::cut(std::int64_t layers) const {
  Model shorter = clone();
  Flow::Cut cut = flow.cut(shorter.control, layers);
  shorter.flow = std::move(cut.flow);
  shorter.control = std::move(cut.control);
  shorter.spec.layers = layers;
  shorter.spec.horizon = shorter.flow.mesh.horizon();
  return shorter;
}

}  // namespace turnpike
