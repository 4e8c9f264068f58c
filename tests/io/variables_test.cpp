#include <turnpike/io/variables.h>

#include <complex>
#include <map>

#include <turnpike/io/hdf5.h>
#include <turnpike/io/mat.h>
#include <turnpike/io/npy.h>

#include "expect.h"
#include "sample_files.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::MatKind;
using testing::sample_value;
using Shape = std::vector<std::int64_t>;

void expect_sample(const Array& array, double tolerance = 0) {
  ASSERT_EQ(array.shape, (Shape{40, 30}));
  const std::vector<double> values = to_doubles(array);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 30; ++j)
      ASSERT_NEAR(values[i * 30 + j], sample_value(i, j), tolerance) << i << " " << j;
}

void expect_complex_sample(const Array& array, double tolerance = 0) {
  ASSERT_EQ(array.shape, (Shape{40, 30}));
  ASSERT_TRUE(is_complex(array.dtype));
  const auto values = to_complex(array);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 30; ++j) {
      ASSERT_NEAR(values[i * 30 + j].real(), sample_value(i, j), tolerance) << i << " " << j;
      ASSERT_NEAR(values[i * 30 + j].imag(), -sample_value(i, j), tolerance) << i << " " << j;
    }
}

std::map<std::string, Variable> by_name(const std::vector<Variable>& variables) {
  std::map<std::string, Variable> map;
  for (const Variable& variable : variables) map.emplace(variable.name, variable);
  return map;
}

class MatTest : public ::testing::TestWithParam<MatKind> {
 protected:
  testing::TemporaryFolder folder;
  std::filesystem::path path = folder.file("sample.mat");
  void SetUp() override { testing::write_sample_mat(path, GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Kinds, MatTest, ::testing::Values(MatKind::plain, MatKind::compressed, MatKind::hdf5),
                         [](const auto& info) {
                           return info.param == MatKind::plain        ? "v5"
                                  : info.param == MatKind::compressed ? "v5_compressed"
                                                                      : "v7_3";
                         });

TEST_P(MatTest, ListsEveryVariableWithTheShapeOfMatlab) {
  const auto found = by_name(list_variables(path));
  EXPECT_EQ(found.at("u").shape, (Shape{40, 30}));
  EXPECT_EQ(found.at("u").type, "float64");
  EXPECT_EQ(found.at("z").type, "complex128");
  EXPECT_EQ(found.at("f").type, "float32");
  EXPECT_EQ(found.at("cube").shape, (Shape{2, 3, 4}));
  EXPECT_EQ(found.at("cube").type, "int16");
  EXPECT_EQ(found.at("flag").type, "bool");
  EXPECT_FALSE(found.at("note").dtype);
  EXPECT_EQ(found.at("note").type, "text");
  EXPECT_EQ(found.at("run.u").shape, (Shape{40, 30}));
}

TEST_P(MatTest, ReadsValuesRowByRow) {
  const std::vector<Array> read = read_variables(path, {"f", "u", "z", "run.u", "cube", "flag"});
  expect_sample(read[0], 1e-5);
  expect_sample(read[1]);
  expect_complex_sample(read[2]);
  expect_sample(read[3]);
  // The first index runs fastest in the file.
  const std::vector<double> cube = to_doubles(read[4]);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) EXPECT_EQ(cube[(i * 3 + j) * 4 + k], i + 2 * j + 6 * k);
  EXPECT_EQ(to_doubles(read[5]), (std::vector<double>{1, 0, 1}));
}

TEST_P(MatTest, RefusesWhatIsNoNumberAndWhatIsNotThere) {
  const std::vector<Variable> list = list_variables(path);
  expect_input_error([&] { variable_named(list, "note", "sample.mat"); }, {"sample.mat", "'note'", "text"});
  expect_input_error([&] { variable_named(list, "cubee", "sample.mat"); }, {"did you mean 'cube'?", "u, "});
  expect_input_error([&] { read_variables(path, {"note"}); }, {path.string(), "text"});
  expect_input_error([&] { read_variables(path, {"absent"}); }, {path.string(), "absent"});
}

TEST_P(MatTest, ValuesBeyondTheLimitAreRefused) {
  ReadLimits limits;
  limits.max_bytes = 40 * 30 * 8 + 16;
  if (GetParam() != MatKind::compressed) expect_sample(read_variables(path, {"u"}, limits)[0]);
  expect_input_error([&] { read_variables(path, {"u", "f"}, limits); }, {path.string(), "can be read"});
}

TEST(Hdf5, ListsGroupsAndDimensionScales) {
  const testing::TemporaryFolder folder;
  testing::write_sample_hdf5(folder.file("sample.h5"));
  const auto found = by_name(list_variables(folder.file("sample.h5")));
  EXPECT_EQ(found.at("u").shape, (Shape{40, 30}));
  EXPECT_EQ(found.at("u").axes, (std::vector<std::string>{"x", "t"}));
  EXPECT_EQ(found.at("fields/z").type, "complex64");
  EXPECT_EQ(found.at("flag").type, "bool");
  EXPECT_EQ(found.at("note").type, "text");
}

TEST(Hdf5, ReadsChunkedComplexAndBoolean) {
  const testing::TemporaryFolder folder;
  testing::write_sample_hdf5(folder.file("sample.h5"));
  const auto read = read_variables(folder.file("sample.h5"), {"u", "fields/z", "flag", "t"});
  expect_sample(read[0]);
  expect_complex_sample(read[1], 1e-5);
  EXPECT_EQ(to_doubles(read[2]), (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(to_doubles(read[3])[29], 14.5);
}

// A dataset that says its values stand in another file, and a link to one: nothing outside the file is opened.
TEST(Hdf5, StaysInsideTheFile) {
  const testing::TemporaryFolder folder;
  folder.write("secret", std::string(64, 'x'));
  testing::write_sample_hdf5(folder.file("other.h5"));
  const hid_t file = H5Fcreate(folder.file("a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t n = 8;
  const hid_t space = H5Screate_simple(1, &n, nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(how, folder.file("secret").c_str(), 0, 64);
  H5Dclose(H5Dcreate2(file, "u", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, how, H5P_DEFAULT));
  H5Lcreate_external(folder.file("other.h5").c_str(), "u", file, "far", H5P_DEFAULT, H5P_DEFAULT);
  H5Pclose(how);
  H5Sclose(space);
  H5Fclose(file);
  const auto found = by_name(list_variables(folder.file("a.h5")));
  EXPECT_TRUE(found.contains("u"));
  EXPECT_FALSE(found.contains("far"));
  expect_input_error([&] { read_variables(folder.file("a.h5"), {"u"}); }, {"'u'", "other files"});
  expect_input_error([&] { read_variables(folder.file("a.h5"), {"far"}); }, {"a.h5"});
}

// 8 TB of fill value in a file of two kilobytes.
TEST(Hdf5, ABombIsRefused) {
  const testing::TemporaryFolder folder;
  const hid_t file = H5Fcreate(folder.file("bomb.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[2] = {1 << 20, 1 << 20}, chunk[2] = {1024, 1024};
  const hid_t space = H5Screate_simple(2, dims, nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(how, 2, chunk);
  H5Dclose(H5Dcreate2(file, "u", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, how, H5P_DEFAULT));
  H5Pclose(how);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_EQ(list_variables(folder.file("bomb.h5"))[0].shape, (Shape{1 << 20, 1 << 20}));
  expect_input_error([&] { read_variables(folder.file("bomb.h5"), {"u"}); }, {"bomb.h5", "[1048576, 1048576]"});
}

TEST(Variables, NumpyFiles) {
  const testing::TemporaryFolder folder;
  write_npz(folder.file("a.npz"), {{"u", array_of<double>({2, 2}, {1, 2, 3, 4})}});
  write_npy(folder.file("wave.npy"), array_of<std::complex<double>>({2}, {{1, 2}, {3, -4}}));
  EXPECT_EQ(list_variables(folder.file("a.npz"))[0].name, "u");
  EXPECT_EQ(to_doubles(read_variables(folder.file("a.npz"), {"u"})[0]), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(list_variables(folder.file("wave.npy"))[0].type, "complex128");
  EXPECT_EQ(to_complex(read_variables(folder.file("wave.npy"), {"wave"})[0])[1], std::complex<double>(3, -4));
}

TEST(Variables, WhatIsNoFileOfNumbers) {
  const testing::TemporaryFolder folder;
  folder.write("a.txt", "just words\n");
  folder.write("empty.mat", "");
  folder.write("words.mat", "just words, and enough of them that there is room for a header: " + std::string(200, '.'));
  expect_input_error([&] { list_variables(folder.file("a.txt")); }, {"a.txt", "none of MAT"});
  expect_input_error([&] { list_variables(folder.file("empty.mat")); }, {"empty.mat", "is empty"});
  expect_input_error([&] { list_variables(folder.file("absent.mat")); }, {"absent.mat", "No such file"});
  expect_input_error([&] { list_variables(folder.path()); }, {"is a folder"});
  expect_input_error([&] { list_variables(folder.file("words.mat")); }, {"words.mat"});
}

}  // namespace
}  // namespace turnpike
