#include <turnpike/base/provenance.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>

#include <turnpike/base/error.h>
#include <turnpike/base/progress.h>
#include <turnpike/base/seed.h>

namespace turnpike {
namespace {

TEST(Provenance, SaysWhereAResultComesFrom) {
  Provenance p = provenance(3);
  EXPECT_TRUE(std::regex_match(p.version, std::regex(R"(\d+\.\d+\.\d+)"))) << p.version;
  EXPECT_TRUE(std::regex_match(p.commit, std::regex(R"(([0-9a-f]{12,40}\+?)?)"))) << p.commit;
  EXPECT_TRUE(std::regex_match(p.compiler, std::regex(R"((g|clang)\+\+ \d+\.\d+\.\d+)"))) << p.compiler;
  EXPECT_FALSE(p.processor.empty());
  EXPECT_TRUE(std::regex_match(p.dispatch, std::regex("avx512|avx2|sse4|generic"))) << p.dispatch;
  EXPECT_TRUE(std::regex_match(p.started, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"))) << p.started;
  EXPECT_EQ(to_json(p)["threads"], 3);
  EXPECT_EQ(to_json(p).size(), 7u);
}

TEST(Provenance, TheEnvironmentNamesTheTarget) {
  const char* before = std::getenv("TURNPIKE_DISPATCH");
  const std::string kept = before ? before : "";
  ::setenv("TURNPIKE_DISPATCH", "generic", 1);
  EXPECT_EQ(dispatch_target(), "generic");
  ::setenv("TURNPIKE_DISPATCH", "avx1024", 1);
  EXPECT_THROW(dispatch_target(), InputError);
  ::setenv("TURNPIKE_DISPATCH", kept.c_str(), 1);  // empty: as if it were not set
  EXPECT_NO_THROW(dispatch_target());
}

TEST(Seed, StreamsDifferByRootPurposeAndIndex) {
  EXPECT_EQ(seed_for(1, "a"), seed_for(1, "a", 0));
  EXPECT_NE(seed_for(1, "a"), seed_for(2, "a"));
  EXPECT_NE(seed_for(1, "a"), seed_for(1, "b"));
  EXPECT_NE(seed_for(1, "a"), seed_for(1, "a", 1));
  EXPECT_NE(seed_for(0, "", 1), seed_for(1, "", 0));
}

TEST(Seed, NeverChanges) {
  // A changed value would change every stored run: these are today's.
  EXPECT_EQ(seed_for(0, "initial control"), 3776220557008319154u);
  EXPECT_EQ(seed_for(7, "shuffle", 3), 5380855890935726214u);
}

TEST(Progress, TheSilentOneAcceptsEverything) {
  no_progress().update("epoch", 1, 10, "loss 0.1");
  no_progress().note("a line");
  EXPECT_FALSE(stop_requested());
}

}  // namespace
}  // namespace turnpike
