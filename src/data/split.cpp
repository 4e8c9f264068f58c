#include <turnpike/data/split.h>

#include <torch/types.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <random>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/io/csv.h>
#include <turnpike/io/text.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Rows = std::vector<std::int64_t>;

// Rows by class, in order of class; all in one group for regression.
std::vector<Rows> groups_of(const Dataset& data, const Rows& rows) {
  if (data.schema.task == Task::regress || !data.y.defined()) return {rows};
  std::map<std::int64_t, Rows> by_class;
  const std::int64_t* labels = data.y.data_ptr<std::int64_t>();
  for (std::int64_t row : rows) by_class[labels[row]].push_back(row);
  std::vector<Rows> groups;
  for (auto& [label, members] : by_class) groups.push_back(std::move(members));
  return groups;
}

// Moves `fraction` of `rows` into the result: round(fraction N) in all, each class in proportion to one row, but never
// a class's last row.
Rows split_off(const Dataset& data, Rows& rows, double fraction, std::uint64_t seed) {
  Rows taken, kept;
  std::int64_t before = 0;
  std::uint64_t index = 0;
  for (Rows& group : groups_of(data, rows)) {
    // Rounding the running total, not each class, makes the sum right.
    const auto size = static_cast<std::int64_t>(group.size());
    const std::int64_t upto = std::llround(fraction * static_cast<double>(before + size));
    const std::int64_t n =
        std::clamp<std::int64_t>(upto - std::llround(fraction * static_cast<double>(before)), 0, size - 1);
    before += size;
    const Rows order = Random(seed_for(seed, "class", index++)).permutation(size);
    for (std::int64_t k = 0; k < size; ++k) (k < n ? taken : kept).push_back(group[order[k]]);
  }
  std::sort(taken.begin(), taken.end());
  std::sort(kept.begin(), kept.end());
  rows = std::move(kept);
  return taken;
}

void check_fraction(double fraction, const char* name) {
  if (!(fraction >= 0 && fraction < 1))
    throw InputError(fmt::format("the {} fraction must be in [0, 1), got {}", name, fraction));
}

// The validation part comes off the training rows; then no part that was asked for may be empty.
Split finish(const Dataset& data, Rows train, Rows test, const SplitOptions& options) {
  Split split;
  split.test = std::move(test);
  split.train = std::move(train);
  split.validation = split_off(data, split.train, options.validation, seed_for(options.seed, "validation split"));
  if (split.train.empty() || (options.validation > 0 && split.validation.empty())) {
    throw InputError(fmt::format("{} rows are too few for a validation fraction of {} beside {} test rows", data.size(),
                                 options.validation, split.test.size()));
  }
  return split;
}

Rows all_rows(std::int64_t n) {
  Rows rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::optional<std::int64_t> integer_in(std::string_view cell) {
  const auto value = number_in(cell);
  if (!value || *value != std::floor(*value) || std::abs(*value) > 1e15) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

// 0, 1, 2 for a word or number that names a part.
std::optional<int> part_in(std::string_view cell) {
  const std::string_view word = trimmed(cell);
  for (const auto& [name, part] : {std::pair<std::string_view, int>{"train", 0},
                                   {"training", 0},
                                   {"0", 0},
                                   {"validation", 1},
                                   {"valid", 1},
                                   {"val", 1},
                                   {"1", 1},
                                   {"test", 2},
                                   {"2", 2}}) {
    if (word == name) return part;
  }
  return std::nullopt;
}

// The part of each row of the source: 0 train, 1 validation, 2 test.
std::vector<int> parts_in_file(const std::filesystem::path& path, std::int64_t n_source) {
  const TextTable table = read_csv(path, {.header = Header::absent});
  if (table.columns() != 1) {
    throw InputError(
        fmt::format("{} has {} columns; a split file has one word or number a row", path.string(), table.columns()));
  }
  const bool header = !part_in(table.cell(0, 0)) && !integer_in(table.cell(0, 0));
  const std::int64_t first = header ? 1 : 0, n = table.rows() - first;
  std::vector<int> parts(static_cast<std::size_t>(n_source), 0);
  if (n == n_source) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto part = part_in(table.cell(i + first, 0));
      if (!part) {
        throw InputError(fmt::format("{}: {} is none of train, validation, test, 0, 1, 2", table.where(i + first, 0),
                                     shown(table.cell(i + first, 0))));
      }
      parts[i] = *part;
    }
    return parts;
  }
  if (n == 0 || !integer_in(table.cell(first, 0))) {
    throw InputError(fmt::format("{} has {} rows where the data have {}", path.string(), n, n_source));
  }
  const bool lists_train = path.filename().string().find("train") != std::string::npos;
  std::fill(parts.begin(), parts.end(), lists_train ? 2 : 0);
  const int listed = lists_train ? 0 : 2;
  for (std::int64_t i = first; i < table.rows(); ++i) {
    const auto row = integer_in(table.cell(i, 0));
    if (!row || *row < 0 || *row >= n_source) {
      throw InputError(fmt::format("{}: {} is no row of the data, which has rows 0 to {}", table.where(i, 0),
                                   shown(table.cell(i, 0)), n_source - 1));
    }
    if (parts[*row] == listed) throw InputError(fmt::format("{}: row {} stands twice", table.where(i, 0), *row));
    parts[*row] = listed;
  }
  return parts;
}

}  // namespace

Split split_with_test(const Dataset& data, std::vector<std::int64_t> test, const SplitOptions& options) {
  check_fraction(options.validation, "validation");
  std::sort(test.begin(), test.end());
  Rows train;
  const Rows all = all_rows(data.size());
  std::set_difference(all.begin(), all.end(), test.begin(), test.end(), std::back_inserter(train));
  require(train.size() + test.size() == all.size(), "test rows must be distinct rows of the data");
  return finish(data, std::move(train), std::move(test), options);
}

Split make_split(const Dataset& data, const SplitOptions& options, const std::vector<std::int64_t>& source_rows,
                 std::int64_t n_source) {
  check_fraction(options.validation, "validation");
  check_fraction(options.test, "test");
  require(static_cast<std::int64_t>(source_rows.size()) == data.size(),
          "every row of the data needs its row of the source");
  if (options.file.empty()) {
    Rows train = all_rows(data.size());
    Rows test = split_off(data, train, options.test, seed_for(options.seed, "test split"));
    if (options.test > 0 && test.empty()) {
      throw InputError(fmt::format("{} rows are too few for a test fraction of {}", data.size(), options.test));
    }
    return finish(data, std::move(train), std::move(test), options);
  }

  std::vector<int> parts(static_cast<std::size_t>(n_source), 0);
  if (options.file.starts_with("uci:")) {
    const std::string_view text = std::string_view(options.file).substr(4);
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > 999) {
      throw InputError(fmt::format("unknown split '{}': a standard split is uci:0, uci:1, ...", options.file));
    }
    for (std::int64_t row : uci_test_rows(n_source, number)) parts[row] = 2;
  } else {
    parts = parts_in_file(options.file, n_source);
  }
  Rows by_part[3];
  for (std::size_t i = 0; i < source_rows.size(); ++i)
    by_part[parts[source_rows[i]]].push_back(static_cast<std::int64_t>(i));
  if (by_part[0].empty()) throw InputError(fmt::format("the split {} leaves no row to train on", options.file));
  if (!by_part[1].empty()) return {by_part[0], by_part[1], by_part[2]};
  return finish(data, std::move(by_part[0]), std::move(by_part[2]), options);
}

Split make_split(const Dataset& data, const SplitOptions& options) {
  return make_split(data, options, all_rows(data.size()), data.size());
}

std::vector<std::vector<std::int64_t>> numpy_legacy_permutations(std::int64_t n, int count, std::uint32_t seed) {
  require(n > 0 && n <= std::int64_t{0xffffffff}, "numpy_legacy_permutations needs 0 < n < 2^32");
  std::mt19937 generator(seed);  // numpy's seeding of one integer is Knuth's, as std::mt19937's
  std::vector<std::vector<std::int64_t>> permutations;
  for (int k = 0; k < count; ++k) {
    Rows order = all_rows(n);
    for (std::int64_t i = n - 1; i > 0; --i) {
      std::uint32_t mask = static_cast<std::uint32_t>(i);
      for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
      std::uint32_t j = generator() & mask;
      while (j > i) j = generator() & mask;
      std::swap(order[i], order[j]);
    }
    permutations.push_back(std::move(order));
  }
  return permutations;
}

std::vector<std::int64_t> uci_test_rows(std::int64_t n, int number) {
  require(number >= 0, "splits are counted from 0");
  const Rows order = numpy_legacy_permutations(n, number + 1).back();
  const auto n_train =
      static_cast<std::int64_t>(std::nearbyint(0.9 * static_cast<double>(n)));  // half to even, as Python rounds
  Rows test(order.begin() + n_train, order.end());
  std::sort(test.begin(), test.end());
  return test;
}

}  // namespace turnpike
