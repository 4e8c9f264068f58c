#include "panel_drawing_internal.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "picture_internal.h"

namespace turnpike {
namespace {

constexpr double tick_size = 12, label_size = 13, legend_size = 12, title_size = 13, note_size = 11;
constexpr double swatch = 24, row_gap = 4;  // of legends

// What an axis shows: given bounds, or the data with a small margin; never empty.
Range range_of(const Extent& extent, const Axis& axis) {
  Range range{axis.scale, extent.low, extent.high};
  bool log = axis.scale == Scale::log;
  if (extent.is_empty()) range.low = log ? 0.1 : 0, range.high = 1;
  auto forward = [&](double v) { return log ? std::log(v) : v; };
  auto back = [&](double v) { return log ? std::exp(v) : v; };
  double a = forward(range.low), b = forward(range.high);
  bool constant = b - a <= 1e-12 * std::max(std::abs(a), std::abs(b));
  if (constant) {
    double half = log ? std::log(3.0) : range.low == 0 ? 1 : 0.1 * std::abs(range.low);
    range.low = back(a - half);
    range.high = back(b + half);
  } else {
    double margin = 0.04 * (b - a);
    if (extent.low < extent.tight_low) range.low = back(a - margin);
    if (extent.high > extent.tight_high) range.high = back(b + margin);
  }
  auto usable = [&](double v) { return std::isfinite(v) && std::abs(v) <= 1e300 && (!log || v > 0); };
  if (axis.low && usable(*axis.low)) range.low = *axis.low;
  if (axis.high && usable(*axis.high)) range.high = *axis.high;
  // Bounds that exclude the data, or that rounding makes one.
  if (!(range.low < range.high)) range.high = log ? range.low * 10 : range.low + std::max(1.0, std::abs(range.low));
  return range;
}

Ticks ticks_of(const Range& range, int at_most) {
  return range.scale == Scale::log ? log_ticks(range.low, range.high, at_most)
                                   : linear_ticks(range.low, range.high, at_most);
}

double widest_label(const Ticks& ticks) {
  double widest = 0;
  for (const std::string& label : ticks.labels) widest = std::max(widest, fit_label(label, tick_size, 120).width);
  return widest;
}

std::string lines_path(const char* css_class, const std::vector<std::pair<Point, Point>>& segments) {
  if (segments.empty()) return "";
  PathData path;
  for (auto [a, b] : segments) {
    path.move(a);
    path.line(b);
  }
  return fmt::format("<path class=\"{}\" d=\"{}\"/>", css_class, path.text());
}

std::string swatch_svg(const LegendEntry& entry, double x, double y) {
  // The same drawing as the data, on a small canvas of its own.
  Canvas canvas({x - 1, y - 9, x + swatch, y + 9}, {}, {});
  Look look = entry.look;
  switch (entry.glyph) {
    case Glyph::line:
      canvas.curve({{x + 1, y}, {x + swatch - 5, y}}, look);
      if (look.marker != Marker::none) canvas.markers({{x + swatch / 2 - 2, y}}, look);
      break;
    case Glyph::marker:
      look.size = std::max(look.size, 7.0);
      canvas.markers({{x + swatch / 2 - 2, y}}, look);
      break;
    case Glyph::patch: {
      double opacity = look.opacity < 1 ? look.opacity : 0.35;
      canvas.box({x + 2, y - 5, x + swatch - 6, y + 5}, look.colour, opacity);
      break;
    }
  }
  return canvas.svg();
}

double legend_width(const std::vector<FittedLabel>& labels) {
  double width = 0;
  for (const FittedLabel& label : labels) width = std::max(width, swatch + label.width);
  return width;
}

double legend_height(const std::vector<FittedLabel>& labels) {
  double height = -row_gap;
  for (const FittedLabel& label : labels) height += label.height() + row_gap;
  return height;
}

// As many labels as were fitted; one more than there are swatches if the last says how many were left out.
std::string legend_column(const std::vector<LegendEntry>& entries, const std::vector<FittedLabel>& labels, Point at) {
  std::string out;
  for (std::size_t k = 0; k < labels.size(); ++k) {
    bool is_rest = k + 1 == labels.size() && labels.size() < entries.size();
    if (!is_rest) out += swatch_svg(entries[k], at.x, at.y + labels[k].height() / 2);
    out += text_element(labels[k], at.x + swatch, at.y + labels[k].size * 0.98, Anchor::start, "t h");
    at.y += labels[k].height() + row_gap;
  }
  return out;
}

}  // namespace

double flow_legend(const std::vector<LegendEntry>& entries, double left, double right, double top, std::string& out) {
  double x = left, height = entries.empty() ? 0 : 19;
  for (const LegendEntry& entry : entries) {
    FittedLabel label = fit_label(entry.label, legend_size, right - left - swatch);
    if (x > left && x + swatch + label.width > right) x = left, height += 19;
    double middle = top + height - 10;
    out += swatch_svg(entry, x, middle) + text_element(label, x + swatch, middle + 4, Anchor::start, "t");
    x += swatch + label.width + 16;
  }
  return height;
}

PanelDrawing::PanelDrawing(const Panel& panel) : panel_(panel), heading_(panel.title_) {
  Extent x, y;
  x.scale = panel.x_.scale;
  y.scale = panel.y_.scale;
  auto says_about_data = [](const Layer& layer) { return layer.depth() >= Depth::reference; };
  for (const auto& layer : panel.layers_) {
    if (!says_about_data(*layer)) layer->extend(x, y);
    if (layer->depth() == Depth::background) has_background_ = true;
    if (auto bar = layer->colour_bar()) bar_ = bar;
    std::vector<LegendEntry> entries;
    layer->legend(entries);
    for (const LegendEntry& entry : entries) {  // two layers may name the same classes
      if (std::find(legend_.begin(), legend_.end(), entry) == legend_.end()) legend_.push_back(entry);
    }
  }
  has_data_ = !x.is_empty() && !y.is_empty();
  n_below_ = x.n_below + y.n_below;
  for (const auto& layer : panel.layers_) {
    if (has_data_ && says_about_data(*layer)) layer->extend(x, y);
  }
  x_ = range_of(x, panel.x_);
  y_ = range_of(y, panel.y_);
}

void PanelDrawing::set_letter(const std::string& letter) {
  heading_ = "**" + letter + "**" + (panel_.title_.empty() ? "" : "  " + panel_.title_);
}

Rect PanelDrawing::shaped(Rect f) const {
  if (!panel_.equal_ || x_.scale == Scale::log || y_.scale == Scale::log) return f;
  double aspect = (y_.high - y_.low) / (x_.high - x_.low);
  double height = std::max(f.width() * aspect, 30.0), width = std::max(f.height() / aspect, 40.0);
  if (height <= f.height()) {
    f.bottom = f.top + height;
  } else if (width < f.width()) {
    double excess = f.width() - width;
    f.left += excess / 2;
    f.right -= excess / 2;
  }
  return f;
}

PanelDrawing::LegendPlace PanelDrawing::outside(const Rect& cell) const {
  return cell.width() > 420 ? LegendPlace::right : LegendPlace::below;
}

double PanelDrawing::legend_below_height(const Rect& cell) const {
  std::string unused;
  return flow_legend(legend_, cell.left + 10, cell.right - 4, 0, unused) + 4;
}

std::vector<FittedLabel> PanelDrawing::legend_right(const Rect& cell) const {
  return fit_legend(std::clamp(cell.width() * 0.3, 80.0, 200.0), cell.height() - 60);
}

std::vector<FittedLabel> PanelDrawing::fit_legend(double max_width, double max_height) const {
  std::vector<FittedLabel> labels;
  for (std::size_t k = 0; k < legend_.size(); ++k) {
    labels.push_back(fit_label(legend_[k].label, legend_size, max_width - swatch, 2));
    bool last = k + 1 == legend_.size();
    if (k == 0 || legend_height(labels) + (last ? 0 : 20) <= max_height) continue;
    labels.back() = fit_label(fmt::format("and {} more", legend_.size() - k), legend_size, max_width - swatch);
    break;
  }
  return labels;
}

PanelDrawing::Layout PanelDrawing::lay_out(const Rect& cell, LegendPlace place) const {
  Layout l;
  l.cell = cell;
  double top = cell.top + 10, bottom = cell.bottom - 4;
  if (!heading_.empty()) {
    l.heading = fit_label(heading_, title_size, cell.width() - 16, 2);
    top = cell.top + l.heading.height() + 12;
  }
  if (place == LegendPlace::below) bottom -= legend_below_height(cell);
  if (n_below_ > 0) bottom -= 15;

  // Left of the frame. The number of ticks is that of a frame without its x label: two lines more or less do not
  // matter.
  int n_y = std::clamp(int((bottom - top - 45) / 26), 3, 9);
  l.y_ticks = ticks_of(y_, n_y);
  l.y_tick_width = widest_label(l.y_ticks);
  if (bar_) l.bar_ticks = ticks_of(bar_->range, n_y);
  if (!l.y_ticks.common.empty() || !l.bar_ticks.common.empty()) top += 14;
  double left = cell.left + 8 + l.y_tick_width + 10;
  if (!panel_.y_.label.empty()) {
    l.y_label = fit_label(panel_.y_.label, label_size, std::max(bottom - top - 20, 60.0), 2);
    left += l.y_label.height() + 2;
  }

  // Right of it: half a tick label, the colour bar, the legend.
  double right = cell.right - 12;
  if (panel_.categories_.empty()) right = cell.right - std::max(12.0, widest_label(ticks_of(x_, 5)) / 2 + 3);
  if (bar_) {
    l.bar_width = 10 + 12 + 8 + widest_label(l.bar_ticks) + (bar_->label.empty() ? 2 : 20);
    right = cell.right - 6 - l.bar_width;
  }
  if (place == LegendPlace::right) right -= legend_width(legend_right(cell)) + 12;
  right = std::max(right, left + 40);

  // Below it: tick labels or names, then the axis label.
  double below = 22;
  if (!panel_.categories_.empty()) {
    double room = (right - left) / panel_.categories_.size(), longest = 0;
    std::size_t n_lines = 1;
    for (const std::string& name : panel_.categories_) {
      longest = std::max(longest, fit_label(name, tick_size, 1e4).width);
      n_lines = std::max(n_lines, fit_label(name, tick_size, std::max(room - 4, 8.0), 2).lines.size());
    }
    l.slanted_names = longest > 1.8 * room;
    l.names_height = l.slanted_names ? std::min(longest, 80.0) * 0.58 : n_lines > 1 ? 14 : 0;
    below += l.names_height;
  }
  std::string label = panel_.x_.label;
  std::string common = panel_.categories_.empty() ? x_ticks({left, top, right, bottom}).common : "";
  if (!common.empty()) label += label.empty() ? common : " (" + common + ")";
  if (!label.empty()) {
    l.x_label = fit_label(label, label_size, std::max(right - left, 0.8 * cell.width()), 2);
    below += l.x_label.height() + 4;
  }
  l.frame = shaped({left, top, right, std::max(bottom - below, top + 30)});
  return l;
}

Canvas PanelDrawing::draw_layers(const Rect& frame) const {
  Canvas canvas(frame, x_, y_);
  for (Depth depth : {Depth::background, Depth::data, Depth::reference, Depth::annotation}) {
    for (const auto& layer : panel_.layers_) {
      if (layer->depth() == depth) layer->draw(canvas);
    }
  }
  return canvas;
}

std::optional<Point> PanelDrawing::free_place(const Canvas& canvas, const std::vector<FittedLabel>& labels) const {
  if (has_background_) return std::nullopt;
  const Rect& f = canvas.frame();
  double pad = 8, width = legend_width(labels), height = legend_height(labels);
  for (double v : {0.0, 1.0, 0.5}) {
    for (double h : {1.0, 0.0, 0.5}) {
      double left = f.left + pad + h * (f.width() - width - 2 * pad);
      double top = f.top + pad + v * (f.height() - height - 2 * pad);
      if (canvas.is_free({left - 4, top - 4, left + width + 4, top + height + 4})) return Point{left, top};
    }
  }
  return std::nullopt;
}

double PanelDrawing::natural_height(double width, bool alone) {
  double height = alone ? 0.52 * width : 0.74 * width;
  if (panel_.equal_ && has_data_) {
    // As tall as the width inside the margins asks for, within reason.
    double aspect = (y_.high - y_.low) / (x_.high - x_.low);
    Layout trial = lay_out({0, 0, width, 1e4}, LegendPlace::inside);
    double margins_x = width - trial.frame.width(), margins_y = trial.frame.top + 22 + trial.x_label.height() + 8;
    height = std::clamp(aspect, 0.3, alone ? 0.75 : 1.05) * (width - margins_x) + margins_y;
  }
  if (legend_.empty() || !has_data_) return height;
  Rect cell{0, 0, width, height};
  Layout l = lay_out(cell, LegendPlace::inside);
  legend_fits_inside_ =
      free_place(draw_layers(l.frame), fit_legend(l.frame.width() * 0.48, l.frame.height() * 0.7)).has_value();
  if (!legend_fits_inside_ && outside(cell) == LegendPlace::below) height += legend_below_height(cell);
  return height;
}

std::string PanelDrawing::svg(const Rect& cell) {
  LegendPlace where = legend_fits_inside_ || legend_.empty() ? LegendPlace::inside : outside(cell);
  Layout l = lay_out(cell, where);
  std::string out;
  if (!heading_.empty()) out += text_element(l.heading, cell.left + 8, cell.top + 15, Anchor::start, "t");
  if (!has_data_) return out + no_data(l);

  Canvas canvas = draw_layers(l.frame);
  std::string legend;
  if (!legend_.empty()) {
    std::vector<FittedLabel> labels = fit_legend(l.frame.width() * 0.48, l.frame.height() * 0.7);
    std::optional<Point> place = where == LegendPlace::inside ? free_place(canvas, labels) : std::nullopt;
    if (place) {
      legend = legend_column(legend_, labels, *place);
    } else {
      where = outside(cell);
      l = lay_out(cell, where);
      canvas = draw_layers(l.frame);
      if (where == LegendPlace::right) {
        legend = legend_column(legend_, legend_right(cell), {l.frame.right + l.bar_width + 12, l.frame.top + 2});
      } else {
        double top = l.frame.bottom + 22 + l.names_height + (l.x_label.lines.empty() ? 0 : l.x_label.height() + 4) +
                     (n_below_ > 0 ? 15 : 0);
        flow_legend(legend_, cell.left + 10, cell.right - 4, top, legend);
      }
    }
  }
  out += grid_svg(l) + canvas.svg() + axes_svg(l);
  if (bar_) out += bar_svg(l);
  return out + legend;
}

std::string PanelDrawing::no_data(const Layout& l) const {
  double top = heading_.empty() ? l.cell.top + 8 : l.cell.top + l.heading.height() + 10;
  Rect r{l.cell.left + 8, top, l.cell.right - 8, std::max(l.cell.bottom - 8, top + 20)};
  std::string why = "no data";
  if (n_below_ > 0) why += fmt::format(": {} value{} ≤ 0 on a log axis", n_below_, n_below_ == 1 ? "" : "s");
  return fmt::format(
             "<rect class=\"g\" fill=\"none\" stroke-dasharray=\"4 4\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
             pixel(r.left), pixel(r.top), pixel(r.width()), pixel(r.height())) +
         text_element(fit_label(why, 13, r.width() - 8, 2), (r.left + r.right) / 2, (r.top + r.bottom) / 2,
                      Anchor::middle, "q");
}

// As many ticks as fit without touching; none where names stand.
Ticks PanelDrawing::x_ticks(const Rect& frame) const {
  if (!panel_.categories_.empty()) return {};
  Ticks ticks;
  for (int n = std::clamp(int(frame.width() / 45), 3, 10); n >= 2; --n) {
    ticks = ticks_of(x_, n);
    double last_right = -1e9;
    bool fits = true;
    for (std::size_t k = 0; k < ticks.major.size(); ++k) {
      double x = frame.left + x_.place(ticks.major[k]) * frame.width();
      double half = fit_label(ticks.labels[k], tick_size, 120).width / 2;
      fits = fits && x - half > last_right + 8;
      last_right = x + half;
    }
    if (fits) break;
  }
  return ticks;
}

std::string PanelDrawing::grid_svg(const Layout& l) const {
  if (has_background_) return "";
  const Rect& f = l.frame;
  std::vector<std::pair<Point, Point>> lines;
  for (double v : l.y_ticks.major) {
    double y = f.bottom - y_.place(v) * f.height();
    lines.push_back({{f.left, y}, {f.right, y}});
  }
  for (double v : x_ticks(f).major) {
    double x = f.left + x_.place(v) * f.width();
    lines.push_back({{x, f.top}, {x, f.bottom}});
  }
  return lines_path("g", lines);
}

std::string PanelDrawing::axes_svg(const Layout& l) const {
  const Rect& f = l.frame;
  Ticks ticks = x_ticks(f);
  auto at_x = [&](double v) { return f.left + x_.place(v) * f.width(); };
  auto at_y = [&](double v) { return f.bottom - y_.place(v) * f.height(); };
  std::vector<std::pair<Point, Point>> lines{{{f.left, f.bottom}, {f.right, f.bottom}},
                                             {{f.left, f.top}, {f.left, f.bottom}}};
  if (has_background_) {
    lines.push_back({{f.left, f.top}, {f.right, f.top}});
    lines.push_back({{f.right, f.top}, {f.right, f.bottom}});
  }
  for (double v : ticks.major) lines.push_back({{at_x(v), f.bottom}, {at_x(v), f.bottom + 5}});
  for (double v : l.y_ticks.major) lines.push_back({{f.left, at_y(v)}, {f.left - 5, at_y(v)}});
  if (x_.scale == Scale::log) {
    for (double v : ticks.minor) lines.push_back({{at_x(v), f.bottom}, {at_x(v), f.bottom + 3}});
  }
  if (y_.scale == Scale::log) {
    for (double v : l.y_ticks.minor) lines.push_back({{f.left, at_y(v)}, {f.left - 3, at_y(v)}});
  }
  std::string out = lines_path("a", lines);
  for (std::size_t k = 0; k < ticks.major.size(); ++k) {
    out += text_element(fit_label(ticks.labels[k], tick_size, 120), at_x(ticks.major[k]), f.bottom + 18, Anchor::middle,
                        "q");
  }
  for (std::size_t k = 0; k < l.y_ticks.major.size(); ++k) {
    out += text_element(fit_label(l.y_ticks.labels[k], tick_size, 120), f.left - 8, at_y(l.y_ticks.major[k]) + 4,
                        Anchor::end, "q");
  }
  if (!l.y_ticks.common.empty()) {
    out += text_element(fit_label(l.y_ticks.common, note_size, 140), f.left - 8, f.top - 8, Anchor::start, "q");
  }
  const std::vector<std::string>& names = panel_.categories_;
  for (std::size_t k = 0; k < names.size(); ++k) {
    double x = at_x(double(k));
    if (l.slanted_names) {
      out += fmt::format("<g transform=\"rotate(-35 {} {})\">", pixel(x + 4), pixel(f.bottom + 14));
      out += text_element(fit_label(names[k], note_size, 80), x + 4, f.bottom + 14, Anchor::end, "q") + "</g>";
    } else {
      out += text_element(fit_label(names[k], tick_size, f.width() / names.size() - 4, 2), x, f.bottom + 18,
                          Anchor::middle, "q");
    }
  }
  if (!l.x_label.lines.empty()) {
    double half = l.x_label.width / 2, middle = (f.left + f.right) / 2;
    middle = std::clamp(middle, l.cell.left + half + 2, std::max(l.cell.left + half + 2, l.cell.right - half - 2));
    out += text_element(l.x_label, middle, f.bottom + 22 + l.names_height + label_size, Anchor::middle, "t");
  }
  if (!l.y_label.lines.empty()) {
    double half = l.y_label.width / 2, middle = (f.top + f.bottom) / 2;
    middle = std::clamp(middle, l.cell.top + half + 2, std::max(l.cell.top + half + 2, l.cell.bottom - half - 2));
    double x = f.left - l.y_tick_width - 15 - (l.y_label.lines.size() - 1) * l.y_label.size * 1.25;
    out += text_element(l.y_label, x, middle, Anchor::middle, "t", true);
  }
  if (n_below_ > 0) {
    std::string note = fmt::format("{} value{} ≤ 0 not shown on the log axis", n_below_, n_below_ == 1 ? "" : "s");
    double y = f.bottom + 22 + l.names_height + (l.x_label.lines.empty() ? 0 : l.x_label.height() + 4) + 10;
    out += text_element(fit_label(note, note_size, l.cell.width() - 12), l.cell.right - 6, y, Anchor::end, "q");
  }
  return out;
}

std::string PanelDrawing::bar_svg(const Layout& l) const {
  Rect r{l.frame.right + 10, l.frame.top, l.frame.right + 22, l.frame.bottom};
  std::vector<std::uint8_t> shades(255);
  for (int k = 0; k < 255; ++k) shades[k] = std::uint8_t(255 - k);
  Canvas canvas(r, {}, {});
  canvas.image(r, png_address(1, 255, shades, bar_->map), true);
  std::string out = canvas.svg();
  std::vector<std::pair<Point, Point>> lines;
  for (std::size_t k = 0; k < l.bar_ticks.major.size(); ++k) {
    double y = r.bottom - bar_->range.place(l.bar_ticks.major[k]) * r.height();
    lines.push_back({{r.right, y}, {r.right + 4, y}});
    out += text_element(fit_label(l.bar_ticks.labels[k], tick_size, 90), r.right + 7, y + 4, Anchor::start, "q");
  }
  out += lines_path("a", lines);
  if (!l.bar_ticks.common.empty()) {
    out += text_element(fit_label(l.bar_ticks.common, note_size, 90), r.left - 8, r.top - 5, Anchor::start, "q");
  }
  if (!bar_->label.empty()) {
    FittedLabel label = fit_label(bar_->label, label_size, r.height());
    out += text_element(label, l.frame.right + l.bar_width, (r.top + r.bottom) / 2, Anchor::middle, "t", true);
  }
  return out;
}

}  // namespace turnpike
