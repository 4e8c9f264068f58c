// What a cell of text means: a number, a missing value, or words; and how to show it in an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace turnpike {

// The number that the whole cell spells ("3", "-1.5e-3", "+2", "inf"; blanks around it are ignored), without regard to
// the locale. Values beyond the range of double give +-inf or 0. Empty for anything else, "nan" included.
std::optional<double> number_in(std::string_view cell);

// "", "?", "NA", "N/A", "NaN", "null", "none" in any case, blanks ignored.
bool is_missing(std::string_view cell);

// 'cell' in single quotes, cut to 40 bytes, with control characters escaped: safe on a terminal.
std::string shown(std::string_view cell);

std::string_view trimmed(std::string_view text);  // without blanks at both ends

}  // namespace turnpike
