// Texts for a terminal, in lines of one width.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace turnpike {

inline constexpr std::size_t help_columns = 100;

// `text` in lines of at most `width` bytes, broken at blanks; a word that is longer has a line of its own.
std::vector<std::string> wrapped(const std::string& text, std::size_t width = help_columns);

}  // namespace turnpike
