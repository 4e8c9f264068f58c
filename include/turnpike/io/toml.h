// TOML files of settings, flattened: tables become dotted keys, in the order of the file.
//
//   [train]
//   rate = 1e-3        ->  {"train.rate", "0.001", 2}
//
// Only strings, integers, reals and booleans: arrays and dates are refused. InputError with file, line and column.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

struct TomlEntry {
  std::string key;
  std::string text;  // the value as an option takes it: "0.001", "true", "tanh"
  int line = 0;
};

std::vector<TomlEntry> read_toml(const std::filesystem::path& path);
std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source);

}  // namespace turnpike
