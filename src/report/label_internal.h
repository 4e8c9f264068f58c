// Labels of figures: markup to runs of text, their width, and their SVG.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

// A piece of a label in one style.
struct Run {
  std::string text;
  bool italic = false;  // a mathematical letter
  bool bold = false;
  bool math = false;  // never broken across lines
  double scale = 1;   // of the font size
  double rise = 0;    // of the baseline, in font sizes, up
};
using Label = std::vector<Run>;

// Throws ContractError for an unknown command or an unclosed group.
Label parse_label(std::string_view markup);

// Estimated width in pixels. Uses the widths of DejaVu Sans, a wide face, so that other faces fit too.
double text_width(std::string_view text, double size);
double width_of(const Label& label, double size);

// The label in at most `max_lines` lines no wider than `max_width`: wrapped at spaces, then shrunk (to 0.7), then cut
// with "…".
struct FittedLabel {
  std::vector<Label> lines;
  double size = 12;
  double width = 0;
  double height() const { return lines.size() * size * 1.25; }
};
FittedLabel fit_label(std::string_view markup, double size, double max_width, int max_lines = 1);

enum class Anchor { start, middle, end };

// <text> elements with the first baseline at (x, y). `turned`: rotated by -90 degrees about (x, y).
std::string text_element(const FittedLabel& label, double x, double y, Anchor anchor, std::string_view css_class,
                         bool turned = false);

// Inline math of prose and labels ends at the next unescaped "$"; npos if there is none.
std::size_t closing_dollar(std::string_view text, std::size_t from);

// "12.3": one decimal, no trailing zero, no negative zero.
std::string pixel(double value);

}  // namespace turnpike
