// Text of figures and pages: escaping, numbers, and the small markup that labels and prose share.
//
// Markup of labels (figures): `$...$` is simple math (sub- and superscripts, Greek, accents); all else is plain.
// Markup of prose (pages): the same, and **strong**, `code`, [text](address), lists of lines that begin with "- ".
// A backslash before one of \ $ * ` [ ] takes its meaning away; literal() does that to text that users gave.
#pragma once

#include <string>
#include <string_view>

namespace turnpike {

// `text` with & < > " ' escaped. Control characters and broken UTF-8 become U+FFFD, so that the result is always XML.
std::string escape_xml(std::string_view text);

// Markup that stands for exactly `text`: for file names, column names and class names.
std::string literal(std::string_view text);

// A label without markup, for terminals, titles and CSV: "$\\lambda|u|^2$" becomes "λ|u|^2".
std::string plain_text(std::string_view markup);

// "0.0123", "98.1", "1.23×10⁻⁸", "−∞", "NaN": `digits` significant digits, trailing zeros dropped.
std::string format_number(double value, int digits = 4);

}  // namespace turnpike
