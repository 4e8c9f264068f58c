#include <turnpike/flow/mesh.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {

Mesh Mesh::uniform(double horizon, std::int64_t steps) {
  return Mesh{ControlGrid::uniform(ControlKind::constant, horizon, steps).knots()};
}

Mesh Mesh::with_stops(const std::vector<double>& stops) const {
  const double rounding = 1e-12 * horizon();
  std::vector<double> sorted = stops, merged;
  std::sort(sorted.begin(), sorted.end());
  for (const double stop : sorted) {
    require(stop >= -rounding && stop <= horizon() + rounding,
            fmt::format("a time {} lies outside the flow's interval [0, {}]", stop, horizon()));
  }
  auto next = sorted.begin();
  for (const double time : times) {
    for (; next != sorted.end() && *next < time - rounding; ++next) {
      if (*next > rounding && (merged.empty() || *next > merged.back() + rounding)) merged.push_back(*next);
    }
    merged.push_back(time);
    while (next != sorted.end() && *next <= time + rounding) ++next;
  }
  return Mesh{std::move(merged)};
}

}  // namespace turnpike
