// A frame in pixels onto which layers draw: projection, clipping, compact paths, and what is already covered.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <turnpike/report/figure.h>

#include "label_internal.h"

namespace turnpike {

struct Rect {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
  bool contains(const Rect& r) const {
    return r.left >= left && r.right <= right && r.top >= top && r.bottom <= bottom;
  }
};

// One axis: data to [0, 1] and back.
struct Range {
  Scale scale = Scale::linear;
  double low = 0, high = 1;

  double place(double value) const {
    if (scale == Scale::linear) return (value - low) / (high - low);
    if (value <= 0) return -1e3;  // far below: a curve that falls to zero leaves the frame downwards
    return std::log(value / low) / std::log(high / low);
  }
  double value(double place) const {
    return scale == Scale::linear ? low + place * (high - low) : low * std::pow(high / low, place);
  }
};

// Dark in both themes: for lines on pictures, whose colours do not follow the theme.
namespace ink {
inline constexpr int on_picture = -4;
}

// CSS classes of a colour: "s3" strokes, "f3" fills.
std::string stroke_class(int colour);
std::string fill_class(int colour);

// Path data with one decimal, relative and compact. Rounding never accumulates.
class PathData {
 public:
  void move(Point p);
  void line(Point p);
  void close() { data_ += 'z'; }
  bool empty() const { return data_.empty(); }
  const std::string& text() const { return data_; }

 private:
  std::string data_;
  long x_ = 0, y_ = 0;  // tenths of a pixel
  char last_ = 0;
};

class Canvas {
 public:
  Canvas(Rect frame, Range x, Range y);

  const Rect& frame() const { return frame_; }
  const Range& x() const { return x_; }
  const Range& y() const { return y_; }
  Point at(double x, double y) const;  // pixels; NaN stays NaN

  // All in pixels; what lies outside the frame is clipped away; NaN breaks a curve.
  void curve(const Polyline& points, const Look& look);
  void area(const std::vector<Polyline>& rings, int colour,
            double opacity);                       // even-odd, not covered in the sense below
  void cover(const std::vector<Polyline>& rings);  // marks the inside of rings as covered
  void markers(const Polyline& points, const Look& look);
  void box(Rect r, int colour, double opacity);
  void image(Rect r, const std::string& address, bool smooth);
  void text(const FittedLabel& label, double x, double baseline, Anchor anchor, const char* css_class);
  void raw(const std::string& svg) { out_ += svg; }

  // Whether nothing was drawn in `r`; `take` marks it.
  bool is_free(Rect r) const;
  void take(Rect r);
  bool overlaps_text(Rect r) const;
  bool has_picture() const { return has_picture_; }

  const std::string& svg() const { return out_; }

 private:
  Rect frame_;
  Range x_, y_;
  std::string out_;
  long n_columns_, n_rows_;
  std::vector<char> covered_;
  std::vector<Rect> texts_;
  bool has_picture_ = false;
  void take_segment(Point a, Point b);
};

// The marker around (0, 0), `size` pixels across, as path data relative to its centre; "" for circles, which are round
// caps.
void append_marker(PathData& path, Marker marker, Point centre, double size);
bool is_stroked(Marker marker);  // cross and plus: lines instead of an area

}  // namespace turnpike
