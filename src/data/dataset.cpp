#include <turnpike/data/dataset.h>

#include <torch/types.h>

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>

namespace turnpike {
namespace {

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (std::int64_t size : shape) n *= size;
  return n;
}

}  // namespace

const char* name_of(Task task) {
  return task == Task::classify ? "classify" : "regress";
}

Task task_named(std::string_view name) {
  if (name == "classify") return Task::classify;
  if (name == "regress") return Task::regress;
  const std::string nearest = did_you_mean(name, {"classify", "regress"});
  throw InputError(
      fmt::format("unknown task '{}'; {}", name,
                  nearest.empty() ? "it is classify or regress" : fmt::format("did you mean '{}'?", nearest)));
}

std::int64_t Feature::n_inputs() const {
  if (constant) return 0;
  return kind == FeatureKind::numeric ? 1 : static_cast<std::int64_t>(categories.size());
}

std::int64_t DataSchema::n_inputs() const {
  if (!array_shape.empty()) return product(array_shape);
  std::int64_t n = 0;
  for (const Feature& feature : features) n += feature.n_inputs();
  return n;
}

std::int64_t DataSchema::n_outputs() const {
  return static_cast<std::int64_t>(task == Task::classify ? classes.size() : targets.size());
}

std::vector<std::string> DataSchema::input_names() const {
  std::vector<std::string> names;
  for (const Feature& feature : features) {
    if (feature.constant) continue;
    if (feature.kind == FeatureKind::numeric) {
      names.push_back(feature.name);
    } else {
      for (const std::string& category : feature.categories) {
        names.push_back(fmt::format("{}={}", feature.name, category.empty() ? "missing" : category));
      }
    }
  }
  if (!array_shape.empty()) {
    for (std::int64_t k = 1; k <= n_inputs(); ++k)
      names.push_back(fmt::format("{} {}", array_shape.size() > 1 ? "pixel" : "column", k));
  }
  return names;
}

nlohmann::ordered_json to_json(const DataSchema& schema) {
  using json = nlohmann::ordered_json;
  json features = json::array();
  for (const Feature& feature : schema.features) {
    json entry = {{"name", feature.name}, {"column", feature.column}};
    if (feature.kind == FeatureKind::numeric) {
      entry["kind"] = "numeric";
      entry["fallback"] = feature.fallback;
    } else {
      entry["kind"] = "categorical";
      entry["categories"] = feature.categories;
    }
    if (feature.constant) entry["constant"] = true;
    features.push_back(std::move(entry));
  }
  json targets = json::array();
  for (const TargetColumn& target : schema.targets)
    targets.push_back({{"name", target.name}, {"column", target.column}});
  return {{"task", name_of(schema.task)},      {"named", schema.named},         {"n_columns", schema.n_columns},
          {"features", std::move(features)},   {"targets", std::move(targets)}, {"classes", schema.classes},
          {"array_shape", schema.array_shape}, {"scale", schema.scale}};
}

DataSchema schema_from_json(const nlohmann::ordered_json& json) {
  DataSchema schema;
  const auto check = [](bool sound, const char* what) {
    if (!sound) throw InputError(fmt::format("the model's data schema is malformed: {}", what));
  };
  try {
    schema.task = task_named(json.at("task").get<std::string>());
    json.at("named").get_to(schema.named);
    json.at("n_columns").get_to(schema.n_columns);
    for (const auto& entry : json.at("features")) {
      Feature feature;
      entry.at("name").get_to(feature.name);
      entry.at("column").get_to(feature.column);
      const auto kind = entry.at("kind").get<std::string>();
      check(kind == "numeric" || kind == "categorical", "a feature is neither numeric nor categorical");
      if (kind == "numeric") {
        entry.at("fallback").get_to(feature.fallback);
      } else {
        feature.kind = FeatureKind::categorical;
        entry.at("categories").get_to(feature.categories);
      }
      feature.constant = entry.value("constant", false);
      check(feature.column >= 0 && feature.column < schema.n_columns, "a feature lies in no column");
      schema.features.push_back(std::move(feature));
    }
    for (const auto& entry : json.at("targets")) {
      schema.targets.push_back({entry.at("name").get<std::string>(), entry.at("column").get<std::int64_t>()});
      check(schema.targets.back().column >= -1 && schema.targets.back().column < schema.n_columns,
            "a target lies in no column");
    }
    json.at("classes").get_to(schema.classes);
    json.at("array_shape").get_to(schema.array_shape);
    json.at("scale").get_to(schema.scale);
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("the model's data schema is malformed: {}", error.what()));
  }
  constexpr std::int64_t most_inputs = std::int64_t{1} << 31;
  std::int64_t n = 1;
  for (std::int64_t size : schema.array_shape) {
    check(size > 0 && size <= most_inputs && n <= most_inputs / size, "its array shape is out of range");
    n *= size;
  }
  check(schema.n_inputs() > 0, "it makes no inputs");
  check(schema.n_outputs() > 0, "it makes no outputs");
  check(schema.task == Task::classify ? schema.classes.size() > 1 : schema.classes.empty(),
        "its classes do not fit its task");
  return schema;
}

Tensor index_tensor(std::span<const std::int64_t> rows) {
  Tensor index = torch::empty({static_cast<std::int64_t>(rows.size())}, torch::kLong);
  std::copy(rows.begin(), rows.end(), index.data_ptr<std::int64_t>());
  return index;
}

namespace {

Batch finish(const DataSchema& schema, Tensor x, Tensor y, c10::ScalarType dtype) {
  if (x.scalar_type() != torch::kDouble) x = x.to(dtype);
  if (schema.scale != 1) x = x * schema.scale;
  return {x, y};
}

}  // namespace

Batch Dataset::batch(std::span<const std::int64_t> rows, c10::ScalarType dtype) const {
  const Tensor index = index_tensor(rows);
  return finish(schema, x.index_select(0, index), y.defined() ? y.index_select(0, index) : y, dtype);
}

Batch Dataset::all(c10::ScalarType dtype) const {
  return finish(schema, x, y, dtype);
}

Dataset Dataset::select(std::span<const std::int64_t> rows) const {
  const Tensor index = index_tensor(rows);
  return {x.index_select(0, index), y.defined() ? y.index_select(0, index) : y, schema};
}

}  // namespace turnpike
