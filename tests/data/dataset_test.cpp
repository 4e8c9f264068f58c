#include <turnpike/data/dataset.h>

#include <torch/types.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <turnpike/data/convert.h>

#include <io/expect.h>

namespace turnpike {
namespace {

using testing::expect_input_error;

DataSchema example() {
  DataSchema schema;
  schema.named = true;
  schema.n_columns = 4;
  schema.features = {
      {.name = "size", .column = 0, .fallback = 0.1},
      {.name = "colour", .column = 1, .kind = FeatureKind::categorical, .categories = {"", "blue", "red"}},
      {.name = "same", .column = 2, .fallback = 3, .constant = true}};
  schema.targets = {{"kind", 3}};
  schema.classes = {"no", "yes"};
  return schema;
}

TEST(DataSchema, CountsAndNamesItsInputs) {
  EXPECT_EQ(example().n_inputs(), 4);
  EXPECT_EQ(example().n_outputs(), 2);
  EXPECT_EQ(example().input_names(), (std::vector<std::string>{"size", "colour=missing", "colour=blue", "colour=red"}));
  DataSchema image = example();
  image.features.clear();
  image.array_shape = {2, 2};
  EXPECT_EQ(image.n_inputs(), 4);
  EXPECT_EQ(image.input_names().back(), "pixel 4");
}

TEST(DataSchema, RoundTripsThroughJson) {
  DataSchema image;
  image.task = Task::regress;
  image.array_shape = {28, 28};
  image.scale = 1.0 / 255;
  image.targets = {{"a", -1}, {"b", -1}};
  for (const DataSchema& schema : {example(), image}) {
    const auto json = to_json(schema);
    const DataSchema back = schema_from_json(nlohmann::ordered_json::parse(json.dump()));
    EXPECT_EQ(to_json(back), json);
    EXPECT_EQ(back.scale, schema.scale);
    EXPECT_EQ(back.n_inputs(), schema.n_inputs());
  }
}

TEST(DataSchema, RefusesMalformedJson) {
  const auto refuses = [](const char* path, const nlohmann::ordered_json& value, std::vector<std::string> parts = {}) {
    auto json = to_json(example());
    json[nlohmann::ordered_json::json_pointer(path)] = value;
    expect_input_error([&] { schema_from_json(json); }, parts);
  };
  refuses("/task", "guess");
  refuses("/task", 3);
  refuses("/features/0/column", 9);
  refuses("/features/0/kind", "odd");
  refuses("/features", nlohmann::ordered_json::array());
  refuses("/classes", nlohmann::ordered_json::array({"one"}));
  refuses("/array_shape", nlohmann::ordered_json::array({-1}), {"array shape"});
  refuses("/array_shape", nlohmann::ordered_json::array({std::int64_t{1} << 40}), {"array shape"});
  refuses("/array_shape", nlohmann::ordered_json::array({1 << 20, 1 << 20}), {"array shape"});
  expect_input_error([] { schema_from_json(nlohmann::ordered_json::object()); }, {"schema is malformed"});
}

TEST(Dataset, BatchesScaleBytes) {
  Dataset data;
  data.x = torch::tensor({{0, 51}, {102, 255}, {255, 0}}, torch::kByte);
  data.y = torch::tensor({2, 0, 1}, torch::kLong);
  data.schema.array_shape = {1, 2};
  data.schema.scale = 1.0 / 255;
  const std::vector<std::int64_t> rows = {2, 0};
  const Batch batch = data.batch(rows, torch::kDouble);
  EXPECT_TRUE(torch::allclose(batch.x, torch::tensor({{1.0, 0.0}, {0.0, 0.2}}, torch::kDouble), 0, 1e-15));
  EXPECT_TRUE(torch::equal(batch.y, torch::tensor({1, 2}, torch::kLong)));
  EXPECT_EQ(data.select(rows).x.scalar_type(), torch::kByte);
  EXPECT_TRUE(torch::equal(data.select(rows).all(torch::kDouble).x, batch.x));
}

TEST(Dataset, TablesStayInFloat64UntilTheyAreStandardised) {
  Dataset data;
  data.x = torch::full({2, 1}, 1.7e9 + 1, torch::kDouble);
  data.y = data.x;
  EXPECT_TRUE(torch::equal(data.all(torch::kFloat).x, data.x));
  EXPECT_TRUE(torch::equal(data.all(torch::kFloat).y, data.y));
  data.x = torch::ones({2, 1}, torch::kByte);
  EXPECT_EQ(data.all(torch::kFloat).x.scalar_type(), torch::kFloat);
  data.y = Tensor();
  EXPECT_FALSE(data.all(torch::kFloat).y.defined());
}

TEST(Convert, IsBitForBit) {
  for (auto dtype : {torch::kBool, torch::kByte, torch::kChar, torch::kShort, torch::kInt, torch::kLong, torch::kHalf,
                     torch::kBFloat16, torch::kFloat, torch::kDouble}) {
    const Tensor t = torch::arange(6).reshape({2, 3}).to(dtype);
    const Tensor back = tensor_of(array_of(t.t()));
    EXPECT_EQ(back.scalar_type(), dtype);
    EXPECT_TRUE(torch::equal(back, t.t()));
  }
  const std::vector<std::uint16_t> values = {65535, 1};
  EXPECT_TRUE(torch::equal(tensor_of(array_of_bytes({2}, DType::u16, values.data(), 4)),
                           torch::tensor({65535, 1}, torch::kLong)));
}

}  // namespace
}  // namespace turnpike
