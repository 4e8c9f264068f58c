#include "study_words.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <studies/catalogue.h>
#include <turnpike/io/toml.h>

namespace turnpike {
namespace {

// What an earlier run recorded: its flags where the words say nothing else, its settings before those of the words.
void read_config(Invocation& invocation) {
  const std::string& file = invocation.flags.text("config");
  if (file.empty()) return;
  std::vector<std::pair<std::string, std::string>> settings;
  const bool sized = invocation.flags.boolean("quick") || invocation.flags.boolean("full");
  for (const TomlEntry& entry : read_toml(file)) {
    const std::string origin = fmt::format("{} line {}", file, entry.line);
    if (entry.key == "size") {
      if (entry.text != "quick" && entry.text != "full")
        throw InputError(fmt::format("size must be quick or full, got '{}' ({})", entry.text, origin));
      if (!sized) invocation.flags.set(entry.text, "true", origin);
    } else if (entry.key == "seed" || entry.key == "seeds" || entry.key == "threads") {
      if (!invocation.flags.is_set(entry.key)) invocation.flags.set(entry.key, entry.text, origin);
    } else {
      settings.emplace_back(entry.key, entry.text);
    }
  }
  invocation.settings.insert(invocation.settings.begin(), settings.begin(), settings.end());
}

void check_settings(const Invocation& invocation, const std::vector<const StudyRecord*>& studies) {
  for (const auto& [key, value] : invocation.settings) {
    bool known = false;
    for (const StudyRecord* study : studies) {
      const OptionSchema schema = study->schema(chosen_size(invocation));
      if (const Option* option = schema.find(key)) {
        option->check(value, "command line");
        known = true;
      }
    }
    if (known) continue;
    std::vector<std::string> keys;
    for (const StudyRecord* study : studies)
      for (const StudySetting& setting : study->settings) keys.emplace_back(setting.key);
    const std::string near = did_you_mean(key, keys);
    throw InputError(
        fmt::format("unknown setting '{}' of {}; {}", key, fmt::join(invocation.positionals, " "),
                    near.empty() ? "turnpike study STUDY --help lists them" : fmt::format("did you mean '{}'?", near)));
  }
}

}  // namespace

std::vector<const StudyRecord*> chosen_studies(const Invocation& invocation) {
  if (invocation.flags.boolean("all")) return study_catalogue();
  std::vector<const StudyRecord*> chosen;
  for (const std::string& word : invocation.positionals)
    for (const StudyRecord* study : studies_named(word))
      if (std::find(chosen.begin(), chosen.end(), study) == chosen.end()) chosen.push_back(study);
  return chosen;
}

StudySize chosen_size(const Invocation& invocation) {
  return invocation.flags.boolean("quick") ? StudySize::quick : StudySize::full;
}

std::vector<std::pair<std::string, std::string>> settings_of(const Invocation& invocation, const StudyRecord& record) {
  const OptionSchema schema = record.schema(StudySize::full);
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& setting : invocation.settings)
    if (schema.find(setting.first)) settings.push_back(setting);
  return settings;
}

void settle_study(Invocation& invocation) {
  if (invocation.flags.boolean("list")) {
    invocation.answer = invocation.flags.boolean("json") ? study_list_json().dump() + "\n" : study_list();
    return;
  }
  const std::vector<const StudyRecord*> studies = chosen_studies(invocation);
  if (invocation.help) {
    for (const StudyRecord* study : studies) invocation.answer += study_help(*study);
    if (studies.empty()) invocation.answer = verb_help(*invocation.verb);
    return;
  }
  if (studies.empty()) throw InputError("which study? name one or more, or --all; turnpike study --list shows them");
  if (invocation.flags.boolean("all") && !invocation.positionals.empty())
    throw InputError(fmt::format("--all runs every study; leave out '{}'", invocation.positionals.front()));
  read_config(invocation);
  if (invocation.flags.boolean("quick") && invocation.flags.boolean("full"))
    throw InputError("--quick and --full exclude each other");
  check_settings(invocation, studies);
}

}  // namespace turnpike
