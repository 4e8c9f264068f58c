#include <turnpike/io/array.h>

#include <cmath>
#include <limits>

#include <turnpike/io/text.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;

TEST(Array, ConvertsEveryTypeToDouble) {
  const auto check = [](DType dtype, auto value, double expected) {
    EXPECT_EQ(to_doubles(array_of_bytes({1}, dtype, &value, sizeof(value))).at(0), expected) << name_of(dtype);
  };
  check(DType::boolean, std::uint8_t{1}, 1);
  check(DType::u8, std::uint8_t{255}, 255);
  check(DType::u16, std::uint16_t{65535}, 65535);
  check(DType::u32, std::uint32_t{4294967295u}, 4294967295.0);
  check(DType::u64, std::uint64_t{1} << 63, 0x1p63);
  check(DType::i8, std::int8_t{-128}, -128);
  check(DType::i16, std::int16_t{-32768}, -32768);
  check(DType::i32, std::int32_t{-7}, -7);
  check(DType::i64, std::int64_t{-7}, -7);
  check(DType::f32, -0.5f, -0.5);
  check(DType::f64, 0.1, 0.1);
}

// Values of IEEE 754 binary16: 1, -2, the largest 65504, the least normal 2^-14, the least subnormal 2^-24, infinity.
TEST(Array, ReadsHalfPrecision) {
  const std::vector<std::uint16_t> bits = {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00, 0x8000};
  const auto values = to_doubles(array_of_bytes({7}, DType::f16, bits.data(), 14));
  EXPECT_EQ(values, (std::vector<double>{1, -2, 65504, 0x1p-14, 0x1p-24, HUGE_VAL, 0}));
  const std::uint16_t bfloat = 0x4049;  // upper half of float(pi)
  EXPECT_EQ(to_doubles(array_of_bytes({}, DType::bf16, &bfloat, 2)).at(0), 3.140625);
  const std::uint16_t nan = 0x7e00;
  EXPECT_TRUE(std::isnan(to_doubles(array_of_bytes({}, DType::f16, &nan, 2)).at(0)));
}

TEST(Array, IntegersMustBeWhole) {
  EXPECT_EQ(to_integers(array_of<double>({2}, {3, -4}), "y.npy"), (std::vector<std::int64_t>{3, -4}));
  expect_input_error([] { to_integers(array_of<double>({1}, {2.5}), "y.npy"); }, {"y.npy", "2.5", "whole"});
  expect_input_error([] { to_integers(array_of<double>({1}, {std::nan("")}), "y.npy"); }, {"y.npy", "nan"});
  expect_input_error([] { to_integers(array_of<double>({1}, {0x1p63}), "y.npy"); }, {"y.npy"});
}

TEST(Array, RefusesAWrongCount) {
  EXPECT_THROW(array_of<float>({2, 2}, {1, 2, 3}), ContractError);
  EXPECT_THROW(to_doubles({{3}, DType::f32, std::vector<std::byte>(4)}), ContractError);
}

TEST(Array, CheckedBytesSeesOverflow) {
  constexpr std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{2, 3}, DType::f64), 48);
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{}, DType::f64), 8);
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{huge, huge}, DType::f64), -1);
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{huge, -huge}, DType::f64), -1);
  EXPECT_EQ(checked_bytes(std::vector<std::int64_t>{huge, 0}, DType::f64), 0);
}

TEST(Text, Numbers) {
  EXPECT_EQ(number_in("3"), 3.0);
  EXPECT_EQ(number_in(" -1.5e-3 "), -1.5e-3);
  EXPECT_EQ(number_in("+.5"), 0.5);
  EXPECT_EQ(number_in("1e400"), HUGE_VAL);
  EXPECT_EQ(number_in("-1e400"), -HUGE_VAL);
  EXPECT_EQ(number_in("1e-400"), 0.0);
  for (const char* word : {"", "x", "1x", "1,5", "0x10", "nan", "--1", "+-1", "1 2", "+"})
    EXPECT_FALSE(number_in(word)) << word;
}

TEST(Text, Missing) {
  for (const char* word : {"", " ", "?", "NA", "n/a", "NaN", "NULL", "None"}) EXPECT_TRUE(is_missing(word)) << word;
  for (const char* word : {"0", "no", "nano", "-"}) EXPECT_FALSE(is_missing(word)) << word;
}

TEST(Text, ShownIsSafeAndShort) {
  EXPECT_EQ(shown("a\x1b[31m"), "'a\\x1b[31m'");
  EXPECT_EQ(shown(std::string(50, 'a')), "'" + std::string(40, 'a') + "...'");
  EXPECT_EQ(shown(std::string(39, 'a') + "\xc3\xa9z"), "'" + std::string(39, 'a') + "...'");
}

}  // namespace
}  // namespace turnpike
