#include <torch/types.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <turnpike/data/read.h>
#include <turnpike/data/standardise.h>
#include <turnpike/io/text.h>

#include <io/real_data.h>

namespace turnpike {
namespace {

class RealData : public testing::RealDataTest {};

std::vector<std::int64_t> rows_in(const std::filesystem::path& path) {
  const TextTable table = read_csv(path, {.header = Header::absent});
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < table.rows(); ++i)
    rows.push_back(static_cast<std::int64_t>(*number_in(table.cell(i, 0))));
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST_F(RealData, StandardUciSplits) {
  for (const auto& [name, n] : {std::pair<const char*, std::int64_t>{"concrete", 1030},
                                {"energy", 768},
                                {"power-plant", 9568},
                                {"yacht", 308}}) {
    for (int number : {0, 1, 7, 19}) {
      const auto file = folder / "uci" / name / ("index_test_" + std::to_string(number) + ".txt");
      EXPECT_EQ(uci_test_rows(n, number), rows_in(file)) << name << " " << number;
    }
  }
}

TEST_F(RealData, UciIsReadAsRegression) {
  const auto path = folder / "uci" / "yacht";
  const Loaded loaded = read_dataset(path / "data.txt", {.split = {.file = "uci:3"}});
  EXPECT_EQ(loaded.data.schema.task, Task::regress);
  EXPECT_EQ(loaded.data.x.sizes(), (std::vector<std::int64_t>{308, 6}));
  EXPECT_EQ(loaded.data.y.sizes(), (std::vector<std::int64_t>{308, 1}));
  EXPECT_EQ(loaded.data.y[0].item<double>(), 0.11);
  EXPECT_EQ(loaded.split.test, uci_test_rows(308, 3));
  const Loaded by_file = read_dataset(path / "data.txt", {.split = {.file = (path / "index_test_3.txt").string()}});
  EXPECT_EQ(by_file.split.test, loaded.split.test);
  EXPECT_EQ(by_file.split.train, loaded.split.train);
}

TEST_F(RealData, MnistKeepsItsBytes) {
  const Loaded loaded = read_dataset(folder / "mnist", {.split = {.validation = 1.0 / 12}});
  const Dataset& data = loaded.data;
  EXPECT_EQ(data.x.sizes(), (std::vector<std::int64_t>{70000, 784}));
  EXPECT_EQ(data.x.scalar_type(), torch::kByte);
  EXPECT_EQ(data.schema.array_shape, (std::vector<std::int64_t>{28, 28}));
  EXPECT_EQ(data.schema.classes.size(), 10u);
  EXPECT_EQ(loaded.split.train.size(), 55000u);
  EXPECT_EQ(loaded.split.validation.size(), 5000u);
  EXPECT_EQ(loaded.split.test.size(), 10000u);
  EXPECT_EQ(loaded.split.test.front(), 60000);
  // Mean and deviation of the training images, as commonly used: 0.1307 and 0.3081.
  std::vector<std::int64_t> training = loaded.split.train;
  training.insert(training.end(), loaded.split.validation.begin(), loaded.split.validation.end());
  const Standardiser s = Standardiser::fit(data, training);
  EXPECT_NEAR(s.mean[0].item<double>(), 0.1307, 5e-5);
  EXPECT_NEAR(s.deviation[0].item<double>(), 0.3081, 5e-5);

  const Loaded fresh = read_with_schema(folder / "mnist", data.schema, Labels::required);
  EXPECT_EQ(fresh.data.size(), 10000);
  EXPECT_TRUE(torch::equal(fresh.data.y, data.y.slice(0, 60000)));
}

}  // namespace
}  // namespace turnpike
