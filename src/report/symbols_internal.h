// The TeX commands that labels and formulas share: one table.
#pragma once

#include <string>
#include <string_view>

namespace turnpike {

enum class SymbolKind {
  letter,    // set in italics: \lambda
  constant,  // upright: \infty, \Gamma
  binary,    // space on both sides: \cdot, \times
  relation,  // likewise: \le, \to
  fence,     // \langle, \|
  big,       // \sum: limits below and above
  integral,  // \int: limits at the side
  function,  // \sin: upright name
  limit,     // \sup: upright name, limits below
  accent,    // \dot: a combining character
  space      // \, \quad: the text is the space itself
};

struct Symbol {
  std::string_view name, text;
  SymbolKind kind;
};

// The symbol of `name` (without the backslash), or nullptr.
const Symbol* find_symbol(std::string_view name);

// A letter or digit in blackboard bold ("bb"), script ("cal") or bold ("bf"); other characters come back unchanged.
std::string styled_letter(char letter, std::string_view style);

std::string utf8(char32_t code_point);

}  // namespace turnpike
