#include <turnpike/io/npy.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int k = 0; k < (version == 1 ? 2 : 4); ++k) bytes += static_cast<char>(header.size() >> 8 * k & 0xff);
  return bytes + header + data;
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST(Npy, RoundTripsEveryTypeAndShape) {
  for (DType dtype : {DType::boolean, DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16, DType::i32,
                      DType::i64, DType::f16, DType::f32, DType::f64, DType::c64, DType::c128}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {5}, {2, 3}, {2, 0, 3}, {1, 2, 3, 4}}) {
      Array a{shape, dtype, {}};
      a.bytes.resize(static_cast<std::size_t>(checked_bytes(shape, dtype)));
      for (std::size_t i = 0; i < a.bytes.size(); ++i) a.bytes[i] = static_cast<std::byte>(i);
      const std::string bytes = npy_bytes(a);
      EXPECT_EQ((bytes.size() - a.bytes.size()) % 64, 0u);
      const Array b = parse_npy(bytes, "a.npy");
      EXPECT_EQ(b.shape, shape);
      EXPECT_EQ(b.dtype, dtype);
      EXPECT_EQ(b.bytes, a.bytes);
    }
  }
}

// What numpy writes for np.save(f, np.arange(6, dtype='<i2').reshape(2, 3)): header text and padding.
TEST(Npy, WritesNumpysBytes) {
  const std::string header =
      "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }" + std::string(58, ' ') + "\n";
  EXPECT_EQ(header.size(), 118u);
  const std::vector<std::int16_t> values = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(npy_bytes(array_of_bytes({2, 3}, DType::i16, values.data(), 12)), npy(header, raw(values)));
}

TEST(Npy, ReadsFortranOrderAndAllVersions) {
  // Column-major bytes of a[i][j][k] = 100 i + 10 j + k, shape (2, 3, 4).
  std::vector<std::int32_t> columns;
  std::vector<double> rows;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) columns.push_back(100 * i + 10 * j + k);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) rows.push_back(100 * i + 10 * j + k);
  for (int version : {1, 2, 3}) {
    const Array a =
        parse_npy(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 4)}", raw(columns), version), "a.npy");
    EXPECT_EQ(to_doubles(a), rows);
  }
}

TEST(Npy, RefusesInOneSentence) {
  const auto refuses = [](const std::string& bytes, std::vector<std::string> parts) {
    parts.push_back("a.npy");
    expect_input_error([&] { parse_npy(bytes, "a.npy"); }, parts);
  };
  const auto with = [](const std::string& descr, const std::string& shape,
                       const std::string& data = std::string(8, '\0')) {
    return npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + "}", data);
  };
  refuses("", {"no NPY file"});
  refuses("PK\3\4", {"no NPY file"});
  refuses(with("'|O'", "(1,)"), {"Python objects"});
  refuses(with("'>f8'", "(1,)"), {"big endian", "astype('<f8')"});
  refuses(with("'<c32'", "(1,)"), {"'<c32'", "only booleans"});
  refuses(with("'<U5'", "(1,)"), {"'<U5'"});
  refuses(with("[('x', '<f8')]", "(1,)"), {"structured"});
  refuses(with("'<f8'", "(2,)"), {"shape [2] of float64", "8 bytes follow instead of 16"});
  refuses(with("'<f8'", "(1,)", std::string(9, '\0')), {"9 bytes follow"});
  refuses(with("'<f8'", "(-1,)"), {"dimension"});
  refuses(with("'<f8'", "(99999999999999999999,)"), {"dimension"});
  refuses(with("'<f8'", "(4611686018427387904, 4611686018427387904)"), {"8 bytes follow"});
  refuses(npy("{'descr': '<f8', 'shape': (1,)}", ""), {"missing"});
  refuses(npy("{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", ""), {"unexpected key 'descr'"});
  refuses(npy("{'descr': '<f8", ""), {"does not end"});
  refuses(npy("{}", "", 4), {"version 4"});
  refuses(npy("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", std::string(8, '\0')).substr(0, 20),
          {"cut short"});
}

TEST(Npz, RoundTripsAndIsStable) {
  const TemporaryFolder folder;
  const std::map<std::string, Array> arrays = {{"x", array_of<double>({2, 2}, {1, 2, 3, 4})},
                                               {"y", array_of<std::int64_t>({2}, {0, 1})}};
  write_npz(folder.file("a.npz"), arrays);
  const auto back = read_npz(folder.file("a.npz"));
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back.at("x").bytes, arrays.at("x").bytes);
  EXPECT_EQ(back.at("y").shape, arrays.at("y").shape);
  EXPECT_EQ(npz_bytes(arrays), npz_bytes(arrays));
}

TEST(Npz, RefusesOtherArchives) {
  expect_input_error([] { parse_npz("no zip", "a.npz"); }, {"a.npz", "not a zip"});
  const std::string good = npz_bytes({{"x", array_of<double>({200}, std::vector<double>(200))}});
  expect_input_error([&] { parse_npz(good.substr(0, good.size() / 2), "a.npz"); }, {"a.npz"});
  expect_input_error([&] { parse_npz(good, "a.npz", 100); }, {"a.npz", "more than 100 bytes"});
  std::string renamed = good;
  for (std::size_t at; (at = renamed.find("x.npy")) != std::string::npos;) renamed.replace(at, 5, "x.txt");
  expect_input_error([&] { parse_npz(renamed, "a.npz"); }, {"a.npz", "'x.txt'", "no .npy file"});
}

}  // namespace
}  // namespace turnpike
