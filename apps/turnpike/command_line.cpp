#include "command_line.h"

#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include <turnpike/base/provenance.h>
#include <turnpike/io/toml.h>

namespace turnpike {
namespace {

const std::string from_words = "command line";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// key=value: a name, then '='. A path with '=' in it ("runs/T=3/model") is none.
bool is_setting(const std::string& word) {
  std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

[[noreturn]] void refuse_flag(const Verb& verb, std::string flag) {
  flag = flag.substr(0, flag.find('='));
  std::vector<std::string> names = {"--help"};
  for (const Option& option : verb.flags.options()) names.push_back("--" + option.key);
  std::string nearest = did_you_mean(flag, names);
  std::string key = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
  if (verb.options.find(key)) nearest = key + "=VALUE";
  throw InputError(fmt::format(
      "unknown flag '{}' of {}; {}", flag, verb.name,
      nearest.empty() ? fmt::format("see turnpike {} --help", verb.name) : fmt::format("did you mean '{}'?", nearest)));
}

[[noreturn]] void refuse_without_value(const Option& flag) {
  throw InputError(fmt::format("--{} needs a value: --{} {}", flag.key, flag.key, flag.value_name));
}

// The words after the verb. CLI11 splits them; what they mean is decided here.
struct Words {
  bool help = false;
  std::map<std::string, std::string> flags;
  std::vector<std::string> rest;  // positionals and settings
};

Words split_words(const Verb& verb, int argc, const char* const* argv) {
  Words words;
  CLI::App parser;
  parser.set_help_flag();
  parser.allow_extras();
  parser.add_flag("-h,--help", words.help);
  std::map<std::string, bool> switches;
  for (const Option& option : verb.flags.options()) {
    if (option.kind == OptionKind::boolean)
      parser.add_flag("--" + option.key, switches[option.key])->disable_flag_override();
    else
      // Once only: a second --data would silently hide the first.
      parser.add_option("--" + option.key, words.flags[option.key]);
  }
  parser.add_option("words", words.rest);
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError&) {
    // CLI11 knows one kind of mistake here, a wrong number of values. Said in our words: which flag, and how to mend
    // it.
    for (const Option& option : verb.flags.options()) {
      long given = std::count_if(argv + 1, argv + argc, [&](std::string_view word) {
        std::string flag = "--" + option.key;
        return word == flag || word.substr(0, flag.size() + 1) == flag + "=";
      });
      if (option.kind != OptionKind::boolean && given > 1)
        throw InputError(fmt::format("--{} is given {} times; once is enough", option.key, given));
    }
    for (int i = 1; i < argc; ++i) {
      std::string word = argv[i];
      const Option* option = word.starts_with("--") ? verb.flags.find(word.substr(2, word.find('=') - 2)) : nullptr;
      bool has_value = word.find('=') < word.size() - 1;
      if (option && option->kind == OptionKind::boolean && has_value)
        throw InputError(fmt::format("--{} is a switch and takes no value", option->key));
      if (option && option->kind != OptionKind::boolean && !has_value) refuse_without_value(*option);
    }
    throw InputError(fmt::format("these words make no command; see turnpike {} --help", verb.name));
  }
  for (const std::string& extra : parser.remaining()) refuse_flag(verb, extra);
  std::erase_if(words.flags, [&](const auto& flag) { return parser.count("--" + flag.first) == 0; });
  for (const auto& [key, on] : switches)
    if (on) words.flags[key] = "true";
  return words;
}

void take_setting(const std::string& word, const Verb& verb, Options& options) {
  std::string key = word.substr(0, word.find('='));
  if (verb.flags.find(key) && !verb.options.find(key))
    throw InputError(
        fmt::format("{} is a flag of {}: write --{} {}", key, verb.name, key, word.substr(key.size() + 1)));
  if (verb.options.options().empty())
    throw InputError(fmt::format("{} has no settings, got '{}'; see turnpike {} --help", verb.name, word, verb.name));
  options.set_word(word, from_words);
}

Invocation parse_verb(const Verb& verb, int argc, const char* const* argv) {
  const Words words = split_words(verb, argc, argv);
  Invocation invocation{&verb, "", {}, Options(verb.flags), Options(verb.options)};
  if (words.help && !verb.settle) {
    invocation.answer = verb_help(verb, words.rest);
    return invocation;
  }
  auto file_of = [&](const char* flag) {
    auto found = words.flags.find(flag);
    return found == words.flags.end() ? std::string() : found->second;
  };
  // In "--data --json" the value was forgotten; a file of such a name can be written ./--json.
  for (const auto& [key, value] : words.flags)
    if (value.empty() || value.starts_with("--")) refuse_without_value(*verb.flags.find(key));
  if (std::string folder = file_of("resume"); !folder.empty())
    read_settings(std::filesystem::path(folder) / "config.toml", verb, invocation.flags, invocation.options);
  if (std::string file = file_of("config"); !file.empty() && !verb.settle)
    read_settings(file, verb, invocation.flags, invocation.options);

  for (const auto& [key, value] : words.flags) invocation.flags.set(key, value, from_words);
  for (const std::string& word : words.rest) {
    if (is_setting(word) && verb.settle)
      invocation.settings.emplace_back(word.substr(0, word.find('=')), word.substr(word.find('=') + 1));
    else if (is_setting(word))
      take_setting(word, verb, invocation.options);
    else if (verb.settle || verb.repeated || invocation.positionals.size() < verb.positionals.size())
      invocation.positionals.push_back(word);
    else
      throw InputError(fmt::format("unexpected word '{}'; usage: turnpike {} {}", word, verb.name, verb.usage));
  }
  if (invocation.positionals.size() < verb.positionals.size())
    throw InputError(fmt::format("{} is missing; usage: turnpike {} {}",
                                 verb.positionals[invocation.positionals.size()], verb.name, verb.usage));
  for (const std::string& key : verb.needed_flags)
    if (!invocation.flags.is_set(key))
      throw InputError(fmt::format("--{} is missing; usage: turnpike {} {}", key, verb.name, verb.usage));
  invocation.help = words.help;
  if (verb.settle) verb.settle(invocation);
  return invocation;
}

std::string shell_words(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv) {
  const std::string first = argc > 1 ? argv[1] : "--help";
  Invocation invocation;
  if (first == "--help" || first == "-h") {
    invocation.answer = command_help();
  } else if (first == "--version") {
    Provenance here = provenance(0);
    invocation.answer =
        fmt::format("turnpike {}{}\n", here.version, here.commit.empty() ? "" : " (" + here.commit + ")");
  } else if (first == "completion") {
    if (argc != 3 || std::string_view(argv[2]) != "bash")
      throw InputError("completion is written for bash; usage: turnpike completion bash");
    invocation.answer = bash_completion();
  } else if (first.starts_with("-")) {
    std::string nearest = did_you_mean(first, {"--help", "--version"});
    throw InputError(fmt::format(
        "unknown flag '{}'; {}", first,
        nearest.empty() ? "the verb comes first: see turnpike --help" : fmt::format("did you mean '{}'?", nearest)));
  } else {
    return parse_verb(verb_named(first), argc - 1, argv + 1);
  }
  return invocation;
}

void read_settings(const std::filesystem::path& file, const Verb& verb, Options& flags, Options& options) {
  for (const TomlEntry& entry : read_toml(file)) {
    std::string key = entry.key;
    if (std::size_t dot = key.find('.'); dot != std::string::npos) {
      std::string table = key.substr(0, dot);
      if (table == verb.name)
        key = key.substr(dot + 1);
      else if (std::any_of(verb_catalogue().begin(), verb_catalogue().end(),
                           [&](const Verb& other) { return other.name == table; }))
        continue;
    }
    std::string origin = fmt::format("{} line {}", file.string(), entry.line);
    if (contains(verb.recorded_flags, key))
      flags.set(key, entry.text, origin);
    else
      options.set(key, entry.text, origin);
  }
}

std::string config_toml(const Invocation& invocation) {
  const Verb& verb = *invocation.verb;
  return fmt::format("# turnpike {} --config THIS_FILE\n{}\n{}", verb.name,
                     invocation.flags.to_toml(verb.recorded_flags), invocation.options.to_toml());
}

int thread_count(const Invocation& invocation) {
  if (invocation.flags.schema().find("threads"))
    if (std::int64_t threads = invocation.flags.integer("threads"); threads > 0) return static_cast<int>(threads);
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

std::string command_help() {
  std::string verbs, examples;
  for (const Verb& verb : verb_catalogue()) verbs += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
  return fmt::format(
      "turnpike: deep learning as dynamics\n"
      "\n"
      "usage: turnpike VERB [flags] [key=value ...]\n"
      "\n"
      "verbs:\n"
      "{}"
      "\n"
      "  turnpike VERB --help       flags and settings of a verb, with their defaults\n"
      "  turnpike --version\n"
      "  turnpike completion bash   a script for bash: source <(turnpike completion bash)\n"
      "\n"
      "example:\n"
      "  {}\n",
      verbs, verb_catalogue().front().example);
}

std::string verb_help(const Verb& verb, const std::vector<std::string>& groups) {
  constexpr std::size_t longest_table = 20;
  std::vector<std::string> known = verb.options.groups();
  known.push_back("all");
  std::string tables;
  for (const std::string& group : groups) {
    if (!contains(known, group))
      throw InputError(
          fmt::format("{} has no group of settings '{}'; choose one of {}", verb.name, group, fmt::join(known, ", ")));
    tables += (tables.empty() ? "" : "\n") + verb.options.help(group == "all" ? "" : group);
  }
  if (!tables.empty()) return tables;

  std::string flags;
  for (const Option& option : verb.flags.options()) {
    std::string name = fmt::format("--{} {}", option.key, option.value_name);
    std::string text = option.help;
    if (!option.choices.empty()) text += fmt::format(" ({})", fmt::join(option.choices, " | "));
    bool shown = option.kind != OptionKind::boolean && !option.fallback.empty();
    flags += fmt::format("  {:<19}{}{}\n", name, text, shown ? fmt::format(" [{}]", option.fallback) : "");
  }
  std::string settings;
  if (const std::size_t n = verb.options.options().size(); n > longest_table)
    settings =
        fmt::format("\nsettings (key=value, with their defaults; turnpike {} --help GROUP, or all, explains them)\n{}",
                    verb.name, verb.options.summary());
  else if (n > 0)
    settings = "\nsettings (key=value, with their defaults)\n" + verb.options.help();
  return fmt::format("usage: turnpike {} {}\n\n{}\n\nflags:\n{}{}\nexample:\n  {}\n", verb.name, verb.usage, verb.about,
                     flags, settings, verb.example);
}

// Bash splits words at '=' too: "field=in" arrives as the three words field, =, in.
std::string bash_completion() {
  std::vector<std::string> names;
  std::string flags, values, keys, choices;
  for (const Verb& verb : verb_catalogue()) {
    names.push_back(verb.name);
    std::vector<std::string> flag_words = {"--help"}, key_words;
    for (const Option& option : verb.flags.options()) {
      flag_words.push_back("--" + option.key);
      std::string pattern = fmt::format("    {}:--{}) ", verb.name, option.key);
      if (!option.choices.empty())
        values += fmt::format("{}values='{}' ;;\n", pattern, shell_words(option.choices));
      else if (option.value_name == "FILE" || option.value_name == "DIR")
        values += fmt::format("{}files={} ;;\n", pattern, option.value_name == "FILE" ? "-f" : "-d");
      else if (option.kind != OptionKind::boolean)
        values += fmt::format("{}return ;;\n", pattern);
    }
    for (const Option& option : verb.options.options()) {
      key_words.push_back(option.key + "=");
      if (option.kind == OptionKind::choice)
        choices += fmt::format("    {}:{}) values='{}' ;;\n", verb.name, option.key, shell_words(option.choices));
      else if (option.kind == OptionKind::boolean)
        choices += fmt::format("    {}:{}) values='true false' ;;\n", verb.name, option.key);
    }
    key_words.insert(key_words.end(), verb.words.begin(), verb.words.end());
    flags +=
        fmt::format("    {}) flags='{}'; keys='{}' ;;\n", verb.name, shell_words(flag_words), shell_words(key_words));
  }
  return fmt::format(R"(# bash completion of turnpike: source <(turnpike completion bash)
_turnpike() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" verb="${{COMP_WORDS[1]}}"
  local key='' values='' files='' flags='' keys=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} completion --help --version' -- "$word"))
    return
  fi
  case "$verb" in
{}    completion) COMPREPLY=($(compgen -W bash -- "$word")); return ;;
    *) return ;;
  esac
  if [ "$word" = '=' ]; then key="$before"; word=''
  elif [ "$before" = '=' ]; then key="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  case "$verb:${{key:-$before}}" in
{}  esac
  if [ -n "$key" ]; then
    case "$verb:$key" in
{}    esac
  fi
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen "$files" -- "$word"))
  elif [ -n "$values" ] || [ -n "$key" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
  else
    case "$word" in
      -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
      *)
        COMPREPLY=($(compgen -W "$keys" -- "$word") $(compgen -f -- "$word"))
        case "${{COMPREPLY[0]}}" in *=) compopt -o nospace 2>/dev/null ;; esac
        ;;
    esac
  fi
}}
complete -F _turnpike turnpike
)",
                     shell_words(names), flags, values, choices);
}

}  // namespace turnpike
