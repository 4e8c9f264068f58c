// NumPy's NPY (versions 1 to 3, little endian, C and Fortran order) and NPZ (a zip of NPY files, stored or deflated).
//
//   Array x = read_npy("x.npy");
//   std::map<std::string, Array> both = read_npz("data.npz");   // keys without ".npy"
//
// Errors are InputErrors that name the file: object, text, structured and big-endian arrays are refused; a
// header is believed only as far as the bytes that follow it, so that a hostile shape allocates nothing. Source: NEP 1,
// https://numpy.org/neps/nep-0001-npy-format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <turnpike/io/array.h>
#include <turnpike/io/variables.h>

namespace turnpike {

inline constexpr std::uint64_t npz_max_bytes = std::uint64_t{8} << 30;  // unpacked: a guard against zip bombs

Array read_npy(const std::filesystem::path& path);
Array parse_npy(std::string_view bytes, const std::string& source);
std::map<std::string, Array> read_npz(const std::filesystem::path& path, std::uint64_t max_bytes = npz_max_bytes);
// Names, shapes and types of the arrays, or the arrays of these names (each once) alone: nothing else is unpacked.
std::vector<Variable> list_npz(const std::filesystem::path& path, std::uint64_t max_bytes = npz_max_bytes);
std::vector<Array> read_npz(const std::filesystem::path& path, const std::vector<std::string>& names,
                            std::uint64_t max_bytes = npz_max_bytes);
std::map<std::string, Array> parse_npz(std::string_view bytes, const std::string& source,
                                       std::uint64_t max_bytes = npz_max_bytes);

// Version 1, C order; the same content always gives the same bytes. Files are written atomically. bfloat16 has no NPY
// name: ContractError.
void write_npy(const std::filesystem::path& path, const Array& array);
std::string npy_bytes(const Array& array);
void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays);
std::string npz_bytes(const std::map<std::string, Array>& arrays);

}  // namespace turnpike
