// MAT files of MATLAB and Octave: versions 4 and 5 (compressed or not) through matio, version 7.3, which is HDF5 with
// conventions of its own, through HDF5. Read in a child process: io/variables.h says what that guarantees.
//
//   std::vector<Array> values = read_mat("burgers.mat", {"usol", "x", "t"});
//
// Numbers and logicals, real or complex; fields of 1 x 1 structs as "data.u". Text, cells, sparse matrices, objects and
// function handles are listed, not read. The checksums of compressed variables are verified.
// Source: MathWorks, MAT-File Format, R2022a.
#pragma once

#include <turnpike/io/variables.h>

namespace turnpike {

std::vector<Variable> list_mat(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Array> read_mat(const std::filesystem::path& path, const std::vector<std::string>& names,
                            const ReadLimits& limits = {});

}  // namespace turnpike
