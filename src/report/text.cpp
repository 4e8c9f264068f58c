#include <turnpike/report/text.h>

#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace turnpike {
namespace {

// Bytes of the UTF-8 sequence at `at` if it is well formed and a character of XML, 0 otherwise.
int sequence_length(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return i < text.size() ? std::uint8_t(text[i]) : 0; };
  auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned lead = byte(at);
  if (lead < 0x80) return lead >= 0x20 || lead == '\n' || lead == '\t' ? 1 : 0;
  if (lead >= 0xC2 && lead < 0xE0) return tail(at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead < 0xF0) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    unsigned code = (lead & 15) << 12 | (byte(at + 1) & 63) << 6 | (byte(at + 2) & 63);
    return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) && code < 0xFFFE ? 3 : 0;
  }
  if (lead >= 0xF0 && lead < 0xF5) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    unsigned code = (lead & 7) << 18 | (byte(at + 1) & 63) << 12;
    return code >= 0x10000 && code < 0x110000 ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    int length = sequence_length(text, i);
    if (length == 0) {
      out += "\uFFFD";
      ++i;
      continue;
    }
    switch (text[i]) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += text.substr(i, length);
    }
    i += length;
  }
  return out;
}

std::string literal(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (char c : text) {
    if (std::string_view("\\$*`[]").find(c) != std::string_view::npos || (c == '-' && line_start)) out += '\\';
    out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string format_number(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  if (value == 0) return "0";
  std::string scientific = fmt::format("{:.{}e}", std::abs(value), std::max(digits, 1) - 1);
  auto split = scientific.find('e');
  std::string mantissa = scientific.substr(0, split);
  int exponent = std::stoi(scientific.substr(split + 1));
  auto trim = [](std::string& number) {
    if (number.find('.') == std::string::npos) return;
    while (number.back() == '0') number.pop_back();
    if (number.back() == '.') number.pop_back();
  };
  std::string sign = value < 0 ? "−" : "";
  if (exponent >= -4 && exponent < 6) {
    std::string plain = fmt::format("{:.{}f}", std::abs(value), std::max(digits - 1 - exponent, 0));
    trim(plain);
    return sign + plain;
  }
  static const char* const superscripts[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  trim(mantissa);
  std::string power = exponent < 0 ? "⁻" : "";
  for (char digit : std::to_string(std::abs(exponent))) power += superscripts[digit - '0'];
  return sign + mantissa + "×10" + power;
}

}  // namespace turnpike
