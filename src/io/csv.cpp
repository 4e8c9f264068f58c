#include <turnpike/io/csv.h>

#include <csv.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/base/options.h>
#include <turnpike/io/text.h>

namespace turnpike {
namespace {

[[noreturn]] void refuse(const std::string& source, int line, const std::string& reason) {
  throw InputError(fmt::format("{}, line {}: {}", source, line, reason));
}

// The next physical line with its end (LF, CRLF or a lone CR), taken off the front of `rest`.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find_first_of("\r\n");
  std::size_t length = rest.size();
  if (end != std::string_view::npos) {
    length = rest[end] == '\r' && end + 1 < rest.size() && rest[end + 1] == '\n' ? end + 2 : end + 1;
  }
  const std::string_view line = rest.substr(0, length);
  rest.remove_prefix(length);
  return line;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Separators outside quotes; for ' ' the gaps between words.
int count_separators(std::string_view line, char separator) {
  line = trimmed(line);
  int count = 0;
  bool inside = false, gap = false;
  for (char c : line) {
    if (c == '"') inside = !inside;
    if (inside) continue;
    if (separator == ' ') {
      if (is_blank(c) && !gap) ++count;
      gap = is_blank(c);
    } else {
      count += c == separator;
    }
  }
  return count;
}

// The first of tab, semicolon, comma, blank that stands equally often in each of the first lines; failing that, the
// first one that most of them have (a ragged file, reported as such later); failing that, a comma: one column.
char detect_separator(std::string_view bytes) {
  constexpr std::string_view candidates = "\t;, ";
  constexpr int n_lines = 50;
  std::vector<std::string_view> lines;
  while (!bytes.empty() && std::ssize(lines) < n_lines) {
    const std::string_view line = next_line(bytes);
    if (!trimmed(line).empty()) lines.push_back(line);
  }
  std::optional<char> frequent;
  for (char candidate : candidates) {
    const int first = lines.empty() ? 0 : count_separators(lines[0], candidate);
    std::ptrdiff_t same = 0, some = 0;
    for (std::string_view line : lines) {
      const int count = count_separators(line, candidate);
      same += count == first && count > 0;
      some += count > 0;
    }
    if (same > 0 && same == std::ssize(lines)) return candidate;
    if (!frequent && 2 * some > std::ssize(lines)) frequent = candidate;
  }
  return frequent.value_or(',');
}

// Runs of blanks outside quotes become one blank, none at the ends, so that libcsv can split at ' '.
std::string squeezed(std::string_view line, bool& inside) {
  std::string out;
  bool pending = false;
  for (char c : line) {
    if (c == '"') inside = !inside;
    if (!inside && is_blank(c)) {
      pending = true;
      continue;
    }
    if (pending && !out.empty() && c != '\r' && c != '\n') out += ' ';
    pending = false;
    out += c;
  }
  return out;
}

// What libcsv calls back into. Nothing may be thrown through C, so the first failure is kept and thrown after.
struct Reader {
  TextTable& table;
  std::int64_t n_columns = 0;  // of the first row
  std::int64_t n_cells = 0;    // of the row being read
  int line = 0;                // the physical line being read
  int row_line = 1;            // where this row began
  int cell_line = 1;           // where this cell began
  std::optional<std::pair<int, std::string>> failure = std::nullopt;

  static void on_cell(void* cell, std::size_t length, void* self) {
    auto& reader = *static_cast<Reader*>(self);
    reader.table.text.append(static_cast<const char*>(cell), length);
    reader.table.ends.push_back(reader.table.text.size());
    ++reader.n_cells;
    reader.cell_line = reader.line;
  }

  static void on_row(int, void* self) {
    auto& reader = *static_cast<Reader*>(self);
    if (reader.table.line_of_row.empty()) reader.n_columns = reader.n_cells;
    if (reader.n_cells != reader.n_columns && !reader.failure) {
      reader.failure = {reader.row_line,
                        fmt::format("{} cell{} where line {} has {}; every row needs as many (separator {})",
                                    reader.n_cells, reader.n_cells == 1 ? "" : "s", reader.table.line_of_row[0],
                                    reader.n_columns, reader.separator_name())};
    }
    reader.table.line_of_row.push_back(reader.row_line);
    reader.n_cells = 0;
  }

  const char* separator_name() const {
    switch (table.separator) {
      case '\t': return "tab";
      case ' ': return "blank";
      case ';': return "';'";
      case ',': return "','";
      default: return "as set";
    }
  }
};

struct Parser : csv_parser {
  explicit Parser(char separator) {
    if (csv_init(this, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error("the CSV parser could not be set up");
    csv_set_delim(this, static_cast<unsigned char>(separator));
    csv_set_blk_size(this, 4096);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { csv_free(this); }
};

void tokenise(std::string_view bytes, TextTable& table) {
  Parser parser(table.separator);
  Reader reader{table};
  const auto check = [&](bool parsed) {
    if (reader.failure) refuse(table.source, reader.failure->first, reader.failure->second);
    if (!parsed && csv_error(&parser) != CSV_EPARSE)
      throw Error(table.source + ": " + csv_strerror(csv_error(&parser)));
  };
  bool inside = false;  // within quotes: in strict mode every quote character opens, closes or is one of a doubled pair
  std::string line;
  while (!bytes.empty()) {
    ++reader.line;
    if (!inside) reader.row_line = reader.cell_line = reader.line;
    const std::string_view physical = next_line(bytes);
    std::string_view fed = physical;
    if (table.separator == ' ') {
      line = squeezed(physical, inside);
      fed = line;
    } else if (std::count(physical.begin(), physical.end(), '"') % 2) {
      inside = !inside;
    }
    const bool parsed =
        csv_parse(&parser, fed.data(), fed.size(), Reader::on_cell, Reader::on_row, &reader) == fed.size();
    check(parsed);
    if (!parsed) {
      refuse(table.source, reader.line,
             fmt::format("a stray double quote in cell {}; quote the whole cell and double the quotes inside it",
                         reader.n_cells + 1));
    }
  }
  const bool parsed = csv_fini(&parser, Reader::on_cell, Reader::on_row, &reader) == 0;
  check(parsed);
  if (!parsed) refuse(table.source, reader.cell_line, "a double quote is opened here and never closed");
}

bool is_number(std::string_view cell) {
  return number_in(cell).has_value();
}

bool detect_header(const TextTable& table) {
  std::int64_t words_above = 0, numbers_above = 0;
  bool all_words = true, distinct = true;
  std::set<std::string_view> first_row;
  for (std::int64_t j = 0; j < table.columns(); ++j) {
    const std::string_view head = table.cell(0, j);
    if (is_missing(head) || is_number(head) || !first_row.insert(head).second) distinct = false;
    bool number_below = false;
    for (std::int64_t i = 1; i < table.rows(); ++i) {
      const std::string_view cell = table.cell(i, j);
      if (cell == head) distinct = false;
      if (is_number(cell)) {
        number_below = true;
        break;
      }
    }
    if (number_below) {
      all_words = false;
      if (is_number(head)) {
        ++numbers_above;
      } else if (!is_missing(head)) {
        ++words_above;
      }
    }
  }
  if (all_words) return distinct;
  return words_above > 0 && words_above >= numbers_above;
}

void take_header(TextTable& table) {
  std::map<std::string, std::int64_t> seen;
  const std::int64_t n = table.columns();
  for (std::int64_t j = 0; j < n; ++j) {
    const std::string name(trimmed(table.cell(0, j)));
    if (name.empty()) continue;
    const auto [earlier, fresh] = seen.emplace(name, j);
    if (!fresh) {
      refuse(table.source, table.line_of_row[0],
             fmt::format("columns {} and {} are both named {}; rename one", earlier->second + 1, j + 1, shown(name)));
    }
    table.names[j] = name;
  }
  if (table.rows() == 1) refuse(table.source, table.line_of_row[0], "only a header, and no row of data below it");
  // The cells keep their places in `text`; only the row is taken off.
  const std::uint64_t skipped = table.ends[n - 1];
  table.text.erase(0, skipped);
  table.ends.erase(table.ends.begin(), table.ends.begin() + n);
  for (std::uint64_t& end : table.ends) end -= skipped;
  table.line_of_row.erase(table.line_of_row.begin());
  table.had_header = true;
}

}  // namespace

std::string_view TextTable::cell(std::int64_t row, std::int64_t column) const {
  const auto k = static_cast<std::size_t>(row * columns() + column);
  const std::uint64_t begin = k == 0 ? 0 : ends[k - 1];
  return std::string_view(text).substr(begin, ends[k] - begin);
}

std::string TextTable::where(std::int64_t row, std::int64_t column) const {
  return fmt::format("{}, line {}, column {}{}", source, line_of_row[row], column + 1,
                     had_header ? fmt::format(" ({})", shown(names[column])) : "");
}

std::int64_t TextTable::column_named(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return found - names.begin();
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error == std::errc() && end == name.data() + name.size()) {
    if (index >= 1 && index <= columns()) return index - 1;
    if (index <= -1 && index >= -columns()) return columns() + index;
    throw InputError(
        fmt::format("{} has no column {}: it has {} (1 is the first, -1 the last)", source, index, columns()));
  }
  const std::string nearest = did_you_mean(name, names);
  throw InputError(fmt::format("{} has no column {}{}", source, shown(name),
                               !nearest.empty() ? fmt::format("; did you mean {}?", shown(nearest))
                               : had_header
                                   ? "; its header has none of that name"
                                   : "; it has no header, so name columns by number (1 is the first, -1 the last)"));
}

TextTable parse_csv(std::string_view bytes, const std::string& source, const CsvOptions& options) {
  if (bytes.size() > options.max_bytes) {
    throw InputError(fmt::format("{} has {} bytes, more than the {} a table may have; give it as NPY", source,
                                 bytes.size(), options.max_bytes));
  }
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) {
    throw InputError(source + ", line 1: the text is UTF-16; save it as UTF-8");
  }
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (const std::size_t nul = bytes.find('\0'); nul != std::string_view::npos) {
    const std::string_view before = bytes.substr(0, nul);
    refuse(source, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
           "a NUL byte; this is not a text file");
  }

  TextTable table;
  table.source = source;
  table.separator = options.separator ? options.separator : detect_separator(bytes);
  tokenise(bytes, table);
  if (table.line_of_row.empty()) throw InputError(source + ", line 1: the file is empty");
  const std::size_t n_columns = table.ends.size() / table.line_of_row.size();
  for (std::size_t j = 1; j <= n_columns; ++j) table.names.push_back(fmt::format("column {}", j));
  if (options.header == Header::present || (options.header == Header::detect && detect_header(table)))
    take_header(table);
  return table;
}

TextTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > options.max_bytes) {
    throw InputError(fmt::format("{} has {} bytes, more than the {} a table may have; give it as NPY", path.string(),
                                 size, options.max_bytes));
  }
  return parse_csv(read_file(path), path.string(), options);
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t j = 0; j < cells.size(); ++j) {
    if (j > 0) line += ',';
    const std::string& cell = cells[j];
    const bool plain = cell.find_first_of(",;\t\"\r\n") == std::string::npos && trimmed(cell).size() == cell.size();
    if (plain) {
      line += cell;
    } else {
      line += '"';
      for (char c : cell) line.append(c == '"' ? 2 : 1, c);
      line += '"';
    }
  }
  return line + '\n';
}

}  // namespace turnpike
