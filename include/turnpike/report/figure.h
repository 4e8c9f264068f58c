// Figures as SVG: built from plain numbers, light and dark, the same bytes every time.
//
//   Figure figure({.title = "Turnpike", .caption = "The state rests while nothing is asked of it."});
//   figure.panel()
//       .x({.label = "time $t$"})
//       .y({.label = "$\\varphi(x(t))$", .scale = Scale::log})
//       .line(t, phi, {.label = "measured"})
//       .fit(fit_decay(t, phi), 0, 20);
//   write_file("figures/turnpike.svg", figure.svg());
//   write_file("data/turnpike.csv", figure.csv());
//
// Labels are markup (report/text.h). Values that are not finite leave a gap; values <= 0 on a log axis are left out and
// the figure says so; a panel without any value to show says "no data". Colours: the palette of Okabe and Ito (Color
// Universal Design, 2008), lightened for the dark theme; a class has its own colour and its own marker. Data are never
// off by more than half a pixel (curves are decimated below that). Errors: ContractError for columns of different
// lengths, or for markup with an unknown command.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <turnpike/math/fit.h>
#include <turnpike/report/curves.h>

namespace turnpike {

enum class Scale { linear, log };
enum class Dash { solid, dashed, dotted };
enum class Marker { none, circle, square, triangle, diamond, cross, plus, inverted };
enum class Theme { system, light, dark };  // system: as the reader's device prefers

// Colours that are not a number of the palette.
namespace ink {
inline constexpr int next = -1;   // the panel's next unused colour
inline constexpr int text = -2;   // as the text
inline constexpr int muted = -3;  // grey
}  // namespace ink
inline constexpr int n_colours = 7;

struct Look {
  std::string label{};     // entry in the legend; "" for none
  int colour = ink::next;  // taken modulo n_colours
  Dash dash = Dash::solid;
  double width = 1.8;  // of lines, pixels
  double opacity = 1;
  Marker marker = Marker::none;
  double size = 6;  // of markers, pixels
};

struct Axis {
  std::string label{};
  Scale scale = Scale::linear;
  std::optional<double> low{}, high{};  // of the data, unless given
};

struct Bars {
  std::string label{};
  std::vector<double> values{};
  std::vector<double> low{}, high{};  // interval of each value; empty for none
  int colour = ink::next;
};

enum class ColourMap { sequential, diverging };  // viridis; blue - white - red with white at zero

struct Heat {
  std::string label{};  // of the colour bar
  ColourMap map = ColourMap::sequential;
  std::optional<double> low{}, high{};  // values of the first and the last colour
  Scale scale = Scale::linear;          // of the colours
  bool smooth = true;                   // interpolate between nodes; otherwise each node is one cell
};

class Layer;

class Panel {
 public:
  Panel& title(std::string markup);
  Panel& x(Axis axis);
  Panel& y(Axis axis);
  Panel& equal_aspect();  // one unit of x is as long as one unit of y

  Panel& line(std::vector<double> x, std::vector<double> y, Look look = {});
  Panel& points(std::vector<double> x, std::vector<double> y, Look look = {});
  // values[i] between edges[i] and edges[i + 1]: a piecewise constant control.
  Panel& steps(std::vector<double> edges, std::vector<double> values, Look look = {});
  Panel& band(std::vector<double> x, std::vector<double> low, std::vector<double> high, Look look = {});
  Panel& intervals(std::vector<double> x, std::vector<double> low, std::vector<double> high, Look look = {});
  Panel& histogram(std::vector<double> samples, Look look = {}, long n_bins = 0);  // 0: Freedman and Diaconis
  Panel& bars(std::vector<std::string> names, std::vector<Bars> series);           // names are the x axis

  // A dashed curve with its equation and interval written beside it. Set the axes first: a LineFit on two log axes is
  // the power law exp(intercept) x^slope, as fit_order() gives it.
  Panel& fit(const DecayFit& fit, double low, double high, Look look = {.colour = ink::text, .dash = Dash::dashed});
  Panel& fit(const LineFit& fit, double low, double high, Look look = {.colour = ink::text, .dash = Dash::dashed});
  Panel& fit(std::vector<double> x, std::vector<double> y, std::string equation,
             Look look = {.colour = ink::text, .dash = Dash::dashed});

  // One colour and marker a class; labels[i] >= 0 is the class of sample i, names its name in the legend (none: no
  // legend).
  Panel& classes(std::vector<double> x, std::vector<double> y, std::vector<int> labels,
                 std::vector<std::string> names = {}, Look look = {.opacity = 0.85});
  // Curve i is (x[i], y[i]); a dot at its end. labels empty: all of one colour.
  Panel& trajectories(std::vector<std::vector<double>> x, std::vector<std::vector<double>> y,
                      std::vector<int> labels = {}, std::vector<std::string> names = {},
                      Look look = {.width = 1, .opacity = 0.4, .size = 4});
  // Where scores[c] is the largest, in the colour of class c; darker where it leads by more than 0.5 (probabilities).
  Panel& regions(std::vector<Grid> scores);

  Panel& heat(Grid grid, Heat heat = {});
  Panel& contours(Grid grid, std::vector<double> levels = {},
                  Look look = {.colour = ink::text, .width = 1});  // {}: round levels
  // Arrows from (x, y) along (dx, dy), scaled so that the longest spans the typical distance between them.
  Panel& arrows(std::vector<double> x, std::vector<double> y, std::vector<double> dx, std::vector<double> dy,
                Look look = {.colour = ink::muted, .width = 1.2});

  Panel& x_mark(double value, std::string label = {},
                Look look = {.colour = ink::muted, .dash = Dash::dashed, .width = 1.2});
  Panel& y_mark(double value, std::string label = {},
                Look look = {.colour = ink::muted, .dash = Dash::dashed, .width = 1.2});
  Panel& note(double x, double y, std::string text);

 private:
  friend class FigureWriter;
  friend class PanelDrawing;
  Panel& add(std::shared_ptr<const Layer> layer);
  Look resolve(Look look);
  std::string title_;
  Axis x_, y_;
  bool equal_ = false;
  std::vector<std::string> categories_;  // of the x axis, when there are bars
  int next_colour_ = 0;
  std::vector<std::shared_ptr<const Layer>> layers_;
};

struct FigureOptions {
  std::string title{};
  std::string caption{};
  double width = 720;       // pixels
  double panel_height = 0;  // 0: by the width
  int columns = 0;          // 0: by the number of panels
};

class Figure {
 public:
  explicit Figure(FigureOptions options = {}) : options_(std::move(options)) {}

  // A new panel, row by row. The reference stays valid.
  Panel& panel(std::string title = {});

  const FigureOptions& options() const { return options_; }
  // A whole .svg file with title, caption and both themes. Works alone, in LaTeX (through rsvg or Inkscape) and in
  // <img>.
  std::string svg(Theme theme = Theme::system) const;
  // The same without title, caption and style, for a page that holds figure_style().
  std::string inline_svg() const;
  // All data in long form: panel, mark, series, item, then the columns in use among x, y, value, low, high, dx, dy.
  std::string csv() const;

 private:
  friend class FigureWriter;
  FigureOptions options_;
  std::deque<Panel> panels_;
};

// The style sheet that inline figures need; html[data-theme=light|dark] overrides the device's preference.
std::string figure_style();

}  // namespace turnpike
