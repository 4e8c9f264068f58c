#include "bench_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include <bench/work.h>
#include <turnpike/core/device.h>
#include <turnpike/math/fit.h>
#include <turnpike/report/text.h>

namespace turnpike {
namespace {

bool is_f32(const CaseResult& result) {
  return result.dtype == c10::ScalarType::Float;
}

std::optional<double> ratio_goal(const CaseResult& result) {
  const GoalCase* goal = result.peer == "libtorch" ? goal_of(result.flow) : nullptr;
  if (!goal) return std::nullopt;
  return is_f32(result) ? goal->ratio_f32 : goal->ratio_f64;
}

std::optional<double> peak_goal(const CaseResult& result) {
  const GoalCase* goal = goal_of(result.flow);
  return goal ? goal->peak_fraction : std::nullopt;
}

// Of one type and peer, that were timed.
std::vector<const CaseResult*> timed(const BenchReport& report, bool f32, const std::string& peer) {
  std::vector<const CaseResult*> out;
  for (const CaseResult& result : report.results)
    if (result.right() && is_f32(result) == f32 && result.peer == peer) out.push_back(&result);
  return out;
}

std::vector<std::string> peers_of(const BenchReport& report) {
  std::vector<std::string> names;
  for (const CaseResult& result : report.results)
    if (std::find(names.begin(), names.end(), result.peer) == names.end()) names.push_back(result.peer);
  return names;
}

std::string bytes_text(double bytes) {
  return bytes < 1e6 ? format_number(bytes / 1e3, 3) + " kB" : format_number(bytes / 1e6, 3) + " MB";
}

double intensity(const CaseResult& result) {
  return gradient_flops(result.flow) / gradient_bytes(result.flow, is_f32(result) ? 4 : 8);
}

// The case in one line that does not break: "d=2 N=500 K=729 euler tanh".
std::string shape_text(const CaseResult& result) {
  std::string text;
  for (const char c : result.flow.name().substr(std::string("flow ").size()))
    text += c == ' ' ? std::string("\u00a0") : literal(std::string(1, c));
  return text;
}

// What most of our time goes to, in a few words.
std::string limit_of(const CaseResult& result) {
  const double around = 1 - result.inside;
  if (result.inside == 0) return result.peak_fraction > 0.6 ? "multiply-adds (BLAS)" : "libtorch's operations";
  if (around > 0.4) return "what is around the kernels";
  if (result.peak_fraction > 0.6) return "multiply-adds";
  if (result.activation_share > 0.4) return "activations";
  return "loads, stores, waits";
}

void draw_machine(Page& page, const BenchReport& report) {
  Section& section = page.section("The machine");
  Table table{.head = {"threads", "FMA f32", "FMA f64", "BLAS f32", "BLAS f64", "memory", "own cache"},
              .caption =
                  "Measured in this run. FMA: independent multiply-adds in registers, GFLOP/s. BLAS: products of "
                  "1024 x 1024 matrices, GFLOP/s. Memory and cache: a = b + s c on arrays far beyond the caches "
                  "and on arrays of 96 kB, GB/s."};
  for (const Peaks& peaks : report.peaks)
    table.rows.push_back({Cell(peaks.threads), Cell(1e-9 * peaks.fma_f32, 3), Cell(1e-9 * peaks.fma_f64, 3),
                          Cell(1e-9 * peaks.gemm_f32, 3), Cell(1e-9 * peaks.gemm_f64, 3), Cell(1e-9 * peaks.memory, 3),
                          Cell(1e-9 * peaks.cache, 3)});
  section.definitions({{"processor", literal(report.provenance.processor)},
                       {"instructions", literal(report.provenance.dispatch)},
                       {"threads", std::to_string(report.provenance.threads)},
                       {"compiler", literal(report.provenance.compiler)}});
  section.table(table);
}

void draw_method(Page& page, const BenchReport& report) {
  Section& section = page.section("What was timed");
  section.prose("One gradient of the objective for the controls, complete:");
  section.formula(
      "J(u) = \\frac{1}{N} \\sum_i \\left( \\int_0^T g(P x_i(t), y_i)\\, dt + g(P x_i(T), y_i) \\right) + \\lambda "
      "\\int_0^T |u|^2 dt");
  section.prose(
      "Ours goes through the public `Objective`. Every program gets the same numbers, and is timed only where its "
      "gradient and ours agree. Repetitions alternate between the two; a short one is repeated for 2 ms and counts as "
      "their mean. Times are medians; a ratio is the median of the pairs' ratios, with the 95 % interval of order "
      "statistics. Flops are counted from the formulas (products, biases, the scheme's sums, the cost; activations "
      "are not counted), the same for all.");
  std::map<std::string, std::string> written;
  std::string list;
  for (const CaseResult& result : report.results)
    if (result.right() && written.emplace(result.peer_description, "").second)
      list += "- " + literal(result.peer_description) + "\n";
  for (const std::string& why : report.missing) list += "- " + literal(why) + "\n";
  section.prose("Beside whom:").prose(list);
  section.code(report.command);
}

void draw_roofline(Section& section, RunFolder& folder, const BenchReport& report) {
  Figure figure({.title = "Roofline",
                 .caption =
                     "Counted flops a second against the flops for each byte that must pass at the least (inputs "
                     "and gradients once, each state written and read once). Lines: what this machine can do, "
                     "measured. Crosses: the peer, which does the same work.",
                 .panel_height = 380});
  const Peaks& peaks = report.peaks.front();
  for (const bool f32 : {true, false}) {
    std::vector<double> x, ours, theirs;
    std::string peer;
    for (const std::string& name : peers_of(report)) {
      for (const CaseResult* result : timed(report, f32, name)) {
        if (!peer.empty() && name != peer) continue;
        peer = name;
        x.push_back(intensity(*result));
        ours.push_back(result->gflops());
        theirs.push_back(1e-9 * gradient_flops(result->flow) / result->peer_s);
      }
    }
    if (x.empty()) continue;
    const double roof = 1e-9 * (f32 ? peaks.fma_f32 : peaks.fma_f64);
    const double left = 0.5 * *std::min_element(x.begin(), x.end()), right = 2 * *std::max_element(x.begin(), x.end());
    std::vector<double> at, memory, cache, flat;
    for (int i = 0; i <= 60; ++i) {
      at.push_back(left * std::pow(right / left, i / 60.0));
      memory.push_back(std::min(roof, 1e-9 * peaks.memory * at.back()));
      cache.push_back(std::min(roof, 1e-9 * peaks.cache * at.back()));
    }
    figure.panel(f32 ? "float32" : "float64")
        .x({.label = "flops a byte", .scale = Scale::log})
        .y({.label = "GFLOP/s", .scale = Scale::log})
        .line(at, cache, {.label = "multiply-adds, own cache", .colour = ink::text, .width = 1.4})
        .line(at, memory, {.label = "main memory", .colour = ink::muted, .dash = Dash::dashed, .width = 1.4})
        .points(x, ours, {.label = "Turnpike", .colour = 0, .marker = Marker::circle, .size = 8})
        .points(x, theirs, {.label = peer, .colour = 1, .marker = Marker::cross, .size = 8});
  }
  section.figure(figure, "roofline");
  folder.write_figure("roofline", figure);
}

// The ratios of the cases with Euler's scheme, or of the others, and their goals.
void draw_series(Panel& panel, const std::vector<const CaseResult*>& results, bool euler, const std::string& label,
                 int colour) {
  std::vector<double> d, ratio, low, high, goal_d, goal;
  for (const CaseResult* result : results) {
    if ((result->flow.scheme == "euler") != euler) continue;
    d.push_back(static_cast<double>(result->flow.dimension));
    ratio.push_back(result->ratio.value);
    low.push_back(result->ratio.low);
    high.push_back(result->ratio.high);
    if (const auto wanted = ratio_goal(*result)) {
      goal_d.push_back(d.back());
      goal.push_back(*wanted);
    }
  }
  if (d.empty()) return;
  panel.intervals(d, low, high, {.colour = colour});
  panel.points(d, ratio,
               {.label = label, .colour = colour, .marker = euler ? Marker::circle : Marker::triangle, .size = 8});
  if (!goal.empty())
    panel.points(goal_d, goal,
                 {.label = euler ? "goal" : "goal, other schemes",
                  .colour = ink::muted,
                  .marker = euler ? Marker::diamond : Marker::inverted,
                  .size = 8});
}

void draw_ratios(Section& section, RunFolder& folder, const BenchReport& report) {
  Figure figure({.title = "How many times faster",
                 .caption = "Median of the paired ratios with its 95 % interval (often smaller than the mark). "
                            "Grey: the goals, which are set for two threads beside libtorch.",
                 .panel_height = 380});
  for (const bool f32 : {true, false}) {
    if (std::none_of(report.results.begin(), report.results.end(),
                     [f32](const CaseResult& result) { return result.right() && is_f32(result) == f32; }))
      continue;
    Panel& panel = figure.panel(f32 ? "float32" : "float64");
    panel.x({.label = "dimension $d$", .scale = Scale::log})
        .y({.label = "time of the peer / ours", .scale = Scale::log});
    int colour = 0;
    for (const std::string& name : peers_of(report)) {
      for (const bool euler : {true, false})
        draw_series(panel, timed(report, f32, name), euler, name + (euler ? "" : ", other schemes"), colour);
      ++colour;
    }
    panel.y_mark(1);
  }
  section.figure(figure, "ratio");
  folder.write_figure("ratio", figure);
}

// "2.62 (2.17 … 2.73)", in one line.
std::string ratio_text(const CaseResult& result) {
  return fmt::format("{}\u00a0({}\u00a0…\u00a0{})", format_number(result.ratio.value, 3),
                     format_number(result.ratio.low, 3), format_number(result.ratio.high, 3));
}

Table result_table(const BenchReport& report) {
  const bool goals = std::any_of(report.results.begin(), report.results.end(),
                                 [](const CaseResult& result) { return !goal_verdict(result).empty(); });
  Table table{.head = {"case", "type", "ours, ms", "peer", "its ms", "ratio and 95 % interval", goals ? "goal" : ""}};
  for (const CaseResult& r : report.results) {
    if (!r.right()) {
      table.rows.push_back(
          {shape_text(r), name_of(r.dtype), "", literal(r.peer), "", "", Cell(Status::fail, "wrong gradient")});
      continue;
    }
    const std::string verdict = goal_verdict(r);
    const Status status = verdict.find("met") != std::string::npos ? Status::pass : Status::warning;
    table.rows.push_back({shape_text(r), name_of(r.dtype), Cell(1e3 * r.ours_s, 3), literal(r.peer),
                          Cell(1e3 * r.peer_s, 3), ratio_text(r),
                          verdict.empty() ? Cell("") : Cell(status, verdict.substr(0, verdict.find(':')))});
  }
  return table;
}

Table agreement_table(const BenchReport& report) {
  Table table{.head = {"case", "type", "peer", "difference", "admitted", "pairs", "memory"},
              .caption =
                  "Difference of the two gradients relative to the peer's, Euclidean norms; memory: how far the "
                  "process grows for one gradient of ours, scratch that is kept for the next one included."};
  for (const CaseResult& r : report.results)
    table.rows.push_back({shape_text(r), name_of(r.dtype), literal(r.peer), format_number(r.gradient_error, 2),
                          format_number(r.tolerance, 2), Cell(r.pairs), bytes_text(static_cast<double>(r.peak_bytes))});
  return table;
}

void draw_limits(Page& page, const BenchReport& report) {
  Table table{.head = {"case", "type", "FMA, %", "activations, %", "around, %", "limited by"},
              .caption =
                  "Shares of our time. FMA: the counted flops at the machine's peak; the activations and their slopes "
                  "by the vector functions alone, on data in the cache; around: all that is not inside the kernels."};
  std::vector<std::pair<FlowCase, c10::ScalarType>> shown;
  for (const CaseResult& r : report.results) {
    const std::pair<FlowCase, c10::ScalarType> key{r.flow, r.dtype};
    if (!r.right() || std::find(shown.begin(), shown.end(), key) != shown.end()) continue;
    shown.push_back(key);
    table.rows.push_back({shape_text(r), name_of(r.dtype), Cell(100 * r.peak_fraction, 2),
                          Cell(100 * r.activation_share, 2), Cell(100 * (1 - r.inside), 2), limit_of(r)});
  }
  page.section("What limits each").table(table);
}

std::string result_sentence(const BenchReport& report) {
  const CaseResult* best = nullptr;
  for (const CaseResult& result : report.results)
    if (result.right() && (!best || result.ratio.value > best->ratio.value)) best = &result;
  if (!best) return "No gradient was right: nothing was timed.";
  return fmt::format("{} in {}: {} ms where {} takes {} ms, {} times as long.", literal(best->flow.name()),
                     name_of(best->dtype), format_number(1e3 * best->ours_s, 3), literal(best->peer),
                     format_number(1e3 * best->peer_s, 3), format_number(best->ratio.value, 3));
}

void draw_chips(Page& page, const BenchReport& report) {
  int goals = 0, met = 0, wrong = 0;
  for (const CaseResult& result : report.results) {
    const std::string verdict = goal_verdict(result);
    goals += !verdict.empty();
    met += verdict.find("met") != std::string::npos;
    wrong += !result.right();
  }
  page.status(wrong ? Status::fail : Status::pass,
              wrong ? fmt::format("{} gradients are wrong", wrong) : "every gradient agrees");
  if (goals) page.status(met == goals ? Status::pass : Status::warning, fmt::format("{} of {} goals met", met, goals));
  for (const std::string& why : report.missing) page.status(Status::warning, literal(why));
}

}  // namespace

std::string goal_verdict(const CaseResult& result) {
  if (!result.right()) return "";
  const auto words = [](double wanted, double reached, const std::string& text) {
    return reached >= wanted ? fmt::format("{}: met", text)
                             : fmt::format("{}: {:.0f} % short", text, 100 * (1 - reached / wanted));
  };
  if (const auto wanted = ratio_goal(result)) return words(*wanted, result.ratio.value, fmt::format("{:g} x", *wanted));
  if (const auto wanted = peak_goal(result))
    return words(*wanted, result.peak_fraction, fmt::format("{:.0f} % of peak", 100 * *wanted));
  return "";
}

Page cases_page(const BenchReport& report, RunFolder& folder) {
  Page page("Turnpike: benchmark", result_sentence(report));
  draw_chips(page, report);
  Section& result = page.section("Results");
  draw_ratios(result, folder, report);
  result.table(result_table(report));
  draw_limits(page, report);
  Section& roofs = page.section("Against the machine");
  draw_roofline(roofs, folder, report);
  draw_machine(page, report);
  draw_method(page, report);
  page.section("Agreement and memory").table(agreement_table(report));
  page.footer(report.provenance);
  return page;
}

namespace {

struct Sweep {
  const char* name;  // of the files
  std::string axis;
  std::function<double(const CaseResult&)> number;
};

// Those results that differ from the base in this number alone. The base itself is the case that lies on all sweeps.
std::vector<const CaseResult*> along(const std::vector<const CaseResult*>& all, const Sweep& sweep,
                                     const std::vector<Sweep>& others, const CaseResult& base) {
  std::vector<const CaseResult*> out;
  for (const CaseResult* result : all) {
    const bool fits = std::all_of(others.begin(), others.end(), [&](const Sweep& other) {
      return other.name == sweep.name || other.number(*result) == other.number(base);
    });
    const bool twice = std::any_of(
        out.begin(), out.end(), [&](const CaseResult* other) { return sweep.number(*other) == sweep.number(*result); });
    if (fits && !twice) out.push_back(result);
  }
  std::sort(out.begin(), out.end(),
            [&](const CaseResult* a, const CaseResult* b) { return sweep.number(*a) < sweep.number(*b); });
  return out;
}

}  // namespace

Page growth_page(const BenchReport& report, RunFolder& folder) {
  const std::vector<Sweep> sweeps = {
      {"K", "layers $K$", [](const CaseResult& r) { return static_cast<double>(r.flow.layers); }},
      {"N", "samples $N$", [](const CaseResult& r) { return static_cast<double>(r.flow.samples); }},
      {"d", "dimension $d$", [](const CaseResult& r) { return static_cast<double>(r.flow.dimension); }},
      {"threads", "threads", [](const CaseResult& r) { return static_cast<double>(r.threads); }}};
  const CaseResult& base = report.results.back();  // the threads come last, and the base is their shape
  Page page("Turnpike: growth", fmt::format("How the time of one gradient grows from {}.", literal(base.flow.name())));
  draw_chips(page, report);
  Section& section = page.section("Time against size");
  Table table{.head = {"along", "type", "program", "time grows like", "95 % interval", "points"},
              .caption = "The exponent of a power law through the larger half of the points: 1 is proportional."};
  for (const bool f32 : {true, false}) {
    for (const std::string& peer : peers_of(report)) {
      const std::vector<const CaseResult*> all = timed(report, f32, peer);
      if (all.empty()) continue;
      Figure figure({.title = fmt::format("{} beside {}", f32 ? "float32" : "float64", peer),
                     .caption = "Each panel changes one number of the case and keeps the others.",
                     .columns = 2});
      for (const Sweep& sweep : sweeps) {
        std::vector<double> x, ours, theirs;
        for (const CaseResult* result : along(all, sweep, sweeps, base)) {
          x.push_back(sweep.number(*result));
          ours.push_back(1e3 * result->ours_s);
          theirs.push_back(1e3 * result->peer_s);
        }
        if (x.empty()) continue;
        figure.panel()
            .x({.label = sweep.axis, .scale = x.back() > 8 ? Scale::log : Scale::linear})
            .y({.label = "time (ms)", .scale = Scale::log})
            .line(x, theirs, {.label = peer, .colour = 1, .marker = Marker::square})
            .line(x, ours, {.label = "Turnpike", .colour = 0, .marker = Marker::circle});
        const std::size_t half = x.size() / 2;
        if (x.size() - half < 3) continue;
        for (const auto& [who, times] : {std::pair{std::string("Turnpike"), &ours}, std::pair{peer, &theirs}}) {
          const LineFit fit = fit_order(std::span(x).subspan(half), std::span(*times).subspan(half));
          table.rows.push_back(
              {fmt::format("${}$", sweep.name), f32 ? "f32" : "f64", literal(who), Cell(fit.slope, 3),
               fmt::format("{} … {}", format_number(fit.slope_low, 3), format_number(fit.slope_high, 3)),
               Cell(fit.n_points)});
        }
      }
      const std::string name = fmt::format("growth-{}-{}", f32 ? "f32" : "f64", peer);
      section.figure(figure, name);
      folder.write_figure(name, figure);
    }
  }
  section.table(table);
  page.section("All cases").table(result_table(report));
  draw_machine(page, report);
  draw_method(page, report);
  page.footer(report.provenance);
  return page;
}

}  // namespace turnpike
