// From the words of `turnpike train` to data, model, objective and training options; what was left to "auto" is decided
// here and said.
//
//   RunSetup setup = prepare_run(invocation);
//   for (const std::string& line : setup.choices) print(line);       // "width 3: 2 features and 1 output beside them"
//   write(config_toml(setup.resolved));                              // the same run without any "auto"
//
// The rules: docs of each choice stand beside it in run_setup.cpp. Errors: InputError, one sentence.
#pragma once

#include <string>
#include <vector>

#include <turnpike/data/read.h>
#include <turnpike/net/model.h>
#include <turnpike/train/trainer.h>

#include "command_line.h"

namespace turnpike {

struct RunSetup {
  Invocation resolved;
  std::string name;    // of the run's folder: "spirals", "wine"
  std::string source;  // "spirals: 600 points drawn with seed 0", "wine.csv: 1599 rows, 11 inputs"
  std::string data_hash;
  std::vector<std::string> notes;    // of the reader
  std::vector<std::string> choices;  // of what was left to "auto"
  Dataset train, validation, test;   // disjoint rows in original units; validation or test may be empty
  DataSchema schema;
  Standardiser standardiser;
  ModelSpec spec;
  c10::ScalarType dtype = c10::ScalarType::Double;
  std::uint64_t seed = 0;
  Objective objective;
  TrainOptions training;
  std::int64_t starts = 1;
  bool baselines = true;
  double cut_epsilon = 0;

  Model make_model(std::uint64_t start = 0) const;  // with schema and standardiser; another start, another seed
};

RunSetup prepare_run(const Invocation& invocation);

}  // namespace turnpike
