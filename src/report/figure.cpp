#include <turnpike/report/figure.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>
#include <turnpike/report/ticks.h>

#include "layer_internal.h"
#include "picture_internal.h"
#include "style_internal.h"

namespace turnpike {

Panel& Panel::title(std::string markup) {
  title_ = std::move(markup);
  return *this;
}
Panel& Panel::x(Axis axis) {
  x_ = std::move(axis);
  return *this;
}
Panel& Panel::y(Axis axis) {
  y_ = std::move(axis);
  return *this;
}
Panel& Panel::equal_aspect() {
  equal_ = true;
  return *this;
}
Panel& Panel::add(std::shared_ptr<const Layer> layer) {
  layers_.push_back(std::move(layer));
  return *this;
}
Look Panel::resolve(Look look) {
  if (look.colour == ink::next) look.colour = next_colour_++;
  return look;
}

Panel& Figure::panel(std::string title) {
  panels_.emplace_back();
  return panels_.back().title(std::move(title));
}

namespace {

constexpr double tick_size = 12, label_size = 13, legend_size = 12, title_size = 13;

// What an axis shows: given bounds, or the data with a small margin; never empty.
Range range_of(const Extent& extent, const Axis& axis) {
  Range range{axis.scale, extent.low, extent.high};
  if (extent.is_empty()) range.low = axis.scale == Scale::log ? 0.1 : 0, range.high = 1;
  bool log = axis.scale == Scale::log;
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
  auto usable = [&](double v) { return std::isfinite(v) && (!log || v > 0); };
  if (axis.low && usable(*axis.low)) range.low = *axis.low;
  if (axis.high && usable(*axis.high)) range.high = *axis.high;
  if (!(range.low < range.high)) {  // bounds that exclude the data
    range.high = log ? range.low * 10 : range.low + std::max(1.0, std::abs(range.low));
  }
  return range;
}

struct Plan {
  Range x, y;
  bool has_data = false, has_background = false;
  long n_below = 0;  // values that a log axis cannot show
  std::vector<LegendEntry> legend;
  std::optional<ColourBar> bar;
  double aspect() const { return (y.high - y.low) / (x.high - x.low); }
};

struct FittedLegend {
  std::vector<FittedLabel> labels;
  double width = 0, height = 0;
};

constexpr double swatch = 24, row_gap = 4;

FittedLegend fit_legend(const std::vector<LegendEntry>& entries, double max_width, double max_height) {
  FittedLegend legend;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    FittedLabel label = fit_label(entries[k].label, legend_size, max_width - swatch - 6, 2);
    bool last = k + 1 == entries.size();
    double reserve = last ? 0 : 20;  // for the line that says how many are left out
    if (legend.height + label.height() + row_gap + reserve > max_height && k > 0) {
      legend.labels.push_back(
          fit_label(fmt::format("and {} more", entries.size() - k), legend_size, max_width - swatch - 6));
      legend.height += 19;
      break;
    }
    legend.width = std::max(legend.width, label.width + swatch + 6);
    legend.height += label.height() + row_gap;
    legend.labels.push_back(std::move(label));
  }
  return legend;
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
    case Glyph::patch:
      canvas.box({x + 2, y - 5, x + swatch - 6, y + 5}, look.colour, look.opacity < 1 ? look.opacity : 0.35);
      break;
  }
  return canvas.svg();
}

std::string legend_svg(const std::vector<LegendEntry>& entries, const FittedLegend& legend, double x, double y) {
  std::string out = "<g>";
  for (std::size_t k = 0; k < legend.labels.size(); ++k) {
    const FittedLabel& label = legend.labels[k];
    bool is_rest = k + 1 == legend.labels.size() && legend.labels.size() < entries.size();
    if (!is_rest) out += swatch_svg(entries[k], x, y + label.height() / 2);
    out += text_element(label, x + swatch, y + label.size * 0.98, Anchor::start, "t h");
    y += label.height() + row_gap;
  }
  return out + "</g>";
}

std::string ticks_path(const char* css_class, const std::vector<std::pair<Point, Point>>& segments) {
  if (segments.empty()) return "";
  PathData path;
  for (auto [a, b] : segments) {
    path.move(a);
    path.line(b);
  }
  return fmt::format("<path class=\"{}\" d=\"{}\"/>", css_class, path.text());
}

}  // namespace

class FigureWriter {
 public:
  explicit FigureWriter(const Figure& figure) : figure_(figure) {}

  // With `whole`, title and caption are drawn too.
  std::string write(bool whole, Theme theme) {
    const FigureOptions& o = figure_.options_;
    require(
        o.width >= 100 && o.width <= 1e4 && o.panel_height >= 0 && o.panel_height <= 1e4 && o.columns >= 0,
        fmt::format("a figure of {} x {} pixels and {} columns cannot be drawn", o.width, o.panel_height, o.columns));
    std::string body;
    double y = 0;
    if (whole && !o.title.empty()) {
      FittedLabel title = fit_label(o.title, 16, (o.width - 24) / 1.09, 3);
      body += text_element(title, 12, 24, Anchor::start, "t b");
      y = 12 + title.height() + 6;
    }
    static const Panel nothing;
    std::vector<const Panel*> panels;
    for (const Panel& panel : figure_.panels_) panels.push_back(&panel);
    if (panels.empty()) panels.push_back(&nothing);

    std::vector<Plan> plans;
    for (const Panel* panel : panels) plans.push_back(plan(*panel));
    bool shared = share_legend(plans);
    std::vector<LegendEntry> common = plans[0].legend;
    if (shared) {
      for (Plan& p : plans) p.legend.clear();
    }

    int n = int(panels.size());
    int columns = o.columns > 0 ? std::min(o.columns, n) : n <= 3 ? n : n == 4 ? 2 : 3;
    double gap = 8, cell_width = (o.width - gap * (columns - 1)) / columns;
    for (int first = 0; first < n; first += columns) {
      int last = std::min(first + columns, n);
      double height = 0;
      for (int k = first; k < last; ++k)
        height = std::max(height, cell_height(*panels[k], plans[k], cell_width, columns));
      for (int k = first; k < last; ++k) {
        double left = (k - first) * (cell_width + gap);
        std::string letter =
            n > 1 ? fmt::format("**{}**", n <= 26 ? std::string(1, char('a' + k)) : std::to_string(k + 1)) : "";
        body += panel_svg(*panels[k], plans[k], {left, y, left + cell_width, y + height}, letter);
      }
      y += height + gap;
    }
    if (shared) {
      double x = 12;
      y += 2;
      for (const LegendEntry& entry : common) {
        FittedLabel label = fit_label(entry.label, legend_size, o.width - 60);
        if (x > 12 && x + swatch + label.width > o.width - 12) x = 12, y += 20;
        body += swatch_svg(entry, x, y + 8) + text_element(label, x + swatch, y + 12, Anchor::start, "t");
        x += swatch + label.width + 18;
      }
      y += 22;
    }
    if (whole && !o.caption.empty()) {
      FittedLabel caption = fit_label(o.caption, 12, o.width - 24, 40);
      body += text_element(caption, 12, y + 14, Anchor::start, "q");
      y += caption.height() + 8;
    }
    double height = std::ceil(y + 2);
    std::string title = escape_xml(plain_text(o.title.empty() ? "Figure" : o.title));
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tp\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
        "role=\"img\" aria-label=\"{2}\">",
        pixel(o.width), pixel(height), title);
    if (whole) out += "<title>" + title + "</title>";
    if (!o.caption.empty()) out += "<desc>" + escape_xml(plain_text(o.caption)) + "</desc>";
    if (whole) {
      out += "<style>" + figure_sheet(theme) + "</style>";
      out +=
          fmt::format("<rect class=\"p\" x=\"0\" y=\"0\" width=\"{}\" height=\"{}\"/>", pixel(o.width), pixel(height));
    }
    return out + body + "</svg>\n";
  }

  std::string csv() const {
    std::vector<DataRow> rows;
    std::vector<std::size_t> panel_of;
    std::size_t number = 0;
    for (const Panel& panel : figure_.panels_) {
      ++number;
      for (const auto& layer : panel.layers_) layer->rows(rows);
      panel_of.resize(rows.size(), number);
    }
    auto quoted = [](const std::string& text) {
      if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
      std::string out = "\"";
      for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
      return out + "\"";
    };
    auto any = [&](auto has) { return std::any_of(rows.begin(), rows.end(), has); };
    bool with_panel = number > 1;
    bool with_series = any([](const DataRow& r) { return !r.series.empty(); });
    bool with_item = any([](const DataRow& r) { return !r.item.empty(); });
    struct Field {
      const char* name;
      std::optional<double> DataRow::*member;
    };
    std::vector<Field> fields{{"x", &DataRow::x},     {"y", &DataRow::y},       {"value", &DataRow::value},
                              {"low", &DataRow::low}, {"high", &DataRow::high}, {"dx", &DataRow::dx},
                              {"dy", &DataRow::dy}};
    std::erase_if(fields,
                  [&](const Field& f) { return !any([&](const DataRow& r) { return (r.*f.member).has_value(); }); });

    std::string out = with_panel ? "panel,mark" : "mark";
    if (with_series) out += ",series";
    if (with_item) out += ",item";
    for (const Field& f : fields) out += std::string(",") + f.name;
    out += '\n';
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const DataRow& row = rows[k];
      if (with_panel) out += std::to_string(panel_of[k]) + ",";
      out += row.mark;
      if (with_series) out += "," + quoted(row.series);
      if (with_item) out += "," + quoted(row.item);
      for (const Field& f : fields) {
        out += ',';
        if (row.*f.member) fmt::format_to(std::back_inserter(out), "{}", *(row.*f.member));
      }
      out += '\n';
    }
    return out;
  }

 private:
  const Figure& figure_;

  static Plan plan(const Panel& panel) {
    Plan p;
    Extent x, y;
    x.scale = panel.x_.scale;
    y.scale = panel.y_.scale;
    for (const auto& layer : panel.layers_) {
      if (layer->depth() != Depth::annotation) layer->extend(x, y);
      if (layer->depth() == Depth::background) p.has_background = true;
      layer->legend(p.legend);
      if (auto bar = layer->colour_bar()) p.bar = bar;
    }
    p.has_data = !x.is_empty() && !y.is_empty();
    p.n_below = x.n_below + y.n_below;
    for (const auto& layer : panel.layers_) {
      if (p.has_data && layer->depth() == Depth::annotation) layer->extend(x, y);
    }
    // One legend entry for each look, even if two layers name the same class.
    std::vector<LegendEntry> unique;
    for (const LegendEntry& entry : p.legend) {
      if (std::find(unique.begin(), unique.end(), entry) == unique.end()) unique.push_back(entry);
    }
    p.legend = unique;
    p.x = range_of(x, panel.x_);
    p.y = range_of(y, panel.y_);
    return p;
  }

  // Several panels whose legends are all the same show it once, below.
  static bool share_legend(const std::vector<Plan>& plans) {
    if (plans.size() < 2 || plans[0].legend.empty()) return false;
    return std::all_of(plans.begin(), plans.end(), [&](const Plan& p) { return p.legend == plans[0].legend; });
  }

  double cell_height(const Panel& panel, const Plan& p, double width, int columns) const {
    if (figure_.options_.panel_height > 0) return figure_.options_.panel_height;
    double margins_x = 70 + (p.bar ? 80 : 0), margins_y = 66;
    if (panel.equal_) return std::clamp(p.aspect(), 0.3, columns == 1 ? 0.8 : 1.3) * (width - margins_x) + margins_y;
    return columns == 1 ? width * 0.52 : width * 0.72 + 20;
  }

  static std::string panel_svg(const Panel& panel, const Plan& p, Rect cell, const std::string& letter) {
    std::string out;
    std::string heading = letter.empty() ? panel.title_ : panel.title_.empty() ? letter : letter + "  " + panel.title_;
    double top = cell.top + 10;
    if (!heading.empty()) {
      FittedLabel title = fit_label(heading, title_size, cell.width() - 16, 2);
      out += text_element(title, cell.left + 8, cell.top + 15, Anchor::start, "t");
      top = cell.top + title.height() + 10;
    }
    if (!p.has_data) return out + no_data(p, {cell.left + 8, top, cell.right - 8, cell.bottom - 8});

    // Margins, from the texts that they hold.
    double below = 22;
    FittedLabel x_label, y_label;
    if (!panel.x_.label.empty()) x_label = fit_label(panel.x_.label, label_size, std::max(cell.width() - 80, 60.0), 2);
    below += x_label.lines.empty() ? 4 : x_label.height() + 6;
    if (p.n_below > 0) below += 16;
    Rect frame{cell.left + 8, top, cell.right - 12, cell.bottom - below};
    std::vector<std::string> names = panel.categories_;
    bool slanted = false;
    if (!names.empty()) {
      double room = (cell.width() - 70) / names.size();
      double widest = 0;
      for (const std::string& name : names)
        widest = std::max(widest, fit_label(name, tick_size, std::max(room - 4, 8.0), 2).size);
      for (const std::string& name : names) slanted |= fit_label(name, tick_size, 1e4).width > 2.2 * room;
      frame.bottom -= slanted ? 42 : 14;
    }
    int n_y = std::clamp(int(frame.height() / 42), 2, 9);
    auto ticks_of = [](const Range& r, int n) {
      return r.scale == Scale::log ? log_ticks(r.low, r.high, n) : linear_ticks(r.low, r.high, n);
    };
    Ticks y_ticks = ticks_of(p.y, n_y);
    double widest = 0;
    for (const std::string& label : y_ticks.labels) widest = std::max(widest, fit_label(label, tick_size, 120).width);
    if (!y_ticks.common.empty()) frame.top += 12;
    if (!panel.y_.label.empty()) {
      y_label = fit_label(panel.y_.label, label_size, std::max(frame.height(), 60.0), 2);
      frame.left += y_label.height() + 2;
    }
    frame.left += widest + 10;
    Rect gutter{frame.right, frame.top, frame.right, frame.bottom};  // right of the frame: colour bar, then legend
    Ticks bar_ticks;
    if (p.bar) {
      bar_ticks = ticks_of(p.bar->range, n_y);
      double bar_widest = 0;
      for (const std::string& label : bar_ticks.labels)
        bar_widest = std::max(bar_widest, fit_label(label, tick_size, 90).width);
      frame.right -= 10 + 12 + 8 + bar_widest + (p.bar->label.empty() ? 4 : 20);
    }
    frame.right = std::max(frame.right, frame.left + 40);
    frame.bottom = std::max(frame.bottom, frame.top + 30);

    // The legend goes where nothing is drawn; if there is no such place, beside the frame.
    auto shaped = [&](Rect f) {
      if (!panel.equal_ || p.x.scale == Scale::log || p.y.scale == Scale::log) return f;
      double height = f.width() * p.aspect();
      if (height <= f.height()) {
        f.bottom = f.top + height;
      } else {
        double excess = f.width() - f.height() / p.aspect();
        f.left += excess / 2;
        f.right -= excess / 2;
      }
      return f;
    };
    Rect shape = shaped(frame);
    Canvas canvas = draw_layers(panel, p, shape);
    FittedLegend legend;
    std::optional<Point> place;
    if (!p.legend.empty()) {
      if (!p.has_background) {
        legend = fit_legend(p.legend, shape.width() * 0.48, shape.height() * 0.7);
        place = free_place(canvas, legend);
      }
      if (!place) {
        legend = fit_legend(p.legend, std::clamp(cell.width() * 0.32, 80.0, 190.0), frame.height());
        frame.right = std::max(frame.right - legend.width - 8, frame.left + 40);
        shape = shaped(frame);
        canvas = draw_layers(panel, p, shape);
        double bar_room = p.bar ? gutter.right - frame.right - legend.width - 8 : 0;
        place = Point{shape.right + 8 + bar_room, shape.top + 2};
      }
    }

    out += axes_below(p, shape, y_ticks, n_names_or_ticks(p, shape, names));
    out += canvas.svg();
    out += axes_above(panel, p, shape, y_ticks, names, slanted, x_label, y_label, widest);
    if (p.bar) out += bar_svg(*p.bar, bar_ticks, {shape.right + 10, shape.top, shape.right + 22, shape.bottom});
    if (place) out += legend_svg(p.legend, legend, place->x, place->y);
    if (p.n_below > 0) {
      std::string note = fmt::format("{} value{} ≤ 0 not shown on the log axis", p.n_below, p.n_below == 1 ? "" : "s");
      out += text_element(fit_label(note, 11, shape.width() + 40), shape.right, cell.bottom - 5, Anchor::end, "q");
    }
    return out;
  }

  static std::string no_data(const Plan& p, Rect r) {
    std::string why = p.n_below > 0
                          ? fmt::format("no data: {} value{} ≤ 0 on a log axis", p.n_below, p.n_below == 1 ? "" : "s")
                          : "no data";
    return fmt::format(
               "<rect class=\"g\" fill=\"none\" stroke-dasharray=\"4 4\" x=\"{}\" y=\"{}\" width=\"{}\" "
               "height=\"{}\"/>",
               pixel(r.left), pixel(r.top), pixel(r.width()), pixel(r.height())) +
           text_element(fit_label(why, 13, r.width() - 8, 2), (r.left + r.right) / 2, (r.top + r.bottom) / 2,
                        Anchor::middle, "q");
  }

  static Canvas draw_layers(const Panel& panel, const Plan& p, Rect frame) {
    Canvas canvas(frame, p.x, p.y);
    for (Depth depth : {Depth::background, Depth::data, Depth::annotation}) {
      for (const auto& layer : panel.layers_) {
        if (layer->depth() == depth) layer->draw(canvas);
      }
    }
    return canvas;
  }

  static std::optional<Point> free_place(const Canvas& canvas, const FittedLegend& legend) {
    const Rect& f = canvas.frame();
    double pad = 8;
    for (double v : {0.0, 1.0, 0.5}) {
      for (double h : {1.0, 0.0, 0.5}) {
        double left = f.left + pad + h * (f.width() - legend.width - 2 * pad);
        double top = f.top + pad + v * (f.height() - legend.height - 2 * pad);
        if (canvas.is_free({left - 4, top - 4, left + legend.width + 4, top + legend.height + 4}))
          return Point{left, top};
      }
    }
    return std::nullopt;
  }

  // Ticks of the x axis: as many as fit without touching. None of its own for names.
  static Ticks n_names_or_ticks(const Plan& p, const Rect& frame, const std::vector<std::string>& names) {
    if (!names.empty()) return {};
    Ticks ticks;
    for (int n = std::clamp(int(frame.width() / 45), 2, 10); n >= 2; --n) {
      ticks = p.x.scale == Scale::log ? log_ticks(p.x.low, p.x.high, n) : linear_ticks(p.x.low, p.x.high, n);
      double last_right = -1e9;
      bool fits = true;
      for (std::size_t k = 0; k < ticks.major.size(); ++k) {
        double x = frame.left + p.x.place(ticks.major[k]) * frame.width(),
               half = fit_label(ticks.labels[k], tick_size, 120).width / 2;
        fits = fits && x - half > last_right + 10;
        last_right = x + half;
      }
      if (fits) break;
    }
    return ticks;
  }

  static std::string axes_below(const Plan& p, const Rect& f, const Ticks& y_ticks, const Ticks& x_ticks) {
    if (p.has_background) return "";
    std::vector<std::pair<Point, Point>> grid;
    for (double v : y_ticks.major) {
      double y = f.bottom - p.y.place(v) * f.height();
      grid.push_back({{f.left, y}, {f.right, y}});
    }
    for (double v : x_ticks.major) {
      double x = f.left + p.x.place(v) * f.width();
      grid.push_back({{x, f.top}, {x, f.bottom}});
    }
    return ticks_path("g", grid);
  }

  static std::string axes_above(const Panel& panel, const Plan& p, const Rect& f, const Ticks& y_ticks,
                                const std::vector<std::string>& names, bool slanted, const FittedLabel& x_label,
                                const FittedLabel& y_label, double widest) {
    std::string out;
    Ticks x_ticks = n_names_or_ticks(p, f, names);
    std::vector<std::pair<Point, Point>> lines{{{f.left, f.bottom}, {f.right, f.bottom}},
                                               {{f.left, f.top}, {f.left, f.bottom}}};
    if (p.has_background)
      lines.insert(lines.end(), {{{f.left, f.top}, {f.right, f.top}}, {{f.right, f.top}, {f.right, f.bottom}}});
    auto add_x = [&](double v, double length) {
      double x = f.left + p.x.place(v) * f.width();
      lines.push_back({{x, f.bottom}, {x, f.bottom + length}});
    };
    auto add_y = [&](double v, double length) {
      double y = f.bottom - p.y.place(v) * f.height();
      lines.push_back({{f.left, y}, {f.left - length, y}});
    };
    for (double v : x_ticks.major) add_x(v, 5);
    if (p.x.scale == Scale::log) {
      for (double v : x_ticks.minor) add_x(v, 3);
    }
    for (double v : y_ticks.major) add_y(v, 5);
    if (p.y.scale == Scale::log) {
      for (double v : y_ticks.minor) add_y(v, 3);
    }
    out += ticks_path("a", lines);
    for (std::size_t k = 0; k < x_ticks.major.size(); ++k) {
      double x = f.left + p.x.place(x_ticks.major[k]) * f.width();
      out += text_element(fit_label(x_ticks.labels[k], tick_size, 120), x, f.bottom + 18, Anchor::middle, "q");
    }
    for (std::size_t k = 0; k < y_ticks.major.size(); ++k) {
      double y = f.bottom - p.y.place(y_ticks.major[k]) * f.height();
      out += text_element(fit_label(y_ticks.labels[k], tick_size, 120), f.left - 8, y + 4, Anchor::end, "q");
    }
    double x_bottom = f.bottom + 20;
    for (std::size_t k = 0; k < names.size(); ++k) {
      double x = f.left + p.x.place(double(k)) * f.width();
      if (slanted) {
        double room = 62;
        FittedLabel name = fit_label(names[k], 11, room);
        out += fmt::format("<g transform=\"rotate(-35 {} {})\">", pixel(x), pixel(f.bottom + 14)) +
               text_element(name, x + 3, f.bottom + 16, Anchor::end, "q") + "</g>";
      } else {
        out += text_element(fit_label(names[k], tick_size, f.width() / names.size() - 6, 2), x, f.bottom + 18,
                            Anchor::middle, "q");
      }
    }
    if (!names.empty()) x_bottom += slanted ? 42 : 14;
    if (!x_ticks.common.empty()) {
      FittedLabel common = fit_label(x_ticks.common, 11, 140);
      out += text_element(common, f.right, f.bottom + 33, Anchor::end, "q");
    }
    if (!y_ticks.common.empty())
      out += text_element(fit_label(y_ticks.common, 11, 140), f.left - 8, f.top - 7, Anchor::start, "q");
    if (!x_label.lines.empty())
      out += text_element(x_label, (f.left + f.right) / 2, x_bottom + label_size + 1, Anchor::middle, "t");
    if (!y_label.lines.empty()) {
      double x = f.left - widest - 16 - (y_label.lines.size() - 1) * y_label.size * 1.25;
      out += text_element(y_label, x, (f.top + f.bottom) / 2, Anchor::middle, "t", true);
    }
    return out;
  }

  static std::string bar_svg(const ColourBar& bar, const Ticks& ticks, Rect r) {
    std::vector<std::uint8_t> shades(255);
    for (int k = 0; k < 255; ++k) shades[k] = std::uint8_t(255 - k);
    Canvas canvas(r, {}, {});
    canvas.image(r, png_address(1, 255, shades, bar.map), true);
    std::string out = canvas.svg();
    std::vector<std::pair<Point, Point>> lines;
    double widest = 0;
    for (std::size_t k = 0; k < ticks.major.size(); ++k) {
      double y = r.bottom - bar.range.place(ticks.major[k]) * r.height();
      lines.push_back({{r.right, y}, {r.right + 4, y}});
      FittedLabel label = fit_label(ticks.labels[k], tick_size, 90);
      widest = std::max(widest, label.width);
      out += text_element(label, r.right + 7, y + 4, Anchor::start, "q");
    }
    out += ticks_path("a", lines);
    if (!ticks.common.empty())
      out += text_element(fit_label(ticks.common, 11, 90), r.left, r.top - 5, Anchor::start, "q");
    if (!bar.label.empty()) {
      FittedLabel label = fit_label(bar.label, label_size, r.height());
      out += text_element(label, r.right + 7 + widest + 15, (r.top + r.bottom) / 2, Anchor::middle, "t", true);
    }
    return out;
  }
};

std::string Figure::svg(Theme theme) const {
  return FigureWriter(*this).write(true, theme);
}
std::string Figure::inline_svg() const {
  return FigureWriter(*this).write(false, Theme::system);
}
std::string Figure::csv() const {
  return FigureWriter(*this).csv();
}

}  // namespace turnpike
