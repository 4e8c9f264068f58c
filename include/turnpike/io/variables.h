// The named arrays of a data file, whatever its format: MAT (versions 4 to 7.3), HDF5 (netCDF-4 too), NPZ, NPY.
//
//   for (const Variable& variable : list_variables("burgers.mat")) ...        // usol complex128 [256, 101], t, x
//   std::vector<Array> values = read_variables("burgers.mat", {"usol", "x"});
//
// Arrays have the shape that the file's own program shows: a MATLAB matrix of 256 rows and 101 columns is [256, 101].
// Groups of HDF5 give names with a slash (run/u), structs of MATLAB with a dot (run.u); an NPY file holds one array, of
// the file's name.
//
// MAT and HDF5 are read in a child process with limits: whatever a damaged or hostile file does to a format library
// becomes an InputError, and nothing is allocated here before its size is checked. Errors: InputError naming the file
// for a format that is none of these, damage, values beyond the limits, a name that is not there (with did-you-mean).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <turnpike/io/array.h>

namespace turnpike {

struct Variable {
  std::string name;
  std::vector<std::int64_t> shape;
  std::optional<DType> dtype;       // empty: not numbers
  std::string type;                 // "float64", "text", "struct"
  std::vector<std::string> axes{};  // names of the variables along each dimension, where the file says so; "" unknown
};

struct ReadLimits {
  std::uint64_t max_bytes = std::uint64_t{4} << 30;    // of values, in all
  std::uint64_t child_bytes = std::uint64_t{6} << 30;  // memory of the child, beyond what this process has
  int cpu_s = 60;                                      // processor time of the child
  int silent_s = 90;                                   // without a byte from the child
};

enum class FileFormat { mat, hdf5, npz, npy, text };
FileFormat format_of_file(const std::filesystem::path& path);  // by its first bytes; text is what is left

std::vector<Variable> list_variables(const std::filesystem::path& path, const ReadLimits& limits = {});
// The arrays of these names, each given once.
std::vector<Array> read_variables(const std::filesystem::path& path, const std::vector<std::string>& names,
                                  const ReadLimits& limits = {});

// The variable of that name. InputError with did-you-mean and the names that there are; or that it is not numbers.
const Variable& variable_named(const std::vector<Variable>& variables, const std::string& name,
                               const std::string& source);

}  // namespace turnpike
