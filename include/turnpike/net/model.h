// A trained network as one value: standardised input -> lift -> flow -> readout, with all that is needed to use it on new data.
//
//   x_0 = lift(x),  x_dot = f(t, x; u(t)) on [0, T],  z = P x(T)
//
// Shapes: features x [N, n_features], states [N, width], outputs z [N, n_outputs].
//
//   Model model = Model::make(spec, dtype, seed);
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

namespace turnpike {

// How labels become the y of a cost, and outputs become decisions.
enum class TargetCoding {
  real,     // regression: y [N, m]
  signs,    // two classes as -1, +1: m = 1, decided by the sign
  one_hot,  // C classes as unit vectors: m = C, decided by the largest output
  classes   // class numbers for cross entropy: m = C
};
const char* name_of(TargetCoding coding);
TargetCoding target_coding_named(std::string_view name);
// The coding a cost needs for a task with that many classes (0: regression); ContractError if the two do not fit.
TargetCoding coding_for(const Cost& cost, std::int64_t n_classes);
Tensor encode_target(const Tensor& y, TargetCoding coding, std::int64_t n_classes, c10::ScalarType dtype);
Tensor decide(const Tensor& z, TargetCoding coding);  // [N] int64; ContractError for real

enum class Lift { none, pad, linear };   // identity; zeros appended; trained A x + a
enum class Head { fixed, linear };       // the last n_outputs coordinates; trained P x + p

struct ModelSpec {
  std::int64_t n_features = 2, width = 2, n_outputs = 1;
  Lift lift = Lift::none;
  Head head = Head::fixed;
  FieldSpec field;                       // field.dimension == width
  std::string scheme = "euler";
  double horizon = 1;
  std::int64_t layers = 10;
  ControlKind control = ControlKind::constant;
  Adjoint adjoint;
  TargetCoding coding = TargetCoding::real;
  std::string cost = "mean_square";
  double initial_scale = 0.1;            // size of the initial control
};

struct Model {
  ModelSpec spec;
  Flow flow;
  Tensor lift_weight, lift_bias;         // [width, n_features], [width]; undefined unless Lift::linear
  Tensor control;                        // [slots, P]
  Tensor head_weight, head_bias;         // [n_outputs, width], [n_outputs]
  DataSchema schema;
  Standardiser standardiser;

  static Model make(const ModelSpec& spec, c10::ScalarType dtype, std::uint64_t seed);

  Tensor lift(const Tensor& x) const;    // [N, width]
  Readout readout() const;
  Tensor forward(const Tensor& x) const; // [N, n_outputs], of standardised features

  // The trained tensors by name: "control", and "lift.weight", "lift.bias", "head.weight", "head.bias" where trained.
  std::vector<std::pair<std::string, Tensor>> parameters() const;
  std::int64_t n_parameters() const;

  // The network of the first `layers` layers (mesh steps) alone.
  Model cut(std::int64_t layers) const;
};

// One safetensors file; metadata key "turnpike" holds TOML with schema = 1. load_model throws InputError with the path and the reason.
void save_model(const std::filesystem::path& path, const Model& model);
Model load_model(const std::filesystem::path& path);

}  // namespace turnpike
