#include "train_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <turnpike/base/files.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/device.h>
#include <turnpike/train/baseline.h>
#include <turnpike/train/checkpoint.h>
#include <turnpike/train/evaluate.h>
#include <turnpike/train/multistart.h>

#include "console.h"
#include "train_report.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of several starts the one that a tenth of the epochs brings farthest; the run itself then begins there anew.
Model first_model(const RunSetup& setup, Progress& progress) {
  const auto make = [&](std::uint64_t seed) { return setup.make_model(seed); };
  if (setup.starts == 1 || setup.training.resume) return make(seed_for(setup.seed, "start", 0));
  TrainOptions brief = setup.training;
  brief.epochs = std::max<std::int64_t>(1, brief.epochs / 10);
  brief.polish = {};
  brief.folder.clear();
  const Starts starts =
      multistart(make, setup.starts, setup.seed, setup.objective, setup.train, nullptr, brief, progress);
  progress.note(fmt::format("start {} of {} is taken: objective {:.4g} after {} epochs, {:.4g} in the middle of all",
                            starts.best_start + 1, setup.starts,
                            starts.objectives[static_cast<std::size_t>(starts.best_start)], brief.epochs, [&] {
                              std::vector<double> sorted = starts.objectives;
                              std::sort(sorted.begin(), sorted.end());
                              return sorted[sorted.size() / 2];
                            }()));
  return make(seed_for(setup.seed, "start", static_cast<std::uint64_t>(starts.best_start)));
}

Scores scores_of(const RunSetup& setup, const std::function<double(const Dataset&)>& score) {
  const auto part = [&](const Dataset& data) { return data.size() == 0 ? not_measured : score(data); };
  return {part(setup.train), part(setup.validation), part(setup.test)};
}

Scores scores_of(const RunSetup& setup, const Model& model) {
  return scores_of(setup, [&](const Dataset& data) { return score_of(predict(model, data), data.y); });
}

Scores scores_of(const RunSetup& setup, const Baseline& baseline) {
  return scores_of(setup, [&](const Dataset& data) {
    const bool regress = baseline.coding == TargetCoding::real;
    double sum = 0;
    std::vector<std::int64_t> rows(static_cast<std::size_t>(data.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
    for_each_batch(rows, 2048, [&](std::span<const std::int64_t> part) {
      const Batch batch = data.batch(part, setup.dtype);
      const Tensor z = baseline.outputs(setup.standardiser.apply(batch.x).to(setup.dtype));
      Predictions some{setup.standardiser.invert_target(z).to(at::kDouble), {}, {}};
      if (!regress) some.classes = decide(z, baseline.coding);
      const double score = score_of(some, batch.y);
      sum += (regress ? score * score : score) * static_cast<double>(part.size());
    });
    const double mean = sum / static_cast<double>(data.size());
    return regress ? std::sqrt(mean) : mean;
  });
}

std::vector<Contender> baselines(const RunSetup& setup, const Model& model, Progress& progress) {
  // The training part first, then the validation part, as one data set: rows are told apart by their number.
  Dataset both = setup.train;
  std::vector<std::int64_t> train(static_cast<std::size_t>(setup.train.size())), validation;
  for (std::size_t i = 0; i < train.size(); ++i) train[i] = static_cast<std::int64_t>(i);
  if (setup.validation.size() > 0) {
    both.x = at::cat({setup.train.x, setup.validation.x});
    both.y = at::cat({setup.train.y, setup.validation.y});
    for (std::int64_t i = setup.train.size(); i < both.size(); ++i) validation.push_back(i);
  }
  const BaselineTask task{both, setup.standardiser, train, validation, setup.dtype};
  // As many passes as the flow has had, line searches of the polish included, at the least 2000 steps.
  const std::int64_t batch = setup.training.batch == 0 ? setup.train.size() : setup.training.batch;
  const std::int64_t steps = (setup.train.size() + batch - 1) / batch;
  const std::int64_t epochs =
      std::max(setup.training.epochs + setup.training.polish.iterations, (2000 + steps - 1) / steps);
  std::vector<Contender> all;
  for (const bool linear : {true, false}) {
    const Baseline one = linear ? fit_linear(task, progress)
                                : fit_perceptron(task,
                                                 {.n_parameters = model.n_parameters(),
                                                  .cost = model.spec.cost,
                                                  .epochs = epochs,
                                                  .batch = setup.training.batch,
                                                  .seconds = 600,
                                                  .seed = setup.seed},
                                                 progress);
    all.push_back({one.name, one.n_parameters, scores_of(setup, one), one.seconds});
  }
  return all;
}

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json scores_json(const Scores& scores) {
  return {{"train", number(scores.train)}, {"validation", number(scores.validation)}, {"test", number(scores.test)}};
}

Json result_json(const TrainReport& report, const RunFolder& folder) {
  const ModelSpec& spec = report.model.spec;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  Json result = {{"name", report.setup.name},
                 {"source", report.setup.source},
                 {"task", name_of(report.setup.schema.task)},
                 {"rows",
                  {{"train", report.setup.train.size()},
                   {"validation", report.setup.validation.size()},
                   {"test", report.setup.test.size()}}},
                 {"model",
                  {{"field", spec.field.kind},
                   {"width", spec.width},
                   {"layers", spec.layers},
                   {"horizon", spec.horizon},
                   {"parameters", report.model.n_parameters()}}},
                 {"measure", score_name(report.model)},
                 {"scores", scores_json(report.contenders.at(0).scores)}};
  result["baselines"] = Json::array();
  for (std::size_t i = 2; i < report.contenders.size(); ++i) {
    const Contender& one = report.contenders[i];
    result["baselines"].push_back({{"name", one.name},
                                   {"parameters", one.parameters},
                                   {"scores", scores_json(one.scores)},
                                   {"seconds", one.seconds}});
  }
  result.update(to_json(report.task, report.diagnosis));
  result["cut"]["scores"] = scores_json(report.contenders.at(1).scores);
  const TrainResult& training = report.training;
  result["training"] = {{"epochs", training.history.size()},
                        {"best_epoch", training.best_epoch},
                        {"stopped", name_of(training.stopped)},
                        {"seconds", report.training_seconds}};
  if (training.polish)
    result["training"]["polish"] = {{"iterations", training.polish->iterations},
                                    {"objective", number(training.polish->objective)},
                                    {"residual", number(training.polish->residual)},
                                    {"converged", training.polish->converged}};
  result["files"] = {{"report", file("report.html")},
                     {"model", file(model_name)},
                     {"cut_model", file("model-cut.safetensors")},
                     {"checkpoint", file(checkpoint_name)},
                     {"metrics", file(metrics_name)}};
  result["settings"] = report.setup.resolved.options.to_json();
  result["provenance"] = to_json(report.provenance);
  return result;
}

void stop_if_asked(const RunFolder& folder) {
  if (stop_requested())
    throw Interrupted(fmt::format("stopped after training, before the report; go on with: turnpike train --resume {}",
                                  folder.path().string()));
}

void print_summary(const Job& job, const TrainReport& report) {
  for (const Contender& one : report.contenders)
    job.out(fmt::format("{:<26}{:>8} parameters  {} {}", one.name, one.parameters, score_name(report.model),
                        std::isnan(one.scores.test) ? score_text(report.model, one.scores.train) + " (training)"
                                                    : score_text(report.model, one.scores.test)));
  const Diagnosis& diagnosis = report.diagnosis;
  const bool above_end = diagnosis.cost_decay.verdict != DecayVerdict::exponential;
  const Decay& decay = above_end ? diagnosis.excess_decay : diagnosis.cost_decay;
  job.out(decay.verdict == DecayVerdict::exponential
              ? fmt::format("the cost decays {} at rate {:.3g} ({:.3g} to {:.3g})",
                            above_end ? "to its static value" : "through depth", decay.fit.rate, decay.fit.rate_low,
                            decay.fit.rate_high)
              : "the cost through depth: " + diagnosis.cost_decay.text);
  job.out(fmt::format("{} of {} layers are needed", report.diagnosis.cut->layers, report.model.spec.layers));
}

}  // namespace

JobResult run_train(const Job& job) {
  make_reproducible(static_cast<std::uint64_t>(job.invocation.flags.integer("seed")));
  RunSetup setup = prepare_run(job.invocation);
  job.progress.note(setup.source);
  for (const std::string& line : setup.notes) job.progress.note(line);
  for (const std::string& line : setup.choices) job.progress.note(line);
  setup.training.resume = !job.flag("resume").empty();
  Model model = first_model(setup, job.progress);

  RunFolder folder(setup.training.resume ? fs::absolute(job.flag("resume")).lexically_normal()
                                         : make_run_folder(job.flag("out"), setup.name),
                   job.provenance);
  setup.training.folder = folder.path();
  const double start = now();
  TrainResult training;
  try {
    if (!setup.training.resume) folder.write_config(config_toml(setup.resolved));
    training = train(model, setup.objective, setup.train, setup.validation.size() > 0 ? &setup.validation : nullptr,
                     setup.training, job.progress);
  } catch (const Interrupted&) {
    throw Interrupted(
        fmt::format("stopped; the state is saved: go on with: turnpike train --resume {}", folder.path().string()));
  }
  const double training_seconds = now() - start;
  if (setup.training.resume) folder.write_config(config_toml(setup.resolved));
  folder.record(checkpoint_name);
  folder.record(metrics_name);
  save_model(folder.path() / model_name, model);
  folder.record(model_name);
  stop_if_asked(folder);

  // Without a test or a validation part the training part stands in.
  const bool tested = setup.test.size() > 0, validated = setup.validation.size() > 0;
  const DiagnosisTask task{.model = model,
                           .data = tested ? setup.test : setup.train,
                           .part = tested ? "test" : "training",
                           .profiled = setup.train,
                           .profiled_part = "training",
                           .judged = validated ? setup.validation : setup.train,
                           .judged_part = validated ? "validation" : "training",
                           .epsilon = setup.cut_epsilon};
  const Diagnosis diagnosis = diagnose(task, job.progress);
  const Model cut = model.cut(diagnosis.cut->layers);
  save_model(folder.path() / "model-cut.safetensors", cut);
  folder.record("model-cut.safetensors");
  stop_if_asked(folder);

  std::vector<Contender> contenders = {
      {fmt::format("flow, {} layers", model.spec.layers), model.n_parameters(), scores_of(setup, model),
       training_seconds},
      {fmt::format("its first {} layers", cut.spec.layers), cut.n_parameters(), scores_of(setup, cut), not_measured}};
  if (setup.baselines)
    for (Contender& one : baselines(setup, model, job.progress)) contenders.push_back(std::move(one));
  stop_if_asked(folder);

  job.progress.update("report", 0, 1, "");
  const TrainReport report{setup,         model, training, task, diagnosis, std::move(contenders), training_seconds,
                           job.provenance};
  folder.write_report(train_page(report, folder));
  const Json result = result_json(report, folder);
  folder.write_result(result);
  folder.finish({{"seed", setup.seed},
                 {"dtype", name_of(setup.dtype)},
                 {"threads", job.provenance.threads},
                 {"data_hash", setup.data_hash}});
  job.progress.update("report", 1, 1, "");
  if (!job.json()) {
    print_summary(job, report);
    job.out((folder.path() / "report.html").string());
  }
  return result;
}

}  // namespace turnpike
