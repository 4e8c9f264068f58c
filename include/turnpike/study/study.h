// A study turns a claim into a computation that can fail: it measures what the claim predicts and sets it beside the
// prediction.
//
//   StudyReport run_orders(StudyContext& study) {
//     StudyReport report;
//     report.checks.push_back(check_equal("D1", "order of Euler", "", 1.0, fit.slope, 0.15).with(fit.slope_low,
//     fit.slope_high)); report.figures.push_back({"orders", figure}); return report;
//   }
//
// Relations, with p predicted, m measured, t the tolerance:
//   ==   |m - p| <= t
//   <=   m <= p + t
//   >=   m >= p - t
//   ~    p lies within t of the interval of m; without an interval |m - p| <= t |p|
// The verdict follows from these alone; a measurement that is not a number fails.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/base/study_record.h>
#include <turnpike/math/random.h>
#include <turnpike/report/figure.h>
#include <turnpike/report/page.h>

namespace turnpike {

enum class Relation { equal, at_most, at_least, agrees };
const char* name_of(Relation relation);  // "==", "<=", ">=", "~"

struct Check {
  std::string claim;     // "D1"
  std::string quantity;  // plain text or label markup
  std::string unit;
  Relation relation = Relation::equal;
  double predicted = 0, measured = 0;
  std::optional<std::pair<double, double>> interval{};  // 95 %, of the measured value
  double tolerance = 0;

  bool holds() const;
  Check&& with(double low, double high) && {
    interval = {low, high};
    return std::move(*this);
  }
};

Check check_equal(std::string claim, std::string quantity, std::string unit, double predicted, double measured,
                  double tolerance);
Check check_at_most(std::string claim, std::string quantity, std::string unit, double bound, double measured,
                    double tolerance = 0);
Check check_at_least(std::string claim, std::string quantity, std::string unit, double bound, double measured,
                     double tolerance = 0);
Check check_agrees(std::string claim, std::string quantity, std::string unit, double predicted, double measured,
                   double tolerance);

nlohmann::ordered_json to_json(const Check& check);

struct StudyFigure {
  std::string name;  // of its files
  Figure figure;
};

struct StudyReport {
  std::vector<Check> checks;
  std::vector<StudyFigure> figures;
  std::vector<Table> tables;
  std::vector<std::string> method;    // what was run, a paragraph each
  std::vector<std::string> findings;  // what was seen beyond the checks, a paragraph each
  std::vector<std::string> not_run;   // checks that this size cannot hold, and why

  bool holds() const;  // at least one check, and all of them
  std::size_t n_holding() const;
};

// What a study may use while it runs.
class StudyContext {
 public:
  StudyContext(const StudyRecord& record, StudySize size, Options settings, std::uint64_t seed, int seeds,
               Progress& progress)
      : record_(record), size_(size), settings_(std::move(settings)), seed_(seed), seeds_(seeds), progress_(progress) {}

  const StudyRecord& record() const { return record_; }
  bool full() const { return size_ == StudySize::full; }
  StudySize size() const { return size_; }
  double real(std::string_view key) const { return settings_.real(key); }
  std::int64_t integer(std::string_view key) const { return settings_.integer(key); }
  const std::string& text(std::string_view key) const { return settings_.text(key); }
  const Options& settings() const { return settings_; }
  std::uint64_t seed() const { return seed_; }
  int seeds() const { return seeds_; }  // repetitions

  // The random numbers of one purpose in one repetition.
  Random random(std::string_view purpose, std::uint64_t repetition = 0) const;
  // Shows how far the study is. Throws Interrupted once the user asked to stop.
  void at(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail = {}) const;
  Progress& progress() const { return progress_; }

 private:
  const StudyRecord& record_;
  StudySize size_;
  Options settings_;
  std::uint64_t seed_;
  int seeds_;
  Progress& progress_;
};

using StudyFunction = StudyReport (*)(StudyContext&);

}  // namespace turnpike
