// What is known of a study before it runs, as data: the catalogue, help, validation and the page's head are read from
// it.
//
//   inline constexpr StudySetting orders_settings[] = {
//       {.key = "T", .kind = OptionKind::real, .full = "1", .quick = "1", .help = "horizon", .lower = 0.1},
//   };
//   inline constexpr const char* orders_claims[] = {"D1"};
//   inline constexpr StudyRecord orders_record = {.name = "orders", .chapter = "depth", .claims = orders_claims, ...};
//
// Text is markup of pages (report/text.h), `claim` is TeX (report/formula.h).
#pragma once

#include <limits>
#include <span>
#include <string>

#include <turnpike/base/options.h>

namespace turnpike {

enum class StudySize { quick, full };
inline const char* name_of(StudySize size) {
  return size == StudySize::quick ? "quick" : "full";
}

struct StudySetting {
  const char* key;
  OptionKind kind;
  const char *full, *quick;  // the defaults
  const char* help;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
};

struct StudyRecord {
  const char* name;     // what `turnpike study` calls it, unique
  const char* chapter;  // folder below studies/
  std::span<const char* const> claims;
  const char* title;
  const char* source;
  const char* claim;       // one formula
  const char* statement;   // the claim in words, corrected where the source is loose
  const char* hypotheses;  // under which it is claimed
  const char* refutation;  // what would falsify it
  std::span<const StudySetting> settings;
  double seconds_quick = 1, seconds_full = 1;  // expected, on 2 cores
  int seeds = 1;                               // repetitions unless --seeds says otherwise; 1: nothing is random

  int seeds_quick = 0;  // of --quick, where it takes fewer; 0: as many

  int repetitions(StudySize size) const { return size == StudySize::quick && seeds_quick > 0 ? seeds_quick : seeds; }
  double seconds(StudySize size) const { return size == StudySize::quick ? seconds_quick : seconds_full; }
  OptionSchema schema(StudySize size) const;
};

}  // namespace turnpike
