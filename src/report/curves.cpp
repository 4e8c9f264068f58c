#include <turnpike/report/curves.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <turnpike/base/error.h>

namespace turnpike {
namespace {

double distance_to_segment(Point p, Point a, Point b) {
  double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  double s = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - s * dx, p.y - a.y - s * dy);
}

}  // namespace

Polyline decimate(std::span<const Point> points, double tolerance) {
  if (points.size() < 3) return Polyline(points.begin(), points.end());
  std::vector<char> keep(points.size(), 0);
  keep.front() = keep.back() = 1;
  std::vector<std::pair<std::size_t, std::size_t>> open{{0, points.size() - 1}};
  while (!open.empty()) {
    auto [first, last] = open.back();
    open.pop_back();
    double worst = -1;
    std::size_t at = first;
    for (std::size_t i = first + 1; i < last; ++i) {
      double d = distance_to_segment(points[i], points[first], points[last]);
      if (d > worst) worst = d, at = i;
    }
    if (worst <= tolerance) continue;
    keep[at] = 1;
    open.push_back({first, at});
    open.push_back({at, last});
  }
  Polyline out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (keep[i]) out.push_back(points[i]);
  }
  return out;
}

std::vector<Polyline> contour_lines(const Grid& grid, double level) {
  require(long(grid.values.size()) == grid.n_x * grid.n_y,
          fmt::format("a grid of {} x {} needs {} values, got {}", grid.n_x, grid.n_y, grid.n_x * grid.n_y,
                      grid.values.size()));
  // An edge of the grid is crossed at most once; its number is 2 (j n_x + i) for the edge to the right of node (i, j)
  // and one more for the edge above it. Each cell leads from one crossed edge to another with the higher values on the
  // left; the cells agree on that, so the steps chain up to contours.
  std::unordered_map<long, long> next;
  std::unordered_set<long> entered;
  std::vector<long> order;  // edges as they are first left, so that the result does not depend on the hash
  auto right_of = [&](long i, long j) { return 2 * (j * grid.n_x + i); };
  auto above = [&](long i, long j) { return 2 * (j * grid.n_x + i) + 1; };
  for (long j = 0; j + 1 < grid.n_y; ++j) {
    for (long i = 0; i + 1 < grid.n_x; ++i) {
      double corner[] = {grid.at(i, j), grid.at(i + 1, j), grid.at(i + 1, j + 1), grid.at(i, j + 1)};
      if (std::isnan(corner[0] + corner[1] + corner[2] + corner[3])) continue;
      long edge[] = {right_of(i, j), above(i + 1, j), right_of(i, j + 1), above(i, j)};  // counter-clockwise from below
      bool in[4];
      for (int k = 0; k < 4; ++k) in[k] = corner[k] >= level;
      int crossed[4], n = 0;
      for (int k = 0; k < 4; ++k) {
        if (in[k] != in[(k + 1) % 4]) crossed[n++] = k;
      }
      // Counter-clockwise round the cell, a line begins where the corners change from in to out.
      auto step = [&](int a, int b) {
        if (!in[a]) std::swap(a, b);
        next[edge[a]] = edge[b];
        entered.insert(edge[b]);
        order.push_back(edge[a]);
      };
      if (n == 2) step(crossed[0], crossed[1]);
      if (n == 4) {
        bool centre = (corner[0] + corner[1] + corner[2] + corner[3]) / 4 >= level;
        // With the centre on the side of corner 0, the lines cut off corners 1 and 3; otherwise corners 0 and 2.
        if (centre == in[0]) {
          step(0, 1);
          step(2, 3);
        } else {
          step(3, 0);
          step(1, 2);
        }
      }
    }
  }
  auto crossing = [&](long edge) {
    long node = edge / 2, i = node % grid.n_x, j = node / grid.n_x;
    bool up = edge % 2;
    double a = grid.at(i, j), b = up ? grid.at(i, j + 1) : grid.at(i + 1, j);
    double s = std::clamp((level - a) / (b - a), 0.0, 1.0);
    if (std::isnan(s)) s = 0.5;  // both ends infinite
    return up ? Point{grid.x(i), grid.y(j) + s * (grid.y(j + 1) - grid.y(j))}
              : Point{grid.x(i) + s * (grid.x(i + 1) - grid.x(i)), grid.y(j)};
  };
  std::vector<Polyline> lines;
  auto follow = [&](long edge) {
    Polyline line{crossing(edge)};
    for (auto here = next.find(edge); here != next.end(); here = next.find(edge)) {
      edge = here->second;
      next.erase(here);
      line.push_back(crossing(edge));
    }
    if (line.size() > 1) lines.push_back(std::move(line));
  };
  for (long edge : order) {
    if (!entered.count(edge)) follow(edge);  // open lines begin where no other ends
  }
  for (long edge : order) follow(edge);
  return lines;
}

std::vector<Polyline> contour_rings(const Grid& grid, double level) {
  // A frame of nodes below the level, at the place of the border nodes, closes every line along the border.
  Grid padded;
  padded.n_x = grid.n_x + 2;
  padded.n_y = grid.n_y + 2;
  double below = level - 1;
  for (double value : grid.values) {
    if (std::isfinite(value)) below = std::min(below, value);
  }
  for (long j = -1; j <= grid.n_y; ++j) {
    for (long i = -1; i <= grid.n_x; ++i) {
      bool inside = i >= 0 && i < grid.n_x && j >= 0 && j < grid.n_y;
      double value = inside ? grid.at(i, j) : below;
      padded.values.push_back(std::isnan(value) ? below : value);
    }
  }
  // In index coordinates the frame lies one step outside; clamping puts it back onto the border.
  padded.x_low = padded.y_low = -1;
  padded.x_high = grid.n_x;
  padded.y_high = grid.n_y;
  std::vector<Polyline> rings = contour_lines(padded, level);
  auto place = [](double at, double low, double high, long n) {
    if (n < 2) return at < 0 ? low : at > 0 ? high : (low + high) / 2;
    return low + (high - low) * std::clamp(at, 0.0, double(n - 1)) / (n - 1);
  };
  for (Polyline& ring : rings) {
    for (Point& p : ring)
      p = {place(p.x, grid.x_low, grid.x_high, grid.n_x), place(p.y, grid.y_low, grid.y_high, grid.n_y)};
  }
  return rings;
}

}  // namespace turnpike
