#include "analyze_job.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/data/read.h>
#include <turnpike/report/text.h>
#include <turnpike/train/evaluate.h>

#include "diagnosis.h"
#include "diagnosis_curvature.h"
#include "diagnosis_kernel.h"

namespace turnpike {
namespace {

// Norms, covariances and kernels square what they are given, and the depth lets it grow: what would leave the numbers
// there is an error of the data, and has a row and a column.
void require_squares(const Tensor& standardised, const std::vector<std::string>& columns, const Loaded& loaded,
                     c10::ScalarType dtype, const std::string& path) {
  const double most = dtype == at::kFloat ? 1e13 : 1e148;  // the square root of the largest number, over a million
  const Tensor large = (standardised.abs() > most).nonzero();
  if (large.size(0) == 0) return;
  const auto row = large[0][0].item<std::int64_t>(), column = large[0][1].item<std::int64_t>();
  throw InputError(fmt::format(
      "{}, row {}, '{}': {:.3g} deviations from the mean of the training data: above {:g} the squares of an analysis "
      "leave {}; mend the value or leave the row out",
      path, loaded.source_rows[static_cast<std::size_t>(row)] + 1, columns.at(static_cast<std::size_t>(column)),
      standardised[row][column].item<double>(), most, dtype == at::kFloat ? "float32" : "float64"));
}

}  // namespace

JobResult run_analyze(const Job& job) {
  const std::string model_path = job.model_path();
  const Model model = load_model(model_path);
  DataSchema schema = model.schema;
  if (const std::string& target = job.flag("target"); !target.empty()) {
    if (schema.targets.size() != 1)
      throw InputError(
          fmt::format("the model has {} targets, by their names: leave --target out", schema.targets.size()));
    schema.targets[0].name = target;
  }
  const bool asked = !job.flag("target").empty() || !job.flag("labels").empty();
  const Loaded loaded =
      read_with_schema(job.flag("data"), schema, asked ? Labels::required : Labels::optional, job.flag("labels"));
  for (const std::string& note : loaded.notes) job.progress.note(note);
  if (!loaded.data.y.defined()) job.progress.note("the data have no labels: what needs the truth is left out");

  if (loaded.data.x.is_floating_point())  // bytes are small
    require_squares(model.standardiser.apply(schema.scale * loaded.data.x.to(at::kDouble)), schema.input_names(),
                    loaded, model.dtype(), job.flag("data"));
  if (loaded.data.y.defined() && schema.task == Task::regress) {
    std::vector<std::string> targets;
    for (const TargetColumn& target : schema.targets) targets.push_back(target.name);
    require_squares(model.standardiser.apply_target(loaded.data.y), targets, loaded, model.dtype(), job.flag("data"));
  }

  const DiagnosisTask task{.model = model,
                           .data = loaded.data,
                           .part = "given",
                           .profiled = loaded.data,
                           .profiled_part = "given",
                           .judged = loaded.data,
                           .judged_part = "given"};
  const Diagnosis diagnosis = diagnose(task, job.progress);
  std::optional<ModelCurvature> curvature;
  std::optional<ModelKernel> kernel;
  if (diagnosis.labelled) {
    const std::optional<UsedStep> step = used_step(model_path);
    curvature = curvature_of(model, loaded.data, diagnosis.control_times, step, job.progress);
    kernel = kernel_of(model, loaded.data, step, job.progress);
  }
  RunFolder folder(
      make_run_folder(job.flag("out"), "analysis-" + std::filesystem::path(job.flag("data")).stem().string()),
      job.provenance);
  const std::string result_text =
      diagnosis.labelled ? fmt::format("{} layers, width {}: {} of {} rows.", model.spec.layers, model.spec.width,
                                       score_words(model, diagnosis.score), loaded.data.size())
                         : fmt::format("{} layers, width {}, on {} rows without labels.", model.spec.layers,
                                       model.spec.width, loaded.data.size());
  Page page("Turnpike: " + literal(std::filesystem::path(model_path).filename().string()) + " on " +
                literal(std::filesystem::path(job.flag("data")).filename().string()),
            result_text);
  draw_decisions(page, folder, task, diagnosis);
  draw_depth(page, folder, task, diagnosis);
  draw_cut(page, folder, task, diagnosis, "");
  draw_errors(page, folder, task, diagnosis);
  if (curvature) draw_curvature(page, folder, *curvature);
  if (kernel) draw_kernel(page, folder, *kernel);
  page.footer(job.provenance);
  folder.write_report(page);

  JobResult result = {{"model", model_path}, {"data", job.flag("data")}, {"rows", loaded.data.size()}};
  if (diagnosis.labelled) result[score_name(model)] = diagnosis.score;
  result.update(to_json(task, diagnosis));
  if (curvature) result["hessian"] = to_json(*curvature);
  if (kernel) result["tangent_kernel"] = to_json(*kernel);
  result["files"] = {{"report", (folder.path() / "report.html").string()}};
  result["provenance"] = to_json(job.provenance);
  folder.write_result(result);
  folder.finish();
  if (!job.json()) job.out((folder.path() / "report.html").string());
  return result;
}

}  // namespace turnpike
