// A source of data, read but not yet understood: a table of text, or arrays. The format is told by the first bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <turnpike/io/array.h>
#include <turnpike/io/csv.h>

namespace turnpike {

struct Source {
  std::string name;                 // the path, as errors say it
  std::optional<TextTable> table;   // either a table
  std::optional<Array> x, y;        // or arrays: x [N, ...], y [N] or [N, m] if there are labels as an array
  std::optional<TextTable> labels;  // labels as one column of text, from a file of their own
  std::int64_t n_rows = 0;          // samples; it stays when x is moved out
  std::int64_t n_test = 0;          // the last rows are a test part that the source itself gives
  std::vector<std::string> notes;
};

enum class IdxFolder { training_and_test, newest };  // newest: the test part if there is one, else the training part

// `target` names the labels' key of an NPZ ("" for y, Y, labels or target). `labels` is a file of labels, or empty.
Source open_source(const std::filesystem::path& path, const std::string& target, const std::filesystem::path& labels,
                   Header header, IdxFolder idx_folder);

}  // namespace turnpike
