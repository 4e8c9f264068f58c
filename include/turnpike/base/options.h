// Options as data: each verb of the command, each study and each benchmark declares an OptionSchema; help texts,
// completion, validation, did-you-mean, `config.toml` and the `settings` of a result are all read from it.
//
//   OptionSchema schema;
//   schema.real("T", 20.0, "horizon: the depth as a time").at_least(0, Bound::open);
//   schema.choice("activation", "tanh", activation_names(), "sigma");
//   Options options(schema);
//   options.set("T=30", "command line");          // throws InputError: "T must be > 0, got -3 (command line)"
//   double horizon = options.real("T");
//
// Later settings win: defaults, then the TOML file of --config, then key=value words in the order they stand.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/error.h>

namespace turnpike {

enum class OptionKind { boolean, integer, real, text, choice };
enum class Bound { closed, open };

struct Option {
  std::string key;
  OptionKind kind = OptionKind::text;
  std::string fallback;              // the default, as written in a config file
  std::string help;                  // one line, with the unit where there is one
  std::vector<std::string> choices;  // only for OptionKind::choice
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  Bound lower_bound = Bound::closed, upper_bound = Bound::closed;
  std::string group;       // heading in the help text
  std::string value_name;  // of a flag, for help and completion: "FILE" in --data FILE

  Option& named(std::string value_name);
  Option& at_least(double bound, Bound kind = Bound::closed);
  Option& at_most(double bound, Bound kind = Bound::closed);
  std::string range() const;  // "> 0 and <= 5", or ""
  // Throws InputError in one sentence unless `value` is admissible. NaN and infinities never are.
  void check(const std::string& value, const std::string& origin) const;
};

class OptionSchema {
 public:
  OptionSchema& group(std::string heading);  // heading of the options that follow
  Option& boolean(std::string key, bool fallback, std::string help);
  Option& integer(std::string key, std::int64_t fallback, std::string help);
  Option& real(std::string key, double fallback, std::string help);
  Option& text(std::string key, std::string fallback, std::string help);
  Option& choice(std::string key, std::string fallback, std::vector<std::string> choices, std::string help);

  const std::vector<Option>& options() const { return options_; }
  const Option* find(std::string_view key) const;
  // The option of that key, or InputError "unknown option 'actvation'; did you mean 'activation'?".
  const Option& at(std::string_view key, const std::string& origin) const;
  std::string help(std::string_view group = {}) const;  // a table: key=default, text; 100 columns; one group or all
  std::string summary() const;                          // a paragraph of key=default for each group; 100 columns
  std::vector<std::string> groups() const;              // the headings, in order
  void to_json(nlohmann::ordered_json& out) const;      // [{key, kind, default, help, choices}]

 private:
  std::vector<Option> options_;
  std::string group_;
  Option& add(OptionKind kind, std::string key, std::string fallback, std::string help);
};

class Options {
 public:
  Options() = default;
  explicit Options(OptionSchema schema);

  void set(std::string_view key, const std::string& value, const std::string& origin);
  void set_word(std::string_view word, const std::string& origin);  // "key=value"
  bool is_set(std::string_view key) const;                          // by anything but its default
  std::string origin(std::string_view key) const;                   // "default", "config.toml line 3", "command line"

  bool boolean(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  const std::string& text(std::string_view key) const;  // text and choice

  const OptionSchema& schema() const { return schema_; }
  nlohmann::ordered_json to_json() const;  // typed values in the schema's order
  std::string to_toml() const;             // what config.toml holds; reads back to the same options
  std::string to_toml(const std::vector<std::string>& keys) const;  // of these alone

 private:
  struct Value {
    std::string text, origin;
  };
  OptionSchema schema_;
  std::map<std::string, Value, std::less<>> values_;
  const std::string& value(std::string_view key, OptionKind kind) const;
};

// The candidate nearest to `word` (edit distance with transpositions, at most a third of its length), or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace turnpike
