// Verdicts follow from the numbers alone; runs end with the right exit; every record can be shown.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>

#include <studies/studies.h>
#include <turnpike/base/files.h>
#include <turnpike/report/formula.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/runner.h>

namespace turnpike {
namespace {

namespace fs = std::filesystem;
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

TEST(Check, VerdictFollowsFromTheNumbers) {
  EXPECT_TRUE(check_equal("X", "q", "", 2, 2.1, 0.15).holds());
  EXPECT_FALSE(check_equal("X", "q", "", 2, 2.2, 0.15).holds());
  EXPECT_FALSE(check_equal("X", "q", "", 2, 1.8, 0.15).holds());
  EXPECT_TRUE(check_at_most("X", "q", "", 1, 1).holds());
  EXPECT_FALSE(check_at_most("X", "q", "", 1, 1.01).holds());
  EXPECT_TRUE(check_at_most("X", "q", "", 1, 1.01, 0.02).holds());
  EXPECT_TRUE(check_at_least("X", "q", "", 1, 1).holds());
  EXPECT_FALSE(check_at_least("X", "q", "", 1, 0.99).holds());
  EXPECT_TRUE(check_agrees("X", "q", "", 1, 1.4, 0).with(0.9, 1.9).holds());
  EXPECT_FALSE(check_agrees("X", "q", "", 0.8, 1.4, 0).with(0.9, 1.9).holds());
  EXPECT_TRUE(check_agrees("X", "q", "", 100, 104, 0.05).holds());
  EXPECT_FALSE(check_agrees("X", "q", "", 100, 106, 0.05).holds());
}

TEST(Check, WhatIsNotANumberFails) {
  EXPECT_FALSE(check_equal("X", "q", "", 0, nan_value, 1).holds());
  EXPECT_FALSE(check_at_most("X", "q", "", 0, nan_value).holds());
  EXPECT_FALSE(check_at_least("X", "q", "", 0, nan_value).holds());
  EXPECT_FALSE(check_agrees("X", "q", "", 0, nan_value, 1).with(-1, 1).holds());
}

TEST(Check, OfRepetitionsShowsTheWorst) {
  const Check equal = check_each_equal("X", "q", "", 1, {1.1, 0.7, 1.2}, 0.25);
  EXPECT_EQ(equal.measured, 0.7);
  EXPECT_FALSE(equal.holds());
  ASSERT_TRUE(equal.interval);
  EXPECT_LT(equal.interval->first, 1);
  EXPECT_GT(equal.interval->second, 1);
  EXPECT_EQ(check_each_at_most("X", "q", "", 2, {1, 3, 2}).measured, 3);
  EXPECT_EQ(check_each_at_least("X", "q", "", 2, {4, 3, 5}).measured, 3);
  EXPECT_TRUE(check_each_at_least("X", "q", "", 2, {4, 3, 5}).holds());
  for (const std::vector<double>& values : {std::vector<double>{}, {1, nan_value}, {nan_value, 1, 1}}) {
    EXPECT_FALSE(check_each_equal("X", "q", "", 1, values, 1).holds());
    EXPECT_FALSE(check_each_at_most("X", "q", "", 2, values).holds());
    EXPECT_FALSE(check_each_at_least("X", "q", "", 0, values).holds());
  }
}

TEST(Report, WithoutChecksDoesNotHold) {
  EXPECT_FALSE(StudyReport().holds());
}

constexpr const char* claims[] = {"X1"};
constexpr StudyRecord record = {.name = "sample",
                                .chapter = "tests",
                                .claims = claims,
                                .title = "A sample",
                                .source = "none",
                                .claim = "1 = 1",
                                .statement = "One is one.",
                                .hypotheses = "None.",
                                .refutation = "Nothing."};

StudyReport with_check(bool holds) {
  StudyReport report;
  report.checks.push_back(check_equal("X1", "one", "", 1, holds ? 1 : 2, 0));
  return report;
}

class Runs : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "turnpike-study-XXXXXX").string();
    options.out = ::mkdtemp(pattern.data());
    options.threads = 1;
  }
  void TearDown() override { fs::remove_all(options.out); }
  StudyRunOptions options;
};

TEST_F(Runs, EndWithTheirExitCodes) {
  std::vector<StudyRun> runs;
  runs.push_back(run_study(
      record, [](StudyContext&) { return with_check(true); }, options));
  EXPECT_EQ(runs.back().exit, ExitCode::done);
  EXPECT_EQ(worst(runs), ExitCode::done);
  runs.push_back(run_study(
      record, [](StudyContext&) { return with_check(false); }, options));
  EXPECT_EQ(runs.back().exit, ExitCode::check_failed);
  EXPECT_EQ(worst(runs), ExitCode::check_failed);
  runs.push_back(run_study(
      record, [](StudyContext&) -> StudyReport { throw std::runtime_error("broken"); }, options));
  EXPECT_EQ(runs.back().exit, ExitCode::failed);
  EXPECT_EQ(runs.back().error, "broken");
  EXPECT_EQ(worst(runs), ExitCode::failed);
  runs.push_back(run_study(
      record, [](StudyContext&) -> StudyReport { throw InputError("bad"); }, options));
  EXPECT_EQ(worst(runs), ExitCode::usage);
  stop_requested() = true;
  runs.push_back(run_study(
      record, [](StudyContext& study) { return study.at("loop", 0, 1), with_check(true); }, options));
  stop_requested() = false;
  EXPECT_EQ(runs.back().exit, ExitCode::interrupted);
  EXPECT_EQ(worst(runs), ExitCode::interrupted);
}

TEST_F(Runs, LeaveTheContractBehind) {
  const StudyRun run = run_study(
      record, [](StudyContext&) { return with_check(false); }, options);
  for (const char* name : {"result.json", "report.html", "config.toml", "manifest.json"})
    EXPECT_TRUE(fs::exists(run.folder / name)) << name;
  std::vector<std::string> keys;
  for (const auto& [key, value] : run.result.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"schema", "study", "claims", "seed", "settings", "checks", "not_run",
                                            "figures", "seconds", "provenance"}));
  EXPECT_EQ(run.result["checks"][0].dump(),
            R"({"claim":"X1","quantity":"one","unit":"","relation":"==","predicted":1.0,"measured":2.0,)"
            R"("interval":null,"tolerance":0.0,"verdict":"fail"})");
}

TEST(Catalogue, EveryRecordCanBeShown) {
  std::set<std::string> names;
  for (const StudyRecord* study : study_catalogue()) {
    EXPECT_TRUE(names.insert(study->name).second) << study->name;
    EXPECT_FALSE(study->claims.empty()) << study->name;
    EXPECT_NO_THROW(formula(study->claim, FormulaStyle::display)) << study->name;
    for (const char* text : {study->title, study->statement, study->hypotheses, study->refutation, study->source}) {
      Page page("title", "result");
      page.section("text").prose(text);
      EXPECT_NO_THROW(page.html()) << study->name << ": " << text;
    }
    for (StudySize size : {StudySize::quick, StudySize::full}) {
      const OptionSchema schema = study->schema(size);
      for (const Option& option : schema.options()) EXPECT_NO_THROW(option.check(option.fallback, "record"));
    }
    EXPECT_EQ(studies_named(study->name).size(), 1u);
    EXPECT_NE(function_of(*study), nullptr);
  }
}

TEST(Catalogue, SuggestsNearNames) {
  EXPECT_EQ(studies_named("d1").front()->name, std::string("orders"));
  try {
    studies_named("ordres");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "unknown study 'ordres'; did you mean 'orders'?");
  }
}

// A study that can be run in a test: its checks hold, and it fails when what it measures is wrong.
TEST_F(Runs, PolynomialHolds) {
  options.size = StudySize::quick;
  const StudyRecord& polynomial = *studies_named("T18").front();
  const StudyRun run = run_study(polynomial, function_of(polynomial), options);
  EXPECT_EQ(run.exit, ExitCode::done) << run.line();
}

}  // namespace
}  // namespace turnpike
