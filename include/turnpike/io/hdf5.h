// HDF5, and what is HDF5 underneath: netCDF-4 and MAT 7.3. Read in a child process: io/variables.h says what that
// guarantees.
//
//   std::vector<Array> values = read_hdf5("run.h5", {"fields/u", "fields/x"});
//
// Integers, reals (half precision becomes single, long double becomes double), booleans as h5py and MATLAB store them,
// complex numbers as compounds of two reals (r, i), (re, im) or (real, imag). Dimension scales name a variable's axes.
// Everything else is listed, not read. External links, external storage and virtual datasets are refused: a file never
// makes us read another one; filters that are not built into the library are not loaded.
// Source: The HDF Group, HDF5 1.10 reference manual.
#pragma once

#include <turnpike/io/variables.h>

namespace turnpike {

std::vector<Variable> list_hdf5(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Array> read_hdf5(const std::filesystem::path& path, const std::vector<std::string>& names,
                             const ReadLimits& limits = {});

}  // namespace turnpike
