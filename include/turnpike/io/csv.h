// Tables of text: comma, semicolon, tab or blank separated, quotes as in RFC 4180, LF / CRLF / CR, UTF-8 with or
// without a mark. Blank lines are skipped; there are no comments.
//
//   TextTable table = read_csv("wine.csv");
//   std::string_view cell = table.cell(0, table.column_named("alcohol"));
//
// Errors are InputErrors with file, line and reason: ragged rows, an empty file, only a header, a stray or unterminated
// quote, NUL bytes, UTF-16, a name given twice, a file larger than max_bytes. What a cell means is the reader's
// business (io/text.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

// detect: a column with a word above numbers in at least as many columns as have a number above numbers; in a table of
// words only, a first row whose cells are distinct and occur nowhere below.
enum class Header { detect, present, absent };

struct CsvOptions {
  char separator = 0;  // 0: detect; ' ' is any run of blanks and tabs
  Header header = Header::detect;
  std::uintmax_t max_bytes = std::uintmax_t{2} << 30;
};

struct TextTable {
  std::string source;  // the file, as errors name it
  char separator = ',';
  bool had_header = false;
  std::vector<std::string> names;  // from the header, or "column 1", "column 2", ...
  std::vector<int> line_of_row;    // in the file, from 1: where the row begins

  std::int64_t rows() const { return static_cast<std::int64_t>(line_of_row.size()); }
  std::int64_t columns() const { return static_cast<std::int64_t>(names.size()); }
  std::string_view cell(std::int64_t row, std::int64_t column) const;
  std::string where(std::int64_t row, std::int64_t column) const;  // "wine.csv, line 12, column 3 ('alcohol')"
  // The column of that name or of that number ("1" is the first, "-1" the last). InputError with did-you-mean.
  std::int64_t column_named(std::string_view name) const;

  std::string text;                 // all cells, one after the other, row by row
  std::vector<std::uint64_t> ends;  // end of each cell in text
};

TextTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});
TextTable parse_csv(std::string_view bytes, const std::string& source, const CsvOptions& options = {});

// One row of a CSV file, quoted where needed, with a line feed.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace turnpike
