// What a panel is made of: layers, each with its data, its drawing, its legend entries and its rows of the CSV file.
#pragma once

#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "canvas_internal.h"

namespace turnpike {

// The interval of all values an axis must show.
struct Extent {
  Scale scale = Scale::linear;
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  double tight_low = low, tight_high = high;  // of layers that fill the frame: no margin beyond
  long n_values = 0;
  long n_below = 0;  // values <= 0 on a log axis

  void add(double value) {
    if (!std::isfinite(value) || std::abs(value) > 1e300) return;
    if (scale == Scale::log && value <= 0) {
      ++n_below;
      return;
    }
    ++n_values;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void add_all(const std::vector<double>& values) {
    for (double value : values) add(value);
  }
  void add_tight(double from, double to) {
    add(from);
    add(to);
    tight_low = std::min(tight_low, from);
    tight_high = std::max(tight_high, to);
  }
  bool is_empty() const { return !(low <= high); }
};

enum class Glyph { line, marker, patch };
struct LegendEntry {
  std::string label;
  Look look;
  Glyph glyph = Glyph::line;
  friend bool operator==(const LegendEntry& a, const LegendEntry& b) {
    return a.label == b.label && a.glyph == b.glyph && a.look.colour == b.look.colour &&
           a.look.marker == b.look.marker && a.look.dash == b.look.dash;
  }
};

// One row of the long form; what does not apply stays empty.
struct DataRow {
  std::string mark, series, item;
  std::optional<double> x{}, y{}, value{}, low{}, high{}, dx{}, dy{};
};

struct ColourBar {
  std::string label;
  ColourMap map;
  Range range;
};

enum class Depth { background, data, reference, annotation };

class Layer {
 public:
  virtual ~Layer() = default;
  virtual Depth depth() const { return Depth::data; }
  virtual void extend(Extent& x, Extent& y) const = 0;
  virtual void draw(Canvas& canvas) const = 0;
  virtual void legend(std::vector<LegendEntry>& entries) const {}
  virtual void rows(std::vector<DataRow>& out) const = 0;
  virtual std::optional<ColourBar> colour_bar() const { return std::nullopt; }
};

// ContractError unless both columns are equally long.
void require_same_length(const char* what, std::size_t a, std::size_t b);

// Together with the colour (label modulo n_colours) different for the first 49 classes.
inline Marker class_marker(int label) {
  constexpr Marker order[] = {Marker::circle, Marker::square,   Marker::triangle, Marker::diamond,
                              Marker::cross,  Marker::inverted, Marker::plus};
  return order[(label + label / n_colours) % std::size(order)];
}

}  // namespace turnpike
