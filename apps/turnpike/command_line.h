// The words of the command, read against the catalogue. Shared by the thin front, which answers help and completion,
// and by the engine, which runs the verb.
//
//   turnpike [--help | --version | completion bash]
//   turnpike VERB [--help] [POSITIONAL ...] [--flag VALUE ...] [key=value ...]
//
// Order of precedence: defaults, the config.toml of --resume, the file of --config, the words. Errors: InputError, one
// sentence.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "verbs.h"

namespace turnpike {

struct Invocation {
  const Verb* verb = nullptr;
  std::string answer;  // not empty: print this and be done (help, version, a completion script)
  std::vector<std::string> positionals;
  Options flags;    // flags.text("data"), flags.boolean("json")
  Options options;  // options.real("T")
  bool help = false;
  std::vector<std::pair<std::string, std::string>> settings{};  // key, value: of a verb that settles them itself
};

Invocation parse_command_line(int argc, const char* const* argv);

// Sets what a TOML file says: keys of the verb's options and recorded flags, at the top or in a table of the verb's
// name
// ([train]; the tables of other verbs are passed over). The origin of each value is "FILE line N".
void read_settings(const std::filesystem::path& file, const Verb& verb, Options& flags, Options& options);

// The recorded flags and all options: read_settings of this text gives the same run.
std::string config_toml(const Invocation& invocation);

// --threads, where 0 and no such flag mean the cores that this process may use.
int thread_count(const Invocation& invocation);

std::string command_help();
// Without a group: one screen. The settings are then listed by name alone where their table would be longer than that;
// `turnpike VERB --help GROUP` explains those of a group, "all" those of all groups. InputError for another word.
std::string verb_help(const Verb& verb, const std::vector<std::string>& groups = {});
std::string bash_completion();

}  // namespace turnpike
