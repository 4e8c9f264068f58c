// The times of a flow's steps: 0 = times[0] < ... < times[K] = T.
#pragma once

#include <vector>

#include <turnpike/flow/control.h>

namespace turnpike {

struct Mesh {
  std::vector<double> times;

  static Mesh uniform(double horizon, std::int64_t steps);

  std::int64_t steps() const { return static_cast<std::int64_t>(times.size()) - 1; }
  double horizon() const { return times.back(); }
  // The mesh with `stops` added as mesh times (those within rounding of a mesh time are that time).
  Mesh with_stops(const std::vector<double>& stops) const;
};

}  // namespace turnpike
