// Plane curves: contour lines of a grid, and curves with fewer points that look the same.
#pragma once

#include <span>
#include <vector>

namespace turnpike {

struct Point {
  double x = 0, y = 0;
};
using Polyline = std::vector<Point>;

// Values at the nodes of a regular grid; node (i, j) is the i-th of n_x from x_low to x_high, and the j-th of n_y
// likewise.
struct Grid {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  long n_x = 0, n_y = 0;
  std::vector<double> values{};  // [n_y, n_x], x fastest, the first row at y_low

  double x(long i) const { return n_x < 2 ? (x_low + x_high) / 2 : x_low + (x_high - x_low) * i / (n_x - 1); }
  double y(long j) const { return n_y < 2 ? (y_low + y_high) / 2 : y_low + (y_high - y_low) * j / (n_y - 1); }
  double at(long i, long j) const { return values[j * n_x + i]; }
};

// The lines value = level by marching squares with linear interpolation; a saddle is decided by the mean of its
// corners. Closed lines repeat their first point. Cells with a NaN corner have no line. Grids thinner than 2 x 2 have
// none.
std::vector<Polyline> contour_lines(const Grid& grid, double level);

// The boundary of {value >= level} within the grid as closed rings (fill rule: even-odd). NaN counts as below.
std::vector<Polyline> contour_rings(const Grid& grid, double level);

// A subset of the points, ends included, such that no dropped point is farther than `tolerance` from the new line
// (Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727). Assumes finite points.
Polyline decimate(std::span<const Point> points, double tolerance);

}  // namespace turnpike
