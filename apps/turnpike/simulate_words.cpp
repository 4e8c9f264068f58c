#include "simulate_words.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include <turnpike/io/toml.h>
#include <turnpike/pde/catalogue.h>

namespace turnpike {
namespace {

std::string equation_text(const Simulator& simulator) {
  std::string text = simulator.make(Options(simulator.options)).equation.text();
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

std::string list_text() {
  std::string text;
  for (const Simulator& simulator : simulator_catalogue())
    text += fmt::format("{:<22} {}\n{:<22} {}\n", simulator.name, simulator.title, "", equation_text(simulator));
  return text;
}

std::string list_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Simulator& simulator : simulator_catalogue()) {
    nlohmann::ordered_json options;
    simulator.options.to_json(options);
    list.push_back({{"name", simulator.name},
                    {"title", simulator.title},
                    {"equation", equation_text(simulator)},
                    {"source", simulator.source},
                    {"options", options}});
  }
  return nlohmann::ordered_json{{"schema", 1}, {"verb", "simulate"}, {"simulators", list}}.dump() + "\n";
}

OptionSchema schema_of(const Simulator& simulator) {
  OptionSchema schema = simulator.options;
  schema.group("method");
  schema.real("tolerance", 0, "of a step, relative to the field; 0: the simulator's own").at_least(0).at_most(0.1);
  return schema;
}

std::string help_text(const Simulator& simulator) {
  return fmt::format("turnpike simulate {0}: {1}\n\n  {2}\n\nGrid and initial state: {3}.\n\n{4}", simulator.name,
                     simulator.title, equation_text(simulator), simulator.source, schema_of(simulator).help());
}

}  // namespace

void settle_simulate(Invocation& invocation) {
  if (invocation.flags.boolean("list")) {
    invocation.answer = invocation.flags.boolean("json") ? list_json() : list_text();
    return;
  }
  if (invocation.positionals.size() > 1)
    throw InputError(fmt::format("one simulator at a time; leave out '{}'", invocation.positionals[1]));
  if (invocation.help) {
    invocation.answer = invocation.positionals.empty() ? verb_help(*invocation.verb)
                                                       : help_text(simulator_named(invocation.positionals[0]));
    return;
  }
  if (invocation.positionals.empty())
    throw InputError("which equation? name a simulator; turnpike simulate --list shows them");
  const Simulator& simulator = simulator_named(invocation.positionals[0]);
  invocation.options = Options(schema_of(simulator));
  if (const std::string& file = invocation.flags.text("config"); !file.empty())
    for (const TomlEntry& entry : read_toml(file))
      invocation.options.set(entry.key, entry.text, fmt::format("{} line {}", file, entry.line));
  for (const auto& [key, value] : invocation.settings) invocation.options.set(key, value, "command line");
  simulator.make(invocation.options);  // what does not fit together is said at once
}

}  // namespace turnpike
