// How the rate of a first-order optimiser changes from epoch to epoch: rate_e = rate * factor(e), e = 0, 1, ..., E - 1.
//
//   constant     1
//   cosine       floor + (1 - floor) (1 + cos(pi e / E)) / 2          Loshchilov & Hutter, arXiv:1608.03983, without
//   restarts step         decay^(e / every, rounded down) exponential  decay^e
//
//   Schedule{.kind = ScheduleKind::step, .decay = 0.1, .every = 60}.rate(0.1, 61, 160)   // 0.01
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

enum class ScheduleKind { constant, cosine, step, exponential };
ScheduleKind schedule_named(std::string_view name);  // InputError with did-you-mean
const char* name_of(ScheduleKind kind);
std::vector<std::string> schedule_names();

struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double decay = 0.1;       // step, exponential
  std::int64_t every = 30;  // step: epochs between two decays
  double floor = 0;         // cosine: the last rate as a fraction of the first

  double rate(double base, std::int64_t epoch, std::int64_t epochs) const;
};

}  // namespace turnpike
