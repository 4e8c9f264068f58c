#include <turnpike/base/files.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "turnpike-files-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  fs::path folder;
};

// The text of the error that `action` throws.
template <class Expected, class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  }
  return "(no error)";
}

TEST_F(Files, WriteThenReadIsTheIdentity) {
  std::string bytes("\0\r\n\xff text", 9);
  write_file(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a"), bytes);
  write_file(folder / "a", "");
  EXPECT_EQ(read_file(folder / "a"), "");
  EXPECT_EQ(entries(), 1u) << "a temporary file was left behind";
}

TEST_F(Files, TheModeOfAnOldFileStays) {
  write_file(folder / "a", "old");
  fs::permissions(folder / "a", fs::perms(0640));
  write_file(folder / "a", "new");
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::perms(0640));
}

TEST_F(Files, ALinkStaysALink) {
  write_file(folder / "a", "old");
  fs::create_symlink("a", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "a"), "new");
}

TEST_F(Files, ErrorsNameThePathAndTheReason) {
  auto written_to = [](const fs::path& path) { return error_of<Error>([&] { write_file(path, "x"); }); };
  const std::string missing = (folder / "no" / "a").string(), parent = (folder / "no").string();
  EXPECT_EQ(written_to(missing), "cannot write '" + missing + "': the folder '" + parent + "' does not exist");
  EXPECT_EQ(written_to(folder), "cannot write '" + folder.string() + "': Is a directory");
  write_file(folder / "a", "x");
  const std::string below = (folder / "a" / "b").string();
  EXPECT_EQ(written_to(below), "cannot write '" + below + "': Not a directory");

  auto read_from = [](const fs::path& path) { return error_of<InputError>([&] { read_file(path); }); };
  EXPECT_EQ(read_from(missing), "cannot read '" + missing + "': No such file or directory");
  EXPECT_EQ(read_from(folder), "cannot read '" + folder.string() + "': Is a directory");
}

TEST_F(Files, AFullDeviceIsReported) {
  EXPECT_EQ(error_of<Error>([] { write_file("/dev/full", "x"); }), "cannot write '/dev/full': No space left on device");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  write_file("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null")) << "a device was replaced by a file";
}

TEST_F(Files, WhenTheDiskIsFullTheOldFileStays) {
  // A limit on the size of files stands in for the full disk: the write fails halfway through.
  write_file(folder / "a", "old");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message = error_of<Error>([&] { write_file(folder / "a", std::string(100000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write '" + (folder / "a").string() + "': File too large");
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, AReadOnlyFolderIsReported) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder, fs::perms(0500));
  const std::string path = (folder / "a").string();
  EXPECT_EQ(error_of<Error>([&] { write_file(path, "x"); }), "cannot write '" + path + "': Permission denied");
  fs::permissions(folder, fs::perms(0700));
}

TEST_F(Files, RunFoldersNeverCollide) {
  fs::path first = make_run_folder(folder / "runs" / "deep", "my data/x");
  fs::path second = make_run_folder(folder / "runs" / "deep", "my data/x");
  EXPECT_TRUE(fs::is_directory(first));
  EXPECT_EQ(second.string(), first.string() + "-2");
  const std::string name = first.filename().string();
  ASSERT_EQ(name.size(), std::string("2024-01-02-my-data-x").size());
  EXPECT_EQ(name.substr(10), "-my-data-x");
  EXPECT_EQ(name[4], '-');
  write_file(folder / "file", "x");
  EXPECT_NE(error_of<Error>([&] { make_run_folder(folder / "file", "a"); }).find("cannot make the folder"),
            std::string::npos);
}

TEST_F(Files, HashIsFnv1a) {
  // http://www.isthe.com/chongo/src/fnv/test_fnv.c
  EXPECT_EQ(hash_bytes(""), "cbf29ce484222325");
  EXPECT_EQ(hash_bytes("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(hash_bytes("foobar"), "85944171f73967e8");
  std::string large(700000, '\x5a');
  write_file(folder / "a", large);
  EXPECT_EQ(hash_file(folder / "a"), hash_bytes(large));
}

}  // namespace
}  // namespace turnpike
