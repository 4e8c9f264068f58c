// From files to data: CSV (and blank, tab or semicolon separated text), NPY, NPZ, IDX, or a folder of IDX files. The
// format is told by the first bytes.
//
//   Loaded loaded = read_dataset("wine.csv", {.target = "quality"});
//   for (const std::string& line : loaded.notes) print(line);
//   Loaded fresh = read_with_schema("new.csv", loaded.data.schema, Labels::none);
//
// What is done, and said in the notes: rows with a missing target are dropped; a missing number becomes the mean of the
// training part; a missing word is a category of its own; columns that are constant in the training part are dropped;
// words become one 0 / 1 input a category; a column of words that are nearly all different is left out. A column in
// which at most 5 % of the cells are words is numeric, and those cells are errors. Infinite values are errors. Errors
// are InputErrors with file, line and column.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <turnpike/data/dataset.h>
#include <turnpike/data/split.h>
#include <turnpike/io/csv.h>

namespace turnpike {

struct ReadOptions {
  std::string target;  // column by name or number (1 first, -1 last), "a,b" for several (regression); the key in an
                       // NPZ; "": the last
  std::optional<Task>
      task;  // not given: words, or at most 20 different whole numbers seen twice on average, are classes
  std::filesystem::path labels;     // labels in a file of their own: IDX, NPY, or one column of text
  std::vector<std::string> ignore;  // columns left out
  Header header = Header::detect;
  SplitOptions split;
};

struct Loaded {
  Dataset data;
  Split split;                            // empty from read_with_schema
  std::vector<std::string> notes;         // lines to print
  std::vector<std::int64_t> source_rows;  // the row of the source, from 0, that each row of the data came from
};

// A table, an array file with labels, or a folder with train-images*, train-labels* and, where there is one,
// t10k-images*, t10k-labels* (then the test part is theirs).
Loaded read_dataset(const std::filesystem::path& path, const ReadOptions& options = {});

// none: y stays undefined. optional: y is read where every row has it. required: InputError without; rows that miss it
// are dropped.
enum class Labels { none, optional, required };

// New data for a schema. Columns are found by name, or by position where either side has no header: all columns of the
// training file, or all but the targets. A category never seen in training is an InputError that names line and value.
Loaded read_with_schema(const std::filesystem::path& path, const DataSchema& schema, Labels labels,
                        const std::filesystem::path& labels_file = {});

}  // namespace turnpike
