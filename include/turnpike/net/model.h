// A trained network as one value: standardised input -> lift -> flow -> readout, with all that is needed to use it on
// new data.
//
//   x_0 = lift(x),  x_dot = f(t, x; u(t)) on [0, T],  z = P x(T)
//
// Shapes: features x [N, n_features], states [N, width], outputs z [N, n_outputs].
//
//   Model model = Model::make(spec, at::kDouble, seed);
//   Tensor z = model.forward(x);                                   // gradients flow to model.parameters()
//   save_model(path, model);  Model again = load_model(path);      // same outputs, bit for bit
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <turnpike/data/dataset.h>
#include <turnpike/data/standardise.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/io/safetensors.h>
#include <turnpike/net/examples.h>
#include <turnpike/net/target.h>

namespace turnpike {

enum class Lift { none, pad, linear };  // identity; zeros appended; trained A x + a
enum class Head { fixed, linear };      // the last n_outputs coordinates; trained P x + p
const char* name_of(Lift lift);
const char* name_of(Head head);
Lift lift_named(std::string_view name);
Head head_named(std::string_view name);

struct ModelSpec {
  std::int64_t n_features = 2, width = 2, n_outputs = 1;
  Lift lift = Lift::none;
  Head head = Head::fixed;
  FieldSpec field;  // field.dimension == width
  std::string scheme = "euler";
  double horizon = 1;
  std::int64_t layers = 10;
  ControlKind control = ControlKind::constant;
  Adjoint adjoint;
  TargetCoding coding = TargetCoding::real;
  std::string cost = "mean_square";
  double initial_scale = 0.1;  // size of the initial control
};

struct Model {
  ModelSpec spec;
  Flow flow;
  Tensor lift_weight, lift_bias;  // [width, n_features], [width]; undefined unless Lift::linear
  Tensor control;                 // [slots, P]
  Tensor head_weight, head_bias;  // [n_outputs, width], [n_outputs]; of a fixed head: a selection, and undefined
  DataSchema schema;
  Standardiser standardiser;

  // Random trained tensors, each from its own stream of the seed; an empty schema and no standardiser. ContractError if
  // the parts do not fit: a lift that would shorten the input, a fixed head with more outputs than coordinates, a field
  // of another dimension.
  static Model make(const ModelSpec& spec, c10::ScalarType dtype, std::uint64_t seed);

  Examples examples(const Batch& batch) const;  // standardised rows, targets coded for the cost
  Tensor standardise(const Tensor& x) const;    // features as they are in the data; the result has the model's dtype
  Tensor lift(const Tensor& x) const;           // [N, width]
  Readout readout() const;
  Tensor forward(const Tensor& x) const;  // [N, n_outputs], of standardised features

  // From features as they are in the data to outputs in original units (regression) or scores of the classes. No
  // gradient.
  Tensor outputs(const Tensor& x) const;
  c10::ScalarType dtype() const { return control.scalar_type(); }

  // The trained tensors by name: "control", and "lift.weight", "lift.bias", "head.weight", "head.bias" where trained.
  std::vector<std::pair<std::string, Tensor>> parameters() const;
  std::int64_t n_parameters() const;

  // The network of the first `layers` layers (mesh steps) alone; it shares no storage with this one.
  Model cut(std::int64_t layers) const;
  Model clone() const;  // a deep copy, detached
};

inline constexpr int model_schema = 1;

// One safetensors file: the trained tensors, "mesh" and "knots" (float64), "standardise.*"; metadata "turnpike" holds
// TOML with schema = 1 and the spec, "data" the JSON of the data schema unless that is empty. Checkpoints use pack and
// unpack and add tensors of their own. Errors: InputError with the file and the reason for a damaged file, a newer
// schema, missing or misshapen tensors, and numbers that are not finite; a model with a field of your own cannot be
// saved (InputError).
void save_model(const std::filesystem::path& path, const Model& model);
Model load_model(const std::filesystem::path& path);
Safetensors pack_model(const Model& model);
Model unpack_model(const Safetensors& file, const std::string& source);

}  // namespace turnpike
