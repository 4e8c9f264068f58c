// Data in original units, and the schema that turns the columns of a source into inputs of a network and back.
//
//   Dataset data = generate("spirals", 600, 0.02, 1);
//   Batch batch = data.batch(rows, torch::kDouble);      // x [B, d], y [B] int64 or [B, m]
//   data.schema.classes[k];                              // the name of class k
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/core/tensor.h>

namespace turnpike {

enum class Task { classify, regress };
const char* name_of(Task task);          // "classify", "regress"
Task task_named(std::string_view name);  // InputError with did-you-mean

enum class FeatureKind { numeric, categorical };

// A column of a table and what becomes of it: one input (numeric), one input a category (categorical, coded 0 / 1),
// none (constant).
struct Feature {
  std::string name;
  std::int64_t column = 0;  // in the source, from 0
  FeatureKind kind = FeatureKind::numeric;
  std::vector<std::string> categories;  // sorted; "" stands for a missing value
  double fallback = 0;                  // numeric: the training mean, taken for a missing value
  bool constant = false;                // in the training part: dropped

  std::int64_t n_inputs() const;
};

struct TargetColumn {
  std::string name;
  std::int64_t column = 0;  // in the source, from 0; -1 if the labels came from a file of their own
};

// Stored in the model: enough to read new, unlabelled data as the training data were read.
struct DataSchema {
  Task task = Task::classify;
  bool named = false;                     // the source had a header: find columns by name, else by position
  std::int64_t n_columns = 0;             // of the source, targets included
  std::vector<Feature> features;          // of a table; empty for arrays
  std::vector<TargetColumn> targets;      // one; several only for regression
  std::vector<std::string> classes;       // names; empty for regression
  std::vector<std::int64_t> array_shape;  // of one sample of an array source, as {28, 28}; empty for a table
  double scale = 1;                       // x is multiplied by it: 1/255 for bytes

  std::int64_t n_inputs() const;
  std::int64_t n_outputs() const;                // classes, or targets
  std::vector<std::string> input_names() const;  // "alcohol", "colour=red", "pixel 17"
};

nlohmann::ordered_json to_json(const DataSchema& schema);
DataSchema schema_from_json(const nlohmann::ordered_json& json);  // InputError if it is malformed

struct Batch {
  Tensor x;  // [B, d], scaled: arrays in the dtype asked for, tables in float64, since a column of time stamps fits
             // into float32 only once it is standardised
  Tensor y;  // [B] int64 classes, [B, m] float64 reals, or undefined
};

struct Dataset {
  Tensor x;  // [N, d] float64 for tables; arrays keep their type (bytes stay bytes, so that memory stays small)
  Tensor y;  // [N] int64 classes, or [N, m] float64; undefined where there are no labels
  DataSchema schema;

  std::int64_t size() const { return x.size(0); }
  Batch batch(std::span<const std::int64_t> rows, c10::ScalarType dtype) const;
  Batch all(c10::ScalarType dtype) const;
  Dataset select(std::span<const std::int64_t> rows) const;  // copies those rows
};

Tensor index_tensor(std::span<const std::int64_t> rows);  // [n] int64, copied

}  // namespace turnpike
