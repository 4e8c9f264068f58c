#include <turnpike/io/csv.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

std::vector<std::string> row(const TextTable& table, std::int64_t i) {
  std::vector<std::string> cells;
  for (std::int64_t j = 0; j < table.columns(); ++j) cells.emplace_back(table.cell(i, j));
  return cells;
}

TEST(Csv, ReadsCellsNamesAndLines) {
  const TextTable t = parse_csv("a,b\n1,2\n\n3,4\n", "t.csv");
  EXPECT_TRUE(t.had_header);
  EXPECT_EQ(t.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(t.line_of_row, (std::vector<int>{2, 4}));
  EXPECT_EQ(row(t, 0), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(row(t, 1), (std::vector<std::string>{"3", "4"}));
  EXPECT_EQ(t.where(1, 1), "t.csv, line 4, column 2 ('b')");
}

TEST(Csv, EveryEndOfLineAndTheByteOrderMark) {
  for (const char* text : {"a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                           "\xef\xbb\xbf"
                           "a,b\n1,2\n3,4\n"}) {
    const TextTable t = parse_csv(text, "t.csv");
    EXPECT_EQ(t.names, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(t.line_of_row, (std::vector<int>{2, 3}));
    EXPECT_EQ(row(t, 1), (std::vector<std::string>{"3", "4"}));
  }
}

TEST(Csv, Quotes) {
  const TextTable t = parse_csv("name,x\n\"a,\"\"b\"\"\nc\",1\n  plain  ,2\n", "t.csv");
  EXPECT_EQ(row(t, 0), (std::vector<std::string>{"a,\"b\"\nc", "1"}));
  EXPECT_EQ(row(t, 1), (std::vector<std::string>{"plain", "2"}));
  EXPECT_EQ(t.line_of_row, (std::vector<int>{2, 4}));
}

TEST(Csv, DetectsSeparators) {
  EXPECT_EQ(parse_csv("1;2\n3;4\n", "t").separator, ';');
  EXPECT_EQ(parse_csv("1\t2\n3\t4\n", "t").separator, '\t');
  EXPECT_EQ(parse_csv("1,2\n3,4\n", "t").separator, ',');
  EXPECT_EQ(parse_csv("1 2\n3 4\n", "t").separator, ' ');
  EXPECT_EQ(parse_csv("540.0 \t0.0 \t79.99 \n1 \t2 \t3 \n", "t").separator, '\t');
  EXPECT_EQ(parse_csv("\"a,b\";c\n1;2\n", "t").names, (std::vector<std::string>{"a,b", "c"}));
  EXPECT_EQ(parse_csv("wind speed\n1\n2\n", "t").columns(), 1);
  EXPECT_EQ(parse_csv("a|b\n1|2\n", "t", {.separator = '|'}).columns(), 2);
}

TEST(Csv, RunsOfBlanksSeparate) {
  const TextTable t = parse_csv("  1   2 \t 3\n4 5  \"a  b\" \n", "t.txt");
  EXPECT_EQ(t.separator, ' ');
  EXPECT_EQ(row(t, 0), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(row(t, 1), (std::vector<std::string>{"4", "5", "a  b"}));
}

TEST(Csv, EmptyCellsStay) {
  const TextTable t = parse_csv("a,b,c\n1,,3\n,,\n", "t.csv");
  EXPECT_EQ(row(t, 0), (std::vector<std::string>{"1", "", "3"}));
  EXPECT_EQ(row(t, 1), (std::vector<std::string>{"", "", ""}));
}

TEST(Csv, DetectsHeaders) {
  EXPECT_FALSE(parse_csv("1,2\n3,4\n", "t").had_header);
  EXPECT_TRUE(parse_csv("x,label\n1,red\n2,blue\n", "t").had_header);
  EXPECT_FALSE(parse_csv("1,red\n2,blue\n", "t").had_header);
  EXPECT_TRUE(parse_csv("country,1990\n1,2\n", "t").had_header);  // as many words as numbers above numbers
  EXPECT_FALSE(parse_csv("?,1\n2,3\n", "t").had_header);          // a missing value is no word
  EXPECT_FALSE(parse_csv("oops,2,3\n4,5,6\n", "t").had_header);   // one word above three columns of numbers
  EXPECT_TRUE(parse_csv("colour,taste\nred,sweet\nblue,sweet\n", "t").had_header);
  EXPECT_FALSE(parse_csv("red,sweet\nblue,sweet\n", "t").had_header);  // 'sweet' occurs below
  EXPECT_FALSE(parse_csv("a,b\n1,2\n", "t", {.header = Header::absent}).had_header);
  EXPECT_EQ(parse_csv("1,2\n3,4\n", "t", {.header = Header::present}).names, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(parse_csv(",x\n0,2\n1,4\n", "t").names, (std::vector<std::string>{"column 1", "x"}));
}

TEST(Csv, FindsColumns) {
  const TextTable t = parse_csv("alcohol,quality\n1,2\n", "wine.csv");
  EXPECT_EQ(t.column_named("quality"), 1);
  EXPECT_EQ(t.column_named("1"), 0);
  EXPECT_EQ(t.column_named("-1"), 1);
  expect_input_error([&] { t.column_named("qualty"); }, {"wine.csv", "'qualty'", "did you mean 'quality'"});
  expect_input_error([&] { t.column_named("3"); }, {"wine.csv", "no column 3", "it has 2"});
  expect_input_error([&] { t.column_named("0"); }, {"no column 0"});
}

TEST(Csv, EveryMalformedFileNamesLineAndReason) {
  const auto refuses = [](const std::string& text, std::vector<std::string> parts) {
    parts.push_back("t.csv");
    expect_input_error([&] { parse_csv(text, "t.csv"); }, parts);
  };
  refuses("", {"line 1", "empty"});
  refuses("\n \n", {"empty"});
  refuses("a,b\n1,2\n1,2,3\n", {"line 3", "3 cells where line 1 has 2"});
  refuses("1,2\n\n\"x\ny\",2\n3\n", {"line 5", "1 cell where line 1 has 2"});
  refuses("1 2 3\n4 5 6\n7 8\n", {"line 3", "2 cells where line 1 has 3", "blank"});
  refuses("a,b\n", {"line 1", "only a header"});
  refuses("a,b\n1,\"2\n3,4\n", {"line 2", "never closed"});
  refuses("a,b\n1,\"x\n\n\"\n3,\"4\n", {"line 5", "never closed"});
  refuses("a,b\n1,2\"3\n", {"line 2", "stray double quote in cell 2"});
  refuses(std::string("a,b\n1,\0\n", 8), {"line 2", "NUL"});
  refuses(
      "\xff\xfe"
      "a",
      {"line 1", "UTF-16"});
  refuses("a,b,a\n1,2,3\n", {"line 1", "columns 1 and 3", "'a'"});
}

TEST(Csv, RefusesWhatIsTooLarge) {
  const TemporaryFolder folder;
  const auto path = folder.write("big.csv", "1,2\n3,4\n");
  expect_input_error([&] { read_csv(path, {.max_bytes = 4}); }, {"big.csv", "8 bytes", "more than the 4"});
  EXPECT_EQ(read_csv(path).rows(), 2);
  expect_input_error([&] { read_csv(folder.file("none.csv")); }, {"none.csv"});
}

TEST(Csv, WritesWhatItReads) {
  const std::vector<std::string> cells = {"plain", "a,b", "say \"x\"", "two\nlines", " blanks ", ""};
  const TextTable t = parse_csv(csv_line(cells), "t", {.separator = ',', .header = Header::absent});
  EXPECT_EQ(row(t, 0), cells);
}

}  // namespace
}  // namespace turnpike
