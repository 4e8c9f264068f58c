#include "predict_job.h"

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/files.h>
#include <turnpike/data/read.h>
#include <turnpike/io/csv.h>
#include <turnpike/train/evaluate.h>

#include "predictions.h"

namespace turnpike {
namespace {

std::vector<std::string> header_of(const Model& model) {
  std::vector<std::string> names;
  if (model.spec.coding == TargetCoding::real) {
    for (const TargetColumn& target : model.schema.targets) names.push_back(target.name);
  } else {
    names.push_back("prediction");
    for (const std::string& name : model.schema.classes) names.push_back("probability of " + name);
  }
  return names;
}

// The shortest text that reads back to the same number of the model's type; float32's spacing may be coarse beside
// `unit`, a target's deviation.
std::string number_text(double value, c10::ScalarType dtype, double unit) {
  const auto near = static_cast<float>(value);
  return dtype == at::kFloat && std::abs(near - value) <= 1e-6 * unit ? fmt::format("{}", near)
                                                                      : fmt::format("{}", value);
}

std::vector<std::string> row_of(const Model& model, const Predictions& all, std::int64_t row) {
  std::vector<std::string> cells;
  const bool regress = model.spec.coding == TargetCoding::real;
  if (!regress) cells.push_back(model.schema.classes[static_cast<std::size_t>(all.classes[row].item<std::int64_t>())]);
  const Tensor numbers = (regress ? all.outputs : all.probabilities)[row].contiguous();
  const double* values = numbers.data_ptr<double>();
  const Tensor& units = model.standardiser.target_deviation;
  for (std::int64_t k = 0; k < numbers.numel(); ++k)
    cells.push_back(number_text(values[k], model.dtype(), regress && units.defined() ? units[k].item<double>() : 1));
  return cells;
}

nlohmann::ordered_json json_of(const Model& model, const Predictions& all, std::int64_t row) {
  nlohmann::ordered_json line = {{"row", row}};
  if (model.spec.coding == TargetCoding::real) {
    for (std::size_t k = 0; k < model.schema.targets.size(); ++k)
      line["prediction"][model.schema.targets[k].name] = all.outputs[row][static_cast<std::int64_t>(k)].item<double>();
    return line;
  }
  line["prediction"] = model.schema.classes[static_cast<std::size_t>(all.classes[row].item<std::int64_t>())];
  for (std::size_t c = 0; c < model.schema.classes.size(); ++c)
    line["probabilities"][model.schema.classes[c]] =
        all.probabilities[row][static_cast<std::int64_t>(c)].item<double>();
  return line;
}

}  // namespace

JobResult run_predict(const Job& job) {
  const Model model = load_model(job.model_path());
  const Loaded loaded = read_with_schema(job.flag("data"), model.schema, Labels::optional);
  for (const std::string& note : loaded.notes) job.progress.note(note);
  const Predictions all = predict(model, loaded.data);

  std::string csv = csv_line(header_of(model));
  for (std::int64_t row = 0; row < loaded.data.size(); ++row) {
    if (job.json() && job.flag("out").empty()) {
      job.out(json_of(model, all, row).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else {
      csv += csv_line(row_of(model, all, row));
    }
  }
  JobResult result = {{"model", job.model_path()}, {"data", job.flag("data")}, {"rows", loaded.data.size()}};
  if (!job.flag("out").empty()) {
    write_file(job.flag("out"), csv);
    result["file"] = job.flag("out");
    job.progress.note(fmt::format("{} rows written to {}", loaded.data.size(), job.flag("out")));
  } else if (!job.json()) {
    csv.pop_back();  // out adds the last line feed
    job.out(csv);
  }
  if (loaded.data.y.defined()) {
    const double score = score_of(all, loaded.data.y);
    result[score_name(model)] = score;
    job.progress.note(
        fmt::format("{} on these rows, which hold the truth: {}", score_name(model), score_text(model, score)));
  }
  return result;
}

}  // namespace turnpike
