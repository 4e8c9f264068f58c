#include <cmath>
#include <map>

#include <turnpike/io/csv.h>
#include <turnpike/io/idx.h>
#include <turnpike/io/text.h>
#include <turnpike/io/variables.h>

#include "real_data.h"

namespace turnpike {
namespace {

class RealData : public testing::RealDataTest {};

// Rows and columns as `wc` counts them.
TEST_F(RealData, UciTables) {
  const std::map<std::string, std::pair<std::int64_t, std::int64_t>> expected = {
      {"concrete", {1030, 9}}, {"energy", {768, 9}}, {"power-plant", {9568, 5}}, {"yacht", {308, 7}}};
  for (const auto& [name, size] : expected) {
    const TextTable table = read_csv(folder / "uci" / name / "data.txt");
    EXPECT_EQ(table.rows(), size.first) << name;
    EXPECT_EQ(table.columns(), size.second) << name;
    EXPECT_FALSE(table.had_header) << name;
    for (std::int64_t i = 0; i < table.rows(); ++i) {
      for (std::int64_t j = 0; j < table.columns(); ++j) EXPECT_TRUE(number_in(table.cell(i, j))) << table.where(i, j);
    }
  }
}

// Sizes and class counts of LeCun, Cortes and Burges' MNIST: 5923 zeros and 6742 ones among the training labels.
TEST_F(RealData, Mnist) {
  const Array images = read_idx(folder / "mnist" / "t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(images.shape, (std::vector<std::int64_t>{10000, 28, 28}));
  EXPECT_EQ(images.dtype, DType::u8);
  const auto labels = to_integers(read_idx(folder / "mnist" / "train-labels-idx1-ubyte.gz"), "labels");
  EXPECT_EQ(labels.size(), 60000u);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 0), 5923);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 1), 6742);
  EXPECT_EQ((std::vector<std::int64_t>(labels.begin(), labels.begin() + 5)),
            (std::vector<std::int64_t>{5, 0, 4, 1, 9}));
}

// MAT version 5, compressed; the sizes are those in the source of the data (Rudy et al. 2017).
TEST_F(RealData, PublishedFields) {
  const std::map<std::string, std::vector<std::int64_t>> fields = {
      {"burgers.mat", {256, 101}}, {"kdv.mat", {512, 201}}, {"kuramoto_sivishinky.mat", {1024, 251}}};
  for (const auto& [file, shape] : fields) {
    const std::vector<Variable> variables = list_variables(folder / "pde" / file);
    EXPECT_EQ(variables.size(), 3u) << file;
    const std::string name = file == "kuramoto_sivishinky.mat" ? "uu" : "usol";
    EXPECT_EQ(variable_named(variables, name, file).shape, shape);
    const std::vector<double> x = to_doubles(read_variables(folder / "pde" / file, {"x"})[0]);
    EXPECT_EQ(static_cast<std::int64_t>(x.size()), shape[0]);
  }
  // u(x, 0) = exp(-(x + 2)^2)
  const std::vector<Array> burgers = read_variables(folder / "pde" / "burgers.mat", {"usol", "x"});
  const auto u = to_complex(burgers[0]);
  const std::vector<double> x = to_doubles(burgers[1]);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(u[i * 101].real(), std::exp(-(x[i] + 2) * (x[i] + 2)), 1e-12);
}

}  // namespace
}  // namespace turnpike
