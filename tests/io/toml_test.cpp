#include <turnpike/io/toml.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

TEST(Toml, FlattensInTheOrderOfTheFile) {
  const TemporaryFolder folder;
  const auto path = folder.write("config.toml",
                                 "scheme = \"rk4\"  # a comment\nT = 20\n\n[train]\nrate = 1e-3\nresume = true\n"
                                 "adam.beta1 = 0.9\n[a]\nz = -1\n");
  const auto entries = read_toml(path);
  const std::vector<TomlEntry> expected = {{"scheme", "rk4", 1},           {"T", "20", 2},
                                           {"train.rate", "0.001", 5},     {"train.resume", "true", 6},
                                           {"train.adam.beta1", "0.9", 7}, {"a.z", "-1", 9}};
  ASSERT_EQ(entries.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(entries[i].key, expected[i].key);
    EXPECT_EQ(entries[i].text, expected[i].text);
    EXPECT_EQ(entries[i].line, expected[i].line);
  }
  EXPECT_TRUE(parse_toml("", "empty").empty());
}

TEST(Toml, KeepsEveryDigit) {
  const auto entries = parse_toml("a = 0.1\nb = 1.7976931348623157e308\nc = inf", "c.toml");
  EXPECT_EQ(std::stod(entries.at(0).text), 0.1);
  EXPECT_EQ(std::stod(entries.at(1).text), 1.7976931348623157e308);
  EXPECT_EQ(entries.at(2).text, "inf");
}

TEST(Toml, ErrorsNameLineAndColumn) {
  expect_input_error([] { parse_toml("a = 1\nb = \n", "c.toml"); }, {"c.toml:2:"});
  expect_input_error([] { parse_toml("a = 1\na = 2\n", "c.toml"); }, {"c.toml:2:"});
  expect_input_error([] { parse_toml("a = 1\nsteps = [1, 2]\n", "c.toml"); }, {"c.toml:2:1", "'steps'", "an array"});
  expect_input_error([] { parse_toml("day = 2020-01-01\n", "c.toml"); }, {"c.toml:1:1", "'day'", "a date"});
  expect_input_error([] { parse_toml("[[run]]\na = 1\n", "c.toml"); }, {"c.toml:1:", "an array"});
}

}  // namespace
}  // namespace turnpike
