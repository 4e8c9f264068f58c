// Which rows train, which choose (validation), which are only looked at in the end (test).
//
//   Split split = make_split(data, {.validation = 0.1, .test = 0.2, .seed = 1});
//
// Seeded and stratified: every part has each class in proportion, to one row. The three parts are disjoint, sorted, and
// cover all rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <turnpike/data/dataset.h>

namespace turnpike {

struct Split {
  std::vector<std::int64_t> train, validation, test;
};

struct SplitOptions {
  double validation = 0.1;  // fraction of the rows that are not in the test part
  double test = 0.2;        // fraction of all rows; not used where a file or the source gives the test part
  std::uint64_t seed = 0;
  // "" for a seeded split; "uci:N" for the N-th standard split (uci_split); or a file:
  //   one word or number a row of the data: train / validation / test, or 0 / 1 / 2;
  //   or fewer numbers: the rows, from 0, of the test part (of the training part if the file's name holds "train").
  std::string file;
};

// InputError for fractions outside [0, 1), a part that would be empty, or a file that does not fit the data.
Split make_split(const Dataset& data, const SplitOptions& options);

// The same for rows `source_rows` (ascending) of a source of n_source rows: split files speak of the source's rows.
Split make_split(const Dataset& data, const SplitOptions& options, const std::vector<std::int64_t>& source_rows,
                 std::int64_t n_source);

// Keeps a given test part and takes the validation part off the rest.
Split split_with_test(const Dataset& data, std::vector<std::int64_t> test, const SplitOptions& options);

// Permutations as numpy.random.seed(seed) and then `count` times numpy.random.choice(range(n), n, replace=False) draw
// them: MT19937, Fisher-Yates from the end, j in [0, i] by rejection under a bit mask. Source: numpy/random, legacy
// RandomState.
std::vector<std::vector<std::int64_t>> numpy_legacy_permutations(std::int64_t n, int count, std::uint32_t seed = 1);

// The test rows of standard split `number` of n rows: permutation `number` (from 0) of seed 1, without its first
// round(0.9 n), sorted. Source: J. M. Hernandez-Lobato, R. P. Adams, ICML 2015, arXiv:1502.05336.
std::vector<std::int64_t> uci_test_rows(std::int64_t n, int number);

}  // namespace turnpike
