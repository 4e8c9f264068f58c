// IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, the dimensions and the values, all big
// endian; plain or gzipped (told by its first bytes, checksum verified).
//
//   Array images = read_idx("train-images-idx3-ubyte.gz");   // u8 [60000, 28, 28]
//
// InputError naming the file: wrong magic, truncated, excess bytes, damaged gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <turnpike/io/array.h>

namespace turnpike {

inline constexpr std::uint64_t idx_max_bytes = std::uint64_t{8} << 30;  // unpacked

Array read_idx(const std::filesystem::path& path, std::uint64_t max_bytes = idx_max_bytes);
Array parse_idx(std::string_view bytes, const std::string& source, std::uint64_t max_bytes = idx_max_bytes);

}  // namespace turnpike
