#include <cmath>
#include <map>

#include <fmt/format.h>

#include <turnpike/report/text.h>
#include <turnpike/study/runner.h>

namespace turnpike {
namespace {

const char* sign_of(Relation relation) {
  switch (relation) {
    case Relation::equal: return "$=$";
    case Relation::at_most: return "$\\le$";
    case Relation::at_least: return "$\\ge$";
    case Relation::agrees: return "$\\approx$";
  }
  return "";
}

std::string interval_text(const Check& check) {
  if (!check.interval) return "";
  return fmt::format("{} … {}", format_number(check.interval->first), format_number(check.interval->second));
}

// The claim's column stands only where several claims share the study.
Table check_table(const StudyRecord& record, const StudyReport& report) {
  Table table{.head = {"quantity", "", "predicted", "measured", "95 % interval", "tolerance", "verdict"}};
  const bool several = record.claims.size() > 1;
  if (several) table.head.insert(table.head.begin(), "claim");
  for (const Check& check : report.checks) {
    std::string quantity = check.unit.empty() ? check.quantity : fmt::format("{} [{}]", check.quantity, check.unit);
    table.rows.push_back({quantity, sign_of(check.relation), Cell(format_number(check.predicted)),
                          Cell(format_number(check.measured, 5)), interval_text(check),
                          check.tolerance == 0 ? "" : format_number(check.tolerance),
                          Cell(check.holds() ? Status::pass : Status::fail)});
    if (several) table.rows.back().insert(table.rows.back().begin(), Cell(check.claim));
  }
  return table;
}

Status status_of(const StudyRun& run) {
  if (run.exit == ExitCode::done) return Status::pass;
  return run.exit == ExitCode::check_failed ? Status::fail : Status::warning;
}

std::string claims_of(const StudyRecord& record) {
  return fmt::format("{}", fmt::join(record.claims, ", "));
}

// How a run is called in one chip.
std::string verdict_of(const StudyRun& run) {
  if (!run.error.empty()) return run.exit == ExitCode::interrupted ? "interrupted" : "error";
  return fmt::format("{} of {} checks", run.report.n_holding(), run.report.checks.size());
}

}  // namespace

Page study_page(const StudyRecord& record, const StudyContext& context, const StudyReport& report, double seconds,
                const Provenance& provenance) {
  Page page(record.title, record.statement);
  page.status(report.holds() ? Status::pass : Status::fail,
              fmt::format("{} of {} checks hold", report.n_holding(), report.checks.size()));
  page.status(Status::neutral, "claim " + claims_of(record));
  page.status(Status::neutral, fmt::format("{}, {} s", name_of(context.size()), format_number(seconds, 2)));
  if (!report.not_run.empty()) page.status(Status::warning, fmt::format("{} checks not run", report.not_run.size()));

  Section& claim = page.section("The claim");
  claim.formula(record.claim);
  claim.prose(std::string("**Source.** ") + record.source);
  claim.prose(std::string("**Hypotheses.** ") + record.hypotheses);
  claim.prose(std::string("**What would falsify it.** ") + record.refutation);

  Section& result = page.section("Predicted and measured");
  result.table(check_table(record, report));
  for (const std::string& finding : report.findings) result.prose(finding);
  if (!report.not_run.empty()) {
    std::string list;
    for (const std::string& item : report.not_run) list += "- " + item + "\n";
    result.subsection("Not run").prose(list);
  }

  if (!report.figures.empty()) {
    Section& figures = page.section("Figures");
    for (const StudyFigure& figure : report.figures) figures.figure(figure.figure, figure.name);
  }
  if (!report.tables.empty()) {
    Section& tables = page.section("Numbers");
    for (const Table& table : report.tables) tables.table(table);
  }

  Section& method = page.section("What was run");
  for (const std::string& paragraph : report.method) method.prose(paragraph);
  std::vector<std::pair<std::string, std::string>> terms;
  const nlohmann::ordered_json values = context.settings().to_json();
  for (const auto& [key, value] : values.items()) {
    const Option* option = context.settings().schema().find(key);
    terms.emplace_back(
        fmt::format("`{}` = {}", key, literal(value.is_string() ? value.get<std::string>() : value.dump())),
        option ? option->help : "");
  }
  if (context.record().seeds > 1) terms.emplace_back(fmt::format("`--seeds` = {}", context.seeds()), "repetitions");
  if (!terms.empty()) method.definitions(terms);
  method.code(fmt::format("turnpike study {} --{} --seed {} --config config.toml", record.name, name_of(context.size()),
                          context.seed()));
  page.footer(provenance);
  return page;
}

Page atlas_page(const std::vector<StudyRun>& runs, const Provenance& provenance) {
  std::size_t n_checks = 0, n_holding = 0, n_studies = 0;
  std::vector<std::string> chapters;  // in the order of the catalogue
  std::map<std::string, std::vector<const StudyRun*>> by_chapter;
  for (const StudyRun& run : runs) {
    n_checks += run.report.checks.size();
    n_holding += run.report.n_holding();
    n_studies += run.exit == ExitCode::done;
    if (by_chapter[run.record->chapter].empty()) chapters.push_back(run.record->chapter);
    by_chapter[run.record->chapter].push_back(&run);
  }
  Page page("Deep learning as dynamics: an atlas",
            "Each tile is a claim about deep networks that was computed and could have failed.");
  page.status(n_studies == runs.size() ? Status::pass : Status::fail,
              fmt::format("{} of {} studies hold", n_studies, runs.size()));
  page.status(n_holding == n_checks ? Status::pass : Status::fail,
              fmt::format("{} of {} checks hold", n_holding, n_checks));
  Table index{.head = {"claim", "study", "chapter", "checks", "seconds", "verdict"}};
  for (const std::string& chapter : chapters) {
    std::string title = chapter;
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    std::vector<Card> cards;
    for (const StudyRun* run : by_chapter[chapter]) {
      const std::string address = std::string(run->record->name) + "/report.html";
      cards.push_back({.title = claims_of(*run->record) + " · " + run->record->title,
                       .text = run->error.empty() ? run->record->statement : run->error,
                       .address = run->error.empty() ? address : "",
                       .status = status_of(*run),
                       .verdict = verdict_of(*run),
                       .figure = run->report.figures.empty() ? nullptr : &run->report.figures.front().figure});
      index.rows.push_back(
          {claims_of(*run->record),
           run->error.empty() ? fmt::format("[{}]({})", run->record->name, address) : std::string(run->record->name),
           chapter, Cell(static_cast<long>(run->report.checks.size())), Cell(run->seconds, 3),
           Cell(status_of(*run), verdict_of(*run))});
    }
    page.section(title).cards(cards);
  }
  page.section("Index").table(index);
  page.footer(provenance);
  return page;
}

}  // namespace turnpike
