#include <turnpike/io/idx.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;

std::string bytes_of(std::initializer_list<int> values) {
  std::string out;
  for (int v : values) out += static_cast<char>(v);
  return out;
}

// gzip (RFC 1952) of the IDX file {0,0,8,1, 0,0,0,3, 7,8,9}: one stored deflate block, CRC-32 by zlib.
std::string small_gzip() {
  return bytes_of({0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3,    1,    11,   0,    0xf4, 0xff, 0, 0,
                   8,    1,    0, 0, 0, 3, 7, 8, 9, 0xad, 0x98, 0x0a, 0xba, 11,   0,    0, 0});
}

TEST(Idx, ReadsBigEndian) {
  const Array bytes = parse_idx(bytes_of({0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9}), "a.idx");
  EXPECT_EQ(bytes.shape, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(to_doubles(bytes), (std::vector<double>{7, 8, 9}));
  EXPECT_EQ(to_doubles(parse_idx(bytes_of({0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 0xff, 0xfe}), "a.idx")),
            (std::vector<double>{258, -2}));
  EXPECT_EQ(to_doubles(parse_idx(bytes_of({0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0}), "a.idx")),
            (std::vector<double>{1.5}));
  EXPECT_EQ(to_doubles(parse_idx(bytes_of({0, 0, 0x0e, 1, 0, 0, 0, 1, 0xc0, 0, 0, 0, 0, 0, 0, 0}), "a.idx")),
            (std::vector<double>{-2}));
}

TEST(Idx, ReadsDimensionsOfSeveralBytes) {
  EXPECT_EQ(parse_idx(bytes_of({0, 0, 8, 1, 0, 1, 0, 44}) + std::string(65536 + 44, '\1'), "a.idx").shape,
            (std::vector<std::int64_t>{65536 + 44}));
}

TEST(Idx, ReadsGzipAndVerifiesIt) {
  EXPECT_EQ(to_doubles(parse_idx(small_gzip(), "a.gz")), (std::vector<double>{7, 8, 9}));
  std::string damaged = small_gzip();
  damaged[25] ^= 4;  // the value 9
  expect_input_error([&] { parse_idx(damaged, "a.gz"); }, {"a.gz", "damaged", "checksum"});
  expect_input_error([&] { parse_idx(small_gzip().substr(0, 20), "a.gz"); }, {"a.gz"});
  expect_input_error([&] { parse_idx(small_gzip(), "a.gz", 5); }, {"a.gz", "more than 5 bytes"});
}

TEST(Idx, RefusesInOneSentence) {
  const auto refuses = [](const std::string& bytes, std::vector<std::string> parts) {
    parts.push_back("a.idx");
    expect_input_error([&] { parse_idx(bytes, "a.idx"); }, parts);
  };
  refuses("", {"cut short"});
  refuses("P5 \n255", {"no IDX file", "50 35"});
  refuses(bytes_of({0, 0, 7, 1, 0, 0, 0, 0}), {"no IDX file"});
  refuses(bytes_of({0, 0, 8, 0}), {"0 dimensions"});
  refuses(bytes_of({0, 0, 8, 200}), {"200 dimensions"});
  refuses(bytes_of({0, 0, 8, 2, 0, 0, 0, 1}), {"cut short within its IDX header"});
  refuses(bytes_of({0, 0, 8, 1, 0, 0, 0, 3, 7, 8}), {"cut short", "shape [3]", "2 bytes follow"});
  refuses(bytes_of({0, 0, 8, 1, 0, 0, 0, 1, 7, 8}), {"too long", "2 bytes follow"});
  refuses(bytes_of({0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), {"cut short"});
}

}  // namespace
}  // namespace turnpike
