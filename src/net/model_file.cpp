// The file of a model, schema 1:
//
//   tensors   control, lift.weight, lift.bias, head.weight, head.bias (where trained; one dtype, float32 or float64),
//             mesh [K + 1], knots [cells + 1], standardise.mean, standardise.deviation, and of regression
//             standardise.target_mean, standardise.target_deviation (float64)
//   metadata  "turnpike": TOML of the spec with schema = 1;  "data": JSON of the data schema
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <map>

#include <nlohmann/json.hpp>

#include <turnpike/core/device.h>
#include <turnpike/data/convert.h>
#include <turnpike/io/text.h>
#include <turnpike/io/toml.h>

#include "model_internal.h"

namespace turnpike {
namespace {

std::string spec_toml(const Model& model) {
  const ModelSpec& s = model.spec;
  return fmt::format(
      "schema = {}\ndtype = \"{}\"\n"
      "n_features = {}\nwidth = {}\nn_outputs = {}\nlift = \"{}\"\nhead = \"{}\"\n"
      "field = \"{}\"\nactivation = \"{}\"\nhidden = {}\ngamma = {:.17g}\n"
      "scheme = \"{}\"\nhorizon = {:.17g}\nlayers = {}\ncontrol = \"{}\"\n"
      "adjoint = \"{}\"\nbudget_bytes = {}\ncoding = \"{}\"\ncost = \"{}\"\ninitial_scale = {:.17g}\n",
      model_schema, name_of(model.dtype()), s.n_features, s.width, s.n_outputs, name_of(s.lift), name_of(s.head),
      s.field.kind, facts_of(s.field.activation).name, s.field.hidden, s.field.gamma, s.scheme, s.horizon, s.layers,
      name_of(s.control), name_of(s.adjoint.kind), s.adjoint.budget_bytes, name_of(s.coding), s.cost, s.initial_scale);
}

// The settings of a file's TOML, by key.
class Settings {
 public:
  Settings(const std::string& toml, const std::string& source) {
    for (TomlEntry& entry : parse_toml(toml, source)) values_[entry.key] = std::move(entry.text);
  }
  const std::string& text(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw InputError(fmt::format("its settings lack '{}'", key));
    return found->second;
  }
  double real(const std::string& key) const {
    const std::optional<double> value = number_in(text(key));
    if (!value || !std::isfinite(*value)) throw InputError(fmt::format("its setting '{}' must be a number", key));
    return *value;
  }
  std::int64_t integer(const std::string& key) const {
    const double value = real(key);
    if (value != std::floor(value) || std::abs(value) > 1e15)
      throw InputError(fmt::format("its setting '{}' must be a whole number", key));
    return static_cast<std::int64_t>(value);
  }

 private:
  std::map<std::string, std::string> values_;
};

ModelSpec read_spec(const Settings& settings) {
  ModelSpec spec;
  spec.n_features = settings.integer("n_features");
  spec.width = settings.integer("width");
  spec.n_outputs = settings.integer("n_outputs");
  spec.lift = lift_named(settings.text("lift"));
  spec.head = head_named(settings.text("head"));
  spec.field.kind = settings.text("field");
  spec.field.dimension = spec.width;
  spec.field.activation = activation_named(settings.text("activation"));
  spec.field.hidden = settings.integer("hidden");
  spec.field.gamma = settings.real("gamma");
  spec.scheme = settings.text("scheme");
  spec.horizon = settings.real("horizon");
  spec.layers = settings.integer("layers");
  spec.control = control_kind_named(settings.text("control"));
  spec.adjoint = {adjoint_named(settings.text("adjoint")), settings.integer("budget_bytes")};
  spec.coding = target_coding_named(settings.text("coding"));
  spec.cost = make_cost(settings.text("cost"))->name();
  spec.initial_scale = settings.real("initial_scale");
  // Products of sizes below stay within 63 bits.
  for (const std::int64_t size : {spec.n_features, spec.width, spec.n_outputs, spec.layers, spec.field.hidden})
    if (size < 0 || size > (std::int64_t{1} << 28))
      throw InputError(fmt::format("its settings speak of a size of {}", size));
  return spec;
}

// The tensors of a file, each checked for type, shape and finite numbers.
class Weights {
 public:
  explicit Weights(const Safetensors& file) : file_(file) {}
  bool has(const std::string& name) const { return file_.tensors.contains(name); }
  Tensor read(const std::string& name, std::vector<std::int64_t> shape, c10::ScalarType dtype) const {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) throw InputError(fmt::format("the tensor '{}' is missing", name));
    const Array& array = found->second;
    bool fits = array.shape.size() == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || shape[i] == array.shape[i];
    if (!fits || array.dtype != (dtype == at::kFloat ? DType::f32 : DType::f64))
      throw InputError(fmt::format("the tensor '{}' must be {} {}, got {} {}", name, shape_text(shape),
                                   dtype == at::kFloat ? "float32" : "float64", shape_text(array.shape),
                                   name_of(array.dtype)));
    const Tensor tensor = tensor_of(array);
    if (!tensor.isfinite().all().item<bool>())
      throw InputError(fmt::format("the tensor '{}' holds values that are not finite", name));
    return tensor;
  }
  std::vector<double> times(const std::string& name) const {
    const Tensor t = read(name, {-1}, at::kDouble);
    return {t.data_ptr<double>(), t.data_ptr<double>() + t.numel()};
  }

 private:
  const Safetensors& file_;
};

void check_ascending(const std::vector<double>& times, const std::string& name) {
  bool ascending = times.size() >= 2 && times.front() == 0;
  for (std::size_t k = 1; ascending && k < times.size(); ++k) ascending = times[k] > times[k - 1];
  if (!ascending) throw InputError(fmt::format("the tensor '{}' must ascend from 0", name));
}

Model read_model(const Safetensors& file) {
  const auto settings_text = file.metadata.find("turnpike"), schema_text = file.metadata.find("data");
  if (settings_text == file.metadata.end())
    throw InputError("it is not a model of Turnpike (metadata 'turnpike' is missing)");
  const Settings settings(settings_text->second, "its settings");
  if (settings.integer("schema") > model_schema)
    throw InputError(fmt::format("it has schema {}, written by a newer Turnpike; this one reads up to {}",
                                 settings.integer("schema"), model_schema));

  const c10::ScalarType dtype = dtype_named(settings.text("dtype"));
  Model model = model_without_weights(read_spec(settings));
  const ModelSpec& spec = model.spec;
  const Weights weights(file);
  const std::vector<double> mesh = weights.times("mesh"), knots = weights.times("knots");
  check_ascending(mesh, "mesh");
  check_ascending(knots, "knots");
  if (static_cast<std::int64_t>(mesh.size()) != spec.layers + 1)
    throw InputError(
        fmt::format("the mesh has {} steps and the settings speak of {} layers", mesh.size() - 1, spec.layers));
  if (std::abs(mesh.back() - knots.back()) > 1e-9 * mesh.back())
    throw InputError("its mesh and its knots end at different times");
  model.flow.mesh = Mesh{mesh};
  model.flow.grid = ControlGrid(spec.control, knots);
  model.control = weights.read("control", {model.flow.grid.slots(), model.flow.field->n_parameters()}, dtype);
  if (spec.lift == Lift::linear) {
    model.lift_weight = weights.read("lift.weight", {spec.width, spec.n_features}, dtype);
    model.lift_bias = weights.read("lift.bias", {spec.width}, dtype);
  }
  if (spec.head == Head::linear) {
    model.head_weight = weights.read("head.weight", {spec.n_outputs, spec.width}, dtype);
    model.head_bias = weights.read("head.bias", {spec.n_outputs}, dtype);
  } else {
    set_fixed_head(model);
  }

  if (schema_text != file.metadata.end()) {
    const auto json = nlohmann::ordered_json::parse(schema_text->second, nullptr, false);
    if (json.is_discarded()) throw InputError("the metadata 'data' are not JSON");
    model.schema = schema_from_json(json);
  }
  if (weights.has("standardise.mean")) {
    Standardiser& s = model.standardiser;
    s.mean = weights.read("standardise.mean", {spec.n_features}, at::kDouble);
    s.deviation = weights.read("standardise.deviation", {spec.n_features}, at::kDouble);
    if (!(s.deviation > 0).all().item<bool>()) throw InputError("the tensor 'standardise.deviation' must be positive");
    if (spec.coding == TargetCoding::real && weights.has("standardise.target_mean")) {
      s.target_mean = weights.read("standardise.target_mean", {spec.n_outputs}, at::kDouble);
      s.target_deviation = weights.read("standardise.target_deviation", {spec.n_outputs}, at::kDouble);
    }
  }
  return model;
}

}  // namespace

Safetensors pack_model(const Model& model) {
  if (model.flow.field->name() != model.spec.field.kind)
    throw InputError(
        fmt::format("a model with a field of your own ('{}') cannot be saved: a file holds numbers, not code",
                    model.flow.field->name()));
  require(!model.flow.controller,
          "a model with adaptive steps cannot be saved: give its flow the mesh that was accepted");
  Safetensors file;
  file.metadata["turnpike"] = spec_toml(model);
  if (model.schema.n_inputs() > 0) file.metadata["data"] = to_json(model.schema).dump();
  const auto put = [&](const std::string& name, const Tensor& tensor) {
    if (tensor.defined()) file.tensors[name] = array_of(tensor.detach());
  };
  for (const auto& [name, tensor] : model.parameters()) put(name, tensor);
  put("mesh", at::tensor(model.flow.mesh.times, at::kDouble));
  put("knots", at::tensor(model.flow.grid.knots(), at::kDouble));
  put("standardise.mean", model.standardiser.mean);
  put("standardise.deviation", model.standardiser.deviation);
  put("standardise.target_mean", model.standardiser.target_mean);
  put("standardise.target_deviation", model.standardiser.target_deviation);
  return file;
}

Model unpack_model(const Safetensors& file, const std::string& source) {
  try {
    return read_model(file);
  } catch (const Error& error) {
    throw InputError(source + ": " + error.what());
  }
}

void save_model(const std::filesystem::path& path, const Model& model) {
  write_safetensors(path, pack_model(model));
}

Model load_model(const std::filesystem::path& path) {
  return unpack_model(read_safetensors(path), path.string());
}

}  // namespace turnpike
