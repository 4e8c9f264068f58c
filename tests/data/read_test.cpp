#include <turnpike/data/read.h>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <turnpike/io/npy.h>

#include <io/expect.h>

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

bool noted(const Loaded& loaded, const std::string& part) {
  return std::any_of(loaded.notes.begin(), loaded.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

// All rows train: what is learned is then easy to say.
const SplitOptions all_train{.validation = 0, .test = 0};

std::string rows(int n, const std::function<std::string(int)>& row) {
  std::string text;
  for (int i = 0; i < n; ++i) text += row(i) + "\n";
  return text;
}

class Read : public ::testing::Test {
 protected:
  TemporaryFolder folder;
  Loaded read(const std::string& text, ReadOptions options = {.split = all_train}) {
    return read_dataset(folder.write("t.csv", text), options);
  }
  Loaded read_new(const std::string& text, const DataSchema& schema, Labels labels = Labels::none) {
    return read_with_schema(folder.write("new.csv", text), schema, labels);
  }
};

TEST_F(Read, RegressionFromAPlainTable) {
  const Loaded loaded = read("a,b,y\n1,2,0.5\n3,4,-1\n5,6,2.5\n");
  EXPECT_EQ(loaded.data.schema.task, Task::regress);
  EXPECT_TRUE(torch::equal(loaded.data.x, torch::tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}}, torch::kDouble)));
  EXPECT_TRUE(torch::equal(loaded.data.y, torch::tensor({{0.5}, {-1.0}, {2.5}}, torch::kDouble)));
  EXPECT_TRUE(noted(loaded, "header found: a, b, y"));
  EXPECT_TRUE(noted(loaded, "regress 'y'"));
  EXPECT_TRUE(noted(loaded, "3 samples with 2 inputs: 3 train"));
}

TEST_F(Read, TheTargetByNameOrNumber) {
  for (const char* target : {"a", "1", "-3"}) {
    const Loaded loaded = read("a,b,c\n1.5,2,3\n3,4,5\n", {.target = target, .split = all_train});
    EXPECT_EQ(loaded.data.y[0].item<double>(), 1.5) << target;
    EXPECT_EQ(loaded.data.schema.input_names(), (std::vector<std::string>{"b", "c"}));
  }
  const Loaded two = read("a,b,c\n1.5,2,3\n3,4,5\n", {.target = "c, a", .split = all_train});
  EXPECT_TRUE(torch::equal(two.data.y, torch::tensor({{3.0, 1.5}, {5.0, 3.0}}, torch::kDouble)));
  expect_input_error([&] { read("a,bees\n1,2\n3,4\n", {.target = "bee"}); }, {"t.csv", "'bee'", "did you mean 'bees'"});
  expect_input_error([&] { read("a,b,c\n1,2,3\n", {.target = "a,a"}); }, {"'a'", "twice"});
}

TEST_F(Read, ClassesFromWordsAndFromFewWholeNumbers) {
  const Loaded words = read("1,yes\n2,no\n3,yes\n");
  EXPECT_EQ(words.data.schema.classes, (std::vector<std::string>{"no", "yes"}));
  EXPECT_TRUE(torch::equal(words.data.y, torch::tensor({1, 0, 1}, torch::kLong)));
  EXPECT_TRUE(noted(words, "classify 'column 2': it holds words; classes no, yes"));

  const Loaded numbers = read("1,10\n2,9.0\n3,10\n4,9\n");
  EXPECT_EQ(numbers.data.schema.classes, (std::vector<std::string>{"9", "10"}));
  EXPECT_TRUE(torch::equal(numbers.data.y, torch::tensor({1, 0, 1, 0}, torch::kLong)));

  const std::string distinct = "1,10\n2,9\n3,8\n4,7\n";  // each value once: numbers
  EXPECT_EQ(read(distinct).data.schema.task, Task::regress);
  EXPECT_EQ(read(distinct, {.task = Task::classify, .split = all_train}).data.schema.classes.size(), 4u);
  EXPECT_EQ(read("1,1\n2,0\n3,1\n4,0\n", {.task = Task::regress, .split = all_train}).data.schema.task, Task::regress);
  EXPECT_EQ(read(rows(60, [](int i) { return fmt::format("{},{}", i, i % 21); })).data.schema.task, Task::regress);
  EXPECT_EQ(read(rows(60, [](int i) { return fmt::format("{},{}", i, i % 20); })).data.schema.task, Task::classify);
}

TEST_F(Read, MissingValuesConstantsAndCategories) {
  const Loaded loaded = read(
      "size,colour,same,label\n"
      "1,red,7,a\n"
      "?,blue,7,b\n"
      "3,,7,a\n"
      "8,red,7,\n"
      "5,blue,7,b\n");
  const DataSchema& schema = loaded.data.schema;
  EXPECT_EQ(schema.input_names(), (std::vector<std::string>{"size", "colour=missing", "colour=blue", "colour=red"}));
  // Row 5 has no target. Of the others the sizes are 1, 3, 5: the mean is 3.
  EXPECT_TRUE(torch::equal(
      loaded.data.x,
      torch::tensor({{1.0, 0.0, 0.0, 1.0}, {3.0, 0.0, 1.0, 0.0}, {3.0, 1.0, 0.0, 0.0}, {5.0, 0.0, 1.0, 0.0}},
                    torch::kDouble)));
  EXPECT_EQ(loaded.source_rows, (std::vector<std::int64_t>{0, 1, 2, 4}));
  EXPECT_TRUE(noted(loaded, "1 row without a target dropped"));
  EXPECT_TRUE(noted(loaded, "column 'size': 1 missing number replaced by the training mean 3"));
  EXPECT_TRUE(noted(loaded, "column 'colour': 3 inputs, one a category (missing, blue, red)"));
  EXPECT_TRUE(noted(loaded, "constant in the training part, dropped: same"));
}

TEST_F(Read, TheFallbackIsLearnedOnTheTrainingPart) {
  const auto split = folder.write("split.txt", "train\ntrain\ntest\ntest\n");
  const Loaded loaded =
      read("a,c,y\n1,5,0.1\n3,5,0.2\n100,6,0.3\n,7,0.4\n", {.split = {.validation = 0, .file = split.string()}});
  EXPECT_EQ(loaded.data.schema.features[0].fallback, 2);
  EXPECT_EQ(loaded.data.x[3][0].item<double>(), 2);
  EXPECT_TRUE(loaded.data.schema.features[1].constant) << "c varies in the test part only";
}

TEST_F(Read, IgnoresAndLeavesOut) {
  const std::string text =
      "name,x,note,y\n" + rows(12, [](int i) { return fmt::format("person {},{},n,{}.5", i, i, i); });
  const Loaded loaded = read(text, {.ignore = {"note"}, .split = all_train});
  EXPECT_EQ(loaded.data.schema.input_names(), (std::vector<std::string>{"x"}));
  EXPECT_TRUE(noted(loaded, "column 'name' left out: 12 different words in 12 rows"));
  expect_input_error([&] { read(text, {.ignore = {"nte"}}); }, {"did you mean 'note'"});
  expect_input_error([&] { read(text, {.target = "x", .ignore = {"x"}}); }, {"both target and ignored"});
}

TEST_F(Read, AWordAmongNumbersIsAnErrorThatNamesItsLine) {
  const auto with = [](int line, const std::string& bad) {
    return "a,y\n" +
           rows(40, [&](int i) { return fmt::format("{},{}.5", i + 2 == line ? bad : std::to_string(i), i); });
  };
  expect_input_error([&] { read(with(17, "1O")); },
                     {"t.csv, line 17, column 1 ('a')", "'1O' is not a number", "39 of the 40"});
  expect_input_error([&] { read(with(17, "inf")); }, {"line 17", "infinite"});
  expect_input_error([&] { read(with(17, "1e999")); }, {"line 17", "infinite"});
  const auto target = [](const std::string& bad) {
    return "a,y\n" + rows(40, [&](int i) { return fmt::format("{},{}", i, i == 5 ? bad : fmt::format("{}.5", i)); });
  };
  expect_input_error([&] { read(target("x")); }, {"t.csv, line 7, column 2 ('y')", "'x' is not a number"});
  expect_input_error([&] { read(target("inf")); }, {"line 7", "infinite"});
  expect_input_error([&] { read("a,y\n1,cat\n2,dog\n", {.task = Task::regress}); },
                     {"line 2", "'cat' is not a number", "task=classify"});
  // Half words in many values are neither numbers nor categories.
  expect_input_error(
      [&] { read("a,y\n" + rows(40, [](int i) { return fmt::format("{}{},{}.5", i % 4 ? "" : "w", i, i); })); },
      {"'w0' is not a number"});
}

TEST_F(Read, RefusesWhatCannotBeLearned) {
  expect_input_error([&] { read("a,y\n1,x\n2,x\n"); }, {"t.csv", "one class only", "'x'"});
  expect_input_error([&] { read("a,y\n7,1.5\n7,2.5\n"); }, {"t.csv", "no column but the target varies"});
  expect_input_error([&] { read("a,y\n1,\n2,?\n", {.task = Task::regress}); }, {"t.csv", "every row lacks its target"});
  expect_input_error([&] { read("y\n1.5\n2.5\n"); }, {"no feature"});
  expect_input_error([&] { read(rows(2200, [](int i) { return fmt::format("{},w{}", i, i % 1100); })); },
                     {"1100 different values"});
}

TEST_F(Read, LabelsInAFileOfTheirOwn) {
  for (const auto& path :
       {folder.write("labels.csv", "label\ncat\ndog\ncat\n"), folder.write("labels.txt", "cat\ndog\ncat\n")}) {
    const Loaded loaded = read("1,2\n3,4\n5,6\n", {.labels = path, .split = all_train});
    EXPECT_EQ(loaded.data.x.sizes(), (std::vector<std::int64_t>{3, 2}));
    EXPECT_TRUE(torch::equal(loaded.data.y, torch::tensor({0, 1, 0}, torch::kLong)));
    EXPECT_EQ(loaded.data.schema.targets[0].column, -1);
  }
  write_npy(folder.file("labels.npy"), array_of<std::int64_t>({3}, {7, 5, 7}));
  const Loaded loaded =
      read("1,2\n3,4\n5,6\n", {.task = Task::classify, .labels = folder.file("labels.npy"), .split = all_train});
  EXPECT_EQ(loaded.data.schema.classes, (std::vector<std::string>{"5", "7"}));
  const auto short_file = folder.write("short.csv", "cat\ndog\n");
  expect_input_error([&] { read("1,2\n3,4\n5,6\n", {.labels = short_file}); }, {"3 samples", "2 labels"});
  const auto wide_file = folder.write("wide.csv", "1,2\n3,4\n5,6\n");
  expect_input_error([&] { read("1,2\n3,4\n5,6\n", {.labels = wide_file}); }, {"wide.csv has 2 columns"});
}

TEST_F(Read, NumpyArrays) {
  write_npz(folder.file("d.npz"), {{"x", array_of<float>({4, 2}, {1, 2, 3, 4, 5, 6, NAN, 8})},
                                   {"y", array_of<std::int64_t>({4}, {0, 1, 0, 1})}});
  const Loaded table = read_dataset(folder.file("d.npz"), {.split = all_train});
  EXPECT_EQ(table.data.x[3][0].item<double>(), 3) << "NaN is missing: the mean of 1, 3, 5";
  EXPECT_EQ(table.data.schema.task, Task::classify);

  write_npy(folder.file("x.npy"),
            array_of<std::uint8_t>({4, 2, 2}, {0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
  write_npy(folder.file("y.npy"), array_of<double>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8.5}));
  const Loaded images = read_dataset(folder.file("x.npy"), {.labels = folder.file("y.npy"), .split = all_train});
  EXPECT_EQ(images.data.x.scalar_type(), torch::kByte);
  EXPECT_EQ(images.data.schema.array_shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(images.data.all(torch::kDouble).x[0][1].item<double>(), 1);
  EXPECT_EQ(images.data.schema.targets.size(), 2u);
  EXPECT_TRUE(torch::equal(images.data.y[3], torch::tensor({7.0, 8.5}, torch::kDouble)));

  write_npz(folder.file("k.npz"), {{"x_train", array_of<std::uint8_t>({3, 1, 1}, {1, 2, 3})},
                                   {"y_train", array_of<std::uint8_t>({3}, {0, 1, 0})},
                                   {"x_test", array_of<std::uint8_t>({1, 1, 1}, {4})},
                                   {"y_test", array_of<std::uint8_t>({1}, {1})}});
  EXPECT_EQ(read_dataset(folder.file("k.npz"), {.split = {.validation = 0}}).split.test,
            (std::vector<std::int64_t>{3}));

  expect_input_error([&] { read_dataset(folder.file("x.npy")); }, {"x.npy holds no labels", "--labels"});
  for (const char* name : {"torn.npy", "torn.npz"})
    expect_input_error([&] { read_dataset(folder.write(name, "no array")); }, {name, "is no NP"});
  write_npz(folder.file("odd.npz"), {{"a", array_of<float>({1}, {1})}, {"b", array_of<float>({1}, {1})}});
  expect_input_error([&] { read_dataset(folder.file("odd.npz")); }, {"needs the entries x and y", "it has a, b"});
  write_npz(folder.file("inf.npz"),
            {{"x", array_of<float>({2, 1, 1}, {1, HUGE_VALF})}, {"y", array_of<float>({2}, {1, 2})}});
  expect_input_error([&] { read_dataset(folder.file("inf.npz"), {.split = all_train}); }, {"sample 2", "infinite"});
}

std::string idx(const std::vector<std::uint8_t>& shape, const std::vector<std::uint8_t>& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (std::uint8_t n : shape) bytes += std::string(3, '\0') + static_cast<char>(n);
  return bytes + std::string(values.begin(), values.end());
}

TEST_F(Read, IdxFolders) {
  folder.write("train-images-idx3-ubyte", idx({4, 1, 2}, {0, 255, 3, 4, 5, 6, 7, 8}));
  folder.write("train-labels-idx1-ubyte", idx({4}, {0, 1, 1, 0}));
  EXPECT_TRUE(read_dataset(folder.path(), {.split = all_train}).split.test.empty());
  folder.write("t10k-images-idx3-ubyte", idx({2, 1, 2}, {9, 10, 11, 12}));
  folder.write("t10k-labels-idx1-ubyte", idx({2}, {1, 0}));
  const Loaded loaded = read_dataset(folder.path(), {.split = {.validation = 0}});
  EXPECT_EQ(loaded.data.size(), 6);
  EXPECT_EQ(loaded.split.test, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(loaded.data.schema.scale, 1.0 / 255);
  const Loaded fresh = read_with_schema(folder.path(), loaded.data.schema, Labels::optional);
  EXPECT_TRUE(torch::equal(fresh.data.x, loaded.data.x.slice(0, 4)));
  EXPECT_TRUE(torch::equal(fresh.data.y, loaded.data.y.slice(0, 4)));
  // The same pixels as a table, in original units.
  const Loaded typed = read_new("9,10\n11,12\n", loaded.data.schema);
  EXPECT_TRUE(torch::equal(typed.data.all(torch::kDouble).x, fresh.data.all(torch::kDouble).x));
  expect_input_error([&] { read_new("1,2,3,4\n5,6,7,8\n", loaded.data.schema); },
                     {"new.csv has 4 columns", "takes 2 numbers"});
  folder.write("train-labels-idx1-ubyte", idx({3}, {0, 1, 1}));
  expect_input_error([&] { read_dataset(folder.path()); }, {"4 images", "3 labels"});
  const TemporaryFolder empty;
  expect_input_error([&] { read_dataset(empty.path()); }, {"no train-images"});
}

TEST_F(Read, NewDataByNameInAnyOrderWithoutTheTarget) {
  const Loaded loaded = read("size,colour,same,label\n1,red,7,a\n2,blue,7,b\n6,red,7,a\n");
  const DataSchema schema = schema_from_json(nlohmann::ordered_json::parse(to_json(loaded.data.schema).dump()));
  const Loaded fresh = read_new("colour,extra,size\nblue,9,10\nred,8,\n", schema);
  EXPECT_TRUE(torch::equal(fresh.data.x, torch::tensor({{10.0, 1.0, 0.0}, {3.0, 0.0, 1.0}}, torch::kDouble)));
  EXPECT_FALSE(fresh.data.y.defined());
  EXPECT_TRUE(noted(fresh, "1 missing number replaced by the training mean 3"));
  expect_input_error([&] { read_new("colour,size\nviolet,1\nred,2\n", schema); },
                     {"new.csv, line 2, column 1 ('colour')", "'violet' was not among the categories", "blue, red"});
  expect_input_error([&] { read_new("colour,size\n,1\nred,2\n", schema); },
                     {"line 2", "a missing value was not among"});
  expect_input_error([&] { read_new("colour,sise\nred,1\n", schema); },
                     {"new.csv has no column 'size'", "it has 'sise'"});
  expect_input_error([&] { read_new("colour,size\nred,1\nred,x\nred,2\n", schema); },
                     {"new.csv, line 3", "'x' is not a number"});
}

TEST_F(Read, NewDataByPositionWithAndWithoutTheTarget) {
  const DataSchema schema = read("1,0.5,red\n2,1.5,blue\n3,2.5,red\n", {.target = "2", .split = all_train}).data.schema;
  const Tensor expected = torch::tensor({{4.0, 1.0, 0.0}, {5.0, 0.0, 1.0}}, torch::kDouble);
  EXPECT_TRUE(torch::equal(read_new("4,blue\n5,red\n", schema).data.x, expected));
  const Loaded labelled = read_new("4,9.5,blue\n5,8.5,red\n", schema, Labels::required);
  EXPECT_TRUE(torch::equal(labelled.data.x, expected));
  EXPECT_TRUE(torch::equal(labelled.data.y, torch::tensor({{9.5}, {8.5}}, torch::kDouble)));
  expect_input_error([&] { read_new("4,blue\n5,red\n", schema, Labels::required); }, {"new.csv holds no labels"});
  expect_input_error([&] { read_new("4,1,2,blue\n5,1,2,red\n", schema); },
                     {"new.csv has 4 columns", "trained on 3", "3 with or 2 without"});
}

TEST_F(Read, LabelsOfNewData) {
  const DataSchema schema = read("x,label\n1,a\n2,b\n3,a\n").data.schema;
  EXPECT_TRUE(torch::equal(read_new("x,label\n1,b\n2,a\n", schema, Labels::optional).data.y,
                           torch::tensor({1, 0}, torch::kLong)));
  EXPECT_FALSE(read_new("x,label\n1,b\n2,\n", schema, Labels::optional).data.y.defined());
  EXPECT_FALSE(read_new("x\n1\n2\n", schema, Labels::optional).data.y.defined());
  const Loaded dropped = read_new("x,label\n1,b\n2,\n5,a\n", schema, Labels::required);
  EXPECT_TRUE(torch::equal(dropped.data.x, torch::tensor({{1.0}, {5.0}}, torch::kDouble)));
  EXPECT_EQ(dropped.source_rows, (std::vector<std::int64_t>{0, 2}));
  expect_input_error([&] { read_new("x,label\n1,c\n2,a\n", schema, Labels::optional); },
                     {"new.csv, line 2, column 2 ('label')", "'c' is none of the model's classes (a, b)"});
}

}  // namespace
}  // namespace turnpike
