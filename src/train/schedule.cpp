#include <turnpike/train/schedule.h>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace turnpike {

std::vector<std::string> schedule_names() {
  return {"constant", "cosine", "step", "exponential"};
}

ScheduleKind schedule_named(std::string_view name) {
  const std::vector<std::string> names = schedule_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<ScheduleKind>(found - names.begin());
  const std::string near = did_you_mean(name, names);
  throw InputError(fmt::format("unknown schedule '{}'{}; the schedules are {}", name,
                               near.empty() ? "" : fmt::format("; did you mean '{}'?", near), fmt::join(names, ", ")));
}

const char* name_of(ScheduleKind kind) {
  constexpr const char* names[] = {"constant", "cosine", "step", "exponential"};
  return names[static_cast<int>(kind)];
}

double Schedule::rate(double base, std::int64_t epoch, std::int64_t epochs) const {
  switch (kind) {
    case ScheduleKind::constant: return base;
    case ScheduleKind::cosine: {
      const double done =
          std::min(1.0, static_cast<double>(epoch) / static_cast<double>(std::max<std::int64_t>(epochs, 1)));
      return base * (floor + (1 - floor) * (1 + std::cos(std::numbers::pi * done)) / 2);
    }
    case ScheduleKind::step:
      return base * std::pow(decay, static_cast<double>(epoch / std::max<std::int64_t>(every, 1)));
    case ScheduleKind::exponential: return base * std::pow(decay, static_cast<double>(epoch));
  }
  return base;
}

}  // namespace turnpike
