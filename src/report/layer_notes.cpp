// Reference lines and notes: what is said about the data.
#include <algorithm>
#include <cmath>
#include <utility>

#include <turnpike/report/text.h>

#include "layer_internal.h"

namespace turnpike {
namespace {

class ReferenceLayer : public Layer {
 public:
  ReferenceLayer(bool vertical, double value, std::string label, Look look)
      : vertical_(vertical), value_(value), label_(std::move(label)), look_(std::move(look)) {}
  Depth depth() const override { return Depth::reference; }
  void extend(Extent& x, Extent& y) const override { (vertical_ ? x : y).add(value_); }
  void draw(Canvas& canvas) const override {
    const Rect& f = canvas.frame();
    Point p = canvas.at(vertical_ ? value_ : canvas.x().low, vertical_ ? canvas.y().low : value_);
    bool visible = vertical_ ? p.x >= f.left && p.x <= f.right : p.y >= f.top && p.y <= f.bottom;
    if (!visible) return;
    canvas.curve(vertical_ ? Polyline{{p.x, f.top}, {p.x, f.bottom}} : Polyline{{f.left, p.y}, {f.right, p.y}}, look_);
    if (label_.empty()) return;
    FittedLabel text = fit_label(label_, 12, f.width() * 0.45, 2);
    // Places beside the line in order of preference; the first free one, else the first.
    std::vector<Rect> places;
    auto add = [&](double left, double top) {
      left = std::clamp(left, f.left + 2, std::max(f.left + 2, f.right - text.width - 2));
      top = std::clamp(top, f.top + 2, std::max(f.top + 2, f.bottom - text.height() - 2));
      places.push_back({left, top, left + text.width, top + text.height()});
    };
    if (vertical_) {
      for (double top = f.top + 4; top < f.bottom - text.height(); top += 14) {
        add(p.x + 6, top);
        add(p.x - 6 - text.width, top);
      }
    } else {
      for (double right = f.right - 6; right > f.left + text.width; right -= 30) {
        add(right - text.width, p.y - 3 - text.height());
        add(right - text.width, p.y + 4);
      }
    }
    if (places.empty()) add(p.x + 6, p.y - 3 - text.height());
    auto overlaps = [&](const Rect& r) {  // clamped onto its own line
      return vertical_ ? r.left < p.x + 3 && r.right > p.x - 3 : r.top < p.y && r.bottom > p.y + 2;
    };
    auto free =
        std::find_if(places.begin(), places.end(), [&](const Rect& r) { return !overlaps(r) && canvas.is_free(r); });
    const Rect& r = free == places.end() ? places.front() : *free;
    canvas.text(text, r.left, r.top + text.size, Anchor::start, "t h");
  }
  void rows(std::vector<DataRow>& out) const override {
    DataRow row{.mark = "reference", .series = plain_text(label_), .item = ""};
    (vertical_ ? row.x : row.y) = value_;
    out.push_back(row);
  }

 private:
  bool vertical_;
  double value_;
  std::string label_;
  Look look_;
};

class NoteLayer : public Layer {
 public:
  NoteLayer(double x, double y, std::string text) : x_(x), y_(y), text_(std::move(text)) {}
  Depth depth() const override { return Depth::annotation; }
  void extend(Extent& x, Extent& y) const override {
    x.add(x_);
    y.add(y_);
  }
  void draw(Canvas& canvas) const override {
    const Rect& f = canvas.frame();
    Point p = canvas.at(x_, y_);
    if (!std::isfinite(p.x + p.y) || p.x < f.left || p.x > f.right || p.y < f.top || p.y > f.bottom) return;
    FittedLabel text = fit_label(text_, 12, std::min(220.0, f.width() * 0.6), 3);
    // Above right first, then around the point, then farther away.
    auto at = [&](double right, double up, double away) {
      double left = right > 0 ? p.x + away : right < 0 ? p.x - away - text.width : p.x - text.width / 2;
      double top = up > 0 ? p.y - away - text.height() : up < 0 ? p.y + away : p.y - text.height() / 2;
      left = std::clamp(left, f.left + 2, std::max(f.left + 2, f.right - text.width - 2));
      top = std::clamp(top, f.top + 2, std::max(f.top + 2, f.bottom - text.height() - 2));
      return Rect{left, top, left + text.width, top + text.height()};
    };
    Rect place = at(1, 1, 6);
    bool found = false;
    for (double away : {6.0, 14.0, 26.0, 40.0}) {
      for (auto [right, up] : {std::pair{1, 1}, {-1, 1}, {1, -1}, {-1, -1}, {0, 1}, {0, -1}}) {
        Rect candidate = at(right, up, away);
        if (found || !canvas.is_free(candidate)) continue;
        place = candidate;
        found = true;
      }
    }
    canvas.markers({p}, Look{.colour = ink::text, .marker = Marker::circle, .size = 5});
    canvas.text(text, place.left, place.top + text.size, Anchor::start, "t h");
  }
  void rows(std::vector<DataRow>& out) const override {
    out.push_back({.mark = "note", .series = plain_text(text_), .item = "", .x = x_, .y = y_});
  }

 private:
  double x_, y_;
  std::string text_;
};

}  // namespace

Panel& Panel::x_mark(double value, std::string label, Look look) {
  return add(std::make_shared<ReferenceLayer>(true, value, std::move(label), resolve(std::move(look))));
}
Panel& Panel::y_mark(double value, std::string label, Look look) {
  return add(std::make_shared<ReferenceLayer>(false, value, std::move(label), resolve(std::move(look))));
}
Panel& Panel::note(double x, double y, std::string text) {
  return add(std::make_shared<NoteLayer>(x, y, std::move(text)));
}

}  // namespace turnpike
