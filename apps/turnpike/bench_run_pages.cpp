// The pages of whole trainings and runs: time to accuracy, and what is outside the kernels.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <turnpike/report/text.h>

#include "bench_report.h"

namespace turnpike {
namespace {

std::string seconds_text(double seconds) {
  return std::isfinite(seconds) ? format_number(seconds, 3) + " s" : "not reached";
}

std::string file_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '_'; }, '-');
  return name;
}

Figure accuracy_figure(const AccuracyResult& result) {
  Figure figure(
      {.title = literal(result.task.name),
       .caption = fmt::format("{}. Accuracy on the test part after each epoch, against the seconds of training "
                              "and evaluation so far.",
                              literal(result.model))});
  Panel& panel = figure.panel();
  panel.x({.label = "time (s)", .scale = Scale::log}).y({.label = "accuracy on the test part (%)"});
  int colour = 1;
  for (const auto& [name, training] : {std::pair{"PyTorch", &result.peer}, std::pair{"Turnpike", &result.ours}}) {
    std::vector<double> time, accuracy;
    double total = 0;
    for (std::size_t i = 0; i < training->seconds.size(); ++i) {
      time.push_back(total += training->seconds[i]);
      accuracy.push_back(100 * training->accuracy[i]);
    }
    panel.line(time, accuracy,
               {.label = name, .colour = colour--, .marker = time.size() > 20 ? Marker::none : Marker::circle});
  }
  panel.y_mark(100 * result.task.target, fmt::format("{} %", format_number(100 * result.task.target)));
  return figure;
}

Figure phase_figure(const ShareResult& result) {
  std::vector<std::string> names;
  std::vector<double> inside, outside;
  for (const Phase& phase : result.phases) {
    names.push_back(phase.name);
    inside.push_back(phase.kernel_s);
    outside.push_back(phase.seconds - phase.kernel_s);
  }
  Figure figure({.title = literal(result.name), .caption = "Seconds of the run's phases, as its progress names them."});
  figure.panel()
      .y({.label = "time (s)"})
      .bars(names, {{.label = "inside the kernels", .values = inside, .colour = 0},
                    {.label = "outside", .values = outside, .colour = 1}});
  return figure;
}

}  // namespace

Page accuracy_page(const std::vector<AccuracyResult>& results, const Provenance& provenance, RunFolder& folder) {
  std::string sentence, list;
  Table table{
      .head = {"training", "type", "to reach, %", "ours", "PyTorch", "ratio", "its range", "epochs, ours", "PyTorch"}};
  Table ends{.head = {"training", "last accuracy, ours, %", "PyTorch, %", "last objectives differ by",
                      "our time in the kernels, %"},
             .caption = "The two trainings end at the same place, up to rounding that the training amplifies."};
  for (const AccuracyResult& result : results) {
    const double target = result.task.target, ours = result.ours.seconds_to(target),
                 peer = result.peer.seconds_to(target);
    const double last = result.ours.objective.back(), theirs = result.peer.objective.back();
    sentence += fmt::format("{}{} to {} %: {}, PyTorch {}.", sentence.empty() ? "" : " ", literal(result.task.name),
                            format_number(100 * target), seconds_text(ours), seconds_text(peer));
    list += fmt::format("- {}; {}; beside {}; threads: {}\n", literal(result.source), literal(result.model),
                        literal(result.peer_description), result.threads);
    table.rows.push_back(
        {literal(result.task.name), result.dtype, Cell(100 * target, 3), seconds_text(ours), seconds_text(peer),
         std::isfinite(result.ratio.value) ? Cell(result.ratio.value, 3) : Cell(""),
         result.task.pairs > 1
             ? fmt::format("{} … {}", format_number(result.ratio.low, 3), format_number(result.ratio.high, 3))
             : "one pair",
         Cell(static_cast<long>(result.ours.epochs_to(target))),
         Cell(static_cast<long>(result.peer.epochs_to(target)))});
    ends.rows.push_back({literal(result.task.name), Cell(100 * result.ours.accuracy.back(), 4),
                         Cell(100 * result.peer.accuracy.back(), 4),
                         format_number(std::abs(last - theirs) / std::abs(theirs), 2),
                         Cell(100 * result.ours.inside, 3)});
  }
  Page page("Turnpike: time to accuracy", sentence);
  Section& section = page.section("Accuracy against time");
  for (const AccuracyResult& result : results) {
    const Figure figure = accuracy_figure(result);
    const std::string name = file_name("accuracy-" + result.task.name);
    section.figure(figure, name);
    folder.write_figure(name, figure);
  }
  section.table(table).table(ends);
  page.section("What was timed")
      .prose(
          "The same model, data, first parameters, Adam, rates, and order of the rows. The accuracy to reach was "
          "stated "
          "beforehand; an epoch's time holds its evaluation on the test part.")
      .prose(list)
      .code("turnpike bench --accuracy");
  page.footer(provenance);
  return page;
}

Page share_page(const std::vector<ShareResult>& results, const Provenance& provenance, RunFolder& folder) {
  const ShareResult& train = results.front();
  Page page(
      "Turnpike: outside the kernels",
      fmt::format("Of `turnpike train` without arguments, {} % of the time is outside the fused kernels; an epoch "
                  "takes {} ms with them and {} ms without.",
                  format_number(100 * train.outside(), 3), format_number(1e3 * train.epoch_s, 3),
                  format_number(1e3 * train.epoch_without_s, 3)));
  Section& section = page.section("Shares");
  Table table{.head = {"run", "phase", "seconds", "in the kernels", "outside, %"}};
  for (const ShareResult& result : results) {
    const Figure figure = phase_figure(result);
    const std::string name = file_name("share-" + result.name);
    section.figure(figure, name);
    folder.write_figure(name, figure);
    std::vector<Phase> rows = result.phases;
    rows.push_back({"**all**", result.seconds, result.kernel_s});
    for (const Phase& phase : rows)
      table.rows.push_back({literal(result.name), phase.name, Cell(phase.seconds, 3), Cell(phase.kernel_s, 3),
                            Cell(100 * (1 - phase.kernel_s / phase.seconds), 3)});
  }
  section.table(table);
  page.section("What was timed")
      .prose(
          "Whole runs with their reports. Inside: from the call of a kernel to its return, as the calling thread sees "
          "it. A phase lasts from the first word of its progress to that of the next. An epoch without the kernels is "
          "libtorch's autograd through the same flow; both are medians, of 40 and of 10 epochs.")
      .code("turnpike bench --share");
  page.footer(provenance);
  return page;
}

}  // namespace turnpike
