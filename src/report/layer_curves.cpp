// Lines, steps, bands, intervals, fits, points, classes and trajectories.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>

#include "layer_internal.h"

namespace turnpike {

void require_same_length(const char* what, std::size_t a, std::size_t b) {
  require(a == b, fmt::format("{}: columns of different lengths, {} and {}", what, a, b));
}

namespace {

using Column = std::vector<double>;

void table_rows(std::vector<DataRow>& out, const char* mark, const std::string& series, const Column& x,
                const Column& y, const std::string& item = "") {
  for (std::size_t i = 0; i < x.size(); ++i)
    out.push_back({.mark = mark, .series = series, .item = item, .x = x[i], .y = y[i]});
}

Polyline project(const Canvas& canvas, const Column& x, const Column& y) {
  Polyline out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(canvas.at(x[i], y[i]));
  return out;
}

class LineLayer : public Layer {
 public:
  LineLayer(Column x, Column y, Look look) : x_(std::move(x)), y_(std::move(y)), look_(std::move(look)) {
    require_same_length("line", x_.size(), y_.size());
  }
  void extend(Extent& x, Extent& y) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (std::isnan(x_[i]) || std::isnan(y_[i])) continue;
      x.add(x_[i]);
      y.add(y_[i]);
    }
  }
  void draw(Canvas& canvas) const override {
    Polyline points = project(canvas, x_, y_);
    canvas.curve(points, look_);
    Look dots = look_;
    if (look_.marker == Marker::none) {  // a value between two gaps would be invisible as a line
      auto finite = [&](std::size_t i) {
        return i < points.size() && std::isfinite(points[i].x) && std::isfinite(points[i].y);
      };
      Polyline lone;
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (finite(i) && !finite(i - 1) && !finite(i + 1)) lone.push_back(points[i]);
      }
      points = lone;
      dots.size = std::max(4.0, 2 * look_.width);
    }
    canvas.markers(points, dots);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override { table_rows(out, "line", plain_text(look_.label), x_, y_); }

 private:
  Column x_, y_;
  Look look_;
};

class PointsLayer : public Layer {
 public:
  PointsLayer(Column x, Column y, Look look) : x_(std::move(x)), y_(std::move(y)), look_(std::move(look)) {
    require_same_length("points", x_.size(), y_.size());
    if (look_.marker == Marker::none) look_.marker = Marker::circle;
  }
  void extend(Extent& x, Extent& y) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (std::isnan(x_[i]) || std::isnan(y_[i])) continue;
      x.add(x_[i]);
      y.add(y_[i]);
    }
  }
  void draw(Canvas& canvas) const override { canvas.markers(project(canvas, x_, y_), look_); }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::marker});
  }
  void rows(std::vector<DataRow>& out) const override { table_rows(out, "points", plain_text(look_.label), x_, y_); }

 private:
  Column x_, y_;
  Look look_;
};

class StepsLayer : public Layer {
 public:
  StepsLayer(Column edges, Column values, Look look)
      : edges_(std::move(edges)), values_(std::move(values)), look_(std::move(look)) {
    require(edges_.size() == values_.size() + 1 || (edges_.empty() && values_.empty()),
            fmt::format("steps: {} values need {} edges, got {}", values_.size(), values_.size() + 1, edges_.size()));
  }
  void extend(Extent& x, Extent& y) const override {
    x.add_all(edges_);
    y.add_all(values_);
  }
  void draw(Canvas& canvas) const override {
    Polyline points;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      points.push_back(canvas.at(edges_[i], values_[i]));
      points.push_back(canvas.at(edges_[i + 1], values_[i]));
    }
    canvas.curve(points, look_);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      out.push_back({.mark = "step",
                     .series = plain_text(look_.label),
                     .item = "",
                     .y = values_[i],
                     .low = edges_[i],
                     .high = edges_[i + 1]});
    }
  }

 private:
  Column edges_, values_;
  Look look_;
};

class BandLayer : public Layer {
 public:
  BandLayer(Column x, Column low, Column high, Look look)
      : x_(std::move(x)), low_(std::move(low)), high_(std::move(high)), look_(std::move(look)) {
    require_same_length("band", x_.size(), low_.size());
    require_same_length("band", x_.size(), high_.size());
  }
  Depth depth() const override { return Depth::data; }
  void extend(Extent& x, Extent& y) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (std::isnan(x_[i] + low_[i] + high_[i])) continue;
      x.add(x_[i]);
      y.add(low_[i]);
      y.add(high_[i]);
    }
  }
  void draw(Canvas& canvas) const override {
    const Rect& f = canvas.frame();
    std::vector<Polyline> rings;
    Polyline upper, lower;
    auto flush = [&] {
      if (upper.size() > 1) {
        upper.insert(upper.end(), lower.rbegin(), lower.rend());
        rings.push_back(upper);
      }
      upper.clear();
      lower.clear();
    };
    auto bounded = [&](Point p) { return Point{p.x, std::clamp(p.y, f.top - f.height(), f.bottom + f.height())}; };
    for (std::size_t i = 0; i < x_.size(); ++i) {
      Point a = canvas.at(x_[i], low_[i]), b = canvas.at(x_[i], high_[i]);
      if (std::isnan(a.x + a.y + b.y) || !std::isfinite(a.x)) {
        flush();
        continue;
      }
      lower.push_back(bounded(a));
      upper.push_back(bounded(b));
    }
    flush();
    canvas.area(rings, look_.colour, look_.opacity < 1 ? look_.opacity : 0.2);
    canvas.cover(rings);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::patch});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      out.push_back({.mark = "band",
                     .series = plain_text(look_.label),
                     .item = "",
                     .x = x_[i],
                     .low = low_[i],
                     .high = high_[i]});
    }
  }

 private:
  Column x_, low_, high_;
  Look look_;
};

class IntervalsLayer : public Layer {
 public:
  IntervalsLayer(Column x, Column low, Column high, Look look)
      : x_(std::move(x)), low_(std::move(low)), high_(std::move(high)), look_(std::move(look)) {
    require_same_length("intervals", x_.size(), low_.size());
    require_same_length("intervals", x_.size(), high_.size());
  }
  void extend(Extent& x, Extent& y) const override {
    x.add_all(x_);
    y.add_all(low_);
    y.add_all(high_);
  }
  void draw(Canvas& canvas) const override {
    Polyline bars;
    const Point gap{NAN, NAN};
    for (std::size_t i = 0; i < x_.size(); ++i) {
      Point a = canvas.at(x_[i], low_[i]), b = canvas.at(x_[i], high_[i]);
      for (Point p :
           {Point{a.x - 4, a.y}, Point{a.x + 4, a.y}, gap, a, b, gap, Point{b.x - 4, b.y}, Point{b.x + 4, b.y}, gap})
        bars.push_back(p);
    }
    Look look = look_;
    look.dash = Dash::solid;
    canvas.curve(bars, look);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      out.push_back({.mark = "interval",
                     .series = plain_text(look_.label),
                     .item = "",
                     .x = x_[i],
                     .low = low_[i],
                     .high = high_[i]});
    }
  }

 private:
  Column x_, low_, high_;
  Look look_;
};

class FitLayer : public Layer {
 public:
  FitLayer(Column x, Column y, std::string equation, Look look)
      : x_(std::move(x)), y_(std::move(y)), equation_(std::move(equation)), look_(std::move(look)) {
    require_same_length("fit", x_.size(), y_.size());
  }
  Depth depth() const override { return Depth::annotation; }
  void extend(Extent& x, Extent& y) const override {}  // the data decide what is shown, not the line through them
  void draw(Canvas& canvas) const override {
    Polyline curve = project(canvas, x_, y_);
    canvas.curve(curve, look_);
    // Beside the part of the curve that is visible, where nothing else is.
    const Rect& f = canvas.frame();
    Polyline visible;
    for (Point p : curve) {
      if (p.x >= f.left && p.x <= f.right && p.y >= f.top && p.y <= f.bottom) visible.push_back(p);
    }
    if (visible.empty() || equation_.empty()) return;
    FittedLabel text = fit_label(equation_, 12, f.width() * 0.7, 2);
    double best_distance = 1e300;
    Rect best{};
    bool found = false;
    for (double away : {10.0, 18.0, 30.0, 46.0}) {
      for (double at : {0.35, 0.5, 0.25, 0.65, 0.15, 0.8}) {
        Point p = visible[std::size_t(at * (visible.size() - 1))];
        for (double right : {1.0, 0.0, 0.5}) {
          for (double up : {1.0, 0.0}) {
            double left = p.x - (1 - right) * text.width + (right - 0.5) * 2 * away;
            double top = up > 0 ? p.y - away - text.height() : p.y + away;
            Rect r{left, top, left + text.width, top + text.height()};
            Rect padded{r.left - 3, r.top - 2, r.right + 3, r.bottom + 2};
            double distance = away + std::abs(at - 0.4) * 10;
            if (distance < best_distance && canvas.is_free(padded)) {
              best_distance = distance;
              best = r;
              found = true;
            }
          }
        }
      }
    }
    if (!found) {  // at the top, over the data, with its halo
      double left =
          std::clamp(visible[visible.size() / 2].x, f.left + 6, std::max(f.left + 6, f.right - text.width - 6));
      best = {left, f.top + 6, left + text.width, f.top + 6 + text.height()};
    }
    canvas.text(text, best.left, best.top + text.size, Anchor::start, "t h");
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override { table_rows(out, "fit", plain_text(equation_), x_, y_); }

 private:
  Column x_, y_;
  std::string equation_;
  Look look_;
};

void add_class_entries(std::vector<LegendEntry>& entries, const std::vector<std::string>& names, Glyph glyph,
                       Look look) {
  for (std::size_t c = 0; c < names.size(); ++c) {
    look.colour = int(c);
    if (glyph == Glyph::marker) look.marker = class_marker(int(c));
    look.opacity = 1;
    entries.push_back({names[c], look, glyph});
  }
}

std::string class_name(const std::vector<std::string>& names, int label) {
  return label < int(names.size()) ? plain_text(names[label]) : fmt::format("class {}", label);
}

class ClassesLayer : public Layer {
 public:
  ClassesLayer(Column x, Column y, std::vector<int> labels, std::vector<std::string> names, Look look)
      : x_(std::move(x)),
        y_(std::move(y)),
        labels_(std::move(labels)),
        names_(std::move(names)),
        look_(std::move(look)) {
    require_same_length("classes", x_.size(), y_.size());
    require_same_length("classes", x_.size(), labels_.size());
    for (int label : labels_) require(label >= 0, fmt::format("classes: a label must be >= 0, got {}", label));
  }
  void extend(Extent& x, Extent& y) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (std::isnan(x_[i]) || std::isnan(y_[i])) continue;
      x.add(x_[i]);
      y.add(y_[i]);
    }
  }
  void draw(Canvas& canvas) const override {
    int n_classes = 0;
    for (int label : labels_) n_classes = std::max(n_classes, label + 1);
    for (int c = 0; c < n_classes; ++c) {
      Polyline points;
      for (std::size_t i = 0; i < x_.size(); ++i) {
        if (labels_[i] == c) points.push_back(canvas.at(x_[i], y_[i]));
      }
      Look look = look_;
      look.colour = c;
      look.marker = class_marker(c);
      if (points.size() > 800) look.size = std::min(look.size, 4.0);
      canvas.markers(points, look);
    }
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    add_class_entries(entries, names_, Glyph::marker, look_);
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      out.push_back({.mark = "points", .series = class_name(names_, labels_[i]), .item = "", .x = x_[i], .y = y_[i]});
    }
  }

 private:
  Column x_, y_;
  std::vector<int> labels_;
  std::vector<std::string> names_;
  Look look_;
};

class TrajectoriesLayer : public Layer {
 public:
  TrajectoriesLayer(std::vector<Column> x, std::vector<Column> y, std::vector<int> labels,
                    std::vector<std::string> names, Look look)
      : x_(std::move(x)),
        y_(std::move(y)),
        labels_(std::move(labels)),
        names_(std::move(names)),
        look_(std::move(look)) {
    require_same_length("trajectories", x_.size(), y_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) require_same_length("trajectory", x_[i].size(), y_[i].size());
    if (!labels_.empty()) require_same_length("trajectories", x_.size(), labels_.size());
    for (int label : labels_) require(label >= 0, fmt::format("trajectories: a label must be >= 0, got {}", label));
  }
  void extend(Extent& x, Extent& y) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      for (std::size_t k = 0; k < x_[i].size(); ++k) {
        if (std::isnan(x_[i][k]) || std::isnan(y_[i][k])) continue;
        x.add(x_[i][k]);
        y.add(y_[i][k]);
      }
    }
  }
  void draw(Canvas& canvas) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      Look look = look_;
      if (!labels_.empty()) look.colour = labels_[i];
      look.marker = Marker::none;
      canvas.curve(project(canvas, x_[i], y_[i]), look);
    }
    int n_classes = labels_.empty() ? 1 : *std::max_element(labels_.begin(), labels_.end()) + 1;
    for (int c = 0; c < n_classes && look_.size > 0; ++c) {
      Polyline ends;
      for (std::size_t i = 0; i < x_.size(); ++i) {
        bool mine = labels_.empty() || labels_[i] == c;
        if (mine && !x_[i].empty()) ends.push_back(canvas.at(x_[i].back(), y_[i].back()));
      }
      Look look = look_;
      look.colour = labels_.empty() ? look_.colour : c;
      look.marker = labels_.empty() ? Marker::circle : class_marker(c);
      look.opacity = std::max(0.9, look_.opacity);
      canvas.markers(ends, look);
    }
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    add_class_entries(entries, names_, Glyph::marker, look_);
    if (names_.empty() && !look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      table_rows(out, "trajectory", labels_.empty() ? plain_text(look_.label) : class_name(names_, labels_[i]), x_[i],
                 y_[i], std::to_string(i));
    }
  }

 private:
  std::vector<Column> x_, y_;
  std::vector<int> labels_;
  std::vector<std::string> names_;
  Look look_;
};

std::string interval_text(double low, double high) {
  return fmt::format("[{}, {}]", format_number(low, 3), format_number(high, 3));
}

}  // namespace

Panel& Panel::line(std::vector<double> x, std::vector<double> y, Look look) {
  return add(std::make_shared<LineLayer>(std::move(x), std::move(y), resolve(std::move(look))));
}
Panel& Panel::points(std::vector<double> x, std::vector<double> y, Look look) {
  return add(std::make_shared<PointsLayer>(std::move(x), std::move(y), resolve(std::move(look))));
}
Panel& Panel::steps(std::vector<double> edges, std::vector<double> values, Look look) {
  return add(std::make_shared<StepsLayer>(std::move(edges), std::move(values), resolve(std::move(look))));
}
Panel& Panel::band(std::vector<double> x, std::vector<double> low, std::vector<double> high, Look look) {
  return add(std::make_shared<BandLayer>(std::move(x), std::move(low), std::move(high), resolve(std::move(look))));
}
Panel& Panel::intervals(std::vector<double> x, std::vector<double> low, std::vector<double> high, Look look) {
  return add(std::make_shared<IntervalsLayer>(std::move(x), std::move(low), std::move(high), resolve(std::move(look))));
}
Panel& Panel::classes(std::vector<double> x, std::vector<double> y, std::vector<int> labels,
                      std::vector<std::string> names, Look look) {
  return add(
      std::make_shared<ClassesLayer>(std::move(x), std::move(y), std::move(labels), std::move(names), std::move(look)));
}
Panel& Panel::trajectories(std::vector<std::vector<double>> x, std::vector<std::vector<double>> y,
                           std::vector<int> labels, std::vector<std::string> names, Look look) {
  if (labels.empty()) look = resolve(std::move(look));
  return add(std::make_shared<TrajectoriesLayer>(std::move(x), std::move(y), std::move(labels), std::move(names),
                                                 std::move(look)));
}

Panel& Panel::fit(std::vector<double> x, std::vector<double> y, std::string equation, Look look) {
  return add(std::make_shared<FitLayer>(std::move(x), std::move(y), std::move(equation), resolve(std::move(look))));
}
Panel& Panel::fit(const DecayFit& fit, double low, double high, Look look) {
  const int n = 200;  // on a linear axis the exponential is a curve
  std::vector<double> x, y;
  for (int i = 0; i <= n; ++i) {
    x.push_back(low + (high - low) * i / n);
    y.push_back(fit.constant * std::exp(-fit.rate * x.back()));
  }
  // The variable is the math of the axis label, "time $t$".
  auto dollar = x_.label.find('$'), end = dollar == std::string::npos ? dollar : closing_dollar(x_.label, dollar + 1);
  std::string variable = end == std::string::npos ? "t" : x_.label.substr(dollar + 1, end - dollar - 1);
  std::string exponent = fit.rate < 0 ? format_number(-fit.rate, 3) : "-" + format_number(fit.rate, 3);
  std::string equation = fmt::format("${}\\,e^{{{}\\,{}}}$, rate 95 % {}", format_number(fit.constant, 3), exponent,
                                     variable, interval_text(fit.rate_low, fit.rate_high));
  return this->fit(std::move(x), std::move(y), equation, std::move(look));
}
Panel& Panel::fit(const LineFit& fit, double low, double high, Look look) {
  const int n = 200;
  bool power_law = x_.scale == Scale::log && y_.scale == Scale::log;
  std::vector<double> x, y;
  for (int i = 0; i <= n; ++i) {
    x.push_back(power_law ? low * std::pow(high / low, double(i) / n) : low + (high - low) * i / n);
    y.push_back(power_law ? std::exp(fit.intercept) * std::pow(x.back(), fit.slope)
                          : fit.intercept + fit.slope * x.back());
  }
  std::string equation =
      fmt::format("slope {}, 95 % {}", format_number(fit.slope, 3), interval_text(fit.slope_low, fit.slope_high));
  return this->fit(std::move(x), std::move(y), equation, std::move(look));
}

}  // namespace turnpike
