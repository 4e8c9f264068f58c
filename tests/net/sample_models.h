// Small models of every kind, with schema and standardiser, for the tests of files and export.
#pragma once

#include <filesystem>
#include <vector>

#include <ATen/ATen.h>
#include <unistd.h>

#include <turnpike/data/generators.h>
#include <turnpike/net/model.h>

namespace turnpike {

// A folder of its own that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "turnpike-net-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline ModelSpec sample_spec() {
  ModelSpec spec;
  spec.horizon = 2;
  spec.initial_scale = 0.5;
  spec.coding = TargetCoding::signs;
  return spec;
}

inline std::vector<std::int64_t> all_rows(const Dataset& data) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  return rows;
}

inline Model sample_model(const ModelSpec& spec, c10::ScalarType dtype = at::kDouble) {
  Model model = Model::make(spec, dtype, 7);
  const Dataset data = generate(spec.n_outputs > 1 ? "peaks" : "moons", 200, 0.1, 1);
  model.schema = data.schema;
  const std::vector<std::int64_t> rows = all_rows(data);
  model.standardiser = Standardiser::fit(data, rows);
  if (spec.coding == TargetCoding::real) {
    model.schema.task = Task::regress;
    model.schema.classes.clear();
    model.schema.targets = {{"quality", -1}};
    model.standardiser.target_mean = at::full({spec.n_outputs}, 3.5, at::kDouble);
    model.standardiser.target_deviation = at::full({spec.n_outputs}, 1.25, at::kDouble);
  }
  return model;
}

// One model for each field that can be saved, scheme, control, lift and head.
inline std::vector<Model> sample_models(c10::ScalarType dtype = at::kDouble) {
  std::vector<Model> models = {sample_model(sample_spec(), dtype)};
  for (const FieldEntry& entry : field_table()) {
    ModelSpec spec = sample_spec();
    spec.lift = Lift::pad;
    spec.width = 4;
    spec.field = {.kind = entry.kind, .dimension = 4, .hidden = 3, .gamma = 0.1};
    models.push_back(sample_model(spec, dtype));
  }
  for (const SchemeEntry& entry : scheme_table()) {
    ModelSpec spec = sample_spec();
    spec.scheme = entry.name;
    spec.field.kind = "hamiltonian";
    spec.control = ControlKind::linear;
    models.push_back(sample_model(spec, dtype));
  }
  for (const ActivationFacts& sigma : activation_table()) {
    ModelSpec spec = sample_spec();
    spec.field.activation = sigma.kind;
    spec.control = ControlKind::shared;
    models.push_back(sample_model(spec, dtype));
  }
  for (const TargetCoding coding : {TargetCoding::real, TargetCoding::one_hot, TargetCoding::classes}) {
    ModelSpec spec = sample_spec();
    spec.coding = coding;
    spec.lift = Lift::linear;
    spec.head = Head::linear;
    spec.width = spec.field.dimension = 3;
    spec.n_outputs = coding == TargetCoding::real ? 1 : 5;
    spec.cost = coding == TargetCoding::classes ? "cross_entropy" : "mean_square";
    models.push_back(sample_model(spec, dtype));
  }
  return models;
}

}  // namespace turnpike
