#include <turnpike/data/read.h>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <turnpike/data/convert.h>
#include <turnpike/io/text.h>

#include "source_internal.h"

namespace turnpike {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t most_table_columns = 256;  // an array wider than that is read as an array, not column by column
constexpr std::size_t most_categories = 1000, most_classes = 1000, most_whole_classes = 20;
constexpr double rare_words = 0.05;  // of a column's cells: below that they are errors, not categories

std::string listed(const std::vector<std::string>& words) {
  constexpr std::size_t most = 10;
  if (words.size() <= most) return fmt::format("{}", fmt::join(words, ", "));
  return fmt::format("{}, ... ({} in all)", fmt::join(words.begin(), words.begin() + most, ", "), words.size());
}

std::string plural(std::int64_t n, const char* word) {
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s");
}

// A column as it stands in the source: numbers, NaN where a cell is missing or a word.
struct RawColumn {
  std::string name;
  std::int64_t column = 0;
  std::vector<double> numbers;
  std::vector<std::int64_t> words;   // rows whose cell is a word
  const TextTable* table = nullptr;  // none for a column of an array
  std::string source;

  std::int64_t rows() const { return static_cast<std::int64_t>(numbers.size()); }
  std::string_view cell(std::int64_t row) const { return trimmed(table->cell(row, column)); }
  bool is_missing(std::int64_t row) const { return table ? turnpike::is_missing(cell(row)) : std::isnan(numbers[row]); }
  std::string where(std::int64_t row) const {
    return table ? table->where(row, column) : fmt::format("{}, sample {}, column {}", source, row + 1, column + 1);
  }

  // InputError unless every cell is a finite number or missing.
  void require_numbers(const std::string& why) const {
    if (!words.empty())
      throw InputError(fmt::format("{}: {} is not a number{}", where(words[0]), shown(cell(words[0])), why));
    for (std::int64_t i = 0; i < rows(); ++i) {
      if (std::isinf(numbers[i])) throw InputError(where(i) + ": an infinite value; correct it or leave it empty");
    }
  }
};

RawColumn column_of(const TextTable& table, std::int64_t column) {
  RawColumn raw{
      table.names[column], column, std::vector<double>(static_cast<std::size_t>(table.rows()), missing), {}, &table,
      table.source};
  for (std::int64_t i = 0; i < table.rows(); ++i) {
    const std::string_view cell = table.cell(i, column);
    if (const auto number = number_in(cell)) {
      raw.numbers[i] = *number;
    } else if (!turnpike::is_missing(cell)) {
      raw.words.push_back(i);
    }
  }
  return raw;
}

std::vector<RawColumn> columns_of(const Array& array, const std::string& source) {
  const std::int64_t n = array.shape[0], d = array.count() / n;
  const std::vector<double> values = to_doubles(array);
  std::vector<RawColumn> columns;
  for (std::int64_t j = 0; j < d; ++j) {
    columns.push_back(
        {fmt::format("column {}", j + 1), j, std::vector<double>(static_cast<std::size_t>(n)), {}, nullptr, source});
    for (std::int64_t i = 0; i < n; ++i) columns.back().numbers[i] = values[i * d + j];
  }
  return columns;
}

// Words, or numbers? A few words among numbers are neither, but an error.
bool holds_words(const RawColumn& raw) {
  std::int64_t n_present = 0;
  for (std::int64_t i = 0; i < raw.rows(); ++i) n_present += !raw.is_missing(i);
  const auto n_words = static_cast<std::int64_t>(raw.words.size());
  if (n_words == 0) return false;
  if (static_cast<double>(n_words) <= rare_words * static_cast<double>(n_present)) {
    raw.require_numbers(fmt::format(", as {} of the {} cells of its column are; correct it or leave it empty",
                                    n_present - n_words, n_present));
  }
  return true;
}

bool is_whole(double value) {
  return std::floor(value) == value && std::abs(value) < 1e15;
}

// What names a class: the word, or the number in its shortest form, so that 1 and 1.0 are the same class.
std::string class_key(const RawColumn& raw, std::int64_t row) {
  const double number = raw.numbers[row];
  if (std::isnan(number)) return std::string(raw.cell(row));
  return is_whole(number) ? fmt::format("{}", static_cast<std::int64_t>(number)) : fmt::format("{}", number);
}

// Numbers in their order, then words in theirs.
std::vector<std::string> sorted_classes(const RawColumn& raw) {
  std::set<std::string> keys;
  for (std::int64_t i = 0; i < raw.rows(); ++i) {
    if (!raw.is_missing(i)) keys.insert(class_key(raw, i));
  }
  std::vector<std::string> classes(keys.begin(), keys.end());
  std::stable_sort(classes.begin(), classes.end(), [](const std::string& a, const std::string& b) {
    const auto x = number_in(a), y = number_in(b);
    if (x && y) return *x < *y;
    return x.has_value() && !y;
  });
  return classes;
}

// At most 20 different whole numbers, each seen twice on average.
bool looks_like_classes(const RawColumn& raw) {
  std::set<double> distinct;
  std::int64_t n_present = 0;
  for (double value : raw.numbers) {
    if (std::isnan(value)) continue;
    if (!is_whole(value)) return false;
    ++n_present;
    distinct.insert(value);
    if (distinct.size() > most_whole_classes) return false;
  }
  return distinct.size() > 1 && 2 * static_cast<std::int64_t>(distinct.size()) <= n_present;
}

// ---- targets
// -------------------------------------------------------------------------------------------------------------------

std::vector<std::int64_t> target_columns(const TextTable& table, const std::string& target) {
  if (target.empty()) return {table.columns() - 1};
  if (std::find(table.names.begin(), table.names.end(), target) != table.names.end() ||
      target.find(',') == std::string::npos) {
    return {table.column_named(target)};
  }
  std::vector<std::int64_t> columns;
  std::string_view rest = target;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::int64_t column = table.column_named(trimmed(rest.substr(0, comma)));
    if (std::find(columns.begin(), columns.end(), column) != columns.end()) {
      throw InputError(fmt::format("the target column {} is named twice", shown(table.names[column])));
    }
    columns.push_back(column);
    if (comma == std::string_view::npos) return columns;
    rest.remove_prefix(comma + 1);
  }
}

// Labels that do not stand in the table of the features: column -1.
std::vector<RawColumn> separate_targets(const Source& source) {
  std::vector<RawColumn> targets;
  if (source.labels) {
    targets.push_back(column_of(*source.labels, 0));
  } else if (source.y) {
    targets = columns_of(*source.y, source.name + ", labels");
  }
  return targets;
}

std::vector<TargetColumn> described(const std::vector<RawColumn>& targets, bool separate) {
  std::vector<TargetColumn> out;
  for (const RawColumn& raw : targets) {
    const bool named = raw.table && raw.table->had_header;
    out.push_back(
        {separate && !named ? (targets.size() == 1 ? "label" : fmt::format("label {}", raw.column + 1)) : raw.name,
         separate ? -1 : raw.column});
  }
  return out;
}

void decide_task(const std::vector<RawColumn>& targets, std::optional<Task> asked, DataSchema& schema,
                 std::vector<std::string>& notes) {
  const RawColumn& first = targets[0];
  const std::string name = shown(schema.targets[0].name);
  std::string reason;
  if (asked) {
    schema.task = *asked;
  } else if (targets.size() > 1) {
    schema.task = Task::regress;
  } else if (holds_words(first)) {
    schema.task = Task::classify;
    reason = ": it holds words";
  } else {
    schema.task = looks_like_classes(first) ? Task::classify : Task::regress;
    reason = schema.task == Task::classify
                 ? ": it holds few different whole numbers (task=regress takes them as numbers)"
                 : ": it holds numbers";
  }
  if (schema.task == Task::regress) {
    for (const RawColumn& raw : targets) raw.require_numbers("; give task=classify if the target is a class");
    notes.push_back(
        fmt::format("task: regress {}{}", targets.size() == 1 ? name : plural(std::ssize(targets), "target"), reason));
    return;
  }
  if (targets.size() > 1) throw InputError("classify takes one target column; give one, or task=regress");
  for (std::int64_t i = 0; i < first.rows(); ++i) {
    if (std::isinf(first.numbers[i])) throw InputError(first.where(i) + ": an infinite value is no class");
  }
  schema.classes = sorted_classes(first);
  if (schema.classes.size() < 2) {
    throw InputError(fmt::format("the target {} of {} has {}; a classification needs two", name, first.source,
                                 schema.classes.empty() ? "no value" : "one class only, " + shown(schema.classes[0])));
  }
  if (schema.classes.size() > most_classes) {
    throw InputError(fmt::format(
        "the target {} of {} has {} different values, too many for classes; give task=regress or another target", name,
        first.source, schema.classes.size()));
  }
  notes.push_back(fmt::format("task: classify {}{}; classes {}", name, reason, listed(schema.classes)));
}

// [N] int64 or [N, m] float64 of those rows, in which every target is present.
Tensor coded_targets(const std::vector<RawColumn>& targets, const DataSchema& schema,
                     const std::vector<std::int64_t>& rows) {
  const auto n = static_cast<std::int64_t>(rows.size()), m = static_cast<std::int64_t>(targets.size());
  if (schema.task == Task::regress) {
    Tensor y = torch::empty({n, m}, torch::kDouble);
    double* out = y.data_ptr<double>();
    for (std::int64_t j = 0; j < m; ++j) {
      targets[j].require_numbers("; the target of this model is a number");
      for (std::int64_t i = 0; i < n; ++i) out[i * m + j] = targets[j].numbers[rows[i]];
    }
    return y;
  }
  std::unordered_map<std::string, std::int64_t> number;
  for (const std::string& name : schema.classes) number.emplace(name, std::ssize(number));
  Tensor y = torch::empty({n}, torch::kLong);
  std::int64_t* out = y.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::string key = class_key(targets[0], rows[i]);
    const auto found = number.find(key);
    if (found == number.end()) {
      throw InputError(fmt::format("{}: {} is none of the model's classes ({})", targets[0].where(rows[i]), shown(key),
                                   listed(schema.classes)));
    }
    out[i] = found->second;
  }
  return y;
}

// The rows in which every target is present.
std::vector<std::int64_t> labelled_rows(const std::vector<RawColumn>& targets, std::int64_t n) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    if (std::none_of(targets.begin(), targets.end(), [i](const RawColumn& raw) { return raw.is_missing(i); }))
      rows.push_back(i);
  }
  return rows;
}

// ---- features
// ------------------------------------------------------------------------------------------------------------------

std::vector<std::string> categories_of(const RawColumn& raw) {
  std::set<std::string> categories;
  for (std::int64_t i = 0; i < raw.rows(); ++i)
    categories.emplace(raw.is_missing(i) ? std::string_view() : raw.cell(i));
  return {categories.begin(), categories.end()};
}

// The feature a column makes, or none (said in the notes).
std::optional<Feature> feature_of(const RawColumn& raw, std::vector<std::string>& notes) {
  Feature feature{.name = raw.name, .column = raw.column};
  if (!holds_words(raw)) {
    raw.require_numbers("");
    return feature;
  }
  feature.kind = FeatureKind::categorical;
  feature.categories = categories_of(raw);
  const auto n_words = static_cast<std::int64_t>(raw.words.size());
  const std::size_t n = feature.categories.size();
  if (n > most_categories || (n > 10 && 2 * static_cast<std::int64_t>(n) > raw.rows())) {
    if (2 * n_words < raw.rows())
      raw.require_numbers(fmt::format(", as most of its column are; {} cells are words", n_words));
    notes.push_back(fmt::format("column {} left out: {} different words in {} rows", shown(raw.name), n, raw.rows()));
    return std::nullopt;
  }
  return feature;
}

// Categories as numbers, NaN never: one number a row of the source. An unseen one is an error.
std::vector<double> coded_categories(const RawColumn& raw, const Feature& feature,
                                     const std::vector<std::int64_t>& rows) {
  std::unordered_map<std::string, std::int64_t> number;
  for (const std::string& category : feature.categories) number.emplace(category, std::ssize(number));
  std::vector<double> codes;
  codes.reserve(rows.size());
  for (std::int64_t row : rows) {
    const std::string word(raw.is_missing(row) ? std::string_view() : raw.cell(row));
    const auto found = number.find(word);
    if (found == number.end()) {
      throw InputError(
          fmt::format("{}: {} was not among the categories seen in training ({}); correct it or drop the row",
                      raw.where(row), word.empty() ? "a missing value" : shown(word), listed(feature.categories)));
    }
    codes.push_back(static_cast<double>(found->second));
  }
  return codes;
}

// One number a row that is kept: the number itself (NaN: missing), or the category's.
std::vector<double> coded(const RawColumn& raw, const Feature& feature, const std::vector<std::int64_t>& rows) {
  if (feature.kind == FeatureKind::categorical) return coded_categories(raw, feature, rows);
  std::vector<double> values;
  values.reserve(rows.size());
  for (std::int64_t row : rows) values.push_back(raw.numbers[row]);
  return values;
}

// Learns from the training rows what replaces a missing number, and which columns are constant.
void learn(Feature& feature, const std::vector<double>& values, const std::vector<std::int64_t>& train) {
  double sum = 0, low = HUGE_VAL, high = -HUGE_VAL;
  std::int64_t n = 0;
  for (std::int64_t row : train) {
    const double value = values[row];
    if (std::isnan(value)) continue;
    sum += value;
    low = std::min(low, value);
    high = std::max(high, value);
    ++n;
  }
  feature.constant = n == 0 || low == high;
  if (feature.kind == FeatureKind::numeric && n > 0)
    feature.fallback = low == high ? low : sum / static_cast<double>(n);
}

// x [N, d] float64: numbers with the missing ones replaced, categories as 0 and 1. Counts what was replaced.
Tensor inputs_of(const DataSchema& schema, const std::vector<std::vector<double>>& columns, std::int64_t n,
                 std::vector<std::string>& notes) {
  const std::int64_t d = schema.n_inputs();
  Tensor x = torch::zeros({n, d}, torch::kDouble);
  double* out = x.data_ptr<double>();
  std::int64_t at = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const Feature& feature = schema.features[k];
    if (feature.constant) continue;
    std::int64_t n_missing = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double value = columns[k][i];
      if (feature.kind == FeatureKind::categorical) {
        out[i * d + at + static_cast<std::int64_t>(value)] = 1;
      } else {
        out[i * d + at] = std::isnan(value) ? feature.fallback : value;
        n_missing += std::isnan(value);
      }
    }
    if (n_missing > 0) {
      notes.push_back(fmt::format("column {}: {} replaced by the training mean {:.6g}", shown(feature.name),
                                  plural(n_missing, "missing number"), feature.fallback));
    }
    at += feature.n_inputs();
  }
  return x;
}

// Arrays that are read as arrays: images, bytes, and what is too wide to look at column by column.
bool stays_array(const Array& x) {
  return x.shape.size() > 2 || x.dtype == DType::u8 || (x.shape.size() == 2 && x.shape[1] > most_table_columns);
}

Tensor array_inputs(Array array, const std::string& name) {
  const std::int64_t n = array.shape[0], d = array.count() / n;
  const bool floating = is_floating(array.dtype);
  Tensor x = tensor_of(std::move(array)).reshape({n, d});
  if (floating) {
    if (x.element_size() < 4) x = x.to(torch::kFloat);  // half precision is for files, not for arithmetic here
    const Tensor bad = torch::isfinite(x).all(1).logical_not().nonzero();
    if (bad.size(0) > 0)
      throw InputError(
          fmt::format("{}, sample {}: a value is infinite or no number", name, bad[0].item<std::int64_t>() + 1));
  }
  return x;
}

void note_sizes(Loaded& loaded) {
  loaded.notes.push_back(fmt::format("{} samples with {} inputs: {} train, {} validation, {} test", loaded.data.size(),
                                     loaded.data.schema.n_inputs(), loaded.split.train.size(),
                                     loaded.split.validation.size(), loaded.split.test.size()));
}

Split split_of(const Loaded& loaded, const Source& source, const SplitOptions& options) {
  if (source.n_test == 0 || !options.file.empty())
    return make_split(loaded.data, options, loaded.source_rows, source.n_rows);
  std::vector<std::int64_t> test;
  for (std::size_t i = 0; i < loaded.source_rows.size(); ++i) {
    if (loaded.source_rows[i] >= source.n_rows - source.n_test) test.push_back(static_cast<std::int64_t>(i));
  }
  return split_with_test(loaded.data, std::move(test), options);
}

}  // namespace

Loaded read_dataset(const std::filesystem::path& path, const ReadOptions& options) {
  Source source = open_source(path, options.target, options.labels, options.header, IdxFolder::training_and_test);
  Loaded loaded;
  DataSchema& schema = loaded.data.schema;
  loaded.notes = std::move(source.notes);

  std::set<std::int64_t> left_out;  // columns of the table that are no features
  std::vector<RawColumn> targets = separate_targets(source);
  const bool separate = !targets.empty();
  if (source.table) {
    const TextTable& table = *source.table;
    schema.named = table.had_header;
    loaded.notes.push_back(table.had_header
                               ? fmt::format("header found: {}", listed(table.names))
                               : fmt::format("no header: {} named by number", plural(table.columns(), "column")));
    if (!separate) {
      for (std::int64_t column : target_columns(table, options.target)) {
        targets.push_back(column_of(table, column));
        left_out.insert(column);
      }
    }
    for (const std::string& name : options.ignore) {
      const std::int64_t column = table.column_named(name);
      if (!separate && left_out.contains(column))
        throw InputError(fmt::format("column {} cannot be both target and ignored", shown(name)));
      left_out.insert(column);
    }
  }
  if (targets.empty())
    throw InputError(fmt::format("{} holds no labels; give them in a file of their own (--labels)", source.name));
  schema.targets = described(targets, separate);
  decide_task(targets, options.task, schema, loaded.notes);

  loaded.source_rows = labelled_rows(targets, source.n_rows);
  const auto n = static_cast<std::int64_t>(loaded.source_rows.size());
  if (n == 0) throw InputError(source.name + ": every row lacks its target");
  if (n < source.n_rows)
    loaded.notes.push_back(fmt::format("{} without a target dropped", plural(source.n_rows - n, "row")));
  loaded.data.y = coded_targets(targets, schema, loaded.source_rows);

  if (source.x && stays_array(*source.x)) {
    schema.array_shape.assign(source.x->shape.begin() + 1, source.x->shape.end());
    if (schema.array_shape.empty()) schema.array_shape = {1};
    if (source.x->dtype == DType::u8) schema.scale = 1.0 / 255;
    loaded.data.x = array_inputs(std::move(*source.x), source.name);
    if (n < loaded.data.x.size(0)) loaded.data.x = loaded.data.x.index_select(0, index_tensor(loaded.source_rows));
    schema.n_columns = schema.n_inputs();
    loaded.split = split_of(loaded, source, options.split);
    note_sizes(loaded);
    return loaded;
  }

  std::vector<std::vector<double>> columns;
  const auto add = [&](const RawColumn& raw) {
    if (auto feature = feature_of(raw, loaded.notes)) {
      columns.push_back(coded(raw, *feature, loaded.source_rows));
      schema.features.push_back(std::move(*feature));
    }
  };
  if (source.table) {
    schema.n_columns = source.table->columns();
    for (std::int64_t j = 0; j < schema.n_columns; ++j) {
      if (!left_out.contains(j)) add(column_of(*source.table, j));
    }
  } else {
    const std::vector<RawColumn> raws = columns_of(*source.x, source.name);
    schema.n_columns = std::ssize(raws);
    for (const RawColumn& raw : raws) add(raw);
  }
  loaded.data.x = torch::empty({n, 0}, torch::kDouble);  // the split needs the rows, and the inputs need the split
  loaded.split = split_of(loaded, source, options.split);
  std::vector<std::string> constants;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    Feature& feature = schema.features[k];
    learn(feature, columns[k], loaded.split.train);
    if (feature.constant) {
      constants.push_back(feature.name);
    } else if (feature.kind == FeatureKind::categorical) {
      std::vector<std::string> names = feature.categories;
      if (names[0].empty()) names[0] = "missing";
      loaded.notes.push_back(
          fmt::format("column {}: {} inputs, one a category ({})", shown(feature.name), names.size(), listed(names)));
    }
  }
  if (!constants.empty())
    loaded.notes.push_back(fmt::format("constant in the training part, dropped: {}", listed(constants)));
  if (schema.n_inputs() == 0)
    throw InputError(fmt::format("{} has no feature: no column but the target varies", source.name));
  loaded.data.x = inputs_of(schema, columns, n, loaded.notes);
  note_sizes(loaded);
  return loaded;
}

namespace {

// Where the training file's column `column` stands in a new table, by position: the new one has all columns, or all but
// the targets.
std::int64_t position_of(const DataSchema& schema, const TextTable& table, std::int64_t column) {
  std::int64_t n_targets = 0, targets_before = 0;
  for (const TargetColumn& target : schema.targets) {
    n_targets += target.column >= 0;
    targets_before += target.column >= 0 && target.column < column;
  }
  if (table.columns() == schema.n_columns) return column;
  if (table.columns() == schema.n_columns - n_targets) return column - targets_before;
  throw InputError(fmt::format(
      "{} has {}; the model was trained on {}{}", table.source, plural(table.columns(), "column"), schema.n_columns,
      n_targets > 0
          ? fmt::format(", so give {} with or {} without the target", schema.n_columns, schema.n_columns - n_targets)
          : ""));
}

bool by_name(const DataSchema& schema, const TextTable& table) {
  return schema.named && table.had_header;
}

std::int64_t find_feature(const DataSchema& schema, const TextTable& table, const Feature& feature) {
  if (!by_name(schema, table)) return position_of(schema, table, feature.column);
  const auto found = std::find(table.names.begin(), table.names.end(), feature.name);
  if (found != table.names.end()) return found - table.names.begin();
  const std::string nearest = did_you_mean(feature.name, table.names);
  throw InputError(fmt::format("{} has no column {}, which the model needs{}", table.source, shown(feature.name),
                               nearest.empty() ? "" : fmt::format("; it has {}", shown(nearest))));
}

// The targets in a new table; empty if it has none.
std::vector<RawColumn> find_targets(const DataSchema& schema, const TextTable& table) {
  std::vector<RawColumn> targets;
  for (const TargetColumn& target : schema.targets) {
    if (target.column < 0) return {};
    if (by_name(schema, table)) {
      const auto found = std::find(table.names.begin(), table.names.end(), target.name);
      if (found == table.names.end()) return {};
      targets.push_back(column_of(table, found - table.names.begin()));
    } else {
      if (table.columns() != schema.n_columns) return {};
      targets.push_back(column_of(table, target.column));
    }
  }
  return targets;
}

// From arrays of as many numbers a sample, or from a table of them (a column beyond them is the label, and not looked
// at).
Tensor new_array_inputs(Source& source, const DataSchema& schema) {
  if (source.x) {
    const std::int64_t d = source.x->count() / source.x->shape[0];
    if (d != schema.n_inputs()) {
      throw InputError(fmt::format("{} has samples of shape {}; the model takes {}", source.name,
                                   shape_text(std::span(source.x->shape).subspan(1)), shape_text(schema.array_shape)));
    }
    return array_inputs(std::move(*source.x), source.name);
  }
  const TextTable& table = *source.table;
  const std::int64_t n = table.rows(), d = schema.n_inputs();
  if (table.columns() != d && table.columns() != d + 1) {
    throw InputError(fmt::format("{} has {}; the model takes {} numbers a sample", table.source,
                                 plural(table.columns(), "column"), d));
  }
  Tensor x = torch::empty({n, d}, torch::kDouble);
  double* out = x.data_ptr<double>();
  for (std::int64_t j = 0; j < d; ++j) {
    const RawColumn raw = column_of(table, j);
    raw.require_numbers("; the model takes numbers only");
    for (std::int64_t i = 0; i < n; ++i) {
      if (std::isnan(raw.numbers[i]))
        throw InputError(raw.where(i) + ": a missing value; the model takes complete samples");
      out[i * d + j] = raw.numbers[i];
    }
  }
  return x;
}

}  // namespace

Loaded read_with_schema(const std::filesystem::path& path, const DataSchema& schema, Labels labels,
                        const std::filesystem::path& labels_file) {
  if (schema.n_inputs() == 0)
    throw InputError("the model does not say which columns it reads: it was saved without a data schema");
  Source source = open_source(path, "", labels_file, Header::detect, IdxFolder::newest);
  Loaded loaded;
  loaded.data.schema = schema;
  loaded.notes = std::move(source.notes);
  const std::int64_t n_source = source.n_rows;

  std::vector<RawColumn> targets;
  if (labels != Labels::none) {
    targets = separate_targets(source);
    if (targets.empty() && source.table) targets = find_targets(schema, *source.table);
    if (!targets.empty() && targets.size() != schema.targets.size()) {
      throw InputError(fmt::format("{} has {}; the model has {}", source.name, plural(std::ssize(targets), "target"),
                                   schema.targets.size()));
    }
    if (targets.empty() && labels == Labels::required)
      throw InputError(source.name + " holds no labels, which are needed here");
  }
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n_source));
  for (std::int64_t i = 0; i < n_source; ++i) rows[i] = i;
  if (!targets.empty()) {
    auto complete = labelled_rows(targets, n_source);
    const std::int64_t n_missing = n_source - std::ssize(complete);
    if (n_missing > 0 && labels == Labels::optional) {
      loaded.notes.push_back(fmt::format("{} without a target, so the labels are not used", plural(n_missing, "row")));
      targets.clear();
    } else {
      if (n_missing > 0) loaded.notes.push_back(fmt::format("{} without a target dropped", plural(n_missing, "row")));
      if (complete.empty()) throw InputError(source.name + ": every row lacks its target");
      rows = std::move(complete);
      loaded.data.y = coded_targets(targets, schema, rows);
    }
  }
  loaded.source_rows = rows;

  if (!schema.array_shape.empty()) {
    loaded.data.x = new_array_inputs(source, schema);
    if (std::ssize(rows) < n_source) loaded.data.x = loaded.data.x.index_select(0, index_tensor(rows));
    return loaded;
  }

  std::vector<RawColumn> array_raws;
  if (source.x) {
    array_raws = columns_of(*source.x, source.name);
    if (std::ssize(array_raws) != schema.n_columns) {
      throw InputError(fmt::format("{} has {}; the model was trained on {}", source.name,
                                   plural(std::ssize(array_raws), "column"), schema.n_columns));
    }
  } else if (schema.named && !source.table->had_header) {
    loaded.notes.push_back(source.name + " has no header: columns are taken by position");
  }
  std::vector<std::vector<double>> columns;
  for (const Feature& feature : schema.features) {
    if (feature.constant) {
      columns.emplace_back();
      continue;
    }
    const RawColumn raw = source.x ? std::move(array_raws[feature.column])
                                   : column_of(*source.table, find_feature(schema, *source.table, feature));
    if (feature.kind == FeatureKind::numeric) {
      raw.require_numbers(", as the model needs it");
    } else if (!raw.table) {
      throw InputError(
          fmt::format("{}: column {} of this model holds words; give a table", source.name, shown(feature.name)));
    }
    columns.push_back(coded(raw, feature, rows));
  }
  loaded.data.x = inputs_of(schema, columns, std::ssize(rows), loaded.notes);
  return loaded;
}

}  // namespace turnpike
