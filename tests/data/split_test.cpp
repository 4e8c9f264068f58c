#include <turnpike/data/split.h>

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include <io/expect.h>

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

// `counts[k]` rows of class k, in turn.
Dataset classes(const std::vector<std::int64_t>& counts) {
  Dataset data;
  std::vector<std::int64_t> y;
  for (std::size_t k = 0; k < counts.size(); ++k)
    y.insert(y.end(), static_cast<std::size_t>(counts[k]), static_cast<std::int64_t>(k));
  data.y = index_tensor(y);
  data.x = torch::zeros({data.y.size(0), 1}, torch::kDouble);
  return data;
}

void expect_partition(const Split& split, std::int64_t n) {
  std::vector<std::int64_t> all;
  for (const auto* part : {&split.train, &split.validation, &split.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected(static_cast<std::size_t>(n));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

std::int64_t count(const Dataset& data, const std::vector<std::int64_t>& rows, std::int64_t label) {
  return (data.y.index_select(0, index_tensor(rows)) == label).sum().item<std::int64_t>();
}

TEST(Split, IsAStratifiedPartition) {
  const Dataset data = classes({500, 300, 50});
  const Split split = make_split(data, {.validation = 0.1, .test = 0.2, .seed = 3});
  expect_partition(split, 850);
  EXPECT_EQ(split.test.size(), 170u);
  EXPECT_EQ(split.validation.size(), 68u);
  const std::int64_t n[] = {500, 300, 50};
  for (std::int64_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(count(data, split.test, k), 0.2 * n[k], 1) << k;
    EXPECT_NEAR(count(data, split.validation, k), 0.08 * n[k], 1) << k;
  }
}

TEST(Split, SameSeedSameRows) {
  const Dataset data = classes({50, 50});
  const SplitOptions options{.seed = 1};
  EXPECT_EQ(make_split(data, options).train, make_split(data, options).train);
  EXPECT_NE(make_split(data, options).train, make_split(data, {.seed = 2}).train);
}

TEST(Split, NeverTakesAClasssLastRow) {
  const Dataset data = classes({20, 1, 1, 1, 1});
  const Split split = make_split(data, {.validation = 0.3, .test = 0.5, .seed = 0});
  expect_partition(split, 24);
  for (std::int64_t k = 1; k < 5; ++k) EXPECT_EQ(count(data, split.train, k), 1);
}

TEST(Split, RefusesWhatCannotBe) {
  const Dataset data = classes({5, 5});
  expect_input_error([&] { make_split(data, {.test = 1}); }, {"test fraction", "[0, 1)"});
  expect_input_error([&] { make_split(data, {.validation = -0.1}); }, {"validation fraction"});
  expect_input_error([&] { make_split(data, {.validation = 0.01, .test = 0}); }, {"10 rows are too few"});
  expect_input_error([&] { make_split(data, {.file = "uci:x"}); }, {"'uci:x'"});
}

TEST(Split, FileOfWords) {
  const TemporaryFolder folder;
  const Dataset data = classes({3, 2});
  const auto split = [&](const std::string& text) {
    return make_split(data, {.validation = 0, .file = folder.write("split.txt", text)});
  };
  for (const char* text :
       {"train\ntest\nvalidation\ntrain\ntest\n", "0\n2\n1\n0\n2\n", "part\ntrain\ntest\nval\ntrain\ntest\n"}) {
    const Split s = split(text);
    EXPECT_EQ(s.train, (std::vector<std::int64_t>{0, 3})) << text;
    EXPECT_EQ(s.validation, (std::vector<std::int64_t>{2}));
    EXPECT_EQ(s.test, (std::vector<std::int64_t>{1, 4}));
  }
  expect_input_error([&] { split("train\ntest\nvalidation\ntrain\nother\n"); }, {"split.txt, line 5", "'other'"});
  expect_input_error([&] { split("train\ntest\n"); }, {"split.txt has 2 rows where the data have 5"});
  expect_input_error([&] { split("test\ntest\ntest\ntest\ntest\n"); }, {"no row to train on"});
  expect_input_error([&] { split("0,1\n1,2\n"); }, {"2 columns"});
  expect_input_error([&] { split(""); }, {"split.txt", "empty"});
}

TEST(Split, FileOfRows) {
  const TemporaryFolder folder;
  const Dataset data = classes({3, 2});
  const auto split = [&](const std::string& name, const std::string& text) {
    return make_split(data, {.validation = 0, .file = folder.write(name, text)});
  };
  EXPECT_EQ(split("index_test_0.txt", "4\n1\n").test, (std::vector<std::int64_t>{1, 4}));
  EXPECT_EQ(split("index_train_0.txt", "4\n1\n").test, (std::vector<std::int64_t>{0, 2, 3}));
  expect_input_error([&] { split("rows.txt", "4\n5\n"); }, {"rows.txt, line 2", "rows 0 to 4"});
  expect_input_error([&] { split("rows.txt", "4\n4\n"); }, {"rows.txt, line 2", "stands twice"});
  expect_input_error([&] { split("rows.txt", "4\n1.5\n"); }, {"rows.txt, line 2"});
}

TEST(Split, FilesSpeakOfTheSourcesRows) {
  const TemporaryFolder folder;
  const Dataset data = classes({2, 1});  // rows 0, 2, 4 of a source of 5
  const Split split = make_split(data, {.validation = 0, .file = folder.write("test.txt", "4\n3\n")}, {0, 2, 4}, 5);
  EXPECT_EQ(split.train, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(split.test, (std::vector<std::int64_t>{2}));
}

// round(0.9 n) rows train, half to even: 12.6 and 13.5 of 14 and 15, so that 1 and 1 are left; 8.1 of 9.
TEST(UciTestRows, LeaveATenthRounded) {
  EXPECT_EQ(uci_test_rows(14, 0).size(), 1u);
  EXPECT_EQ(uci_test_rows(15, 0).size(), 1u);
  EXPECT_EQ(uci_test_rows(9, 3).size(), 1u);
}

// numpy 2.4: r = numpy.random.RandomState(1); r.choice(range(10), 10, replace=False), twice;
// RandomState(7).permutation(16).
TEST(NumpyLegacy, DrawsNumpysPermutations) {
  const auto ten = numpy_legacy_permutations(10, 2);
  EXPECT_EQ(ten[0], (std::vector<std::int64_t>{2, 9, 6, 4, 0, 3, 1, 7, 8, 5}));
  EXPECT_EQ(ten[1], (std::vector<std::int64_t>{9, 5, 3, 0, 8, 4, 2, 1, 6, 7}));
  EXPECT_EQ(numpy_legacy_permutations(16, 1, 7)[0],
            (std::vector<std::int64_t>{8, 5, 10, 2, 12, 0, 1, 14, 13, 7, 11, 3, 6, 9, 4, 15}));
  const auto yacht = numpy_legacy_permutations(308, 1)[0];
  EXPECT_EQ((std::vector<std::int64_t>(yacht.begin(), yacht.begin() + 10)),
            (std::vector<std::int64_t>{73, 304, 228, 238, 259, 164, 197, 227, 274, 58}));
}

}  // namespace
}  // namespace turnpike
