#include "analyze_job.h"

#include <fmt/format.h>

#include <turnpike/base/files.h>
#include <turnpike/data/read.h>
#include <turnpike/report/text.h>
#include <turnpike/train/evaluate.h>

#include "diagnosis.h"
#include "diagnosis_curvature.h"
#include "diagnosis_kernel.h"

namespace turnpike {

JobResult run_analyze(const Job& job) {
  const std::string& model_path = job.invocation.positionals.at(0);
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
