#include "canvas_internal.h"

#include <algorithm>
#include <numbers>
#include <set>

#include <fmt/format.h>

namespace turnpike {
namespace {

constexpr double cell = 5;  // of the map of what is covered, pixels

bool is_finite(Point p) {
  return std::isfinite(p.x) && std::isfinite(p.y);
}

void append_tenths(std::string& out, long tenths) {
  std::string number = pixel(tenths / 10.0);
  bool joins = !out.empty() && (std::isdigit(out.back()) || out.back() == '.') && number[0] != '-';
  if (joins) out += ' ';
  out += number;
}

// The part of a - b inside the frame (Liang and Barsky 1984), or false.
bool clip_segment(const Rect& frame, Point& a, Point& b) {
  double enter = 0, leave = 1, dx = b.x - a.x, dy = b.y - a.y;
  auto side = [&](double direction, double distance) {
    if (direction == 0) return distance >= 0;
    double s = distance / direction;
    if (direction < 0)
      enter = std::max(enter, s);
    else
      leave = std::min(leave, s);
    return enter <= leave;
  };
  bool inside = side(-dx, a.x - frame.left) && side(dx, frame.right - a.x) && side(-dy, a.y - frame.top) &&
                side(dy, frame.bottom - a.y);
  if (!inside) return false;
  Point start = a;
  if (leave < 1) b = {start.x + leave * dx, start.y + leave * dy};
  if (enter > 0) a = {start.x + enter * dx, start.y + enter * dy};
  return true;
}

// Sutherland and Hodgman 1974.
Polyline clip_ring(const Rect& frame, Polyline ring) {
  auto cut = [&](auto inside, auto crossing) {
    Polyline out;
    for (std::size_t i = 0; i < ring.size(); ++i) {
      Point a = ring[i], b = ring[(i + 1) % ring.size()];
      if (inside(a)) out.push_back(a);
      if (inside(a) != inside(b)) out.push_back(crossing(a, b));
    }
    ring = std::move(out);
  };
  auto at_x = [](double x) {
    return [x](Point a, Point b) { return Point{x, a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)}; };
  };
  auto at_y = [](double y) {
    return [y](Point a, Point b) { return Point{a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y), y}; };
  };
  cut([&](Point p) { return p.x >= frame.left; }, at_x(frame.left));
  cut([&](Point p) { return p.x <= frame.right; }, at_x(frame.right));
  cut([&](Point p) { return p.y >= frame.top; }, at_y(frame.top));
  cut([&](Point p) { return p.y <= frame.bottom; }, at_y(frame.bottom));
  return ring;
}

// Fewer points, within .15 + .2 of a pixel; rounding to tenths adds at most .07: below half a pixel in all.
Polyline thin(const Polyline& points) {
  Polyline spaced;
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool last = i + 1 == points.size();
    if (spaced.empty() || last || std::hypot(points[i].x - spaced.back().x, points[i].y - spaced.back().y) > 0.15) {
      spaced.push_back(points[i]);
    }
  }
  return decimate(spaced, 0.2);
}

std::string opacity_attribute(double opacity) {
  return opacity < 1 ? fmt::format(" opacity=\"{:.3g}\"", opacity) : "";
}

}  // namespace

std::string stroke_class(int colour) {
  if (colour == ink::text) return "sk";
  if (colour == ink::muted) return "sm";
  if (colour == ink::on_picture) return "sp";
  return fmt::format("s{}", std::max(colour, 0) % n_colours);
}

std::string fill_class(int colour) {
  std::string name = stroke_class(colour);
  name[0] = 'f';
  return name;
}

void PathData::move(Point p) {
  x_ = std::lround(p.x * 10);
  y_ = std::lround(p.y * 10);
  data_ += 'M';
  append_tenths(data_, x_);
  append_tenths(data_, y_);
  last_ = 'M';
}

void PathData::line(Point p) {
  long x = std::lround(p.x * 10), y = std::lround(p.y * 10), dx = x - x_, dy = y - y_;
  if (dx == 0 && dy == 0 && last_ != 'M') return;
  char command = dy == 0 ? 'h' : dx == 0 ? 'v' : 'l';
  if (command != last_) data_ += command;
  if (command != 'v') append_tenths(data_, dx);
  if (command != 'h') append_tenths(data_, dy);
  x_ = x;
  y_ = y;
  last_ = command;
}

bool is_stroked(Marker marker) {
  return marker == Marker::cross || marker == Marker::plus;
}

void append_marker(PathData& path, Marker marker, Point c, double size) {
  double r = size / 2;
  auto polygon = [&](std::initializer_list<Point> corners) {
    bool first = true;
    for (Point p : corners) {
      Point at{c.x + p.x, c.y + p.y};
      first ? path.move(at) : path.line(at);
      first = false;
    }
    path.close();
  };
  // Areas are made about equal, so that no class looks heavier than another.
  double s = 0.89 * r, d = 1.25 * r, w = 1.16 * r, h = 1.35 * r;
  switch (marker) {
    case Marker::none:
    case Marker::circle:
      path.move(c);
      path.line(c);
      break;
    case Marker::square: polygon({{-s, -s}, {s, -s}, {s, s}, {-s, s}}); break;
    case Marker::diamond: polygon({{0, -d}, {d, 0}, {0, d}, {-d, 0}}); break;
    case Marker::triangle: polygon({{0, -h}, {w, h * 0.5}, {-w, h * 0.5}}); break;
    case Marker::inverted: polygon({{0, h}, {w, -h * 0.5}, {-w, -h * 0.5}}); break;
    case Marker::cross:
      path.move({c.x - s, c.y - s});
      path.line({c.x + s, c.y + s});
      path.move({c.x - s, c.y + s});
      path.line({c.x + s, c.y - s});
      break;
    case Marker::plus:
      path.move({c.x - d, c.y});
      path.line({c.x + d, c.y});
      path.move({c.x, c.y - d});
      path.line({c.x, c.y + d});
      break;
  }
}

Canvas::Canvas(Rect frame, Range x, Range y)
    : frame_(frame),
      x_(x),
      y_(y),
      n_columns_(std::max(1L, long(std::ceil(frame.width() / cell)))),
      n_rows_(std::max(1L, long(std::ceil(frame.height() / cell)))),
      covered_(n_columns_ * n_rows_, 0) {}

Point Canvas::at(double x, double y) const {
  return {frame_.left + x_.place(x) * frame_.width(), frame_.bottom - y_.place(y) * frame_.height()};
}

void Canvas::curve(const Polyline& points, const Look& look) {
  PathData path;
  Polyline piece;
  auto flush = [&] {
    if (piece.empty()) return;
    Polyline thinned = thin(piece);
    path.move(thinned.front());
    if (thinned.size() == 1) path.line(thinned.front());  // a dot, by its round caps
    for (std::size_t i = 1; i < thinned.size(); ++i) {
      path.line(thinned[i]);
      take_segment(thinned[i - 1], thinned[i]);
    }
    piece.clear();
  };
  Point limit{1e7, 1e7};  // beyond any frame, small enough for exact arithmetic
  auto bounded = [&](Point p) { return Point{std::clamp(p.x, -limit.x, limit.x), std::clamp(p.y, -limit.y, limit.y)}; };
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!is_finite(points[i])) {
      flush();
      continue;
    }
    Point a = bounded(points[i]), b = i + 1 < points.size() && is_finite(points[i + 1]) ? bounded(points[i + 1]) : a;
    if (!clip_segment(frame_, a, b)) {
      flush();
      continue;
    }
    bool continues = !piece.empty() && std::hypot(piece.back().x - a.x, piece.back().y - a.y) < 1e-6;
    if (!continues) {
      flush();
      piece.push_back(a);
    }
    if (b.x != a.x || b.y != a.y) piece.push_back(b);
  }
  flush();
  if (path.empty()) return;
  out_ += fmt::format("<path class=\"{}\" stroke-width=\"{:.3g}\"", stroke_class(look.colour), look.width);
  if (look.dash != Dash::solid) {
    double w = look.width;
    out_ += look.dash == Dash::dashed
                ? fmt::format(" stroke-dasharray=\"{:.3g} {:.3g}\" stroke-linecap=\"butt\"", 3.2 * w + 1, 2 * w + 1)
                : fmt::format(" stroke-dasharray=\"0.1 {:.3g}\"", 2.2 * w);
  }
  out_ += opacity_attribute(look.opacity) + " d=\"" + path.text() + "\"/>";
}

void Canvas::area(const std::vector<Polyline>& rings, int colour, double opacity) {
  PathData path;
  for (const Polyline& ring : rings) {
    Polyline clipped = clip_ring(frame_, ring);
    if (clipped.size() < 3) continue;
    clipped.push_back(clipped.front());
    clipped = thin(clipped);
    if (clipped.size() < 4) continue;
    path.move(clipped.front());
    for (std::size_t i = 1; i + 1 < clipped.size(); ++i) path.line(clipped[i]);
    path.close();
  }
  if (path.empty()) return;
  out_ += fmt::format("<path class=\"{}\" fill-rule=\"evenodd\"{} d=\"{}\"/>", fill_class(colour),
                      opacity_attribute(opacity), path.text());
}

void Canvas::cover(const std::vector<Polyline>& rings) {
  for (long row = 0; row < n_rows_; ++row) {
    double y = frame_.top + (row + 0.5) * cell;
    std::vector<double> crossings;
    for (const Polyline& ring : rings) {
      for (std::size_t i = 0; i < ring.size(); ++i) {
        Point a = ring[i], b = ring[(i + 1) % ring.size()];
        if ((a.y <= y) != (b.y <= y)) crossings.push_back(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
      }
    }
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t k = 0; k + 1 < crossings.size(); k += 2) take({crossings[k], y, crossings[k + 1], y});
  }
}

void Canvas::markers(const Polyline& points, const Look& look) {
  PathData path;
  std::set<std::pair<long, long>> seen;  // of many points at one place only one is drawn
  bool many = points.size() > 2000;
  for (Point p : points) {
    bool outside = !is_finite(p) || p.x < frame_.left - 0.5 || p.x > frame_.right + 0.5 || p.y < frame_.top - 0.5 ||
                   p.y > frame_.bottom + 0.5;
    if (outside) continue;
    if (many && !seen.insert({std::lround(p.x * 2), std::lround(p.y * 2)}).second) continue;
    append_marker(path, look.marker, p, look.size);
    double r = look.size / 2;
    take({p.x - r, p.y - r, p.x + r, p.y + r});
  }
  if (path.empty()) return;
  std::string opacity = opacity_attribute(look.opacity);
  if (look.marker == Marker::circle || look.marker == Marker::none) {
    out_ += fmt::format("<path class=\"{}\" stroke-width=\"{:.3g}\"{} d=\"{}\"/>", stroke_class(look.colour), look.size,
                        opacity, path.text());
  } else if (is_stroked(look.marker)) {
    out_ += fmt::format("<path class=\"{}\" stroke-width=\"1.6\"{} d=\"{}\"/>", stroke_class(look.colour), opacity,
                        path.text());
  } else {
    out_ += fmt::format("<path class=\"{}\"{} d=\"{}\"/>", fill_class(look.colour), opacity, path.text());
  }
}

void Canvas::box(Rect r, int colour, double opacity) {
  Rect c{std::clamp(r.left, frame_.left, frame_.right), std::clamp(r.top, frame_.top, frame_.bottom),
         std::clamp(r.right, frame_.left, frame_.right), std::clamp(r.bottom, frame_.top, frame_.bottom)};
  if (c.width() <= 0 || c.height() <= 0) return;
  out_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>", fill_class(colour),
                      pixel(c.left), pixel(c.top), pixel(c.width()), pixel(c.height()), opacity_attribute(opacity));
  take(c);
}

void Canvas::image(Rect r, const std::string& address, bool smooth) {
  has_picture_ = true;
  out_ += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\"{} href=\"{}\"/>", pixel(r.left),
      pixel(r.top), pixel(r.width()), pixel(r.height()), smooth ? "" : " style=\"image-rendering:pixelated\"", address);
}

void Canvas::text(const FittedLabel& label, double x, double baseline, Anchor anchor, const char* css_class) {
  out_ += text_element(label, x, baseline, anchor, css_class);
  double left = anchor == Anchor::start ? x : anchor == Anchor::middle ? x - label.width / 2 : x - label.width;
  Rect r{left, baseline - label.size, left + label.width, baseline - label.size + label.height()};
  take(r);
  texts_.push_back(r);
}

bool Canvas::overlaps_text(Rect r) const {
  return std::any_of(texts_.begin(), texts_.end(), [&](const Rect& t) {
    return r.left < t.right && t.left < r.right && r.top < t.bottom && t.top < r.bottom;
  });
}

bool Canvas::is_free(Rect r) const {
  if (!frame_.contains(r)) return false;
  long left = long((r.left - frame_.left) / cell), right = long((r.right - frame_.left) / cell);
  long top = long((r.top - frame_.top) / cell), bottom = long((r.bottom - frame_.top) / cell);
  for (long row = std::max(top, 0L); row <= std::min(bottom, n_rows_ - 1); ++row) {
    for (long column = std::max(left, 0L); column <= std::min(right, n_columns_ - 1); ++column) {
      if (covered_[row * n_columns_ + column]) return false;
    }
  }
  return true;
}

void Canvas::take(Rect r) {
  auto index = [](double distance, long n) { return std::clamp(long(std::floor(distance / cell)), 0L, n - 1); };
  if (r.right < frame_.left || r.left > frame_.right || r.bottom < frame_.top || r.top > frame_.bottom) return;
  for (long row = index(r.top - frame_.top, n_rows_); row <= index(r.bottom - frame_.top, n_rows_); ++row) {
    for (long column = index(r.left - frame_.left, n_columns_); column <= index(r.right - frame_.left, n_columns_);
         ++column) {
      covered_[row * n_columns_ + column] = 1;
    }
  }
}

void Canvas::take_segment(Point a, Point b) {
  long steps = std::max(1L, long(std::hypot(b.x - a.x, b.y - a.y) / (cell / 2)));
  for (long k = 0; k <= steps; ++k) {
    Point p{a.x + (b.x - a.x) * k / steps, a.y + (b.y - a.y) * k / steps};
    take({p.x, p.y, p.x, p.y});
  }
}

}  // namespace turnpike
