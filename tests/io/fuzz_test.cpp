// Hostile files: small sound ones, cut at every length and with bytes changed at random (seeded). A reader must either
// succeed or throw InputError; it must not crash, throw anything else, or ask for more memory than the limit below.
#include <sys/resource.h>

#include <functional>
#include <random>

#include <turnpike/io/csv.h>
#include <turnpike/io/idx.h>
#include <turnpike/io/npy.h>
#include <turnpike/io/safetensors.h>
#include <turnpike/io/toml.h>

#include "expect.h"

namespace turnpike {
namespace {

using Reader = std::function<void(const std::string&)>;

void survives(const Reader& read, const std::string& bytes, const std::string& how) {
  try {
    read(bytes);
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("fuzz"), std::string::npos) << "the file is not named: " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << how << ": " << error.what();
  }
}

long peak_memory_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void fuzz(const Reader& read, const std::string& sound) {
  ASSERT_NO_THROW(read(sound));
  for (std::size_t n = 0; n < sound.size(); ++n) survives(read, sound.substr(0, n), "cut at " + std::to_string(n));
  std::mt19937 random(20240601);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = sound;
    const std::size_t n_changes = 1 + below(4);
    for (std::size_t k = 0; k < n_changes; ++k) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] ^= static_cast<char>(1 << below(8)); break;
        case 2: bytes.insert(at, 1, static_cast<char>(random())); break;
        default: bytes[at] = "0\xff\x7f\"'{}[](),:\n9"[below(15)]; break;
      }
    }
    survives(read, bytes, "round " + std::to_string(round));
  }
  EXPECT_LT(peak_memory_kb(), 1'000'000) << "KB";
}

TEST(Fuzz, Csv) {
  const auto read = [](const std::string& bytes) { parse_csv(bytes, "fuzz"); };
  fuzz(read, "name,x,\"y\"\r\n\"a, \"\"b\"\"\",1,2.5\r\nc,?,-1e3\r\n");
  fuzz(read, "  1   2 \"a b\"\n4\t5  6 \n");
}

TEST(Fuzz, Npy) {
  fuzz([](const std::string& bytes) { parse_npy(bytes, "fuzz"); },
       npy_bytes(array_of<float>({2, 3}, {1, 2, 3, 4, 5, 6})));
}

TEST(Fuzz, Npz) {
  fuzz([](const std::string& bytes) { parse_npz(bytes, "fuzz"); },
       npz_bytes({{"x", array_of<double>({2, 2}, {1, 2, 3, 4})}, {"y", array_of<std::int64_t>({2}, {0, 1})}}));
}

TEST(Fuzz, Idx) {
  const auto read = [](const std::string& bytes) { parse_idx(bytes, "fuzz"); };
  fuzz(read, std::string("\0\0\x08\x02\0\0\0\x02\0\0\0\x03\1\2\3\4\5\6", 18));
  fuzz(read, std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x0b\0\xf4\xff\0\0\x08\x01\0\0\0\x03\x07\x08\x09"
                         "\xad"
                         "\x98"
                         "\x0a"
                         "\xba"
                         "\x0b\0\0\0",
                         34));
}

TEST(Fuzz, Safetensors) {
  fuzz([](const std::string& bytes) { parse_safetensors(bytes, "fuzz"); },
       safetensors_bytes(
           {{{"schema", "1"}}, {{"a", array_of<float>({2}, {1, 2})}, {"b", array_of<std::uint8_t>({3}, {1, 2, 3})}}}));
}

TEST(Fuzz, Toml) {
  fuzz([](const std::string& bytes) { parse_toml(bytes, "fuzz"); }, "a = \"x\"\n[t]\nb = 1e-3 # c\nc.d = true\n");
}

}  // namespace
}  // namespace turnpike
