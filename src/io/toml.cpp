#include <turnpike/io/toml.h>

#include <algorithm>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/io/text.h>

namespace turnpike {
namespace {

struct Placed {
  TomlEntry entry;
  toml::source_position position;
};

[[noreturn]] void refuse(const std::string& source, const toml::source_position& at, std::string_view reason) {
  throw InputError(fmt::format("{}:{}:{}: {}", source, at.line, at.column, reason));
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& source, std::vector<Placed>& out) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const toml::source_position at = key.source().begin;
    if (const toml::table* inner = node.as_table()) {
      flatten(*inner, name + ".", source, out);
      continue;
    }
    std::string text;
    if (const auto* value = node.as_string()) {
      text = value->get();
    } else if (const auto* value = node.as_integer()) {
      text = fmt::format("{}", value->get());
    } else if (const auto* value = node.as_floating_point()) {
      text = fmt::format("{}", value->get());
    } else if (const auto* value = node.as_boolean()) {
      text = value->get() ? "true" : "false";
    } else {
      refuse(source, at,
             fmt::format("{} holds {}; a setting is one string, number or boolean", shown(name),
                         node.is_array() ? "an array" : "a date or time"));
    }
    out.push_back({{name, std::move(text), static_cast<int>(at.line)}, at});
  }
}

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source) {
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    refuse(source, error.source().begin, error.description());
  }
  std::vector<Placed> placed;
  flatten(table, "", source, placed);
  std::stable_sort(placed.begin(), placed.end(),
                   [](const Placed& a, const Placed& b) { return a.position < b.position; });
  std::vector<TomlEntry> entries;
  for (Placed& p : placed) entries.push_back(std::move(p.entry));
  return entries;
}

std::vector<TomlEntry> read_toml(const std::filesystem::path& path) {
  return parse_toml(read_file(path), path.string());
}

}  // namespace turnpike
