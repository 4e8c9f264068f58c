// HDF5 with the conventions of MATLAB (version 7.3) or without them.
#pragma once

#include <turnpike/io/variables.h>

namespace turnpike {

// plain: as h5py and netCDF see a file. matlab: dimensions turned around, MATLAB_class and MATLAB_empty heeded, structs
// with dots, its own bookkeeping (#refs#) left out.
enum class Hdf5Dialect { plain, matlab };

std::vector<Variable> list_hdf5(const std::filesystem::path& path, Hdf5Dialect dialect, const ReadLimits& limits);
std::vector<Array> read_hdf5(const std::filesystem::path& path, const std::vector<std::string>& names,
                             Hdf5Dialect dialect, const ReadLimits& limits);

}  // namespace turnpike
