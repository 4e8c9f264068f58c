// Fields over the plane: heat maps, decision regions, contours, arrows.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>
#include <turnpike/report/ticks.h>

#include "layer_internal.h"
#include "picture_internal.h"

namespace turnpike {
namespace {

void require_grid(const char* what, const Grid& grid) {
  require(grid.n_x >= 0 && grid.n_y >= 0 && long(grid.values.size()) == grid.n_x * grid.n_y,
          fmt::format("{}: a grid of {} x {} needs {} values, got {}", what, grid.n_x, grid.n_y, grid.n_x * grid.n_y,
                      grid.values.size()));
  require(grid.x_low <= grid.x_high && grid.y_low <= grid.y_high,
          fmt::format("{}: the bounds of the grid are not in order", what));
}

void grid_rows(std::vector<DataRow>& out, const char* mark, const std::string& series, const Grid& grid) {
  out.reserve(out.size() + grid.values.size());
  for (long j = 0; j < grid.n_y; ++j) {
    for (long i = 0; i < grid.n_x; ++i) {
      out.push_back(
          {.mark = mark, .series = series, .item = "", .x = grid.x(i), .y = grid.y(j), .value = grid.at(i, j)});
    }
  }
}

std::vector<Polyline> project(const Canvas& canvas, std::vector<Polyline> lines) {
  for (Polyline& line : lines) {
    for (Point& p : line) p = canvas.at(p.x, p.y);
  }
  return lines;
}

class HeatLayer : public Layer {
 public:
  HeatLayer(Grid grid, Heat heat) : grid_(std::move(grid)), heat_(std::move(heat)) {
    require_grid("heat", grid_);
    double low = INFINITY, high = -INFINITY;
    for (double value : grid_.values) {
      bool usable = std::isfinite(value) && std::abs(value) < 1e300 && (heat_.scale == Scale::linear || value > 0);
      if (!usable) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    has_values_ = low <= high;
    if (!has_values_) low = 0.1, high = 1;
    if (heat_.map == ColourMap::diverging && heat_.scale == Scale::linear) {  // white is zero
      high = std::max(std::abs(low), std::abs(high));
      low = -high;
    }
    low = heat_.low.value_or(low);
    high = heat_.high.value_or(high);
    if (!(high - low > 1e-12 * std::max(std::abs(low), std::abs(high)))) {
      double half = low == 0 ? 0.5 : std::abs(low) * 0.05;
      low -= half;
      high += half;
    }
    colours_ = {heat_.scale, low, high};
    smooth_ = heat_.smooth && grid_.n_x > 1 && grid_.n_y > 1;
    // A cell reaches half a step beyond its node.
    half_x_ = smooth_         ? 0
              : grid_.n_x > 1 ? (grid_.x_high - grid_.x_low) / (grid_.n_x - 1) / 2
                              : half_of(grid_.x_high - grid_.x_low);
    half_y_ = smooth_         ? 0
              : grid_.n_y > 1 ? (grid_.y_high - grid_.y_low) / (grid_.n_y - 1) / 2
                              : half_of(grid_.y_high - grid_.y_low);
  }
  Depth depth() const override { return Depth::background; }
  void extend(Extent& x, Extent& y) const override {
    if (!has_values_) return;
    x.add_tight(grid_.n_x > 1 ? grid_.x_low - half_x_ : middle_x() - half_x_,
                grid_.n_x > 1 ? grid_.x_high + half_x_ : middle_x() + half_x_);
    y.add_tight(grid_.n_y > 1 ? grid_.y_low - half_y_ : middle_y() - half_y_,
                grid_.n_y > 1 ? grid_.y_high + half_y_ : middle_y() + half_y_);
  }
  void draw(Canvas& canvas) const override {
    if (!has_values_) return;
    const Rect& f = canvas.frame();
    Extent ex, ey;
    extend(ex, ey);
    Point a = canvas.at(ex.low, ey.low), b = canvas.at(ex.high, ey.high);
    Rect r{std::max(a.x, f.left), std::max(b.y, f.top), std::min(b.x, f.right), std::min(a.y, f.bottom)};
    if (r.width() <= 0 || r.height() <= 0) return;
    bool whole = a.x >= f.left - 0.1 && b.x <= f.right + 0.1 && b.y >= f.top - 0.1 && a.y <= f.bottom + 0.1;
    bool linear = canvas.x().scale == Scale::linear && canvas.y().scale == Scale::linear;
    // Cells that are all visible need one pixel each; else the picture is sampled at every (second) pixel.
    bool exact = !smooth_ && whole && linear && grid_.n_x <= 2 * r.width() && grid_.n_y <= 2 * r.height();
    long width = exact ? grid_.n_x : long(std::clamp(r.width() / (smooth_ ? 2 : 1), 1.0, 800.0));
    long height = exact ? grid_.n_y : long(std::clamp(r.height() / (smooth_ ? 2 : 1), 1.0, 800.0));
    std::vector<std::uint8_t> pixels(width * height);
    for (long j = 0; j < height; ++j) {
      for (long i = 0; i < width; ++i) {
        double px = r.left + (i + 0.5) * r.width() / width, py = r.top + (j + 0.5) * r.height() / height;
        double x = canvas.x().value((px - f.left) / f.width()), y = canvas.y().value((f.bottom - py) / f.height());
        pixels[j * width + i] = shade(sample(x, y));
      }
    }
    canvas.image(r, png_address(width, height, pixels, heat_.map), smooth_);
    canvas.take(r);
  }
  void rows(std::vector<DataRow>& out) const override { grid_rows(out, "heat", plain_text(heat_.label), grid_); }
  std::optional<ColourBar> colour_bar() const override {
    if (!has_values_) return std::nullopt;
    return ColourBar{heat_.label, heat_.map, colours_};
  }

 private:
  static double half_of(double extent) { return extent > 0 ? extent / 2 : 0.5; }
  double middle_x() const { return (grid_.x_low + grid_.x_high) / 2; }
  double middle_y() const { return (grid_.y_low + grid_.y_high) / 2; }
  double index(double at, double low, double high, long n) const {
    return n < 2 ? 0 : (at - low) / (high - low) * (n - 1);
  }
  double sample(double x, double y) const {
    double u = index(x, grid_.x_low, grid_.x_high, grid_.n_x), v = index(y, grid_.y_low, grid_.y_high, grid_.n_y);
    auto nearest = [](double at, long n) { return std::clamp(std::lround(at), 0L, n - 1); };
    if (!smooth_) return grid_.at(nearest(u, grid_.n_x), nearest(v, grid_.n_y));
    long i = std::clamp(long(std::floor(u)), 0L, grid_.n_x - 2), j = std::clamp(long(std::floor(v)), 0L, grid_.n_y - 2);
    double s = std::clamp(u - i, 0.0, 1.0), t = std::clamp(v - j, 0.0, 1.0);
    return (1 - t) * ((1 - s) * grid_.at(i, j) + s * grid_.at(i + 1, j)) +
           t * ((1 - s) * grid_.at(i, j + 1) + s * grid_.at(i + 1, j + 1));
  }
  std::uint8_t shade(double value) const {
    if (std::isnan(value)) return 0;
    return std::uint8_t(1 + std::lround(254 * std::clamp(colours_.place(value), 0.0, 1.0)));
  }
  Grid grid_;
  Heat heat_;
  Range colours_;
  bool has_values_ = false, smooth_ = true;
  double half_x_ = 0, half_y_ = 0;
};

class RegionsLayer : public Layer {
 public:
  explicit RegionsLayer(std::vector<Grid> scores) : scores_(std::move(scores)) {
    for (const Grid& grid : scores_) {
      require_grid("regions", grid);
      require(grid.n_x == scores_[0].n_x && grid.n_y == scores_[0].n_y,
              "regions: the grids of all classes must be equal");
    }
  }
  Depth depth() const override { return Depth::background; }
  void extend(Extent& x, Extent& y) const override {
    if (scores_.empty() || scores_[0].n_x < 2 || scores_[0].n_y < 2) return;
    x.add_tight(scores_[0].x_low, scores_[0].x_high);
    y.add_tight(scores_[0].y_low, scores_[0].y_high);
  }
  void draw(Canvas& canvas) const override {
    if (scores_.empty() || scores_[0].n_x < 2 || scores_[0].n_y < 2) return;
    for (std::size_t c = 0; c < scores_.size(); ++c) {
      // Where the lead over the best of the others is positive; the zero line of the lead is a smooth boundary.
      Grid lead = scores_[c];
      for (std::size_t k = 0; k < lead.values.size(); ++k) {
        double best = -INFINITY;
        for (std::size_t other = 0; other < scores_.size(); ++other) {
          if (other != c) best = std::max(best, scores_[other].values[k]);
        }
        lead.values[k] = scores_.size() == 1 ? scores_[c].values[k] : lead.values[k] - best;
      }
      canvas.area(project(canvas, contour_rings(lead, 0)), int(c), 0.17);
      canvas.area(project(canvas, contour_rings(lead, 0.5)), int(c), 0.13);
    }
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t c = 0; c < scores_.size(); ++c) grid_rows(out, "score", fmt::format("class {}", c), scores_[c]);
  }

 private:
  std::vector<Grid> scores_;
};

class ContoursLayer : public Layer {
 public:
  ContoursLayer(Grid grid, std::vector<double> levels, Look look)
      : grid_(std::move(grid)), levels_(std::move(levels)), look_(std::move(look)) {
    require_grid("contours", grid_);
    double low = INFINITY, high = -INFINITY;
    for (double value : grid_.values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (levels_.empty() && low < high) levels_ = linear_ticks(low, high, 9).major;
  }
  void extend(Extent& x, Extent& y) const override {
    if (grid_.n_x < 2 || grid_.n_y < 2) return;
    x.add_tight(grid_.x_low, grid_.x_high);
    y.add_tight(grid_.y_low, grid_.y_high);
  }
  void draw(Canvas& canvas) const override {
    Look look = look_;
    if (canvas.has_picture() && look.colour == ink::text) look.colour = ink::on_picture;
    for (double level : levels_) {
      std::vector<Polyline> lines = project(canvas, contour_lines(grid_, level));
      Polyline all;
      for (const Polyline& line : lines) {
        all.insert(all.end(), line.begin(), line.end());
        all.push_back({NAN, NAN});
      }
      canvas.curve(all, look);
      if (levels_.size() > 1) write_level(canvas, lines, level);
    }
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (double level : levels_) {
      long number = 0;
      for (const Polyline& line : contour_lines(grid_, level)) {
        for (Point p : line) {
          out.push_back({.mark = "contour",
                         .series = plain_text(look_.label),
                         .item = std::to_string(number),
                         .x = p.x,
                         .y = p.y,
                         .value = level});
        }
        ++number;
      }
    }
  }

 private:
  // The value on the longest line of its level, if that is long enough, clear of the other values.
  void write_level(Canvas& canvas, const std::vector<Polyline>& lines, double level) const {
    const Polyline* longest = nullptr;
    double length = 0;
    for (const Polyline& line : lines) {
      double own = 0;
      for (std::size_t i = 1; i < line.size(); ++i)
        own += std::hypot(line[i].x - line[i - 1].x, line[i].y - line[i - 1].y);
      if (own > length) length = own, longest = &line;
    }
    FittedLabel text = fit_label(format_number(level, 3), 10, 80);
    if (length < 5 * text.width) return;
    for (double at : {0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9}) {
      Point p = (*longest)[std::size_t(at * (longest->size() - 1))];
      Rect r{p.x - text.width / 2 - 6, p.y - 10, p.x + text.width / 2 + 6, p.y + 8};
      if (!canvas.frame().contains(r) || canvas.overlaps_text(r)) continue;
      canvas.text(text, p.x, p.y + 3.5, Anchor::middle, "t h");
      return;
    }
  }
  Grid grid_;
  std::vector<double> levels_;
  Look look_;
};

class ArrowsLayer : public Layer {
 public:
  ArrowsLayer(std::vector<double> x, std::vector<double> y, std::vector<double> dx, std::vector<double> dy, Look look)
      : x_(std::move(x)), y_(std::move(y)), dx_(std::move(dx)), dy_(std::move(dy)), look_(std::move(look)) {
    require_same_length("arrows", x_.size(), y_.size());
    require_same_length("arrows", x_.size(), dx_.size());
    require_same_length("arrows", x_.size(), dy_.size());
  }
  void extend(Extent& x, Extent& y) const override {
    x.add_all(x_);
    y.add_all(y_);
  }
  void draw(Canvas& canvas) const override {
    // Directions in pixels per unit; lengths so that the longest is the spacing of as many points on a square lattice.
    const Rect& f = canvas.frame();
    double unit_x = f.width() / (canvas.x().high - canvas.x().low),
           unit_y = f.height() / (canvas.y().high - canvas.y().low);
    double longest = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      double length = std::hypot(dx_[i] * unit_x, dy_[i] * unit_y);
      if (std::isfinite(length)) longest = std::max(longest, length);
    }
    if (!(longest > 0)) return;
    double spacing = std::sqrt(f.width() * f.height() / std::max<std::size_t>(x_.size(), 1));
    double scale = std::clamp(0.95 * spacing, 6.0, 60.0) / longest;
    Polyline lines;
    const Point gap{NAN, NAN};
    for (std::size_t i = 0; i < x_.size(); ++i) {
      Point a = canvas.at(x_[i], y_[i]);
      double vx = dx_[i] * unit_x * scale, vy = -dy_[i] * unit_y * scale, length = std::hypot(vx, vy);
      if (!std::isfinite(a.x + a.y + length)) continue;
      Point b{a.x + vx, a.y + vy};
      if (length < 0.5) {
        lines.insert(lines.end(), {a, gap});
        continue;
      }
      double head = std::min(4.5, 0.45 * length), ux = vx / length, uy = vy / length;
      Point left{b.x - head * (ux + 0.55 * uy), b.y - head * (uy - 0.55 * ux)};
      Point right{b.x - head * (ux - 0.55 * uy), b.y - head * (uy + 0.55 * ux)};
      lines.insert(lines.end(), {a, b, gap, left, b, right, gap});
    }
    canvas.curve(lines, look_);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::line});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      out.push_back({.mark = "arrow",
                     .series = plain_text(look_.label),
                     .item = "",
                     .x = x_[i],
                     .y = y_[i],
                     .dx = dx_[i],
                     .dy = dy_[i]});
    }
  }

 private:
  std::vector<double> x_, y_, dx_, dy_;
  Look look_;
};

}  // namespace

Panel& Panel::heat(Grid grid, Heat heat) {
  return add(std::make_shared<HeatLayer>(std::move(grid), std::move(heat)));
}
Panel& Panel::regions(std::vector<Grid> scores) {
  return add(std::make_shared<RegionsLayer>(std::move(scores)));
}
Panel& Panel::contours(Grid grid, std::vector<double> levels, Look look) {
  return add(std::make_shared<ContoursLayer>(std::move(grid), std::move(levels), resolve(std::move(look))));
}
Panel& Panel::arrows(std::vector<double> x, std::vector<double> y, std::vector<double> dx, std::vector<double> dy,
                     Look look) {
  return add(std::make_shared<ArrowsLayer>(std::move(x), std::move(y), std::move(dx), std::move(dy),
                                           resolve(std::move(look))));
}

}  // namespace turnpike
