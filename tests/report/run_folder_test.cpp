#include <gtest/gtest.h>

#include <filesystem>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/report/run_folder.h>
#include <nlohmann/json.hpp>

namespace turnpike {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(root_); }
  void TearDown() override { fs::remove_all(root_); }
  fs::path root_ = fs::path(testing::TempDir()) / "turnpike-run-folder";
};

TEST_F(RunFolderTest, HoldsWhatTheManifestSays) {
  RunFolder folder(root_, Provenance{.version = "0.1.0"});
  Figure figure({.title = "F"});
  figure.panel().line({0, 1}, {0, 1});
  folder.write_config("T = 20\n");
  folder.write_result({{"schema", 1}, {"score", 0.5}});
  folder.write_figure("decay", figure);
  folder.write_report(Page("t", "r"));
  folder.write("model.safetensors", "bytes");
  write_file(root_ / "metrics.jsonl", "{}\n");
  folder.record("metrics.jsonl");
  EXPECT_FALSE(fs::exists(root_ / "manifest.json")) << "the manifest comes last";
  folder.finish({{"seed", 7}});

  auto manifest = nlohmann::json::parse(read_file(root_ / "manifest.json"));
  EXPECT_EQ(manifest["schema"], 1);
  EXPECT_EQ(manifest["seed"], 7);
  EXPECT_EQ(manifest["provenance"]["version"], "0.1.0");
  std::size_t n_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (!entry.is_regular_file() || entry.path().filename() == "manifest.json") continue;
    ++n_files;
    std::string name = fs::relative(entry.path(), root_).generic_string();
    ASSERT_TRUE(manifest["files"].contains(name)) << name;
    EXPECT_EQ(manifest["files"][name]["hash"], hash_file(entry.path())) << name;
    EXPECT_EQ(manifest["files"][name]["bytes"], entry.file_size()) << name;
  }
  EXPECT_EQ(n_files, manifest["files"].size());
  EXPECT_EQ(n_files, 7u);
  EXPECT_EQ(read_file(root_ / "figures/decay.svg"), figure.svg());
  EXPECT_EQ(read_file(root_ / "data/decay.csv"), figure.csv());
}

TEST_F(RunFolderTest, RefusesNamesThatLeaveIt) {
  RunFolder folder(root_, {});
  for (const char* name : {"../x", "/tmp/x", "a/../../x", "", "a/", "manifest.json", "."})
    EXPECT_THROW(folder.write(name, "x"), InputError) << name;
  EXPECT_THROW(folder.record("absent"), Error);
}

}  // namespace
}  // namespace turnpike
