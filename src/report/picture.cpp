#include "picture_internal.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += char(value >> shift);
}

void append_chunk(std::string& out, std::string_view type, const std::string& body) {
  append_number(out, body.size());
  std::string checked = std::string(type) + body;
  out += checked;
  append_number(out, crc32(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size()));
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? std::uint8_t(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Anchors at equal distances; between them colours are linear. Sequential: viridis (van der Walt and Smith 2015).
// Diverging: blue - white - red of ColorBrewer (Brewer 2002). Both are safe for colour-blind readers.
constexpr Rgb sequential[] = {{0x44, 0x01, 0x54}, {0x48, 0x28, 0x78}, {0x3e, 0x49, 0x89}, {0x31, 0x68, 0x8e},
                              {0x26, 0x82, 0x8e}, {0x1f, 0x9e, 0x89}, {0x35, 0xb7, 0x79}, {0x6e, 0xce, 0x58},
                              {0xb5, 0xde, 0x2b}, {0xfd, 0xe7, 0x25}};
constexpr Rgb diverging[] = {{0x21, 0x66, 0xac}, {0x43, 0x93, 0xc3}, {0x92, 0xc5, 0xde},
                             {0xd1, 0xe5, 0xf0}, {0xf7, 0xf7, 0xf7}, {0xfd, 0xdb, 0xc7},
                             {0xf4, 0xa5, 0x82}, {0xd6, 0x60, 0x4d}, {0xb2, 0x18, 0x2b}};

}  // namespace

Rgb colour_at(ColourMap map, double s) {
  std::span<const Rgb> anchors =
      map == ColourMap::sequential ? std::span<const Rgb>(sequential) : std::span<const Rgb>(diverging);
  double place = std::clamp(s, 0.0, 1.0) * (anchors.size() - 1);
  std::size_t k = std::min(std::size_t(place), anchors.size() - 2);
  auto mix = [&](std::uint8_t a, std::uint8_t b) { return std::uint8_t(std::lround(a + (b - a) * (place - k))); };
  const Rgb &a = anchors[k], &b = anchors[k + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

std::string png_address(long width, long height, std::span<const std::uint8_t> pixels, ColourMap map) {
  std::string header;
  append_number(header, width);
  append_number(header, height);
  header += std::string_view("\x08\x03\x00\x00\x00", 5);  // 8 bits, palette, deflate, no interlace
  std::string palette(3, '\0'), transparency(1, '\0');
  for (int k = 0; k < 255; ++k) {
    Rgb colour = colour_at(map, k / 254.0);
    palette += {char(colour.red), char(colour.green), char(colour.blue)};
  }
  std::string rows;
  for (long j = 0; j < height; ++j) {
    rows += '\0';  // no filter: palette indices are not smooth
    rows.append(reinterpret_cast<const char*>(pixels.data()) + j * width, width);
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                         rows.size(), 6);
  require(status == Z_OK, "zlib could not compress a picture");
  packed.resize(size);
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "PLTE", palette);
  append_chunk(png, "tRNS", transparency);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", "");
  return "data:image/png;base64," + base64(png);
}

}  // namespace turnpike
