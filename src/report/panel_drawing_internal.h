// One panel as SVG: ranges, margins, ticks, labels and the place of the legend around what the layers draw.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <turnpike/report/ticks.h>

#include "layer_internal.h"

namespace turnpike {

class PanelDrawing {
 public:
  explicit PanelDrawing(const Panel& panel);

  const std::vector<LegendEntry>& legend() const { return legend_; }
  void drop_legend() { legend_.clear(); }  // the figure shows one for all panels
  void set_letter(const std::string& letter);

  // The height that suits a cell of this width; `alone`: the only one in its row.
  double natural_height(double width, bool alone);
  std::string svg(const Rect& cell);

 private:
  // Where everything around the frame stands, for one cell.
  struct Layout {
    Rect cell, frame;
    FittedLabel heading, x_label, y_label;
    Ticks y_ticks, bar_ticks;
    double y_tick_width = 0, bar_width = 0;  // of the texts; of the whole colour bar, 0 without one
    bool slanted_names = false;
    double names_height = 0;
  };
  enum class LegendPlace { inside, right, below };

  Layout lay_out(const Rect& cell, LegendPlace place) const;
  Rect shaped(Rect frame) const;  // by equal_aspect()
  Canvas draw_layers(const Rect& frame) const;
  std::optional<Point> free_place(const Canvas& canvas, const std::vector<FittedLabel>& labels) const;
  LegendPlace outside(const Rect& cell) const;
  double legend_below_height(const Rect& cell) const;
  std::vector<FittedLabel> legend_right(const Rect& cell) const;
  std::vector<FittedLabel> fit_legend(double max_width, double max_height) const;

  Ticks x_ticks(const Rect& frame) const;
  std::string no_data(const Layout& layout) const;
  std::string grid_svg(const Layout& layout) const;
  std::string axes_svg(const Layout& layout) const;
  std::string bar_svg(const Layout& layout) const;

  const Panel& panel_;
  std::string heading_;
  Range x_, y_;
  bool has_data_ = false, has_background_ = false;
  long n_below_ = 0;  // values that a log axis cannot show
  std::vector<LegendEntry> legend_;
  std::optional<ColourBar> bar_;
  bool legend_fits_inside_ = true;
};

// Legend entries side by side within [left, right], rows going down from `top`; returns the height they take.
double flow_legend(const std::vector<LegendEntry>& entries, double left, double right, double top, std::string& out);

}  // namespace turnpike
