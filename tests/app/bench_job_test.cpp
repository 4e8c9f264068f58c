// turnpike bench from end to end, on a case of a millisecond.
#include <gtest/gtest.h>

#include <cstdlib>

#include "app/engine_process.h"

namespace turnpike::testing {
namespace {

using Words = std::vector<std::string>;
const Words tiny = {"bench", "--case", "flow d=2 N=20 K=10", "--threads", "1"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(BenchJob, PrintsOneObjectACaseAndLeavesAPage) {
  const Workplace place;
  const Finished done = place.json(tiny);
  ASSERT_EQ(done.exit, 0) << done.err;
  const std::vector<std::string> lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 2u) << done.out;  // both types
  for (const std::string& line : lines) {
    const auto json = nlohmann::ordered_json::parse(line);
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["case"], "flow d=2 N=20 K=10 euler tanh");
    EXPECT_EQ(json["threads"], 1);
    EXPECT_EQ(json["peer"], "libtorch");
    EXPECT_GT(json["ours_ms"].get<double>(), 0);
    EXPECT_GT(json["peer_ms"].get<double>(), 0);
    EXPECT_LE(json["ratio_interval"][0].get<double>(), json["ratio"].get<double>());
    EXPECT_GE(json["ratio_interval"][1].get<double>(), json["ratio"].get<double>());
    EXPECT_LT(json["gradient_error"].get<double>(), 1e-4);
    EXPECT_LT(json["peak_fraction"].get<double>(), 1);
    EXPECT_GT(json["peak_bytes"].get<std::int64_t>(), 0);
  }
  EXPECT_EQ(nlohmann::json::parse(lines[0])["dtype"], "f32");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["dtype"], "f64");
  EXPECT_LT(nlohmann::json::parse(lines[1])["gradient_error"].get<double>(), 1e-12);
  const fs::path folder = fs::directory_iterator(place.path() / "runs")->path();
  for (const char* name :
       {"report.html", "result.json", "manifest.json", "figures/roofline.svg", "figures/ratio.svg", "data/ratio.csv"})
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  EXPECT_EQ(nlohmann::json::parse(text_of(folder / "result.json"))["cases"].size(), 2u);
}

TEST(BenchJob, RefusesWhatItDoesNotUnderstandWithExitCode2) {
  const Workplace place;
  const std::vector<std::pair<Words, std::string>> wrong = {
      {{"bench", "--case", "flow d=2 rk5"}, "did you mean 'rk4'?"},
      {{"bench", "--case", "flow", "d=2"}, "bench has no settings"},
      {{"bench", "flow"}, "stands in quotes"},
      {{"bench", "--peer", "jax"}, "jax"},
      {{"bench", "--dtype", "f16"}, "f16"},
      {{"bench", "--growth", "--share"}, "take one"},
      {{"bench", "--share", "--case", "flow"}, "leave out --case"},
  };
  for (const auto& [words, says] : wrong) {
    const Finished done = place.run(words);
    EXPECT_EQ(done.exit, 2) << done.err;
    EXPECT_NE(done.err.find(says), std::string::npos) << done.err;
    EXPECT_EQ(lines_of(done.err).size(), 1u) << done.err;
  }
  EXPECT_FALSE(fs::exists(place.path() / "runs"));
}

// What can be asked of a machine without any of them: a peer that cannot be made is left out, in a sentence.
TEST(BenchJob, APeerThatIsNotThereIsLeftOut) {
  const Workplace place;
  ::setenv("TURNPIKE_PEERS", "/proc/none", 1);
  const Finished alone = place.run(with(tiny, {"--peer", "diffrax", "--dtype", "f64"}));
  const Finished all = place.json(with(tiny, {"--peer", "all", "--dtype", "f64"}));
  ::unsetenv("TURNPIKE_PEERS");
  EXPECT_EQ(alone.exit, 1);
  EXPECT_NE(alone.err.find("nothing was measured: diffrax is left out"), std::string::npos) << alone.err;
  ASSERT_EQ(all.exit, 0) << all.err;
  ASSERT_EQ(lines_of(all.out).size(), 1u) << all.out;
  EXPECT_EQ(all.last_json()["peer"], "libtorch");
}

TEST(BenchJob, GrowthChangesOneNumberAtATime) {
  const Workplace place;
  const Finished done =
      place.json({"bench", "--growth", "--case", "flow d=2 N=8 K=4", "--dtype", "f32", "--threads", "1"});
  ASSERT_EQ(done.exit, 0) << done.err;
  const std::vector<std::string> lines = lines_of(done.out);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["case"], "flow d=2 N=8 K=16 euler tanh");
  EXPECT_EQ(nlohmann::json::parse(lines.back())["case"], "flow d=2 N=8 K=4 euler tanh");
  const fs::path folder = fs::directory_iterator(place.path() / "runs")->path();
  EXPECT_TRUE(fs::exists(folder / "figures/growth-f32-libtorch.svg"));
}

}  // namespace
}  // namespace turnpike::testing
