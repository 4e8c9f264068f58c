#include <turnpike/base/options.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include <turnpike/base/help_text.h>

namespace turnpike {
namespace {

const char* name_of(OptionKind kind) {
  switch (kind) {
    case OptionKind::boolean: return "boolean";
    case OptionKind::integer: return "integer";
    case OptionKind::real: return "real";
    case OptionKind::text: return "text";
    case OptionKind::choice: return "choice";
  }
  return "option";
}

// The whole of `text` as a number, or nothing. from_chars knows no locale, no leading blank, no hexadecimal.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_real(std::string_view text) {
  std::optional<double> number = parse_number<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no") return false;
  return std::nullopt;
}

// The shortest text that reads back to the same number: 20, 0.001, 1e-7.
std::string text_of(double number) {
  std::string text = fmt::format("{}", number);
  std::size_t digits = text.find('e');
  if (digits == std::string::npos) return text;
  ++digits;
  if (text[digits] == '+') text.erase(digits, 1);
  if (text[digits] == '-') ++digits;
  text.erase(digits, text.find_first_not_of('0', digits) - digits);
  return text;
}

// One spelling for each value, so that equal options have equal texts.
std::string canonical(const Option& option, const std::string& value) {
  switch (option.kind) {
    case OptionKind::boolean: return *parse_boolean(value) ? "true" : "false";
    case OptionKind::integer: return std::to_string(*parse_number<std::int64_t>(value));
    case OptionKind::real: return text_of(*parse_real(value));
    default: return value;
  }
}

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", static_cast<char>(c));
    else if (c < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", c);
    else
      out += static_cast<char>(c);
  }
  return out + '"';
}

std::string toml_value(const Option& option, const std::string& value) {
  switch (option.kind) {
    case OptionKind::text:
    case OptionKind::choice: return toml_string(value);
    case OptionKind::real: return value.find_first_of(".e") == std::string::npos ? value + ".0" : value;
    default: return value;
  }
}

nlohmann::ordered_json json_value(const Option& option, const std::string& value) {
  switch (option.kind) {
    case OptionKind::boolean: return *parse_boolean(value);
    case OptionKind::integer: return *parse_number<std::int64_t>(value);
    case OptionKind::real: return *parse_real(value);
    default: return value;
  }
}

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1, a change of case
// nothing.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest = did_you_mean(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

std::string shown(const std::string& value) {
  return value.empty() ? "nothing" : value;
}

}  // namespace

Option& Option::at_least(double bound, Bound kind) {
  lower = bound;
  lower_bound = kind;
  return *this;
}

Option& Option::at_most(double bound, Bound kind) {
  upper = bound;
  upper_bound = kind;
  return *this;
}

Option& Option::named(std::string name) {
  value_name = std::move(name);
  return *this;
}

std::string Option::range() const {
  std::string range;
  if (std::isfinite(lower)) range += fmt::format("{} {}", lower_bound == Bound::open ? ">" : ">=", text_of(lower));
  if (std::isfinite(upper))
    range +=
        fmt::format("{}{} {}", range.empty() ? "" : " and ", upper_bound == Bound::open ? "<" : "<=", text_of(upper));
  return range;
}

void Option::check(const std::string& value, const std::string& origin) const {
  auto refuse = [&](const std::string& relation) {
    throw InputError(fmt::format("{} must be {}, got {} ({})", key, relation, shown(value), origin));
  };
  if (kind == OptionKind::boolean && !parse_boolean(value)) refuse("true or false (or 1, 0, yes, no)");
  if (kind == OptionKind::integer && !parse_number<std::int64_t>(value)) refuse("a whole number");
  if (kind == OptionKind::real && !parse_real(value)) refuse("a finite number");
  if (kind == OptionKind::integer || kind == OptionKind::real) {
    double number = *parse_real(value);
    bool low = lower_bound == Bound::open ? number > lower : number >= lower;
    bool high = upper_bound == Bound::open ? number < upper : number <= upper;
    if (!low || !high) refuse(range());
  }
  if (kind == OptionKind::choice && std::find(choices.begin(), choices.end(), value) == choices.end())
    throw InputError(fmt::format("{} must be one of {}, got {} ({}){}", key, fmt::join(choices, ", "), shown(value),
                                 origin, suggestion(value, choices)));
}

OptionSchema& OptionSchema::group(std::string heading) {
  group_ = std::move(heading);
  return *this;
}

Option& OptionSchema::add(OptionKind kind, std::string key, std::string fallback, std::string help) {
  require(!find(key), fmt::format("option '{}' is declared twice", key));
  Option& option = options_.emplace_back();
  option.key = std::move(key);
  option.kind = kind;
  option.fallback = std::move(fallback);
  option.help = std::move(help);
  option.group = group_;
  return option;
}

Option& OptionSchema::boolean(std::string key, bool fallback, std::string help) {
  return add(OptionKind::boolean, std::move(key), fallback ? "true" : "false", std::move(help));
}

Option& OptionSchema::integer(std::string key, std::int64_t fallback, std::string help) {
  return add(OptionKind::integer, std::move(key), std::to_string(fallback), std::move(help));
}

Option& OptionSchema::real(std::string key, double fallback, std::string help) {
  return add(OptionKind::real, std::move(key), text_of(fallback), std::move(help));
}

Option& OptionSchema::text(std::string key, std::string fallback, std::string help) {
  return add(OptionKind::text, std::move(key), std::move(fallback), std::move(help));
}

Option& OptionSchema::choice(std::string key, std::string fallback, std::vector<std::string> choices,
                             std::string help) {
  Option& option = add(OptionKind::choice, std::move(key), std::move(fallback), std::move(help));
  option.choices = std::move(choices);
  return option;
}

const Option* OptionSchema::find(std::string_view key) const {
  auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.key == key; });
  return found == options_.end() ? nullptr : &*found;
}

const Option& OptionSchema::at(std::string_view key, const std::string& origin) const {
  if (const Option* option = find(key)) return *option;
  std::vector<std::string> keys;
  for (const Option& option : options_) keys.push_back(option.key);
  throw InputError(fmt::format("unknown option '{}' ({}){}", key, origin, suggestion(key, keys)));
}

std::vector<std::string> OptionSchema::groups() const {
  std::vector<std::string> headings;
  for (const Option& option : options_)
    if (std::find(headings.begin(), headings.end(), option.group) == headings.end()) headings.push_back(option.group);
  return headings;
}

std::string OptionSchema::summary() const {
  const std::vector<std::string> headings = groups();
  std::size_t left = 0;
  for (const std::string& heading : headings) left = std::max(left, heading.size());
  std::string out;
  for (const std::string& heading : headings) {
    std::string words, label = heading;
    for (const Option& option : options_)
      if (option.group == heading)
        words += fmt::format("{}{}={}", words.empty() ? "" : " ", option.key, option.fallback);
    for (const std::string& piece : wrapped(words, help_columns - left - 4))
      out += fmt::format("  {:<{}}  {}\n", std::exchange(label, ""), left, piece);
  }
  return out;
}

std::string OptionSchema::help(std::string_view group) const {
  constexpr std::size_t widest_left = 26, indent = 2;
  std::size_t left = 0;
  for (const Option& option : options_) {
    std::size_t width = option.key.size() + 1 + option.fallback.size();
    if (width <= widest_left) left = std::max(left, width);
  }
  const std::size_t text_column = indent + left + 2;
  std::string out, heading;
  for (const Option& option : options_) {
    if (!group.empty() && option.group != group) continue;
    if (option.group != heading) out += fmt::format("{}{}:\n", out.empty() ? "" : "\n", option.group);
    heading = option.group;
    std::string text = option.help;
    if (!option.choices.empty()) text += fmt::format(" ({})", fmt::join(option.choices, " | "));
    if (std::string range = option.range(); !range.empty()) text += fmt::format(" ({})", range);
    std::string line = fmt::format("{:{}}{}={}", "", indent, option.key, option.fallback);
    for (const std::string& piece : wrapped(text, help_columns - text_column)) {
      if (line.size() + 2 > text_column) {
        out += line + '\n';
        line.clear();
      }
      out += fmt::format("{:<{}}{}\n", line, text_column, piece);
      line.clear();
    }
  }
  return out;
}

void OptionSchema::to_json(nlohmann::ordered_json& out) const {
  out = nlohmann::ordered_json::array();
  for (const Option& option : options_) {
    nlohmann::ordered_json entry = {{"key", option.key},
                                    {"kind", name_of(option.kind)},
                                    {"default", json_value(option, option.fallback)},
                                    {"help", option.help}};
    if (option.kind == OptionKind::choice) entry["choices"] = option.choices;
    out.push_back(std::move(entry));
  }
}

Options::Options(OptionSchema schema) : schema_(std::move(schema)) {
  for (const Option& option : schema_.options()) option.check(option.fallback, "default");
}

void Options::set(std::string_view key, const std::string& value, const std::string& origin) {
  const Option& option = schema_.at(key, origin);
  option.check(value, origin);
  values_.insert_or_assign(std::string(key), Value{canonical(option, value), origin});
}

void Options::set_word(std::string_view word, const std::string& origin) {
  std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw InputError(fmt::format("'{}' is not a setting of the form key=value ({})", word, origin));
  set(word.substr(0, equals), std::string(word.substr(equals + 1)), origin);
}

bool Options::is_set(std::string_view key) const {
  return values_.find(key) != values_.end();
}

std::string Options::origin(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? "default" : found->second.origin;
}

const std::string& Options::value(std::string_view key, OptionKind kind) const {
  const Option* option = schema_.find(key);
  require(option, fmt::format("no option '{}' is declared", key));
  bool matches = option->kind == kind || (kind == OptionKind::text && option->kind == OptionKind::choice);
  require(matches, fmt::format("option '{}' is declared as {}, read as {}", key, name_of(option->kind), name_of(kind)));
  auto found = values_.find(key);
  return found == values_.end() ? option->fallback : found->second.text;
}

bool Options::boolean(std::string_view key) const {
  return *parse_boolean(value(key, OptionKind::boolean));
}

std::int64_t Options::integer(std::string_view key) const {
  return *parse_number<std::int64_t>(value(key, OptionKind::integer));
}

double Options::real(std::string_view key) const {
  return *parse_real(value(key, OptionKind::real));
}

const std::string& Options::text(std::string_view key) const {
  return value(key, OptionKind::text);
}

nlohmann::ordered_json Options::to_json() const {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const Option& option : schema_.options()) out[option.key] = json_value(option, value(option.key, option.kind));
  return out;
}

std::string Options::to_toml() const {
  std::vector<std::string> keys;
  for (const Option& option : schema_.options()) keys.push_back(option.key);
  return to_toml(keys);
}

std::string Options::to_toml(const std::vector<std::string>& keys) const {
  std::string out, heading;
  for (const std::string& key : keys) {
    const Option* option = schema_.find(key);
    require(option, fmt::format("no option '{}' is declared", key));
    if (option->group != heading) out += fmt::format("{}# {}\n", out.empty() ? "" : "\n", option->group);
    heading = option->group;
    out += fmt::format("{} = {}\n", key, toml_value(*option, value(key, option->kind)));
  }
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t least = word.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    std::size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace turnpike
