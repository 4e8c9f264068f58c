#include "catalogue.h"

#include <study_records.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <turnpike/base/help_text.h>
#include <turnpike/report/text.h>

namespace turnpike {
namespace {

bool same_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

const std::vector<const StudyRecord*>& study_catalogue() {
  static const std::vector<const StudyRecord*> catalogue = {
#define STUDY(chapter, name) &studies::name##_record,
#include "table.inc"
#undef STUDY
  };
  return catalogue;
}

std::vector<const StudyRecord*> studies_named(std::string_view word) {
  std::vector<const StudyRecord*> found;
  std::vector<std::string> known;
  for (const StudyRecord* record : study_catalogue()) {
    known.emplace_back(record->name);
    bool claimed = std::any_of(record->claims.begin(), record->claims.end(),
                               [&](const char* claim) { return same_but_for_case(claim, word); });
    if (claimed || word == record->name) found.push_back(record);
    known.insert(known.end(), record->claims.begin(), record->claims.end());
  }
  if (!found.empty()) return found;
  const std::string near = did_you_mean(word, known);
  throw InputError(fmt::format("unknown study '{}'; {}", word,
                               near.empty() ? "see turnpike study --list" : fmt::format("did you mean '{}'?", near)));
}

std::string study_list() {
  std::string list;
  for (const StudyRecord* record : study_catalogue())
    list += fmt::format("{:<22} {:<8} {:>4.0f} s {:>5.0f} s  {}\n", record->name, fmt::join(record->claims, " "),
                        record->seconds_quick, record->seconds_full, record->title);
  return fmt::format("{:<22} {:<8} {:>6} {:>7}  {}\n{}", "study", "claims", "quick", "full", "title", list);
}

nlohmann::ordered_json study_list_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const StudyRecord* record : study_catalogue()) {
    nlohmann::ordered_json entry = {{"study", record->name}, {"chapter", record->chapter}};
    entry["claims"] = nlohmann::ordered_json::array();
    for (const char* claim : record->claims) entry["claims"].push_back(claim);
    entry["title"] = record->title;
    entry["statement"] = record->statement;
    entry["source"] = record->source;
    entry["seconds"] = {{"quick", record->seconds_quick}, {"full", record->seconds_full}};
    entry["seeds"] = record->seeds;
    for (StudySize size : {StudySize::quick, StudySize::full})
      record->schema(size).to_json(entry["settings"][name_of(size)]);
    list.push_back(std::move(entry));
  }
  return {{"schema", 1}, {"studies", list}};
}

std::string study_help(const StudyRecord& record) {
  std::string settings;
  std::istringstream lines(record.schema(StudySize::full).help());
  for (std::string line; std::getline(lines, line);) settings += plain_text(line) + '\n';
  const std::string facts =
      fmt::format("claims {}; {}; about {:.0f} s with --quick, {:.0f} s in full", fmt::join(record.claims, ", "),
                  record.source, record.seconds_quick, record.seconds_full);
  return fmt::format("turnpike study {}\n{}\n\n{}\n\n{}\n{}", record.name, record.title,
                     fmt::join(wrapped(plain_text(record.statement)), "\n"),
                     fmt::join(wrapped(plain_text(facts)), "\n"),
                     settings.empty() ? "" : "\nsettings (key=value, with their defaults in full)\n" + settings);
}

}  // namespace turnpike
