// PNG pictures with a palette, as data addresses for SVG.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <turnpike/report/figure.h>

namespace turnpike {

struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
};

// The colour at s in [0, 1].
Rgb colour_at(ColourMap map, double s);

// "data:image/png;base64,..." of `pixels` [height, width], the first row on top; 0 is transparent and 1..255 run
// through the map.
std::string png_address(long width, long height, std::span<const std::uint8_t> pixels, ColourMap map);

}  // namespace turnpike
