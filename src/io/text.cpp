#include <turnpike/io/text.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace turnpike {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<double> number_in(std::string_view cell) {
  cell = trimmed(cell);
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-' && cell[1] != '+') cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size() || error == std::errc::invalid_argument) return std::nullopt;
  // from_chars leaves the value alone when it is out of range; strtod says on which side.
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(cell).c_str(), nullptr);
  if (std::isnan(value)) return std::nullopt;
  return value;
}

bool is_missing(std::string_view cell) {
  constexpr std::array<std::string_view, 7> words = {"", "?", "na", "n/a", "nan", "null", "none"};
  cell = trimmed(cell);
  if (cell.size() > 4) return false;
  std::string lower(cell);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::find(words.begin(), words.end(), lower) != words.end();
}

std::string shown(std::string_view cell) {
  constexpr std::size_t longest = 40;
  const bool cut = cell.size() > longest;
  if (cut) {
    cell = cell.substr(0, longest);
    // Never cut inside a UTF-8 sequence: its later bytes are 10xxxxxx.
    std::size_t start = cell.size();
    while (start > 0 && (static_cast<unsigned char>(cell[start - 1]) & 0xc0) == 0x80) --start;
    if (start > 0 && static_cast<unsigned char>(cell[start - 1]) >= 0xc0) cell = cell.substr(0, start - 1);
  }
  std::string out = "'";
  for (char c : cell) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (cut ? "...'" : "'");
}

}  // namespace turnpike
