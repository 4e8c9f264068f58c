// Colours of figures and pages in both themes.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <turnpike/report/figure.h>

namespace turnpike {

struct Palette {
  std::array<std::string_view, n_colours> series;
  std::string_view text, muted, grid, axis, paper;
};
const Palette& palette(bool dark);

// Rules of one theme, each selector below `scope` (".tp" or "[data-theme=dark] .tp").
std::string figure_rules(bool dark, std::string_view scope);

// The style sheet for `scope`: light, dark by preference, or one of them alone.
std::string figure_sheet(Theme theme);

}  // namespace turnpike
