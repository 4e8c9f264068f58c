// Damaged MAT and HDF5 files: sound ones, cut and with bits flipped (seeded). The libraries that read them crash, hang
// and ask for the moon over some; the process that called must see an InputError naming the file, or values.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include <turnpike/base/files.h>
#include <turnpike/io/variables.h>

#include "../../src/io/isolated_internal.h"
#include "expect.h"
#include "sample_files.h"

namespace turnpike {
namespace {

constexpr ReadLimits tight = {.max_bytes = 1 << 26, .child_bytes = 1 << 28, .cpu_s = 2, .silent_s = 10};

struct Tally {
  int read = 0, refused = 0;
};

// Everything that can be asked of a file.
void survives(const std::filesystem::path& path, const std::string& how, Tally& tally) {
  try {
    std::vector<std::string> names;
    for (const Variable& variable : list_variables(path, tight))
      if (variable.dtype && names.size() < 16) names.push_back(variable.name);
    read_variables(path, names, tight);
    ++tally.read;
  } catch (const InputError& error) {
    ++tally.refused;
    const std::string text = error.what();
    EXPECT_NE(text.find(path.filename().string()), std::string::npos) << how << ": " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << how << ": " << text;
  } catch (const std::exception& error) {
    ADD_FAILURE() << how << ": " << error.what();
  }
}

Tally mutate(const std::filesystem::path& path, unsigned seed) {
  const std::string sound = read_file(path);
  Tally tally;
  survives(path, "as it is", tally);
  EXPECT_EQ(tally.read, 1);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto store = [&](const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; };
  for (int round = 0; round < 40; ++round) {
    const std::size_t n = below(sound.size());
    store(sound.substr(0, n));
    survives(path, "cut at " + std::to_string(n), tally);
  }
  EXPECT_EQ(tally.read, 1) << "a cut file was taken for a whole one";
  for (int round = 0; round < 120; ++round) {
    std::string bytes = sound;
    // Half of the rounds in the head, where structure is dense.
    const std::size_t reach = round % 2 ? bytes.size() : std::min<std::size_t>(bytes.size(), 1200);
    for (std::size_t k = 1 + below(4); k > 0; --k) bytes[below(reach)] ^= static_cast<char>(1 << below(8));
    store(bytes);
    survives(path, "round " + std::to_string(round), tally);
  }
  return tally;
}

TEST(Hostile, MatFiles) {
  const testing::TemporaryFolder folder;
  unsigned seed = 1;
  for (const auto how : {testing::MatKind::plain, testing::MatKind::compressed, testing::MatKind::hdf5}) {
    const auto path = folder.file("damaged" + std::to_string(seed) + ".mat");
    testing::write_sample_mat(path, how);
    const Tally tally = mutate(path, seed++);
    EXPECT_GT(tally.refused, 40);
  }
}

TEST(Hostile, Hdf5Files) {
  const testing::TemporaryFolder folder;
  testing::write_sample_hdf5(folder.file("damaged.h5"));
  EXPECT_GT(mutate(folder.file("damaged.h5"), 7).refused, 40);
}

// Compressed values carry a checksum: no flipped bit inside them goes unnoticed.
TEST(Hostile, AFlippedBitInCompressedValuesIsNoticed) {
  const testing::TemporaryFolder folder;
  const auto path = folder.file("flipped.mat");
  testing::write_sample_mat(path, testing::MatKind::compressed);
  const std::string sound = read_file(path);
  std::uint32_t n = 0;  // bytes of u, the first variable
  std::memcpy(&n, sound.data() + 132, sizeof n);
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    std::string bytes = sound;
    bytes[136 + random() % n] ^= static_cast<char>(1 << random() % 8);
    std::ofstream(path, std::ios::binary) << bytes;
    testing::expect_input_error([&] { read_variables(path, {"u"}, tight); }, {"flipped.mat", "damaged"});
  }
}

// What a child can do to its parent: each becomes one sentence, in time.
void child_does(const std::function<void(Outlet&)>& work, const std::vector<std::string>& parts, int silent_s = 30) {
  ReadLimits limits = tight;
  limits.cpu_s = 1;
  limits.silent_s = silent_s;
  const auto start = std::chrono::steady_clock::now();
  testing::expect_input_error(
      [&] {
        in_isolation("evil.mat", limits, work, [](Inlet& in) {
          std::uint64_t budget = 1000;
          take_variables(in);
          take_array(in, budget);
        });
      },
      parts);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(25));
}

TEST(Hostile, ACrashIsASentence) {
  child_does([](Outlet&) { ::raise(SIGSEGV); }, {"evil.mat", "broke down", "Segmentation fault"});
  child_does([](Outlet&) { std::abort(); }, {"evil.mat", "broke down", "Aborted"});
}

TEST(Hostile, AHangIsASentence) {
  child_does(
      [](Outlet&) {
        for (std::atomic<int> i = 0;;) ++i;
      },
      {"evil.mat", "1 s of processor time"});
  child_does([](Outlet&) { ::pause(); }, {"evil.mat", "for 1 s"}, 1);
}

TEST(Hostile, ABombIsASentence) {
#ifdef __SANITIZE_ADDRESS__
  const char* says = "evil.mat";  // the sanitizer's operator new ends the child
#else
  const char* says = "memory";
#endif
  child_does(
      [](Outlet& out) {
        const std::vector<char> much(std::size_t{1} << 30, 1);
        out.put(much[much.size() - 1]);
      },
      {"evil.mat", says});
}

TEST(Hostile, WhatTheChildSaysIsChecked) {
  child_does([](Outlet& out) { out.put(std::uint64_t{1} << 60); }, {"evil.mat", "65536 variables"});
  child_does(
      [](Outlet& out) {
        out.put(std::uint64_t{1});
        out.put(std::uint64_t{1} << 62);  // the length of a name
      },
      {"evil.mat", "does not hold"});
  const auto with_shape = [](std::vector<std::int64_t> shape, std::uint8_t dtype) {
    return [=](Outlet& out) {
      put_variables(out, {});
      out.put(static_cast<std::uint64_t>(shape.size()));
      for (std::int64_t n : shape) out.put(n);
      out.put(dtype);
      out.put(std::uint8_t{1});
    };
  };
  child_does(with_shape({1 << 20, 1 << 20}, 12), {"evil.mat", "more than can be read"});
  child_does(with_shape({std::int64_t{1} << 40, std::int64_t{1} << 40}, 12), {"evil.mat", "more than can be read"});
  child_does(with_shape({126}, 12), {"evil.mat", "more than can be read"});  // 1008 bytes
  child_does(with_shape({-1, 4}, 12), {"evil.mat", "does not hold"});
  child_does(with_shape({2, 2}, 200), {"evil.mat", "does not hold"});
  child_does(with_shape({2, 2}, 12), {"evil.mat", "does not hold"});  // and no values
  child_does([](Outlet&) { throw InputError("evil.mat says no"); }, {"evil.mat says no"});
}

}  // namespace
}  // namespace turnpike
