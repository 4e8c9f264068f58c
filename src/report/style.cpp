#include "style_internal.h"

#include <fmt/format.h>

namespace turnpike {

const Palette& palette(bool dark) {
  // Okabe and Ito: blue, vermilion, bluish green, reddish purple, orange, sky blue, and the text's black or white.
  // Their yellow cannot be read on white paper and is left out. On dark paper blue, vermilion and green are lightened.
  static constexpr Palette light_palette{{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2328"},
                                         "#1f2328",
                                         "#667080",
                                         "#e6e8ec",
                                         "#8a93a0",
                                         "#ffffff"};
  static constexpr Palette dark_palette{{"#4aa3df", "#f0803c", "#26c298", "#e39cc4", "#f2b630", "#9bd6f7", "#e8eaed"},
                                        "#e8eaed",
                                        "#9aa4b1",
                                        "#2b313a",
                                        "#6b7683",
                                        "#15191f"};
  return dark ? dark_palette : light_palette;
}

std::string figure_rules(bool dark, std::string_view scope) {
  const Palette& p = palette(dark);
  std::string out;
  auto rule = [&](std::string_view selector, std::string_view body) {
    out += fmt::format("{} {}{{{}}}", scope, selector, body);
  };
  rule("text", fmt::format("fill:{}", p.text));
  rule(".q", fmt::format("fill:{}", p.muted));
  rule(".h", fmt::format("stroke:{}", p.paper));
  rule(".p", fmt::format("fill:{}", p.paper));
  rule(".g", fmt::format("stroke:{}", p.grid));
  rule(".a", fmt::format("stroke:{}", p.axis));
  for (int k = 0; k < n_colours; ++k) {
    rule(fmt::format(".s{}", k), fmt::format("stroke:{}", p.series[k]));
    rule(fmt::format(".f{}", k), fmt::format("fill:{}", p.series[k]));
  }
  rule(".sk", fmt::format("stroke:{}", p.text));
  rule(".fk", fmt::format("fill:{}", p.text));
  rule(".sm", fmt::format("stroke:{}", p.muted));
  rule(".fm", fmt::format("fill:{}", p.muted));
  return out;
}

std::string figure_sheet(Theme theme) {
  std::string shape =
      ".tp{font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums}"
      ".tp path{fill:none;stroke-linejoin:round;stroke-linecap:round}"
      ".tp .m{font-family:'STIX Two Text','Latin Modern Roman','Times New Roman','Liberation Serif','DejaVu "
      "Serif',serif;font-style:italic}"
      ".tp .b{font-weight:600}"
      ".tp .sp{stroke:#1f2328}"
      ".tp .h{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}";
  std::string sheet = shape + figure_rules(theme == Theme::dark, ".tp");
  if (theme == Theme::system) sheet += "@media(prefers-color-scheme:dark){" + figure_rules(true, ".tp") + "}";
  return sheet;
}

std::string figure_style() {
  // The page's reader may force a theme by data-theme on the root element.
  return figure_sheet(Theme::light) + "@media(prefers-color-scheme:dark){" +
         figure_rules(true, ":root:not([data-theme=light]) .tp") + "}" +
         figure_rules(true, ":root[data-theme=dark] .tp") + "@media print{" + figure_rules(false, ":root:root .tp") +
         "}";
}

}  // namespace turnpike
