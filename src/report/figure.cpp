#include <turnpike/report/figure.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>

#include "panel_drawing_internal.h"
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
      FittedLabel title = fit_label(o.title, 16, (o.width - 24) / 1.15, 3);
      body += text_element(title, 12, 24, Anchor::start, "t b");
      y = 12 + title.height() + 6;
    }
    static const Panel nothing;
    std::vector<PanelDrawing> panels;
    for (const Panel& panel : figure_.panels_) panels.emplace_back(panel);
    if (panels.empty()) panels.emplace_back(nothing);
    std::vector<LegendEntry> common;
    if (share_legend(panels)) {
      common = panels[0].legend();
      for (PanelDrawing& panel : panels) panel.drop_legend();
    }

    int n = int(panels.size());
    int columns = o.columns > 0 ? std::min(o.columns, n) : n <= 3 ? n : n == 4 ? 2 : 3;
    double gap = 8, width = (o.width - gap * (columns - 1)) / columns;
    for (int first = 0; first < n; first += columns) {
      int last = std::min(first + columns, n);
      double height = 0;
      for (int k = first; k < last; ++k) {
        if (n > 1) panels[k].set_letter(n <= 26 ? std::string(1, char('a' + k)) : std::to_string(k + 1));
        height = std::max(height, panels[k].natural_height(width, columns == 1));
      }
      if (o.panel_height > 0) height = o.panel_height;
      for (int k = first; k < last; ++k) {
        double left = (k - first) * (width + gap);
        body += panels[k].svg({left, y, left + width, y + height});
      }
      y += height + gap;
    }
    if (!common.empty()) y += flow_legend(common, 12, o.width - 12, y, body) + 4;
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

  // Several panels whose legends are all the same show it once, below.
  static bool share_legend(const std::vector<PanelDrawing>& panels) {
    if (panels.size() < 2 || panels[0].legend().empty()) return false;
    return std::all_of(panels.begin(), panels.end(),
                       [&](const PanelDrawing& p) { return p.legend() == panels[0].legend(); });
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
