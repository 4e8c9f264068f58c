#include "train_report.h"

#include <fmt/format.h>

#include <cmath>

#include <turnpike/report/text.h>
#include <turnpike/train/evaluate.h>

#include "console.h"

namespace turnpike {
namespace {

bool regress(const TrainReport& report) {
  return report.model.spec.coding == TargetCoding::real;
}

Cell score_cell(const TrainReport& report, double score) {
  return std::isnan(score) ? Cell("-") : Cell(score_text(report.model, score));
}

std::string penalty_formula(const RunSetup& setup) {
  switch (setup.objective.penalty.kind) {
    case PenaltyKind::l2: return "\\lambda \\int_0^T |u|^2 dt";
    case PenaltyKind::l1: return "\\lambda \\int_0^T |u| dt";
    case PenaltyKind::h1: return "\\lambda \\int_0^T |u|^2 + |\\dot u|^2 dt";
    case PenaltyKind::jump: return "\\lambda \\left( \\int_0^T |u|^2 dt + \\sum_k |u_{k+1} - u_k|^2 / h_k \\right)";
  }
  return "";
}

std::string cost_formula(const std::string& cost) {
  if (cost == "mean_square") return "|z - y|^2";
  if (cost == "absolute") return "|z - y|_1";
  if (cost == "distance") return "|z - y|";
  if (cost == "cross_entropy") return "\\log \\sum_c e^{z_c} - z_y";
  if (cost == "logistic") return "\\log(1 + e^{-z y})";
  return "-y \\log s(z) - (1 - y) \\log(1 - s(z)), \\quad s(z) = 1 / (1 + e^{-z})";
}

void draw_problem(Page& page, const TrainReport& report) {
  const RunSetup& setup = report.setup;
  const ModelSpec& spec = setup.spec;
  Section& section = page.section("The problem");
  section.prose(
      fmt::format("A network of {} layers is {} of a differential equation in depth, steered by a control $u(t)$ from "
                  "$t = 0$ to $T$ = {}. Training chooses "
                  "the control{}.",
                  spec.layers, spec.scheme == "euler" ? "Euler's discretisation" : "the scheme " + literal(spec.scheme),
                  format_number(spec.horizon),
                  spec.lift == Lift::linear && spec.head == Head::linear ? ", the lift and the readout $P$"
                  : spec.head == Head::linear                            ? " and the readout $P$"
                  : spec.lift == Lift::linear                            ? " and the lift"
                                                                         : ""));
  section.formula("\\dot x(t) = " + field_formula(spec) + ", \\qquad x(0) = " +
                  (spec.lift == Lift::none  ? "\\text{input}"
                   : spec.lift == Lift::pad ? "(\\text{input},\\, 0)"
                                            : "A\\,\\text{input} + a") +
                  ", \\qquad z(t) = P\\,x(t)");
  std::string objective;
  if (setup.objective.running > 0)
    objective += (setup.objective.running == 1 ? "" : format_number(setup.objective.running) + "\\,") +
                 std::string("\\frac{1}{N} \\sum_i \\int_0^T \\varphi(z_i(t), y_i)\\, dt");
  if (setup.objective.terminal > 0)
    objective += std::string(objective.empty() ? "" : " + ") +
                 (setup.objective.terminal == 1 ? "" : format_number(setup.objective.terminal) + "\\,") +
                 "\\frac{1}{N} \\sum_i \\varphi(z_i(T), y_i)";
  section.formula("\\min_u \\; " + objective + " + " + penalty_formula(setup) +
                  ", \\qquad \\varphi(z, y) = " + cost_formula(spec.cost));
  if (setup.objective.penalty.bound < std::numeric_limits<double>::infinity())
    section.formula("|u(t)| \\le " + format_number(setup.objective.penalty.bound));
  std::string list;
  for (const std::string& choice : setup.choices) list += "- " + literal(choice) + "\n";
  if (!list.empty()) section.prose("Chosen from the data, since it was left open:").prose(list);
  list.clear();
  for (const std::string& note : setup.notes) list += "- " + literal(note) + "\n";
  if (!list.empty()) section.prose("Of the data:").prose(list);
}

void draw_contenders(Page& page, const TrainReport& report) {
  Section& section = page.section("Beside plain learners");
  const std::string name = score_name(report.model);
  Table table{
      .head = {"learner", "parameters", name + ", training", name + ", validation", name + ", test", "seconds"},
      .caption = fmt::format("All on the same split: {} rows to train on, {} to choose by, {} to test on.",
                             report.setup.train.size(), report.setup.validation.size(), report.setup.test.size())};
  for (const Contender& one : report.contenders)
    table.rows.push_back({literal(one.name), Cell(static_cast<long>(one.parameters)),
                          score_cell(report, one.scores.train), score_cell(report, one.scores.validation),
                          score_cell(report, one.scores.test),
                          std::isnan(one.seconds) ? Cell("-") : Cell(one.seconds, 3)});
  section.table(table);
}

void draw_training(Page& page, RunFolder& folder, const TrainReport& report) {
  Section& section = page.section("Training");
  const TrainResult& training = report.training;
  std::string text = fmt::format("{} with {}, {} epochs in {}: {}.", literal(report.setup.source),
                                 literal(report.setup.resolved.options.text("optimiser")), training.history.size(),
                                 duration_text(report.training_seconds), name_of(training.stopped));
  if (training.best_epoch > 0) text += fmt::format(" Best validation loss in epoch {}.", training.best_epoch);
  if (training.polish)
    text += fmt::format(
        " Then {} iterations of {}: objective {}, norm of its gradient {}{}.", training.polish->iterations,
        report.setup.objective.penalty.smooth() ? "L-BFGS" : "proximal gradients",
        format_number(training.polish->objective, 5), format_number(training.polish->residual, 2),
        training.polish->converged ? ", a stationary point" : " (not stationary yet: polish\\_iterations ends it)");
  section.prose(text);
  if (training.history.empty()) return;
  std::vector<double> epoch, loss, validation, score, validation_score;
  const double unit = regress(report) ? 1 : 100;
  for (const EpochRecord& record : training.history) {
    epoch.push_back(static_cast<double>(record.epoch));
    loss.push_back(record.loss);
    validation.push_back(record.validation_loss);
    score.push_back(unit * record.score);
    validation_score.push_back(unit * record.validation_score);
  }
  const bool validated = !std::isnan(validation.back());
  Figure figure({.title = "Training",
                 .caption = "Loss (the objective without its penalty) and score against epochs, before the polish."});
  Panel& left = figure.panel("Loss");
  left.x({.label = "epoch"})
      .y({.label = "loss", .scale = Scale::log})
      .line(epoch, loss, {.label = "training", .colour = 0});
  if (validated) left.line(epoch, validation, {.label = "validation", .colour = 1});
  Panel& right = figure.panel("Score");
  right.x({.label = "epoch"})
      .y({.label = regress(report) ? "RMSE" : "accuracy (%)"})
      .line(epoch, score, {.label = "training", .colour = 0});
  if (validated) right.line(epoch, validation_score, {.label = "validation", .colour = 1});
  section.figure(figure, "training");
  folder.write_figure("training", figure);
}

void draw_settings(Page& page, const TrainReport& report) {
  Section& section = page.section("Settings");
  std::vector<std::pair<std::string, std::string>> terms;
  const Options& options = report.setup.resolved.options;
  for (const Option& option : options.schema().options()) {
    std::string value;
    switch (option.kind) {
      case OptionKind::boolean: value = options.boolean(option.key) ? "true" : "false"; break;
      case OptionKind::integer: value = std::to_string(options.integer(option.key)); break;
      case OptionKind::real: value = fmt::format("{:g}", options.real(option.key)); break;
      default: value = options.text(option.key);
    }
    terms.emplace_back(literal(option.key), literal(value));
  }
  section.definitions(terms);
  section.prose("The same run again, from this folder:").code("turnpike train --config config.toml");
  section.prose(fmt::format("Data hash {}, seed {}.", report.setup.data_hash, report.setup.seed));
}

std::string cut_outcome(const TrainReport& report) {
  const Contender &full = report.contenders.at(0), &cut = report.contenders.at(1);
  return fmt::format(
      "On the test part the cut network reaches {} where the full one has {}, with {} of {} parameters. It is saved as "
      "`model-cut.safetensors`.",
      std::isnan(cut.scores.test) ? "-" : score_text(report.model, cut.scores.test),
      std::isnan(full.scores.test) ? "-" : score_text(report.model, full.scores.test), cut.parameters, full.parameters);
}

}  // namespace

std::string result_sentence(const TrainReport& report) {
  const ModelSpec& spec = report.model.spec;
  const LayerCut& cut = *report.diagnosis.cut;
  const Contender &full = report.contenders.at(0), &small = report.contenders.at(1);
  const bool tested = !std::isnan(full.scores.test);
  const auto score = [&](const Contender& one) { return tested ? one.scores.test : one.scores.train; };
  const std::string rows = tested ? fmt::format("{} test rows", report.setup.test.size())
                                  : fmt::format("{} training rows", report.setup.train.size());
  if (regress(report))
    return fmt::format(
        "A flow of {} layers and width {} predicts {} with an RMSE of {} on {}; its first {} layers alone reach {}.",
        spec.layers, spec.width, literal(report.model.schema.targets.at(0).name), score_text(report.model, score(full)),
        rows, cut.layers, score_text(report.model, score(small)));
  return fmt::format("A flow of {} layers and width {} gets {} of {} right; its first {} layers alone get {}.",
                     spec.layers, spec.width, score_text(report.model, score(full)), rows, cut.layers,
                     score_text(report.model, score(small)));
}

Page train_page(const TrainReport& report, RunFolder& folder) {
  Page page("Turnpike: " + literal(report.setup.name), result_sentence(report));
  const Contender& full = report.contenders.at(0);
  const Diagnosis& diagnosis = report.diagnosis;
  const bool tested = !std::isnan(full.scores.test);
  page.fact({score_text(report.model, tested ? full.scores.test : full.scores.train),
             fmt::format("{} on the {} part", score_name(report.model), tested ? "test" : "training"),
             literal(report.setup.source)});
  page.fact({fmt::format("{} of {}", diagnosis.cut->layers, report.model.spec.layers), "layers needed",
             fmt::format("$t^*$ = {} of $T$ = {}", format_number(diagnosis.cut->time, 3),
                         format_number(report.model.spec.horizon))});
  const bool above_end = diagnosis.cost_decay.verdict != DecayVerdict::exponential;
  const Decay& decay = above_end ? diagnosis.excess_decay : diagnosis.cost_decay;
  if (decay.verdict == DecayVerdict::exponential)
    page.fact(
        {format_number(decay.fit.rate, 3),
         above_end ? "rate at which the cost decays to its static value"
                   : "rate at which the cost decays through depth",
         fmt::format("95 %: {} to {}", format_number(decay.fit.rate_low, 3), format_number(decay.fit.rate_high, 3))});
  else
    page.fact({decay.verdict == DecayVerdict::power_law ? "no, a power law" : "none seen",
               "exponential decay of the cost through depth", "the section on the turnpike says why"});
  page.fact({std::to_string(full.parameters), "parameters", duration_text(report.training_seconds) + " of training"});

  draw_decisions(page, folder, report.task, diagnosis);
  draw_depth(page, folder, report.task, diagnosis);
  draw_cut(page, folder, report.task, diagnosis, cut_outcome(report));
  draw_errors(page, folder, report.task, diagnosis);
  if (report.contenders.size() > 2) draw_contenders(page, report);
  draw_training(page, folder, report);
  draw_problem(page, report);
  draw_settings(page, report);
  page.footer(report.provenance);
  return page;
}

}  // namespace turnpike
