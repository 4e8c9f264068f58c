#include <turnpike/study/study.h>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/report/text.h>

namespace turnpike {

const char* name_of(Relation relation) {
  switch (relation) {
    case Relation::equal: return "==";
    case Relation::at_most: return "<=";
    case Relation::at_least: return ">=";
    case Relation::agrees: return "~";
  }
  return "";
}

// A comparison with a NaN is false: nothing passes by not being a number.
bool Check::holds() const {
  switch (relation) {
    case Relation::equal: return std::abs(measured - predicted) <= tolerance;
    case Relation::at_most: return measured <= predicted + tolerance;
    case Relation::at_least: return measured >= predicted - tolerance;
    case Relation::agrees:
      if (interval)
        return std::isfinite(measured) && interval->first - tolerance <= predicted &&
               predicted <= interval->second + tolerance;
      return std::abs(measured - predicted) <= tolerance * std::abs(predicted);
  }
  return false;
}

namespace {

Check make_check(Relation relation, std::string claim, std::string quantity, std::string unit, double predicted,
                 double measured, double tolerance) {
  return {.claim = std::move(claim),
          .quantity = std::move(quantity),
          .unit = std::move(unit),
          .relation = relation,
          .predicted = predicted,
          .measured = measured,
          .tolerance = tolerance};
}

}  // namespace

Check check_equal(std::string claim, std::string quantity, std::string unit, double predicted, double measured,
                  double tolerance) {
  return make_check(Relation::equal, std::move(claim), std::move(quantity), std::move(unit), predicted, measured,
                    tolerance);
}

Check check_at_most(std::string claim, std::string quantity, std::string unit, double bound, double measured,
                    double tolerance) {
  return make_check(Relation::at_most, std::move(claim), std::move(quantity), std::move(unit), bound, measured,
                    tolerance);
}

Check check_at_least(std::string claim, std::string quantity, std::string unit, double bound, double measured,
                     double tolerance) {
  return make_check(Relation::at_least, std::move(claim), std::move(quantity), std::move(unit), bound, measured,
                    tolerance);
}

Check check_agrees(std::string claim, std::string quantity, std::string unit, double predicted, double measured,
                   double tolerance) {
  return make_check(Relation::agrees, std::move(claim), std::move(quantity), std::move(unit), predicted, measured,
                    tolerance);
}

nlohmann::ordered_json to_json(const Check& check) {
  nlohmann::ordered_json json;
  json["claim"] = check.claim;
  json["quantity"] = check.quantity;
  json["unit"] = check.unit;
  json["relation"] = name_of(check.relation);
  json["predicted"] = check.predicted;
  json["measured"] = check.measured;
  json["interval"] = nullptr;
  if (check.interval) json["interval"] = {check.interval->first, check.interval->second};
  json["tolerance"] = check.tolerance;
  json["verdict"] = check.holds() ? "pass" : "fail";
  return json;
}

std::size_t StudyReport::n_holding() const {
  return static_cast<std::size_t>(
      std::count_if(checks.begin(), checks.end(), [](const Check& check) { return check.holds(); }));
}

bool StudyReport::holds() const {
  return !checks.empty() && n_holding() == checks.size();
}

Random StudyContext::random(std::string_view purpose, std::uint64_t repetition) const {
  return Random(seed_for(seed_, std::string(record_.name) + "/" + std::string(purpose), repetition));
}

void StudyContext::at(const std::string& what, std::int64_t done, std::int64_t total, const std::string& detail) const {
  if (stop_requested()) throw Interrupted("stopped; a study keeps nothing half done");
  progress_.update(what, done, total, plain_text(detail));
}

}  // namespace turnpike
